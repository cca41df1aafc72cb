"""What happens to evidence when a customer is erased: handwriting goes, photos of the work stay."""

from collections.abc import Collection
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import queries
from fieldops.files.models import FileLink
from fieldops.files.store import store_of
from fieldops.kernel import erasure
from fieldops.kernel.changes import touch
from fieldops.kernel.settings import Settings

CONTENTS = "contents"


@erasure.on_erasure
async def forget_handwriting(session: AsyncSession, reach: erasure.Reach) -> None:
    """Delete the customer's signatures and written notices; their hashes stay (CU-07)."""
    await _forget(session, reach, reach.of(FileLink))


async def forget_handwriting_at_desk(
    session: AsyncSession, reach: erasure.Reach, command_ids: Collection[UUID]
) -> None:
    """Delete the signatures that commands of the late-work desk have promised (CU-07)."""
    links = await queries.links_of_commands(session, reach.region_id, command_ids)
    await _forget(session, reach, links)


async def _forget(session: AsyncSession, reach: erasure.Reach, links: Collection[UUID]) -> None:
    gone = await queries.forget_handwriting(session, reach.region_id, links)
    for link in gone:
        touch(session, reach.region_id, link.centre_id, FileLink, link.id)
    contents = await queries.forget_contents(
        session, reach.region_id, {link.sha256 for link in gone}
    )
    if contents:
        reach.leaving[CONTENTS] += sorted(contents)


@erasure.removes(CONTENTS)
async def remove_contents(settings: Settings, region_id: int, names: list[str]) -> None:
    """Remove contents from the store; one that is not there any more is no error."""
    store = store_of(settings, region_id)
    for sha256 in names:
        await to_thread.run_sync(store.remove, sha256)
