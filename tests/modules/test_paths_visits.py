"""A visit says only what those who are on it now have done, after every path."""

import pytest

from fieldops.appointments.models import Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.visits.models import Assignment, Visit
from tests.support.factories.appointments import (
    book,
    local,
    planned_visit,
)
from tests.support.factories.paths import give_to, move
from tests.support.factories.visits import arrive, confirm_identity, from_phone
from tests.support.rows import every, one
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


async def test_a_visit_moved_while_a_technician_is_on_the_way_has_nobody_on_the_way(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(23, 10))
    await from_phone(database, world.alice, "visit.accept", visit_id=str(planned.visit_id))
    await from_phone(database, world.alice, "visit.depart", visit_id=str(planned.visit_id))
    await move(database, world, appointment_id, local(25, 10))
    visit = await one(database, Visit, id=planned.visit_id)
    row = await one(database, Assignment, visit_id=planned.visit_id, ended_at=None)
    assert (visit.state, visit.departed_at) == ("accepted", None)
    assert (row.state, row.departed_at) == ("accepted", None)


async def test_kp_01_only_who_comes_in_the_end_counts_as_arrived(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(23, 10))
    visit_id = planned.visit_id
    with clock.frozen(local(23, 10, 5)):
        await from_phone(
            database,
            world.alice,
            "visit.confirm_kit",
            visit_id=str(visit_id),
            tools=True,
            materials=True,
            spares=True,
            papers=True,
        )
        await from_phone(database, world.alice, "visit.depart", visit_id=str(visit_id))
        await arrive(database, world.alice, visit_id)
        await confirm_identity(database, world.alice, visit_id)
        await from_phone(database, world.alice, "visit.start", visit_id=str(visit_id))
        await give_to(database, world, visit_id, "bob")
        await move(database, world, appointment_id, local(24, 13), "bob")
    visit = await one(database, Visit, id=visit_id)
    assert (visit.state, visit.departed_at, visit.arrived_at) == ("dispatched", None, None)
    assert (visit.started_at, visit.identity_confirmed_at) == (None, None)
    assert visit.kit_confirmed_at is None
    with clock.frozen(local(24, 13, 10)):
        await arrive(database, world.bob, visit_id)
    visit = await one(database, Visit, id=visit_id)
    assert visit.arrived_at == local(24, 13, 10)


async def test_the_step_of_who_stays_is_kept_when_a_second_technician_leaves(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(23, 10), "alice", "bob")
    with clock.frozen(local(23, 10, 5)):
        await arrive(database, world.alice, planned.visit_id)
        await confirm_identity(database, world.alice, planned.visit_id)
    with clock.frozen(local(23, 10, 9)):
        await give_to(database, world, planned.visit_id, "alice")
    visit = await one(database, Visit, id=planned.visit_id)
    assert (visit.state, visit.arrived_at) == ("on_site", local(23, 10, 5))
    assert visit.identity_confirmed_at == local(23, 10, 5)
    assert [r.technician_id for r in await every(database, Reservation)] == [id_of("alice")]
