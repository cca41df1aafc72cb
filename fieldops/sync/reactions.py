"""What sync does when a person is erased: the desk forgets, the devices are told."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import erasure
from fieldops.sync import erasures


@erasure.on_erasure
async def forget_and_tell(session: AsyncSession, reach: erasure.Reach) -> None:
    """Overwrite words at the desk; tell devices once, at the erasure itself (I12)."""
    await erasures.forget_words_at_desk(session, reach)
    if not reach.again:
        await erasures.tell_devices(session, reach)
