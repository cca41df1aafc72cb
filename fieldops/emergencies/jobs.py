"""The timetable of emergency plans: what runs out is ended."""

import structlog

from fieldops.emergencies import queries
from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id

log = structlog.get_logger()


@jobs.every("* * * * *", "emergencies.end_overdue")
async def end_overdue() -> None:
    """End what was in force until a time that has come, so that priorities follow (EM-01)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        overdue = {
            region_id: await queries.overdue(session, region_id, clock.now())
            for region_id in await jobs.regions(session)
        }
    for region_id, ids in overdue.items():
        for activation_id in ids:
            args = {"activation_id": str(activation_id), "reason": "Its time is over."}
            envelope = Envelope(new_id(), "emergency.end", args)
            try:
                async with database.transaction() as session:
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:
                # Somebody has ended it meanwhile; the others go on.
                log.warning("not ended", activation_id=str(activation_id), code=refusal.code)
