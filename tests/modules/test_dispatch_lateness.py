"""AP-07: warned before the window is missed, two ways out, one decision carries it out."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.appointments.models import Appointment, CallTask
from fieldops.dispatch import watching
from fieldops.dispatch.errors import NoSuchWay, SayWhatCustomerSaid, WarningSettled
from fieldops.dispatch.models import LateWarning
from fieldops.kernel import audit, clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.notifications.models import Message
from fieldops.visits.models import Assignment, Notice
from tests.support.clients import bearer
from tests.support.factories.appointments import BROADBAND, FIXED, book, local, planned_visit
from tests.support.factories.visits import arrive, from_phone
from tests.support.run import run
from tests.support.world import NORTH, World, id_of

pytestmark = pytest.mark.anyio

FAR = 25.10  # degrees east: nine kilometres, 24 minutes by the formula


async def look(database: Database, at: datetime) -> None:
    with clock.frozen(at):
        await watching.look(database, 1, NORTH, at)


async def warnings(database: Database, **values: Any) -> list[LateWarning]:
    async with database.transaction() as session:
        statement = select(LateWarning).where(LateWarning.region_id == 1).filter_by(**values)
        return list(await session.scalars(statement.order_by(LateWarning.id)))


async def late_visit(database: Database, world: World) -> UUID:
    """Alice works on a visit that runs over, and is due at another by half past ten, far away."""
    first = await planned_visit(database, world.dora)
    await book(database, world.dora, first.visit_id, local(23, 8), "alice")
    second = await planned_visit(database, world.dora, items=(BROADBAND,), longitude=FAR)
    await book(database, world.dora, second.visit_id, local(23, 8, 30), "alice")
    await arrive(database, world.alice, first.visit_id, local(23, 8, 30))
    return second.visit_id


async def test_ap_07_a_visit_that_will_be_late_is_warned_of_before_its_window_is_missed(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    await look(database, local(23, 9))
    assert not await warnings(database)
    await look(database, local(23, 10, 0))
    [warning] = await warnings(database)
    assert (warning.visit_id, warning.technician_id) == (visit_id, id_of("alice"))
    assert warning.cause == "running_over"
    assert local(23, 10, 0) < warning.window_end < warning.predicted_arrival
    reassign, new_time = warning.ways
    assert (reassign["kind"], reassign["technician_ids"]) == ("reassign", [str(id_of("kim"))])
    assert reassign["arrives_at"] <= reassign["window_end"]
    assert reassign["text"]["en"].startswith("Kim comes instead")
    assert new_time["kind"] == "new_time"
    assert datetime.fromisoformat(new_time["window_start"]) > local(23, 10, 0)


async def test_ap_07_a_warning_is_not_repeated_and_follows_the_prediction(
    database: Database, world: World
) -> None:
    await late_visit(database, world)
    for minute in (0, 2, 4, 20):
        await look(database, local(23, 10, minute))
    [warning] = await warnings(database)
    assert warning.version == 2  # twenty minutes later it is later; two minutes are no news
    async with database.transaction() as session:
        history = audit.history(1, LateWarning.__tablename__, warning.id)
        assert len(list(await session.scalars(history))) == 2


async def test_ap_07_a_warning_settles_by_itself_when_it_is_no_longer_true(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    await look(database, local(23, 10, 0))
    await arrive(database, world.alice, visit_id, local(23, 10, 20))
    await look(database, local(23, 10, 21))
    [warning] = await warnings(database)
    assert warning.outcome == "arrived"


async def test_ap_07_who_comes_too_late_after_all_is_kept_so(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    await look(database, local(23, 10, 0))
    await arrive(database, world.alice, visit_id, local(23, 11))
    await look(database, local(23, 11, 1))
    assert [w.outcome for w in await warnings(database)] == ["arrived_late"]


async def test_ap_07_another_technician_is_one_decision_and_both_are_told(
    database: Database, world: World
) -> None:
    """AP-07, VI-01: the visit, its time and the notices follow from the dispatcher's one word."""
    visit_id = await late_visit(database, world)
    at = local(23, 10, 0)
    await look(database, at)
    [warning] = await warnings(database)
    with clock.frozen(at):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=0)
    async with database.transaction() as session:
        present = list(
            await session.scalars(
                select(Assignment).where(
                    Assignment.region_id == 1,
                    Assignment.visit_id == visit_id,
                    Assignment.ended_at.is_(None),
                )
            )
        )
        told = await session.scalars(
            select(Notice).where(
                Notice.region_id == 1, Notice.visit_id == visit_id, Notice.at == at
            )
        )
        kinds = {(n.technician_id, n.kind) for n in told}
    assert [(a.technician_id, a.is_contact) for a in present] == [(id_of("kim"), True)]
    assert kinds == {(id_of("alice"), "reassigned"), (id_of("kim"), "gained")}
    [warning] = await warnings(database)
    assert (warning.outcome, warning.taken["by"]) == ("reassigned", str(world.dora.id))
    await look(database, at + timedelta(minutes=1))
    assert len(await warnings(database)) == 1
    with clock.frozen(at), pytest.raises(WarningSettled):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=0)


