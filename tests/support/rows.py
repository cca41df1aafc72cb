"""Rows as they stand, for what no route shows."""

from typing import Any

from sqlalchemy import select

from fieldops.kernel.db import Database


async def every(database: Database, model: Any, *conditions: Any, **values: Any) -> list[Any]:
    """All rows of region 1 that fit, by id."""
    async with database.transaction() as session:
        statement = select(model).where(model.region_id == 1, *conditions).filter_by(**values)
        return list(await session.scalars(statement.order_by(model.id)))


async def one(database: Database, model: Any, **values: Any) -> Any:
    """The only row that fits."""
    (found,) = await every(database, model, **values)
    return found
