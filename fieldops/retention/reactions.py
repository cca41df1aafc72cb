"""What retention does when a customer is erased (CU-07)."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.erasure import Reach, on_erasure
from fieldops.retention import queries


@on_erasure
async def end_what_is_open(session: AsyncSession, reach: Reach) -> None:
    """Close the erased customer's open tasks: nobody can be spoken to any more."""
    await queries.end_tasks(session, reach)
