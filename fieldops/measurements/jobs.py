"""The timetable of measurements: line tests before visits in areas of poor lines (RE-04)."""

from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.ids import new_id
from fieldops.measurements.commands.checks import plan_line_checks as planning


@jobs.every("*/15 * * * *", "measurements.plan_line_checks")
async def plan_line_checks() -> None:
    """Plan, move and drop the line tests before visits, region by region (RE-04)."""
    database = jobs.machine().database
    name = commands.spec_of(planning).name
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            envelope = Envelope(new_id(), name, {})
            await commands.run(session, actor.system(region_id), envelope, clock.now())
