"""Booking, moving, reconfirming and ending appointments (AP-01 to AP-08)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from fieldops.appointments import errors, jobs, queries
from fieldops.appointments.models import Appointment, CallTask, Reconfirmation, Reservation
from fieldops.appointments.schemas import AppointmentOnDevice, ReconfirmationOnDevice
from fieldops.kernel import audit, clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.views import REGISTRY, DeviceScope
from fieldops.notifications.models import Message
from fieldops.visits import errors as visit_errors
from fieldops.visits.models import Assignment, Notice, Visit
from tests.support.factories.appointments import (
    BROADBAND,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.factories.visits import arrive
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import SOUTH, World, id_of

pytestmark = pytest.mark.anyio


async def one(database: Database, model: Any, **values: Any) -> Any:
    found = await every(database, model, **values)
    assert len(found) == 1, found
    return found[0]


async def reschedule(
    database: Database, actor: Actor, appointment_id: UUID, start: datetime, **changes: Any
) -> dict[str, Any]:
    args = {
        **window(start),
        "appointment_id": str(appointment_id),
        "technician_ids": [str(id_of("alice"))],
        "cause": "customer",
        "reason": "customer_asked",
        "channel": "phone",
        "customer_said": "Later, please.",
        **changes,
    }
    return await run(database, actor, "appointment.reschedule", **args)


async def test_ap_02_a_booking_keeps_channel_and_say_and_gives_the_visit_its_window(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10), "alice")
    appointment = await one(database, Appointment)
    assert (appointment.channel, appointment.customer_said) == ("phone", "That suits me.")
    visit = await one(database, Visit, id=planned.visit_id)
    assert (visit.window_start, visit.state) == (local(24, 10), "dispatched")
    assignment = await one(database, Assignment, visit_id=planned.visit_id)
    assert (assignment.technician_id, assignment.is_contact) == (id_of("alice"), True)


async def test_ap_02_a_booking_without_the_customers_say_is_refused(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    with pytest.raises(Exception, match="invalid_arguments"):
        await book(database, world.dora, planned.visit_id, local(24, 10), customer_said="")


async def test_ap_01_a_technicians_time_is_given_to_one_visit_only(
    database: Database, world: World
) -> None:
    first = await planned_visit(database, world.dora)
    second = await planned_visit(database, world.dora)
    await book(database, world.dora, first.visit_id, local(24, 10))
    with pytest.raises(errors.SlotTaken):
        await book(database, world.dora, second.visit_id, local(24, 10), **window(local(24, 10), 1))
    assert (await one(database, Visit, id=second.visit_id)).state == "planned"
    await book(database, world.dora, second.visit_id, local(24, 10))
    due = (await one(database, Visit, id=second.visit_id)).expected_arrival
    assert due == local(24, 11), "the second customer's turn comes after the first, in the window"


async def test_a_visit_has_one_open_appointment(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    with pytest.raises(errors.AlreadyBooked):
        await book(database, world.dora, planned.visit_id, local(25, 10))


async def test_org_03_and_07_a_booking_needs_skills_and_working_time_of_the_day(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(BROADBAND,))
    with pytest.raises(visit_errors.NotQualified):
        await book(database, world.dora, planned.visit_id, local(24, 10), "bob")
    with pytest.raises(visit_errors.OutsideCalendar):
        await book(database, world.dora, planned.visit_id, local(28, 10), "alice")
    await book(
        database,
        world.dora,
        planned.visit_id,
        local(28, 10),
        "alice",
        override_reason="Saturday was agreed with Alice",
    )


@pytest.mark.parametrize(
    ("start", "hours"),
    [(local(23, 7), 2), (local(24, 10), -1), (local(24, 10), 13), (local(24, 10, 0), 0)],
)
async def test_a_window_that_cannot_be_is_refused_by_name(
    database: Database, world: World, start: datetime, hours: float
) -> None:
    planned = await planned_visit(database, world.dora)
    with pytest.raises(errors.WindowInvalid):
        await book(database, world.dora, planned.visit_id, start, **window(start, hours))


async def test_other_centres_and_regions_cannot_book_and_technicians_may_not(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    for stranger in (world.dan, world.tess):
        with pytest.raises(NotFound):
            await book(database, stranger, planned.visit_id, local(24, 10))
    with pytest.raises(Forbidden):
        await book(database, world.alice, planned.visit_id, local(24, 10))


async def test_ap_01_an_offered_window_is_held_for_ten_minutes(
    database: Database, world: World
) -> None:
    first = await planned_visit(database, world.dora)
    second = await planned_visit(database, world.dora)
    at, hour = local(24, 10), window(local(24, 10), 1)
    held = {**hour, "technician_ids": [str(id_of("alice"))]}
    await run(database, world.dora, "appointment.hold_slot", visit_id=str(first.visit_id), **held)
    with pytest.raises(errors.SlotTaken):
        await book(database, world.dora, second.visit_id, at, **hour)
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        await book(database, world.dora, second.visit_id, at, **hour)
        with pytest.raises(errors.SlotTaken):
            await book(database, world.dora, first.visit_id, at, **hour)


async def test_ap_06_a_reschedule_counts_by_cause_and_frees_the_old_time(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(24, 10))
    await reschedule(database, world.dora, appointment_id, local(25, 10))
    await reschedule(
        database,
        world.dora,
        appointment_id,
        local(26, 10),
        cause="operator",
        reason="technician_ill",
        customer_contacted_at=clock.now().isoformat(),
    )
    moved = await one(database, Appointment)
    assert (moved.customer_reschedules, moved.operator_reschedules) == (1, 1)
    assert (moved.moved_cause, moved.moved_reason) == ("operator", "technician_ill")
    assert (moved.contacted_in_time, moved.window_start) == (True, local(26, 10))
    reserved = await one(database, Reservation)
    assert reserved.during.lower == local(26, 10)
    async with database.transaction() as session:
        changes = (
            await session.scalars(audit.history(1, "appointments_appointment", appointment_id))
        ).all()
    assert [c.reason for c in changes][-1] == "technician_ill"
    assert "window_start" in changes[-1].before


async def test_ap_06_an_operators_change_needs_the_customer_told_first(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(24, 10))
    ill = {"cause": "operator", "reason": "technician_ill"}
    with pytest.raises(errors.ContactFirst):
        await reschedule(database, world.dora, appointment_id, local(25, 10), **ill)
    with clock.frozen(local(24, 10, 20)):
        late = {**ill, "customer_contacted_at": local(24, 10, 10).isoformat()}
        await reschedule(database, world.dora, appointment_id, local(25, 10), **late)
    assert (await one(database, Appointment)).contacted_in_time is False


async def test_ap_06_a_reason_belongs_to_its_cause(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(24, 10))
    with pytest.raises(errors.CauseDiffers):
        await reschedule(
            database, world.dora, appointment_id, local(25, 10), reason="technician_ill"
        )


async def test_ap_03_a_move_begins_the_second_confirmation_anew(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 10))
    await answer(database, world.alice, planned.visit_id, "confirmed")
    assert (await one(database, Appointment)).state == "confirmed"
    await reschedule(database, world.dora, appointment_id, local(26, 10))
    moved = await one(database, Appointment)
    assert (moved.state, moved.confirmed_at) == ("booked", None)
    assert (moved.reconfirm_at, moved.call_at) == (local(25, 10), local(26, 8))


async def answer(
    database: Database, actor: Actor, visit_id: UUID, said: str, **more: Any
) -> dict[str, Any]:
    return await run(
        database,
        actor,
        "appointment.record_reconfirmation",
        visit_id=str(visit_id),
        answer=said,
        **more,
    )


async def test_ap_04_an_answer_about_a_moved_window_is_kept_and_changes_nothing(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 10))
    await reschedule(database, world.dora, appointment_id, local(26, 10))
    asked = local(25, 10).isoformat()
    await answer(database, world.alice, planned.visit_id, "confirmed", window_start=asked)
    assert (await one(database, Appointment)).state == "booked"
    kept = await one(database, Reconfirmation)
    assert (kept.counted_in, kept.window_start) == (False, local(25, 10))


async def test_ap_04_unreachable_does_not_take_a_confirmation_back(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 10))
    await answer(database, world.dora, planned.visit_id, "confirmed")
    await answer(database, world.dora, planned.visit_id, "unreachable")
    assert (await one(database, Appointment)).state == "confirmed"


async def reserved(database: Database) -> int:
    return len(await every(database, Reservation))


@pytest.mark.parametrize("by", ["office", "technician", "call"])
async def test_ap_04_who_cancels_to_a_person_frees_the_time_and_the_technician_is_told(
    database: Database, world: World, by: str
) -> None:
    """AP-04, AP-10: as by the link, whoever took the word; nothing is sent afterwards."""
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 10))
    assert await reserved(database) == 1
    if by == "call":
        with clock.frozen(local(25, 8)):
            (task,) = await open_due_calls(database)
        with clock.frozen(local(25, 8, 5)):
            await complete(database, world.dora, task.id, "cancelled")
    else:
        actor = world.alice if by == "technician" else world.dora
        await answer(database, actor, planned.visit_id, "cancelled", note="We have moved")
    promise = await one(database, Appointment)
    assert (promise.state, promise.channel) == ("cancelled", "phone")
    said = "By word to a person." if by == "call" else "We have moved"
    assert promise.customer_said == said
    (task,) = await every(database, CallTask, done_at=None)
    assert task.kind == "withdrawn"
    visit = await one(database, Visit, id=planned.visit_id)
    assert (visit.state, visit.window_start) == ("planned", None)
    assert await reserved(database) == 0
    kinds = {n.kind for n in await every(database, Notice, technician_id=id_of("alice"))}
    assert ("unscheduled" in kinds) == (by != "technician")  # who took the word knows it
    assert {m.state for m in await every(database, Message)} == {"cancelled"}
    await complete(database, world.dora, task.id, "cancelled")
    assert await every(database, CallTask, done_at=None) == []


@pytest.mark.parametrize("under_way", ["opened", "on_site"])
async def test_ap_04_a_cancellation_that_comes_too_late_is_only_a_persons_task(
    database: Database, world: World, under_way: str
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(23, 10))
    if under_way == "on_site":
        await arrive(database, world.alice, planned.visit_id, local(23, 9, 50))
    with clock.frozen(local(23, 10, 5)):
        await answer(database, world.dora, planned.visit_id, "cancelled", note="We are out")
        (task,) = await every(database, CallTask, done_at=None)
        assert (task.kind, task.subject) == ("withdrawn", "We are out")
        await complete(database, world.dora, task.id, "cancelled")
        assert await every(database, CallTask, done_at=None) == []
    assert (await one(database, Appointment)).state == "booked"
    assert (await one(database, Reconfirmation)).counted_in is False
    visit = await one(database, Visit, id=planned.visit_id)
    assert visit.window_start == local(23, 10)
    assert await reserved(database) == 1


async def open_due_calls(database: Database) -> list[CallTask]:
    await jobs.open_calls(database, 1)
    return await every(database, CallTask, done_at=None)


async def test_ap_04_an_unconfirmed_window_is_called_once_three_hours_before(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 13))
    with clock.frozen(local(24, 9, 59)):
        assert await open_due_calls(database) == []
    with clock.frozen(local(24, 10)):
        (task,) = await open_due_calls(database)
        assert (task.kind, task.due_at) == ("unconfirmed", local(24, 10))
        assert len(await open_due_calls(database)) == 1
        await complete(database, world.dora, task.id, "confirmed")
        assert await open_due_calls(database) == []
    assert (await one(database, Appointment)).state == "confirmed"
    assert (await one(database, Reconfirmation)).channel == "person"


async def test_ap_04_one_call_that_cannot_be_opened_does_not_keep_the_others_waiting(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await planned_visit(database, world.dora) for _ in range(2)]
    await book(database, world.dora, first.visit_id, local(24, 13))
    await book(database, world.dora, second.visit_id, local(24, 13), "kim")
    lock = jobs.visits.lock_visit

    async def gone(session: Any, scope: Any, visit_id: UUID) -> Any:
        if visit_id == first.visit_id:
            raise NotFound(thing="visit")
        return await lock(session, scope, visit_id)

    monkeypatch.setattr(jobs.visits, "lock_visit", gone)
    with clock.frozen(local(24, 10)):
        assert [task.visit_id for task in await open_due_calls(database)] == [second.visit_id]


async def complete(database: Database, actor: Actor, task_id: UUID, outcome: str) -> dict[str, Any]:
    return await run(
        database, actor, "call_task.complete", call_task_id=str(task_id), outcome=outcome
    )


async def test_ap_04_a_call_without_success_is_not_opened_a_second_time(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 13))
    with clock.frozen(local(24, 10)):
        (task,) = await open_due_calls(database)
        await complete(database, world.dora, task.id, "unreachable")
        assert await open_due_calls(database) == []
        with pytest.raises(errors.TaskDone):
            await complete(database, world.dora, task.id, "confirmed")
    assert (await one(database, Appointment)).state == "unreachable"


@pytest.mark.parametrize(
    ("segment", "tier"), [("household", "gold"), ("household", "diamond"), ("enterprise", "2A")]
)
async def test_ap_04_high_tiers_get_a_persons_call_24_hours_before(
    database: Database, world: World, segment: str, tier: str
) -> None:
    planned = await planned_visit(database, world.dora, segment=segment, tier=tier)
    await book(database, world.dora, planned.visit_id, local(25, 10))
    assert await open_due_calls(database) == []
    with clock.frozen(local(24, 10)):
        (task,) = await open_due_calls(database)
    assert task.kind == "reconfirm"
    with clock.frozen(local(25, 8)):
        assert [t.id for t in await open_due_calls(database)] == [task.id]


async def test_a_confirmed_window_needs_no_call(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 13))
    await answer(database, world.alice, planned.visit_id, "confirmed")
    with clock.frozen(local(24, 12)):
        assert await open_due_calls(database) == []


async def test_a_reschedule_wished_on_the_phone_opens_a_call_now(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 13))
    await run(
        database,
        world.alice,
        "appointment.request_reschedule",
        device=id_of("phone"),
        visit_id=str(planned.visit_id),
        reason="customer_asked",
        wish="On Friday",
    )
    assert (await one(database, Appointment)).state == "change_wanted"
    task = await one(database, CallTask)
    assert (task.kind, task.due_at) == ("reschedule", clock.now())
    assert task.subject == "customer_asked: On Friday"


async def test_a_technician_without_the_visit_cannot_touch_its_appointment(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 13))
    for stranger in (world.bob, world.carol, world.tom):
        with pytest.raises(NotFound):
            await answer(database, stranger, planned.visit_id, "confirmed")


async def test_ap_02_a_cancelled_appointment_frees_time_and_sends_the_visit_back(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(24, 10))
    await run(
        database,
        world.dora,
        "appointment.cancel",
        appointment_id=str(appointment_id),
        customer_said="Not this week.",
        channel="phone",
    )
    assert (await one(database, Appointment)).state == "cancelled"
    assert await every(database, Reservation) == []
    assert (await one(database, Visit, id=planned.visit_id)).state == "planned"
    await book(database, world.dora, planned.visit_id, local(26, 10))


async def test_ap_02_an_appointment_that_is_off_is_not_cancelled_or_asked_about_again(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    said = {"customer_said": "Not this week.", "channel": "phone"}
    with pytest.raises(errors.NoAppointment):
        await run(
            database,
            world.dora,
            "appointment.request_reschedule",
            visit_id=str(planned.visit_id),
            reason="customer_asked",
        )
    booked = str(await book(database, world.dora, planned.visit_id, local(24, 10)))
    await run(database, world.dora, "appointment.cancel", appointment_id=booked, **said)
    with pytest.raises(errors.AppointmentClosed):
        await run(database, world.dora, "appointment.cancel", appointment_id=booked, **said)


async def test_a_new_technician_takes_over_the_reserved_time(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10), "alice")
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(planned.visit_id),
        technician_ids=[str(id_of("bob"))],
        reason="Alice is ill",
    )
    assert (await one(database, Reservation)).technician_id == id_of("bob")


async def test_a_cancelled_visit_takes_its_appointment_along(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    await run(
        database,
        world.dora,
        "visit.cancel",
        visit_id=str(planned.visit_id),
        reason="planning",
    )
    assert (await one(database, Appointment)).state == "cancelled"
    assert await every(database, Reservation) == []


async def test_south_books_with_its_own_technician(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dan, centre_id=SOUTH)
    visit = await one(database, Visit, id=planned.visit_id)
    async with database.transaction() as session:
        offers = await queries.free_windows(session, visit, clock.now(), limit=1)
    assert offers[0].technician_ids == (id_of("carol"),)


async def on_device(database: Database, actor: Actor, view: str) -> list[dict[str, Any]]:
    scope = DeviceScope(
        1, actor.id, id_of("phone"), actor.centre_ids, clock.now(), ZoneInfo("Europe/Helsinki")
    )
    async with database.transaction() as session:
        rows = await session.execute(REGISTRY[view].build(scope))
        return [row.body for row in rows]


async def test_sy_01_a_device_holds_the_appointments_of_own_visits_and_no_others(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10), "alice")
    await answer(database, world.alice, planned.visit_id, "confirmed")
    (held,) = await on_device(database, world.alice, "appointment")
    AppointmentOnDevice.model_validate(held)
    assert (held["visit_id"], held["state"]) == (str(planned.visit_id), "confirmed")
    (said,) = await on_device(database, world.alice, "reconfirmation")
    ReconfirmationOnDevice.model_validate(said)
    assert await on_device(database, world.bob, "appointment") == []
    assert await on_device(database, world.bob, "reconfirmation") == []


async def nobody_home(database: Database, world: World, visit_id: UUID) -> None:
    for name in ("visit.depart", "visit.arrive"):
        await run(database, world.alice, name, visit_id=str(visit_id))
    await run(
        database,
        world.alice,
        "visit.fail",
        visit_id=str(visit_id),
        reason="nobody_home",
        told_customer="A notice was left at the door.",
        next_step="new_appointment",
    )


async def test_ap_08_nobody_at_home_asks_for_a_new_appointment_the_same_day(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(23, 9))
    with clock.frozen(local(23, 9, 20)):
        await nobody_home(database, world, planned.visit_id)
    assert (await one(database, Appointment)).state == "missed"
    assert await every(database, Reservation) == []
    task = await one(database, CallTask, done_at=None)
    assert (task.kind, task.due_at) == ("new_appointment", local(23, 9, 20))
    follower = await one(database, Visit, id=task.visit_id)
    assert (follower.former_visit_id, follower.state) == (planned.visit_id, "planned")
    await book(database, world.dora, follower.id, local(24, 9))
    assert await every(database, CallTask, done_at=None) == []


async def test_ap_08_and_09_late_in_the_evening_the_call_waits_for_the_morning(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(
        database,
        world.dora,
        planned.visit_id,
        local(23, 21),
        night_visit_wanted=True,
        override_reason="the shop is open by day",
    )
    with clock.frozen(local(23, 21, 20)):
        await nobody_home(database, world, planned.visit_id)
    task = await one(database, CallTask, done_at=None)
    assert task.due_at == local(24, 8)