async def test_ap_06_a_new_time_is_booked_with_the_customers_word(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    at = local(23, 10, 0)
    await look(database, at)
    [warning] = await warnings(database)
    take = {"late_warning_id": str(warning.id), "way": 1}
    with clock.frozen(at):
        with pytest.raises(SayWhatCustomerSaid):
            await run(
                database, world.dora, "lateness.take", **take, customer_contacted_at=at.isoformat()
            )
        await run(
            database,
            world.dora,
            "lateness.take",
            **take,
            customer_contacted_at=at.isoformat(),
            channel="phone",
            customer_said="Then later, all right.",
        )
    async with database.transaction() as session:
        appointment = await session.scalar(
            select(Appointment).where(Appointment.region_id == 1, Appointment.visit_id == visit_id)
        )
    assert appointment is not None
    assert (appointment.moved_cause, appointment.moved_reason) == ("operator", "running_late")
    assert (
        appointment.window_start.isoformat()
        == datetime.fromisoformat(warning.ways[1]["window_start"]).isoformat()
    )
    assert [w.outcome for w in await warnings(database)] == ["rescheduled"]


async def test_ap_07_ap_06_without_their_word_the_customer_is_told_and_called_with_the_new_time(
    database: Database, world: World, settings: Settings, tmp_path: Any
) -> None:
    """AP-07, AP-06: said before the window is over, once; nothing is moved silently."""
    visit_id = await late_visit(database, world)
    at = local(23, 10, 0)
    await look(database, at)
    [warning] = await warnings(database)
    with clock.frozen(at):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=1)
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path})))
    with clock.frozen(at + timedelta(minutes=1)):
        await send_due()
        await send_due()
    async with database.transaction() as session:
        of_visit = {"region_id": 1, "visit_id": visit_id}
        [task] = await session.scalars(select(CallTask).filter_by(**of_visit))
        [promise] = await session.scalars(select(Appointment).filter_by(**of_visit))
        [told] = await session.scalars(select(Message).filter_by(**of_visit, kind="cannot_keep"))
    proposed = warning.ways[1]["text"]["en"]
    assert (task.kind, task.due_at, task.subject) == ("reschedule", at, proposed)
    assert (promise.endangered_at, promise.endangered_reason) == (at, "running_late")
    assert promise.window_start == local(23, 8, 30)
    assert (told.state, told.ended_at) == ("sent", at + timedelta(minutes=1))
    await look(database, at + timedelta(minutes=15))  # not warned of again for this window
    [warning] = await warnings(database)
    assert (warning.outcome, warning.settled_at, warning.taken["way"]) == ("endangered", at, 1)


