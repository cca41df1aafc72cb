"""The sweep of uploads that were never finished."""

from fieldops.files.uploading import Uploading
from fieldops.kernel import jobs
from fieldops.organisation import queries as organisation


@jobs.every("11 * * * *", "files.sweep_uploads")
async def sweep_uploads() -> None:
    """Drop expired uploads of every region and finish those whose end was cut off."""
    machine = jobs.machine()
    async with machine.database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        await Uploading(machine.database, machine.settings).sweep(region_id)
