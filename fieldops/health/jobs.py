"""The timetable of health: each night lines that get worse are looked for (HR-04)."""

import structlog

from fieldops.health.commands import declining
from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id

log = structlog.get_logger()


@jobs.every("40 1 * * *", "health.look_for_decline")
async def look_for_decline() -> None:
    """Raise the findings of the lines that get worse, region by region (HR-04)."""
    database = jobs.machine().database
    name = commands.spec_of(declining.look_for_decline).name
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        try:
            async with database.transaction() as session:
                envelope = Envelope(new_id(), name, {})
                await commands.run(session, actor.system(region_id), envelope, clock.now())
        except Coded as refusal:
            # Somebody in an office is looking at this moment; the other regions go on.
            log.warning("lines not looked at", region_id=region_id, code=refusal.code)
