"""What is swept of files, and what never is: anything a command has promised.

Uploads that ran out of time, parts whose upload is gone, whole contents that no command named
for a month. And the other way round: rows and contents are compared, so that a content the
store has lost is asked for again instead of being taken for evidence, and one whose row was
lost (a restore) becomes evidence again.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import structlog
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import queries, rules
from fieldops.files.errors import UploadBusy
from fieldops.files.models import File
from fieldops.files.queries import receipts
from fieldops.files.store import Store, measure
from fieldops.files.uploading import Uploading
from fieldops.kernel import clock, configuration
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded

log = structlog.get_logger()

YOUNG = timedelta(hours=1)  # parts and contents that may be somebody's work of this moment
MOST = 500  # of each kind in one run; the next run goes on


def prefixes() -> Iterator[str]:
    """Return the first two hex digits of all hashes: the steps of a whole comparison."""
    return (f"{number:02x}" for number in range(256))


async def sweep_uploads(uploading: Uploading, region_id: int, *, limit: int = MOST) -> int:
    """Finish uploads whose end was cut off, drop expired ones and parts without a row.

    Returns how many uploads left the table.
    """
    async with uploading.database.transaction() as session:
        due = await queries.uploads_to_sweep(session, region_id, clock.now(), limit)
    removed = 0
    for row in due:
        try:
            whole = row.position == row.length and row.dropped_at is None
            if whole and row.completed_at is None:
                await uploading.finish(row)
            if row.expires_at <= clock.now():
                await _remove(uploading, region_id, row.id)
                removed += 1
        except UploadBusy:
            continue
        except Coded as refusal:  # its content was refused, and the upload is gone with that
            log.info("upload refused at its end", upload_id=str(row.id), code=refusal.code)
    await _drop_lost_parts(uploading, region_id, limit)
    return removed


async def _remove(uploading: Uploading, region_id: int, upload_id: UUID) -> None:
    await to_thread.run_sync(uploading.store(region_id).drop, upload_id)
    async with uploading.database.transaction() as session:
        row = await queries.lock_upload(session, region_id, upload_id)
        if row is not None:
            await session.delete(row)


async def _drop_lost_parts(uploading: Uploading, region_id: int, limit: int) -> None:
    store = uploading.store(region_id)
    before = (clock.now() - YOUNG).timestamp()
    await to_thread.run_sync(store.tidy, before)
    old = (await to_thread.run_sync(store.old_parts, before))[:limit]
    async with uploading.database.transaction() as session:
        known = await queries.known_uploads(session, region_id, old)
    for upload_id in set(old) - known:
        await to_thread.run_sync(store.drop, upload_id)


async def sweep_contents(uploading: Uploading, region_id: int, *, limit: int = MOST) -> int:
    """Delete contents that no command has promised for long; returns how many.

    The promise and the deletion lock the same row, so that a promise of this moment finds the
    content here, or finds that it is gone and asks for it.
    """
    store = uploading.store(region_id)
    async with uploading.database.transaction() as session:
        kept = await configuration.duration(session, region_id, rules.UNLINKED_KEPT)
        found = await queries.unlinked(session, region_id, clock.now() - kept, limit)
    removed = 0
    for sha256 in found:
        async with uploading.database.transaction() as session:
            file = await queries.lock_file(session, region_id, sha256)
            if await queries.is_linked(session, region_id, sha256):
                continue
            await to_thread.run_sync(store.remove, sha256)
            await session.delete(file)
            removed += 1
    return removed


async def mark_overdue(database: Database, region_id: int, *, limit: int = MOST) -> int:
    """Note the promises that are overdue by now, so that their phones say so; returns how many.

    The time is the region's number `file_missing_after` (SYNC section 7).
    """
    async with database.transaction() as session:
        waited = await configuration.duration(session, region_id, rules.MISSING_AFTER)
        now = clock.now()
        late = await receipts.lock_newly_overdue(session, region_id, now - waited, limit)
        for link in late:
            link.overdue_since = now
    return len(late)


async def compare(uploading: Uploading, region_id: int, prefix: str) -> tuple[int, int]:
    """Compare rows and contents whose hash begins with two hex digits.

    Returns how many contents were lost, and how many were found again.
    """
    store = uploading.store(region_id)
    here = await to_thread.run_sync(store.contents, prefix)
    async with uploading.database.transaction() as session:
        said = await queries.stored_with(session, region_id, prefix)
    lost = [await _lost(uploading, store, region_id, s) for s in sorted(said - here.keys())]
    before = (clock.now() - YOUNG).timestamp()
    old = sorted(s for s in here.keys() - said if here[s] < before and rules.is_sha256(s))
    found = [await _found(uploading, store, region_id, s) for s in old]
    return sum(lost), sum(found)


async def _lost(uploading: Uploading, store: Store, region_id: int, sha256: str) -> bool:
    """Note that a content is not here: its promises are open again and shown as missing."""
    async with uploading.database.transaction() as session:
        file = await queries.lock_file(session, region_id, sha256)
        if file.stored_at is None or await to_thread.run_sync(store.holds, sha256):
            return False
        file.stored_at = file.bytes = file.mime = None
        for link in await queries.lock_arrived_links(session, region_id, sha256):
            link.arrived = False
    log.error("content lost from the store", region_id=region_id, sha256=sha256)
    return True


async def _found(uploading: Uploading, store: Store, region_id: int, sha256: str) -> bool:
    """Take a content without its row for what it is; what is not what its name says goes."""
    found = await to_thread.run_sync(lambda: measure(store.read(sha256)))
    async with uploading.database.transaction() as session:
        file = await queries.lock_file(session, region_id, sha256)
        if file.stored_at is not None:
            return False
        if found.sha256 != sha256 or found.mime is None:
            await to_thread.run_sync(store.remove, sha256)
            return False
        file.stored_at, file.bytes, file.mime = clock.now(), found.bytes, found.mime
        await _fulfil(session, file)
    return True


async def _fulfil(session: AsyncSession, file: File) -> None:
    for link in await queries.lock_open_links(session, file.region_id, file.sha256):
        link.arrived = True
