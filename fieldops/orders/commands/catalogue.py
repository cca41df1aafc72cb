"""The list of reasons a new installation starts with."""

from uuid import uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.ids import NIL
from fieldops.orders import queries, rules
from fieldops.orders.models import Reason


async def lay_out_reasons(session: AsyncSession) -> int:
    """Add the reasons that are missing from the list; return how many were added.

    What an administrator changed stays. Their ids follow from process and code.
    """
    known = {(row.process, row.code) for row in await queries.reasons(session)}
    missing = [entry for entry in rules.REASONS if (entry[1], entry[0]) not in known]
    session.add_all(
        Reason(
            id=uuid5(NIL, f"orders_reason/{process}/{code}"),
            code=code,
            process=process.value,
            cause=cause.value,
            text_en=english,
            text_zh=chinese,
        )
        for code, process, cause, english, chinese in missing
    )
    await session.flush()
    return len(missing)
