"""Promises and reserved time agree with their visit after every path a day can take."""

import pytest

from fieldops.appointments.models import Appointment, CallTask, Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.notifications.models import Message
from fieldops.visits import errors as visit_errors
from fieldops.visits.models import Visit
from tests.support.factories.appointments import (
    book,
    local,
    planned_visit,
    window,
)
from tests.support.factories.paths import accept_at_desk, give_to
from tests.support.rows import every, one
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


async def test_ap_06_a_promised_window_is_not_lengthened_by_assigning(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    with pytest.raises(visit_errors.WindowFixed):
        await run(
            database,
            world.dora,
            "visit.assign",
            visit_id=str(planned.visit_id),
            technician_ids=[str(id_of("alice"))],
            **window(local(24, 10), 5),
        )


async def test_ap_06_a_promised_visit_that_is_cancelled_has_a_person_call_the_customer(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    await run(
        database, world.dora, "visit.cancel", visit_id=str(planned.visit_id), reason="planning"
    )
    follower = await one(database, Visit, former_visit_id=planned.visit_id)
    task = await one(database, CallTask, visit_id=follower.id)
    assert (task.kind, task.done_at, task.subject) == ("new_appointment", None, "planning")


async def test_a_visit_nobody_was_promised_is_cancelled_without_a_call(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await run(
        database, world.dora, "visit.cancel", visit_id=str(planned.visit_id), reason="planning"
    )
    assert await every(database, CallTask) == []


async def test_ap_01_an_acceptance_taken_at_the_desk_reserves_the_time_that_lies_ahead(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    seen = local(23, 8)
    with clock.frozen(local(23, 9)):
        await give_to(database, world, planned.visit_id, "bob")
        await accept_at_desk(
            database, world.alice, "visit.accept", seen, visit_id=str(planned.visit_id)
        )
    reserved = await one(database, Reservation, visit_id=planned.visit_id)
    assert (reserved.technician_id, reserved.during.lower) == (id_of("alice"), local(24, 10))


async def test_ap_01_a_cancelled_visit_that_takes_place_after_all_has_its_time_again(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(24, 10))
    with clock.frozen(local(23, 9)):
        await run(
            database, world.dora, "visit.cancel", visit_id=str(planned.visit_id), reason="planning"
        )
        await accept_at_desk(
            database, world.alice, "visit.accept", local(23, 8), visit_id=str(planned.visit_id)
        )
    reserved = await one(database, Reservation, visit_id=planned.visit_id)
    assert (reserved.technician_id, reserved.during.lower) == (id_of("alice"), local(24, 10))
    assert (await one(database, Appointment)).state == "booked"
    assert [t.done_at is None for t in await every(database, CallTask)] == [False]
    planned_kinds = {m.kind for m in await every(database, Message, state="planned")}
    assert planned_kinds == {"reconfirmation", "half_hour_notice"}
