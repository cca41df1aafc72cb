"""The ladder by the clock: calls that are due because no answer came."""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries
from fieldops.appointments.commands.steps import FOLLOW
from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits

log = structlog.get_logger()

MOST_PER_RUN = 200


@jobs.every("* * * * * 30", "appointments.open_due_calls")
async def open_due_calls() -> None:
    """Open the calls of unanswered appointments that are due, in every region (AP-04)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        await open_calls(database, region_id)


async def open_calls(database: Database, region_id: int) -> None:
    """Open the due calls of one region, each in a transaction of its own."""
    async with database.transaction() as session:
        due = await queries.due_calls(session, region_id, clock.now(), MOST_PER_RUN)
    for visit_id in due:
        try:
            async with database.transaction() as session:
                await _open(session, region_id, visit_id)
        except Coded as refusal:
            # One call that cannot be opened must not keep the others waiting.
            log.warning("call not opened", visit_id=str(visit_id), code=refusal.code)


async def _open(session: AsyncSession, region_id: int, visit_id: UUID) -> None:
    """Open the call about a visit, if it is due still once the visit is locked.

    The visit comes first, as in every command: an answer that is being taken is waited for.
    """
    now, machine = clock.now(), actor.system(region_id)
    await visits.lock_visit(session, machine.scope(Permission.APPOINTMENT_BOOK), visit_id)
    kind = await queries.call_due(session, region_id, now, visit_id)
    if kind is None:
        return
    args = {"visit_id": str(visit_id), "kind": kind, "due_at": now.isoformat()}
    await commands.run(session, machine, Envelope(new_id(), "call_task.open", args), now)


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
