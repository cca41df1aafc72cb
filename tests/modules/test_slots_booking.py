"""Free windows of real visits: offered, booked, put off and moved together (AP-01, AP-06)."""

import asyncio
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from fieldops.appointments import errors, queries
from fieldops.appointments.models import Appointment, CallTask, Reservation
from fieldops.appointments.queries import Offer
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.models import WorkOrder
from fieldops.organisation.models import Leave, Technician
from fieldops.visits.models import Assignment, Notice, Visit
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.factories.visits import arrive, confirm_identity, from_phone
from tests.support.rows import every, one
from tests.support.run import first_id, run
from tests.support.world import NORTH, World, build_world, id_of

pytestmark = pytest.mark.anyio

REPAIR = {"kind": "repair", "service": "fixed_line", "symptom": "no dial tone"}


async def offers(database: Database, visit_id: UUID, **asked: Any) -> list[Offer]:
    async with database.transaction() as session:
        visit = await session.scalar(
            select(Visit).where(Visit.region_id == 1, Visit.id == visit_id)
        )
        assert visit is not None
        asked = {"limit": 100, "displacing": True, **asked}
        found = await queries.offered_windows(session, visit, clock.now(), **asked)
        return found.offers


async def fill(
    database: Database, world: World, day: int, *, leave_free: int = 0, **customer: Any
) -> list[UUID]:
    """Book a day of North full, hour by hour, but for so many hours; returns the appointments."""
    hours = [8, 9, 10, 11, 13, 14, 15, 16]
    every_hour = [(name, hour) for name in ("alice", "bob", "kim") for hour in hours]
    made = []
    for name, hour in every_hour[: len(every_hour) - leave_free]:
        other = await planned_visit(database, world.dora, **customer)
        at = local(day, hour)
        made.append(await book(database, world.dora, other.visit_id, at, name, **window(at, 0.5)))
    return made


async def numbers(database: Database, world: World, **values: float) -> None:
    for name, value in values.items():
        await run(database, world.ada, "rule.set_number", name=name, value=value, reason="test")


