"""Rows of the demo city by COPY, in the session's transaction: ten times as fast as inserts."""

from collections.abc import Iterable
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.demo.city import city_id
from fieldops.kernel import clock

REGION = 1

Row = dict[str, Any]


def row(key: str, **values: Any) -> Row:
    """Return an operational row of the city's region, with the id that belongs to its key."""
    return {"region_id": REGION, "id": city_id(key), **values}


async def copy_rows(session: AsyncSession, model: Any, rows: Iterable[Row]) -> int:
    """Write rows of a model, all with the same columns; return how many.

    A column that is not given has the model's own default, where that is one value.
    """
    now = clock.now()
    plain = {
        column.name: column.default.arg
        for column in model.__table__.columns
        if column.default is not None and column.default.is_scalar
    }
    given = plain | {"version": 1, "created_at": now, "updated_at": now}
    made = [given | row for row in rows]
    if not made:
        return 0
    columns = sql.SQL(", ").join(map(sql.Identifier, made[0]))
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(model.__tablename__), columns
    )
    raw: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    async with raw.cursor() as cursor, cursor.copy(statement) as copy:
        for row in made:
            await copy.write_row([_plain(value) for value in row.values()])
    # The planner would take the tables for empty until autovacuum came by.
    await raw.execute(sql.SQL("analyze {}").format(sql.Identifier(model.__tablename__)))
    return len(made)


def _plain(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value
