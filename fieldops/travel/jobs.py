"""The tables of road times made anew every night, in every region."""

from fieldops.kernel import jobs
from fieldops.organisation import queries as organisation
from fieldops.travel import building


@jobs.every("23 2 * * *", "travel.refresh_tables")
async def refresh_tables() -> None:
    """Ask the routing server or the road graph again, for new premises and new roads."""
    machine = jobs.machine()
    async with machine.database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        await building.refresh(machine.database, machine.settings, region_id)
