"""The timetable of measurements: line tests before visits in areas of poor lines (RE-04)."""

from fieldops.kernel import jobs
from fieldops.measurements.commands.checks import plan_line_checks as planning


@jobs.every("*/15 * * * *", "measurements.plan_line_checks")
async def plan_line_checks() -> None:
    """Plan, move and drop the line tests before visits, region by region (RE-04)."""
    await jobs.in_each_region(planning)
