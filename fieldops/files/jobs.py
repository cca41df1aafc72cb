"""The sweeps of files: hourly what uploads left, nightly what rows and contents say."""

from fieldops.files import sweeping
from fieldops.files.uploading import Uploading
from fieldops.kernel import jobs
from fieldops.organisation import queries as organisation


async def _regions() -> list[int]:
    async with jobs.machine().database.transaction() as session:
        return list(await organisation.region_numbers(session))


@jobs.every("11 * * * *", "files.sweep_uploads")
async def sweep_uploads() -> None:
    """Drop expired uploads of every region and finish those whose end was cut off."""
    machine = jobs.machine()
    for region_id in await _regions():
        await sweeping.sweep_uploads(Uploading(machine.database, machine.settings), region_id)


@jobs.every("*/15 * * * *", "files.mark_overdue")
async def mark_overdue() -> None:
    """Note the photos that were promised too long ago, for phones to show (SYNC 7)."""
    for region_id in await _regions():
        await sweeping.mark_overdue(jobs.machine().database, region_id)


@jobs.every("41 2 * * *", "files.sweep_contents")
async def sweep_contents() -> None:
    """Delete contents that nobody promised, and compare rows with contents."""
    machine = jobs.machine()
    for region_id in await _regions():
        uploading = Uploading(machine.database, machine.settings)
        await sweeping.sweep_contents(uploading, region_id)
        for prefix in sweeping.prefixes():
            await sweeping.compare(uploading, region_id, prefix)
