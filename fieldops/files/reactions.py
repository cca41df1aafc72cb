"""What happens to evidence when a customer is erased: handwriting goes, photos of the work stay."""

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.files import queries
from fieldops.files.models import FileLink
from fieldops.files.store import store_of
from fieldops.kernel import erasure
from fieldops.kernel.db import touch
from fieldops.kernel.settings import Settings

CONTENTS = "contents"


@erasure.on_erasure
async def forget_handwriting(session: AsyncSession, reach: erasure.Reach) -> None:
    """Delete the customer's signatures and written notices; their hashes stay (CU-07)."""
    gone = await queries.forget_handwriting(session, reach.region_id, reach.of(FileLink))
    for link in gone:
        touch(session, reach.region_id, link.centre_id)
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
