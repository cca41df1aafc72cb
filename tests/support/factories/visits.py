"""Visits of the tests, brought to where a test needs them by the module's own commands."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.visits.models import Visit
from tests.support.factories.orders import MadeOrder, make_order
from tests.support.run import run
from tests.support.world import World, id_of

PHONE = uuid4()


def captured(at: datetime, *, wall: datetime | None = None) -> Captured:
    """A capture at a moment; `wall` is what the device's own clock said."""
    off = abs((wall or at) - at) > timedelta(minutes=10)
    return Captured(wall or at, at, Confidence.HIGH, clock_far_off=off)


async def from_phone(
    database: Database, actor: Actor, name: str, at: datetime | None = None, **args: Any
) -> dict[str, Any]:
    """Run a command as a technician's phone would, captured at a moment (now without one)."""
    return await run(
        database, actor, name, device=PHONE, captured=captured(at or clock.now()), **args
    )


async def assigned_visit(
    database: Database,
    world: World,
    *items: dict[str, Any],
    technicians: tuple[str, ...] = ("alice",),
    start: datetime | None = None,
    **args: Any,
) -> MadeOrder:
    """An order whose visit is given to technicians in a window of two hours from `start`.

    Without `start` the window opens an hour from now.
    """
    made = await make_order(database, world.dora, *items, **args)
    opens = start or clock.now() + timedelta(hours=1)
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(made.visit_id),
        technician_ids=[str(id_of(name)) for name in technicians],
        window_start=opens.isoformat(),
        window_end=(opens + timedelta(hours=2)).isoformat(),
    )
    return made


async def begun_visit(
    database: Database, world: World, *items: dict[str, Any], **args: Any
) -> MadeOrder:
    """A visit of Alice that is in progress, with everything confirmed at the door."""
    made = await assigned_visit(database, world, *items, **args)
    await arrive(database, world.alice, made.visit_id)
    await confirm_identity(database, world.alice, made.visit_id)
    await from_phone(database, world.alice, "visit.start", visit_id=str(made.visit_id))
    return made


async def complete(database: Database, actor: Actor, visit_id: UUID) -> None:
    """Complete a visit whose customer would not sign."""
    await from_phone(
        database, actor, "visit.complete", visit_id=str(visit_id),
        signature_refused_reason="The customer was in a hurry.",
    )  # fmt: skip


async def arrive(
    database: Database, actor: Actor, visit_id: UUID, at: datetime | None = None
) -> None:
    """Arrive at the tests' usual door."""
    point = {"type": "Point", "coordinates": [24.941, 60.17]}
    await from_phone(database, actor, "visit.arrive", at, visit_id=str(visit_id), point=point)


async def confirm_identity(
    database: Database, actor: Actor, visit_id: UUID, at: datetime | None = None
) -> None:
    """Confirm everything at the door."""
    await from_phone(
        database,
        actor,
        "visit.confirm_identity",
        at,
        visit_id=str(visit_id),
        certificate_shown=True,
        customer_confirmed=True,
        work_explained=True,
        covers_used=True,
    )


async def get_visit(database: Database, visit_id: UUID) -> Visit:
    """The visit's row as it is now."""
    async with database.transaction() as session:
        row = await session.get(Visit, (1, visit_id))
        assert row is not None
        return row
