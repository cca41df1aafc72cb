"""The timetable of the network record: claims that nobody used are given up."""

from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.ids import new_id
from fieldops.network.commands import let_lapse


@jobs.every("*/5 * * * *", "network.let_claims_lapse")
async def let_claims_lapse() -> None:
    """Free what was claimed and not used in time, region by region (RE-02)."""
    database = jobs.machine().database
    name = commands.spec_of(let_lapse).name
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            envelope = Envelope(new_id(), name, {})
            await commands.run(session, actor.system(region_id), envelope, clock.now())
