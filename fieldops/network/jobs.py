"""The timetable of the network record: claims that nobody used are given up."""

from fieldops.kernel import jobs
from fieldops.network.commands import let_lapse


@jobs.every("*/5 * * * *", "network.let_claims_lapse")
async def let_claims_lapse() -> None:
    """Free what was claimed and not used in time, region by region (RE-02)."""
    await jobs.in_each_region(let_lapse)
