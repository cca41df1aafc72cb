"""The ladder by the clock: calls that are due because no answer came."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries
from fieldops.appointments.commands.steps import FOLLOW
from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.ids import new_id
from fieldops.organisation import queries as organisation

MOST_PER_RUN = 200


@jobs.every("* * * * * 30", "appointments.open_due_calls")
async def open_due_calls() -> None:
    """Open the calls of unanswered appointments that are due, in every region (AP-04)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with database.transaction() as session:
            await open_calls(session, region_id)


async def open_calls(session: AsyncSession, region_id: int) -> None:
    """Open the due calls of one region."""
    now = clock.now()
    for appointment, kind in await queries.due_calls(session, region_id, now, MOST_PER_RUN):
        await _open(session, region_id, appointment.visit_id, kind)


async def _open(session: AsyncSession, region_id: int, visit_id: UUID, kind: str) -> None:
    args = {"visit_id": str(visit_id), "kind": kind, "due_at": clock.now().isoformat()}
    envelope = Envelope(new_id(), "call_task.open", args)
    await commands.run(session, actor.system(region_id), envelope, clock.now())


VISITS_AT_ONCE = 50


@jobs.job(FOLLOW)
async def follow_ladder(region_id: int) -> None:
    """Set the steps of a region's visits ahead anew, some visits a transaction."""
    database, after = jobs.machine().database, None
    while True:
        now = clock.now()
        async with database.transaction() as session:
            ids = await queries.visits_ahead(session, region_id, now, after, VISITS_AT_ONCE)
            if ids:
                args = {"visit_ids": [str(id_) for id_ in ids]}
                envelope = Envelope(new_id(), "ladder.follow", args)
                await commands.run(session, actor.system(region_id), envelope, now)
        if len(ids) < VISITS_AT_ONCE:
            return
        after = ids[-1]
