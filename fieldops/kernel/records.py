"""The record that a statement names: read, or locked for a change; NotFound where there is none."""

from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.errors import NotFound

T = TypeVar("T")


async def find_one(session: AsyncSession, statement: Select[T], thing: str) -> T:
    """Return the one row of a statement; raises NotFound, which calls it `thing`."""
    found: T | None = await session.scalar(statement)
    if found is None:
        raise NotFound(thing=thing)
    return found


async def lock_one(session: AsyncSession, statement: Select[T], thing: str) -> T:
    """Return the one row of a statement as `locked` does; raises NotFound as `find_one` does."""
    return await find_one(session, locked(statement), thing)


def locked(statement: Select[T]) -> Select[T]:
    """Return a statement that locks the rows it selects until COMMIT, as they are by then.

    Rows that are only joined stay free. What the session has read of the rows before is read anew:
    somebody else may have changed them while the lock was waited for.
    """
    (selected,) = statement.column_descriptions
    return statement.with_for_update(of=selected["entity"]).execution_options(
        populate_existing=True
    )
