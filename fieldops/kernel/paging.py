"""Pages of a list in an order of the reader's choice, each beginning after a row of the last."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.errors import NotFound

S = TypeVar("S", bound=Select[Any])


async def sorted_after(
    session: AsyncSession, statement: S, key: Any, column: Any, after: UUID | None, *, falling: bool
) -> S:
    """Return a list's statement ordered by a column and then by its id, after one of its rows.

    Rows without a value come last, whichever way. Raises NotFound when the row to go on after is
    not in the list.
    """
    ordered = statement.order_by(None).order_by(
        (column.desc() if falling else column.asc()).nulls_last(), key
    )
    if after is None:
        return ordered
    alone = statement.order_by(None).with_only_columns(column).where(key == after)
    found = (await session.execute(alone)).first()
    if found is None:
        raise NotFound(thing="row to go on after")
    (last,) = found
    if last is None:
        return ordered.where(column.is_(None), key > after)
    beyond = column < last if falling else column > last
    return ordered.where(or_(beyond, and_(column == last, key > after), column.is_(None)))
