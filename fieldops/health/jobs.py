"""The timetable of health: each night lines that get worse are looked for (HR-04)."""

from fieldops.health.commands import declining
from fieldops.kernel import jobs


@jobs.every("40 1 * * *", "health.look_for_decline")
async def look_for_decline() -> None:
    """Raise the findings of the lines that get worse, region by region (HR-04)."""
    await jobs.in_each_region(declining.look_for_decline)
