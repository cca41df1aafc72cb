"""Steps of the paths a day can take, and the rows they leave behind."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fieldops.kernel import clock, commands
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from tests.support.factories.appointments import (
    window,
)
from tests.support.factories.visits import PHONE, captured
from tests.support.run import run
from tests.support.world import World, id_of


async def give_to(database: Database, world: World, visit_id: UUID, *names: str) -> None:
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(visit_id),
        technician_ids=[str(id_of(name)) for name in names],
        reason="The day has changed.",
    )


async def move(
    database: Database, world: World, appointment_id: UUID, start: datetime, *names: str
) -> None:
    await run(
        database,
        world.dora,
        "appointment.reschedule",
        **window(start),
        appointment_id=str(appointment_id),
        technician_ids=[str(id_of(name)) for name in names or ("alice",)],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Later, please.",
    )


async def accept_at_desk(
    database: Database, technician: Actor, name: str, at: datetime, **args: Any
) -> None:
    envelope = Envelope(new_id(), name, args, device_id=PHONE, captured=captured(at))
    async with database.transaction() as session:
        await commands.run(session, technician, envelope, clock.now(), accepted=True)