async def test_ap_07_a_window_that_is_over_leaves_the_call_with_the_new_time(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    await look(database, local(23, 10, 0))
    [warning] = await warnings(database)
    at = local(23, 10, 31)
    with clock.frozen(at):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=1)
    async with database.transaction() as session:
        of_visit = {"region_id": 1, "visit_id": visit_id}
        [task] = await session.scalars(select(CallTask).filter_by(**of_visit))
        [promise] = await session.scalars(select(Appointment).filter_by(**of_visit))
    assert (task.kind, task.due_at, promise.endangered_at) == ("reschedule", at, None)
    assert [w.outcome for w in await warnings(database)] == ["endangered"]


async def test_ap_07_what_a_dispatcher_lets_be_is_not_warned_of_again(
    database: Database, world: World
) -> None:
    await late_visit(database, world)
    await look(database, local(23, 10, 0))
    [warning] = await warnings(database)
    await run(
        database,
        world.dora,
        "lateness.let_be",
        late_warning_id=str(warning.id),
        reason="The customer is at work until one",
    )
    await look(database, local(23, 10, 20))
    assert [w.outcome for w in await warnings(database)] == ["let_be"]


async def test_ap_07_only_the_machine_records_and_only_what_was_offered_is_taken(
    database: Database, world: World
) -> None:
    visit_id = await late_visit(database, world)
    await look(database, local(23, 10, 0))
    [warning] = await warnings(database)
    with pytest.raises(Forbidden):
        await run(database, world.dora, "lateness.settle", visit_id=str(visit_id), outcome="let_be")
    async with database.transaction() as session:
        row = await session.get(LateWarning, (1, warning.id))
        assert row is not None
        row.ways = row.ways[:1]
    with pytest.raises(NoSuchWay):
        await run(database, world.dora, "lateness.take", late_warning_id=str(warning.id), way=1)
    with pytest.raises(NotFound):
        await run(database, world.dan, "lateness.take", late_warning_id=str(warning.id), way=0)


async def test_vi_01_only_the_late_one_of_a_pair_is_exchanged_and_the_contact_stays(
    database: Database, world: World
) -> None:
    """VI-01: Alice, the contact, stays; somebody with Bob's part of the skills comes for him."""
    held_up = await planned_visit(database, world.dora)
    await book(database, world.dora, held_up.visit_id, local(23, 8), "bob")
    await arrive(database, world.bob, held_up.visit_id, local(23, 8))
    pair = await planned_visit(database, world.dora, items=(FIXED, BROADBAND), longitude=FAR)
    until = local(23, 9, 30).isoformat()
    await book(
        database, world.dora, pair.visit_id, local(23, 8, 30), "alice", "bob", window_end=until
    )
    await from_phone(
        database, world.alice, "visit.depart", local(23, 9), visit_id=str(pair.visit_id)
    )
    await look(database, local(23, 9, 4))
    [warning] = await warnings(database)
    assert warning.technician_id == id_of("bob")
    assert warning.ways[0]["technician_ids"] == [str(id_of("alice")), str(id_of("kim"))]
    assert warning.ways[0]["contact_id"] == str(id_of("alice"))


async def test_ap_07_dispatchers_read_the_warnings_of_their_centre(
    client: httpx.AsyncClient, database: Database, world: World, settings: Settings
) -> None:
    await late_visit(database, world)
    await look(database, local(23, 10, 0))
    mine = await client.get("/v1/late-warnings", headers=bearer(settings, world.dora))
    others = await client.get("/v1/late-warnings", headers=bearer(settings, world.dan))
    [item] = mine.json()["items"]
    assert {way["kind"] for way in item["ways"]} == {"reassign", "new_time"}
    assert not others.json()["items"]
    one = await client.get(f"/v1/late-warnings/{item['id']}", headers=bearer(settings, world.dan))
    assert one.status_code == 404
