"""A move is one order with work at two premises: the old home's removal, the new one's install."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.appointments import errors, links
from fieldops.appointments.links import Link, Purpose
from fieldops.customers.models import Premises
from fieldops.faults.models import FaultReport, HeldWork
from fieldops.kernel import clock, jobs, views
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ledger import canonical
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.orders.errors import OrderDiffers, PremisesOfAnotherCentre, UnknownReference
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits.errors import CannotJoin
from fieldops.visits.models import Visit, VisitWork
from tests.modules.test_visits_views import scope
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local, window
from tests.support.factories.customers import make_premises
from tests.support.factories.faults import confirmed_fault, make_street
from tests.support.factories.network import make_service
from tests.support.factories.orders import BROADBAND, FIXED_LINE, REPAIR, MadeOrder, make_order
from tests.support.factories.visits import arrive, confirm_identity, from_phone
from tests.support.rows import every
from tests.support.run import first_id, run
from tests.support.world import SOUTH, World, id_of

pytestmark = pytest.mark.anyio

REMOVAL = {"kind": "remove", "service": "broadband", "technology": "copper"}


@dataclass(frozen=True)
class Home:
    """The home that is left, as an item names it."""

    id: UUID

    def at(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "premises": {"id": str(self.id)}}


async def old_home(database: Database, **where: Any) -> Home:
    async with database.transaction() as session:
        return Home((await make_premises(session, longitude=24.96, **where)).id)


@dataclass(frozen=True)
class Move:
    made: MadeOrder
    old: Home
    removal: UUID
    install: UUID

    @property
    def id(self) -> UUID:
        return self.made.id


async def make_move(database: Database, world: World, *more: dict[str, Any]) -> Move:
    """An order to install at the new home and to remove at the old one; its two visits."""
    old = await old_home(database)
    made = await make_order(database, world.dora, BROADBAND, old.at(REMOVAL), *more)
    where = {v.premises_id: v.id for v in await open_visits(database, made.id)}
    assert where.keys() == {old.id, made.premises.id}
    return Move(made, old, where[old.id], where[made.premises.id])


async def open_visits(database: Database, order_id: UUID) -> list[Visit]:
    return await every(database, Visit, Visit.order_id == order_id, Visit.ended_at.is_(None))


async def work_on(database: Database, visit_id: UUID) -> list[WorkOrder]:
    on_it = select(VisitWork.work_order_id).where(
        VisitWork.region_id == 1, VisitWork.visit_id == visit_id, VisitWork.ended_at.is_(None)
    )
    return await every(database, WorkOrder, WorkOrder.id.in_(on_it))


async def serve(database: Database, world: World, visit_id: UUID, start: datetime) -> None:
    """Have Alice make a visit without evidence modules in the way (patrols need none)."""
    await run(
        database, world.dora, "visit.assign", visit_id=str(visit_id), **window(start),
        technician_ids=[str(id_of("alice"))], override="for the count",
    )  # fmt: skip
    await arrive(database, world.alice, visit_id)
    await confirm_identity(database, world.alice, visit_id)
    await from_phone(database, world.alice, "visit.start", visit_id=str(visit_id))


async def complete(database: Database, world: World, visit_id: UUID) -> None:
    await run(
        database, world.alice, "visit.complete", visit_id=str(visit_id),
        signature_refused_reason="in a hurry",
    )  # fmt: skip


# One order, a visit at each premises


async def test_wo_02_a_move_is_one_order_with_one_visit_at_each_premises(
    database: Database, world: World
) -> None:
    move = await make_move(database, world, FIXED_LINE)
    (removal,) = await work_on(database, move.removal)
    installs = await work_on(database, move.install)
    assert (removal.kind, removal.premises_id) == ("remove", move.old.id)
    assert [w.kind for w in installs] == ["install", "install"]
    assert {w.premises_id for w in installs} == {move.made.premises.id}
    found = {v.id: v for v in await open_visits(database, move.id)}
    assert found[move.removal].duration_minutes == removal.duration_minutes
    assert found[move.install].duration_minutes == sum(w.duration_minutes for w in installs)
    assert {v.customer_id for v in found.values()} == {move.made.customer.id}


async def test_wo_02_items_that_come_later_go_on_the_visit_at_their_own_premises(
    database: Database, world: World
) -> None:
    move, third = await make_move(database, world), await old_home(database)
    result = await run(
        database, world.ann, "order.add_items", order_id=str(move.id), reason="she called",
        items=[FIXED_LINE, move.old.at({**FIXED_LINE, "kind": "remove"}), third.at(REMOVAL)],
    )  # fmt: skip
    kinds = {
        visit.premises_id: sorted(
            f"{w.kind} {w.service}" for w in await work_on(database, visit.id)
        )
        for visit in await open_visits(database, move.id)
    }
    assert kinds == {
        move.made.premises.id: ["install broadband", "install fixed_line"],
        move.old.id: ["remove broadband", "remove fixed_line"],
        third.id: ["remove broadband"],
    }
    assert first_id(result, "order") == move.id


async def test_wo_02_work_taken_up_again_goes_back_to_where_it_belongs(
    database: Database, world: World
) -> None:
    move = await make_move(database, world)
    order = {"order_id": str(move.id)}
    await run(
        database, world.dora, "order.suspend", **order, reason="customer_asked_later",
        resume_on="2026-11-30",
    )  # fmt: skip
    assert await open_visits(database, move.id) == []
    await run(database, world.dora, "order.resume", **order)
    again = await open_visits(database, move.id)
    assert {v.premises_id for v in again} == {move.old.id, move.made.premises.id}
    for visit in again:
        assert {w.premises_id for w in await work_on(database, visit.id)} == {visit.premises_id}
    removal = next(v for v in again if v.premises_id == move.old.id)
    await run(
        database, world.dora, "visit.cancel", visit_id=str(removal.id), reason="planning",
        next_step="new_appointment",
    )  # fmt: skip
    (instead,) = await every(database, Visit, Visit.former_visit_id == removal.id)
    assert instead.premises_id == move.old.id


async def test_wo_02_a_split_stays_at_its_address_and_visits_of_two_are_not_joined(
    database: Database, world: World
) -> None:
    move = await make_move(database, world)
    await run(
        database, world.ann, "order.add_items", order_id=str(move.id), reason="a second line",
        items=[move.old.at({**FIXED_LINE, "kind": "remove"})],
    )  # fmt: skip
    line = next(w for w in await work_on(database, move.removal) if w.service == "fixed_line")
    await run(
        database, world.dora, "visit.split", visit_id=str(move.removal),
        work_order_ids=[str(line.id)], reason="another trade",
    )  # fmt: skip
    apart = next(v for v in await open_visits(database, move.id) if v.split_reason)
    assert apart.premises_id == move.old.id
    with pytest.raises(CannotJoin):
        await run(
            database, world.dora, "visit.join", visit_id=str(move.install),
            from_visit_id=str(move.removal), reason="one trip",
        )  # fmt: skip
    await run(
        database, world.dora, "visit.join", visit_id=str(move.removal),
        from_visit_id=str(apart.id), reason="one trip",
    )  # fmt: skip
    assert len(await open_visits(database, move.id)) == 2


async def test_wo_01_premises_of_an_item_are_known_registered_or_refused(
    database: Database, world: World
) -> None:
    south = await old_home(database, centre_id=SOUTH)
    with pytest.raises(PremisesOfAnotherCentre) as refused:
        await make_order(database, world.ivan, BROADBAND, south.at(REMOVAL))
    assert refused.value.code == "premises_of_another_centre"
    with pytest.raises(NotFound):
        await make_order(database, world.dora, BROADBAND, south.at(REMOVAL))
    unknown = {**REMOVAL, "premises": {"external_ref": "P-OLD"}}
    with pytest.raises(UnknownReference):
        await make_order(database, world.ivan, BROADBAND, unknown)
    details = {
        "centre_id": str(id_of("north")), "street": "Vanhakatu", "house_number": "3",
        "postcode": "00100", "city": "Helsinki",
        "point": {"type": "Point", "coordinates": [24.95, 60.17]},
    }  # fmt: skip
    unknown["premises"]["details"] = details
    made = await make_order(database, world.ivan, BROADBAND, unknown, {**unknown, **FIXED_LINE})
    (known,) = await every(database, Premises, Premises.external_ref == "P-OLD")
    assert [w.premises_id for w in await every(database, WorkOrder)] == [
        made.premises.id, known.id, known.id,
    ]  # fmt: skip
    assert len(await every(database, ServiceOrder)) == 1


async def test_wo_01_an_items_service_is_looked_for_at_its_own_premises(
    database: Database, world: World
) -> None:
    old = await old_home(database)
    async with database.transaction() as session:
        home = await session.get_one(Premises, (1, old.id))
        service = await make_service(session, premises=home)
    named = {**REMOVAL, "service_id": str(service.id)}
    with pytest.raises(UnknownReference):
        await make_order(database, world.dora, BROADBAND, named)
    made = await make_order(database, world.dora, BROADBAND, old.at(named))
    works = await every(database, WorkOrder, WorkOrder.order_id == made.id)
    assert [w.service_id for w in works] == [None, service.id]


async def test_wo_01_an_order_is_the_same_order_with_and_without_the_field_it_did_not_use(
    database: Database, world: World
) -> None:
    """What was taken in before items could name premises comes again with the hash of then."""
    made = await make_order(database, world.dora, FIXED_LINE)
    (order,) = await every(database, ServiceOrder)
    item = {
        "kind": "install", "service": "fixed_line", "technology": None, "product": None,
        "symptom": None, "service_id": None, "account": None, "skill": None,
        "duration_minutes": None,
    }  # fmt: skip
    content = {
        "external_ref": order.external_ref,
        "customer": {"id": str(made.customer.id), "external_ref": None, "details": None},
        "premises": {"id": str(made.premises.id), "external_ref": None, "details": None},
        "items": [item], "urgency": "normal", "wish": None, "received_at": None,
    }  # fmt: skip
    assert order.content_hash == hashlib.sha256(canonical(content)).hexdigest()
    again = {
        "external_ref": order.external_ref,
        "customer": {"id": str(made.customer.id)},
        "premises": {"id": str(made.premises.id)},
    }
    old = await old_home(database)
    await run(database, world.ivan, "order.receive", **again, items=[FIXED_LINE])
    with pytest.raises(OrderDiffers):
        await run(database, world.ivan, "order.receive", **again, items=[old.at(FIXED_LINE)])


# Promised together


async def booked(database: Database, world: World) -> tuple[Move, UUID, UUID]:
    move = await make_move(database, world)
    return (
        move,
        await book(database, world.dora, move.removal, local(24, 10), "alice"),
        await book(database, world.dora, move.install, local(24, 13), "kim"),
    )


def to(appointment_id: UUID, start: datetime, name: str) -> dict[str, Any]:
    return {
        **window(start),
        "appointment_id": str(appointment_id),
        "technician_ids": [str(id_of(name))],
    }


WHY = {
    "cause": "customer",
    "reason": "customer_asked",
    "channel": "phone",
    "customer_said": "The removers come a day later.",
}


async def test_ap_06_linked_visits_at_two_premises_move_together_to_one_day_or_to_two(
    database: Database, world: World
) -> None:
    _, removal, install = await booked(database, world)
    for first, second in ((local(25, 10), local(25, 13)), (local(26, 10), local(27, 8))):
        await run(
            database, world.dora, "appointment.reschedule_together", **WHY,
            moves=[to(removal, first, "alice"), to(install, second, "kim")],
        )  # fmt: skip
        visits = await every(database, Visit)
        assert sorted(v.window_start for v in visits) == [first, second]


async def test_ap_06_when_the_new_home_cannot_be_promised_the_old_one_stays_as_it_was(
    database: Database, world: World
) -> None:
    move, removal, install = await booked(database, world)
    with pytest.raises(Exception, match=r"outside_calendar|window_out_of_reach"):
        await run(
            database, world.dora, "appointment.reschedule_together", **WHY,
            moves=[to(removal, local(25, 10), "alice"), to(install, local(28, 13), "kim")],
        )  # fmt: skip
    alone = {**WHY, **to(removal, local(25, 10), "alice")}
    with pytest.raises(errors.LinkedVisits):
        await run(database, world.dora, "appointment.reschedule", **alone)
    starts = {v.id: v.window_start for v in await every(database, Visit)}
    assert starts == {move.removal: local(24, 10), move.install: local(24, 13)}
    await run(
        database, world.dora, "appointment.reschedule", **alone, apart_reason="She keeps both homes"
    )
    starts = {v.id: v.window_start for v in await every(database, Visit)}
    assert starts == {move.removal: local(25, 10), move.install: local(24, 13)}


@pytest.mark.parametrize(
    ("lang", "said", "heading"),
    [("en", "Installation", "What we do"), ("zh-CN", "装机", "服务内容")],
)
async def test_ap_03_the_page_says_which_of_a_moves_visits_it_is_and_names_no_address(
    database: Database,
    client: httpx.AsyncClient,
    settings: Settings,
    world: World,
    lang: str,
    said: str,
    heading: str,
) -> None:
    _, removal, install = await booked(database, world)
    token = {}
    for id_, start in ((removal, local(24, 10)), (install, local(24, 13))):
        span = (start, start + timedelta(hours=2))
        link = Link.made(Purpose.ANSWER, 1, id_, span, timedelta(hours=48))
        token[id_] = links.sign(settings.secret.get_secret_value(), link)
    shown = (await client.get(f"/a/{token[install]}", params={"lang": lang})).text
    other = (await client.get(f"/a/{token[removal]}", params={"lang": lang})).text
    assert f"<dt>{heading}</dt><dd>{said}</dd>" in shown
    assert said not in other
    assert "Esimerkkikatu" not in shown + other
    answer = await client.get(f"/v1/public/appointments/{token[removal]}")
    assert answer.json()["work"] == ["remove"]


async def test_ap_05_messages_about_a_move_say_what_the_visit_is_for_while_there_is_another(
    database: Database, world: World, settings: Settings, tmp_path: Path
) -> None:
    """AP-03, AP-05: to be told "at your door at ten" is of no use to who has two doors."""
    outbox = tmp_path / "out"
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": outbox})))

    async def sent(moment: datetime) -> list[str]:
        with clock.frozen(moment):
            await send_due()
        return [json.loads(path.read_text())["text"] for path in sorted(outbox.glob("*.json"))]

    move = await make_move(database, world)
    single = await make_order(database, world.dora)
    await book(database, world.dora, move.removal, local(25, 9), "alice")
    await book(database, world.dora, move.install, local(25, 13), "kim")
    await book(database, world.dora, single.visit_id, local(25, 13), "alice")
    first = await sent(local(24, 13))
    assert len(first) == 3
    assert [text.partition(" This visit is for: ")[2].partition(".")[0] for text in first] == [
        "removal", "installation", "",
    ]  # fmt: skip
    await run(
        database, world.dora, "order.cancel", order_id=str(move.id), reason="withdrawn",
        work_order_ids=[str(w.id) for w in await work_on(database, move.install)],
    )  # fmt: skip
    notice = next(text for text in await sent(local(25, 8, 30)) if "C-ALICE" in text)
    assert "This visit is for" not in notice


# Who sees what


async def test_sy_01_a_phone_holds_the_premises_of_its_own_visit_and_not_the_others(
    database: Database, world: World
) -> None:
    move = await make_move(database, world)
    services = {}
    async with database.transaction() as session:
        for id_ in (move.old.id, move.made.premises.id):
            home = await session.get_one(Premises, (1, id_))
            services[id_] = (await make_service(session, premises=home)).id
    await book(database, world.dora, move.removal, local(24, 10), "alice")
    await book(database, world.dora, move.install, local(24, 13), "kim")
    for name, home in (("alice", move.old.id), ("kim", move.made.premises.id)):
        async with database.transaction() as session:
            held: dict[str, dict[UUID, Any]] = {}
            for kind in ("premises", "service", "visit", "work_order"):
                found = await session.execute(views.REGISTRY[kind].build(scope(name)))
                held[kind] = {row.id: row.body for row in found}
        assert held["premises"].keys() == {home}
        assert held["service"].keys() == {services[home]}
        assert [v["premises_id"] for v in held["visit"].values()] == [str(home)]
        assert [w["premises_id"] for w in held["work_order"].values()] == [str(home)]


async def test_cu_07_the_access_notes_of_both_homes_go_and_those_of_others_stay(
    database: Database, world: World
) -> None:
    move = await make_move(database, world)
    other = await make_order(database, world.dora)
    shared = await old_home(database)
    await make_order(
        database, world.dora, BROADBAND, shared.at(REMOVAL), customer=move.made.customer
    )
    await make_order(database, world.dora, BROADBAND, shared.at(REMOVAL))
    await run(
        database, world.ada, "customer.erase", customer_id=str(move.made.customer.id),
        ground="customer_request",
    )  # fmt: skip
    notes = {p.id: p.access_notes for p in await every(database, Premises)}
    for gone in (move.old.id, move.made.premises.id):
        assert notes[gone] != "Ring the doorbell."
    for kept in (other.premises.id, shared.id):
        assert notes[kept] == "Ring the doorbell."


# Faults and figures


async def test_fa_02_repairs_at_two_premises_are_two_reports_and_each_waits_for_its_own(
    database: Database, world: World, at: datetime
) -> None:
    street = await make_street(database)
    fault_id, _ = await confirmed_fault(
        database, world.ann, world.dora, street, (at + timedelta(hours=8)).isoformat()
    )
    touched = Home(street.homes[3].premises_id)
    made = await make_order(database, world.dora, REPAIR, touched.at(REPAIR))
    reports = await every(database, FaultReport, FaultReport.order_id == made.id)
    joined = {r.premises_id: r.area_fault_id for r in reports}
    assert joined == {made.premises.id: None, touched.id: fault_id}
    here, there = made.work
    assert [
        h.work_order_id for h in await every(database, HeldWork, HeldWork.order_id == made.id)
    ] == [there]
    await run(database, world.dora, "area_fault.end", area_fault_id=str(fault_id), reason="spliced")
    theirs = next(r.id for r in reports if r.premises_id == touched.id)
    await run(database, world.ann, "fault.settle", report_id=str(theirs), works=True)
    states = {w.id: w.state for w in await every(database, WorkOrder)}
    assert (states[here], states[there]) == ("received", "cancelled")


async def test_wo_02_one_trip_to_each_premises_counts_as_served_in_one_visit(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, at: datetime
) -> None:
    patrol = {"kind": "patrol", "service": "fixed_line"}
    starts = (at + timedelta(hours=hours) for hours in range(1, 15, 2))

    async def move() -> tuple[UUID, UUID, UUID]:
        old = await old_home(database)
        made = await make_order(database, world.dora, patrol, old.at(patrol))
        first, second = await open_visits(database, made.id)
        await serve(database, world, first.id, next(starts))
        await complete(database, world, first.id)
        return made.id, first.id, second.id

    one, _, last = await move()
    await serve(database, world, last, next(starts))
    await complete(database, world, last)
    two, _, last = await move()
    await serve(database, world, last, next(starts))
    await run(
        database, world.alice, "visit.fail", visit_id=str(last), reason="unsafe",
        told_customer="We come again.", next_step="new_appointment",
    )  # fmt: skip
    (again,) = await open_visits(database, two)
    await serve(database, world, again.id, next(starts))
    await complete(database, world, again.id)

    async def ask(path: str = "", **more: Any) -> Any:
        answer = await client.get(
            f"/v1/indicators/one-visit{path}",
            headers=bearer(settings, world.sam),
            params={"from": "2026-11-23", "to": "2026-11-23", **more},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    found = await ask()
    assert (found["total"]["orders"], found["total"]["in_one_visit"]) == (2, 1)
    assert found["by_trips"] == {"1": 1, "2": 1}
    (good,) = (await ask("/records", one_visit=True))["items"]
    assert (good["id"], good["one_visit"]) == (str(one), True)
    assert len({trip["premises_id"] for trip in good["trips"]}) == 2
    (bad,) = (await ask("/records", one_visit=False))["items"]
    assert (bad["id"], len(bad["trips"])) == (str(two), 3)