async def test_ap_01_free_windows_name_who_comes_when_and_at_what_cost(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    for name in ("alice", "kim"):
        other = await planned_visit(database, world.dora)
        await book(database, world.dora, other.visit_id, local(23, 10), name)
    found = await offers(database, planned.visit_id)
    today = [o for o in found if o.start < local(24, 0)]
    assert [o.start for o in today] == [local(23, hour) for hour in (8, 11, 12, 13, 14, 15)]
    after = today[1]
    assert after.arrival == local(23, 12, 30), "who could at eleven would not be done by lunch"
    assert set(after.technician_ids) <= {id_of("alice"), id_of("kim")}
    assert (after.extra_travel_minutes, after.displaces) == (0, ())
    assert (today[0].lateness_risk, after.lateness_risk) == (0.0, 0.0), "one short work before it"
    assert max(o.start for o in found) <= clock.now() + timedelta(days=14)
    limit = await due(database, planned.visit_id)
    assert all(o.within_limit == (o.end + timedelta(hours=2) <= limit) for o in found)


async def due(database: Database, visit_id: UUID) -> datetime:
    visit = await one(database, Visit, id=visit_id)
    found: datetime = min(
        w.due_at for w in await every(database, WorkOrder, order_id=visit.order_id)
    )
    return found


async def test_ap_01_what_is_offered_can_be_booked_as_it_is_offered(
    database: Database, world: World
) -> None:
    await fill(database, world, 24, leave_free=5)
    planned = await planned_visit(database, world.dora)
    for offer in (await offers(database, planned.visit_id, limit=60))[::7]:
        appointment_id = await take(database, world, planned.visit_id, offer)
        visit = await one(database, Visit, id=planned.visit_id)
        assert visit.expected_arrival == offer.arrival
        await run(
            database, world.dora, "appointment.cancel", appointment_id=str(appointment_id),
            channel="phone", customer_said="No.",
        )  # fmt: skip


async def take(database: Database, world: World, visit_id: UUID, offer: Offer) -> UUID:
    return first_id(
        await run(
            database,
            world.dora,
            "appointment.book",
            visit_id=str(visit_id),
            window_start=offer.start.isoformat(),
            window_end=offer.end.isoformat(),
            arrival=offer.arrival.isoformat(),
            technician_ids=[str(id_) for id_ in offer.technician_ids],
            displaces=[str(d.visit_id) for d in offer.displaces],
            channel="phone",
            customer_said="That suits me.",
        ),
        "appointment",
    )


async def test_ap_01_a_share_of_a_day_is_kept_for_faults_and_high_tiers_until_close_to_it(
    database: Database, world: World
) -> None:
    await numbers(database, world, slot_reserve_faults=20, slot_reserve_tiers=20)
    await fill(database, world, 25, leave_free=8)  # 16 of 25.5 hours are booked
    basic = await planned_visit(database, world.dora)
    diamond = await planned_visit(database, world.dora, tier="diamond")
    fault = await planned_visit(database, world.dora, items=(REPAIR,))

    async def offered(visit_id: UUID) -> bool:
        return any(o.start.date() == local(25, 12).date() for o in await offers(database, visit_id))

    assert [await offered(v.visit_id) for v in (basic, diamond, fault)] == [False, True, True]
    more = await fill_hours(database, world, "kim", 25, (8, 9, 10, 11))
    assert len(more) == 4  # 20 hours now: what is kept for faults is not for a diamond either
    assert [await offered(v.visit_id) for v in (basic, diamond, fault)] == [False, False, True]
    with clock.frozen(local(24, 12)):
        assert await offered(basic.visit_id), "twelve hours before the day all of it is offered"


async def fill_hours(
    database: Database, world: World, name: str, day: int, hours: tuple[int, ...]
) -> list[UUID]:
    made = []
    for hour in hours:
        other = await planned_visit(database, world.dora)
        at = local(day, hour)
        made.append(await book(database, world.dora, other.visit_id, at, name, **window(at, 0.5)))
    return made


async def test_ap_09_windows_in_quiet_hours_are_for_a_night_visit_that_was_asked_for(
    database: Database, world: World
) -> None:
    await numbers(database, world, quiet_hours_from=16, quiet_hours_until=10)
    planned = await planned_visit(database, world.dora)
    day = [o for o in await offers(database, planned.visit_id) if o.start < local(24, 0)]
    assert [o.start for o in day] == [local(23, hour) for hour in (10, 11, 12, 13, 14)]
    night = await offers(database, planned.visit_id, night=True)
    assert night[0].start == local(23, 8)


async def test_cu_02_a_fault_has_to_be_reached_within_the_arrival_wait(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(REPAIR,))
    found = await offers(database, planned.visit_id)
    reached = [o.arrival for o in found if o.within_limit]
    assert reached == [local(23, 8), local(23, 9), local(23, 10)], "two hours for a household"


async def test_ap_01_leave_and_certificates_that_change_are_seen_by_the_next_question(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    first = await offers(database, planned.visit_id)
    assert first == await offers(database, planned.visit_id)
    async with database.transaction() as session:
        for name in ("alice", "kim"):
            session.add(
                Leave(
                    region_id=1, technician_id=id_of(name), centre_id=NORTH, kind="leave",
                    starts_at=local(23, 0), ends_at=local(26, 0),
                )
            )  # fmt: skip
    assert (await offers(database, planned.visit_id))[0].start == local(26, 8)


async def test_ap_01_every_change_of_reserved_time_reaches_what_a_process_keeps(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    planned = await planned_visit(database, world.dora, items=(BROADBAND,))
    other = await planned_visit(database, world.dora, items=(BROADBAND,))

    async def arrivals() -> set[datetime]:
        found = await offers(database, planned.visit_id, ends=local(24, 9))
        return {o.arrival for o in found if o.start == local(24, 8)}

    assert await arrivals() == {local(24, 8)}
    both = ["alice", "kim"]
    held = {**window(local(24, 8)), "technician_ids": [str(id_of(n)) for n in both]}
    await run(database, world.dora, "appointment.hold_slot", visit_id=str(other.visit_id), **held)
    assert await arrivals() == {local(24, 9)}
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        assert await arrivals() == {local(24, 8)}, "the hold has run out"
    appointment_id = await book(database, world.dora, other.visit_id, local(24, 8), *both)
    assert await arrivals() == {local(24, 9)}
    await run(
        database, world.dora, "appointment.cancel", appointment_id=str(appointment_id),
        channel="phone", customer_said="No.",
    )  # fmt: skip
    assert await arrivals() == {local(24, 8)}


async def test_ap_01_time_that_work_did_not_need_is_free_from_its_end_on(
    database: Database, world: World
) -> None:
    """A visit that is done early leaves its technician free, and where they are is known."""
    patrol = {"kind": "patrol", "service": "fixed_line"}
    done = await planned_visit(database, world.dora, items=(patrol,))
    await book(database, world.dora, done.visit_id, local(23, 9), "alice")
    visit_id, half_past = str(done.visit_id), local(23, 9, 30)
    with clock.frozen(local(23, 9)):
        await arrive(database, world.alice, done.visit_id)
        await confirm_identity(database, world.alice, done.visit_id)
        await from_phone(database, world.alice, "visit.start", visit_id=visit_id)
    asked = await planned_visit(database, world.dora, longitude=24.951)
    with clock.frozen(local(23, 9, 20)):
        signed = {"signature_refused_reason": "In a hurry."}
        with pytest.raises(errors.SlotTaken):
            await book(database, world.dora, asked.visit_id, half_past, **window(half_past, 0.5))
        await from_phone(database, world.alice, "visit.complete", visit_id=visit_id, **signed)
        await book(database, world.dora, asked.visit_id, half_past, **window(half_past, 0.5))
    (used,) = await every(database, Reservation, visit_id=done.visit_id)
    assert (used.during.lower, used.during.upper) == (local(23, 9), local(23, 9, 20))
    (follows,) = await every(database, Visit, id=asked.visit_id)
    assert half_past <= follows.expected_arrival < local(23, 10)


async def test_wo_06_a_full_day_is_offered_to_a_diamond_fault_with_the_visits_it_would_put_off(
    database: Database, world: World
) -> None:
    await fill(database, world, 23)
    fault = await planned_visit(database, world.dora, items=(REPAIR,), tier="diamond")
    found = [o for o in await offers(database, fault.visit_id) if o.within_limit]
    assert found, "nothing is free within the limit, so what would have to move is shown"
    assert all(len(o.displaces) == 1 for o in found)
    put_off = found[0].displaces[0]
    before = await one(database, Visit, id=put_off.visit_id)
    await take(database, world, fault.visit_id, found[0])
    after = await one(database, Visit, id=put_off.visit_id)
    assert (after.state, after.window_start) == ("scheduled", before.window_start)
    assert await every(database, Reservation, visit_id=put_off.visit_id) == []
    call = await one(database, CallTask, visit_id=put_off.visit_id)
    assert (call.kind, call.subject) == ("reschedule", "displaced_by_a_more_urgent_visit")
    [told] = await every(database, Notice, visit_id=put_off.visit_id, kind="unscheduled")
    assert told.technician_id in found[0].technician_ids


async def test_wo_06_a_visit_after_the_window_is_put_off_when_the_work_runs_into_it(
    database: Database, world: World
) -> None:
    hours = [(8, 15), (10, 0), (11, 0), (13, 0), (14, 0), (15, 0), (16, 0)]
    for name, (hour, minute) in product(("alice", "bob", "kim"), hours):
        as_urgent = {"items": (REPAIR,), "tier": "diamond"} if hour < 10 else {}
        other = await planned_visit(database, world.dora, **as_urgent)
        at = local(23, hour, minute)
        await book(database, world.dora, other.visit_id, at, name, **window(at, 0.5))
    fault = await planned_visit(database, world.dora, items=(REPAIR, REPAIR), tier="diamond")
    found = (await offers(database, fault.visit_id))[0]
    assert (found.start, found.end) == (local(23, 8), local(23, 10))
    assert found.displaces[0].window_start == found.end
    await take(database, world, fault.visit_id, found)
    assert await every(database, Reservation, visit_id=found.displaces[0].visit_id) == []


async def test_ap_06_no_confirmed_or_equally_urgent_visit_is_put_off(
    database: Database, world: World
) -> None:
    for appointment_id in await fill(database, world, 23):
        appointment = await one(database, Appointment, id=appointment_id)
        async with database.transaction() as session:
            await session.execute(
                update(Appointment)
                .where(Appointment.region_id == 1, Appointment.id == appointment.id)
                .values(state="confirmed", confirmed_at=clock.now())
            )
    fault = await planned_visit(database, world.dora, items=(REPAIR,), tier="diamond")
    assert not any(o.within_limit for o in await offers(database, fault.visit_id))
    basic = await planned_visit(database, world.dora)
    other = (await every(database, Appointment))[0]
    at, away = other.window_start, [str(other.visit_id)]
    with pytest.raises(errors.NotDisplaceable):
        await book(database, world.dora, basic.visit_id, at, displaces=away)


# Visits of one order


async def linked(database: Database, world: World) -> tuple[UUID, UUID]:
    """Book the two visits of a split order with Alice, one after the other; the appointments."""
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    work = await every(database, WorkOrder, order_id=planned.order_id)
    await run(
        database,
        world.dora,
        "visit.split",
        visit_id=str(planned.visit_id),
        work_order_ids=[str(next(w.id for w in work if w.service == "broadband"))],
        reason="The router comes a day later",
    )
    found = await every(database, Visit, order_id=planned.order_id)
    first, second = sorted(found, key=lambda visit: visit.id != planned.visit_id)
    return (
        await book(database, world.dora, first.id, local(24, 10), "alice"),
        await book(database, world.dora, second.id, local(24, 13), "kim"),
    )


def together(*moves: tuple[UUID, datetime, str], **changes: Any) -> dict[str, Any]:
    return {
        "moves": [
            {
                **window(start),
                "appointment_id": str(id_),
                "technician_ids": [str(id_of(name))],
            }
            for id_, start, name in moves
        ],
        "cause": "customer",
        "reason": "customer_asked",
        "channel": "phone",
        "customer_said": "Both of them later, please.",
        **changes,
    }


async def starts(database: Database) -> dict[UUID, datetime]:
    return {a.id: a.window_start for a in await every(database, Appointment)}


async def test_ap_06_visits_of_an_order_move_together_and_may_exchange_their_times(
    database: Database, world: World
) -> None:
    first, second = await linked(database, world)
    moves = together((first, local(24, 13), "kim"), (second, local(24, 10), "alice"))
    await run(database, world.dora, "appointment.reschedule_together", **moves)
    assert await starts(database) == {first: local(24, 13), second: local(24, 10)}
    counted = [a.customer_reschedules for a in await every(database, Appointment)]
    assert counted == [1, 1]
    due = {row.during.lower for row in await every(database, Reservation)}
    assert due == {local(24, 10), local(24, 13)}, "each takes the other's time, not what is left"
    present = await every(database, Assignment, ended_at=None)
    assert {row.technician_id for row in present} == {id_of("alice"), id_of("kim")}
    told = {(n.technician_id, n.kind) for n in await every(database, Notice)}
    assert {(id_of("alice"), "reassigned"), (id_of("kim"), "reassigned")} <= told


async def test_ap_06_when_one_of_them_cannot_move_none_does(
    database: Database, world: World
) -> None:
    first, second = await linked(database, world)
    other = await planned_visit(database, world.dora)
    at = local(25, 13)
    await book(database, world.dora, other.visit_id, at, "bob", **window(at, 2))
    before = await starts(database), [n.id for n in await every(database, Notice)]
    held = await every(database, Reservation)
    moves = together((first, local(25, 10), "alice"), (second, local(28, 13), "kim"))
    with pytest.raises(Exception, match=r"outside_calendar|window_out_of_reach"):
        await run(database, world.dora, "appointment.reschedule_together", **moves)
    assert (await starts(database), [n.id for n in await every(database, Notice)]) == before
    assert [(r.id, r.during) for r in await every(database, Reservation)] == [
        (r.id, r.during) for r in held
    ]


async def test_ap_06_one_visit_of_an_order_moves_alone_only_with_a_reason_and_the_others_are_told(
    database: Database, world: World
) -> None:
    first, second = await linked(database, world)
    alone = together((first, local(25, 10), "alice"))
    alone |= alone.pop("moves")[0]
    with pytest.raises(errors.LinkedVisits) as refused:
        await run(database, world.dora, "appointment.reschedule", **alone)
    assert refused.value.next_steps == ("appointment.reschedule_together",)
    assert (await starts(database))[first] == local(24, 10)
    alone["apart_reason"] = "The broadband line is ready as it is"
    await run(database, world.dora, "appointment.reschedule", **alone)
    assert await starts(database) == {first: local(25, 10), second: local(24, 13)}
    [told] = await every(database, Notice, kind="linked_moved")
    assert told.technician_id == id_of("kim")


async def test_ap_06_only_all_promised_visits_of_one_order_move_together(
    database: Database, world: World
) -> None:
    first, second = await linked(database, world)
    other = await planned_visit(database, world.dora)
    third = await book(database, world.dora, other.visit_id, local(24, 10), "bob")
    moves = together((first, local(25, 10), "alice"), (third, local(25, 10), "bob"))
    with pytest.raises(errors.NotLinked):
        await run(database, world.dora, "appointment.reschedule_together", **moves)
    assert await starts(database) == {
        first: local(24, 10), second: local(24, 13), third: local(24, 10),
    }  # fmt: skip


async def test_ap_06_a_concurrent_change_leaves_both_moved_or_both_where_they_were(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    for _ in range(3):
        first, second = await linked(database, world)
        moves = together((first, local(25, 10), "alice"), (second, local(25, 13), "kim"))
        results = await asyncio.gather(
            run(database, world.dora, "appointment.reschedule_together", **moves),
            run(
                database, world.dora, "appointment.cancel", appointment_id=str(second),
                channel="phone", customer_said="No.",
            ),
            return_exceptions=True,
        )  # fmt: skip
        now = await starts(database)
        if isinstance(results[0], BaseException):
            assert isinstance(results[0], errors.AppointmentClosed)
            assert (now[first], now[second]) == (local(24, 10), local(24, 13))
        else:
            assert (now[first], now[second]) == (local(25, 10), local(25, 13))
        assert not isinstance(results[1], BaseException)
        await run(
            database, world.dora, "appointment.cancel", appointment_id=str(first),
            channel="phone", customer_said="No.",
        )  # fmt: skip


async def test_vi_01_work_for_two_people_is_offered_with_two_and_booked_for_both(
    database: Database, world: World
) -> None:
    await numbers(database, world, technicians_install=2)
    planned = await planned_visit(database, world.dora)
    offer = (await offers(database, planned.visit_id))[0]
    assert len(set(offer.technician_ids)) == 2
    await take(database, world, planned.visit_id, offer)
    present = await every(database, Assignment, visit_id=planned.visit_id)
    assert sum(row.is_contact for row in present) == 1
    assert {r.during.lower for r in await every(database, Reservation)} == {offer.arrival}


async def test_ap_01_a_drive_that_cannot_be_made_is_refused_when_it_is_booked(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Technician)
            .where(Technician.region_id == 1, Technician.id == id_of("alice"))
            .values(start_longitude=25.4)
        )
    planned = await planned_visit(database, world.dora)
    early = window(local(24, 8), 0.5)
    with pytest.raises(errors.WindowOutOfReach):
        await book(database, world.dora, planned.visit_id, local(24, 8), "alice", **early)
    other = await planned_visit(database, world.dora, longitude=25.4)
    near = window(local(24, 10), 0.5)
    await book(database, world.dora, other.visit_id, local(24, 10), "alice", **near)
    after = window(local(24, 11), 0.5)
    with pytest.raises(errors.SlotTaken):
        await book(database, world.dora, planned.visit_id, local(24, 11), "alice", **after)
