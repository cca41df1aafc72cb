"""The installation's database, for one command of the command line."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.db import Database, connect
from fieldops.kernel.settings import get_settings

T = TypeVar("T")


@asynccontextmanager
async def installation() -> AsyncIterator[Database]:
    """Open the installation's database, with every module registered."""
    import fieldops.modules  # noqa: F401, PLC0415 - registers every command and reaction

    database = connect(get_settings())
    try:
        yield database
    finally:
        await database.close()


async def in_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Do work in one transaction on the installation's database."""
    async with installation() as database, database.transaction() as session:
        return await work(session)
