"""Rows of a session's own transaction, read past the ORM's statements.

A statement of the ORM costs ten times what psycopg needs for it. So what every push reads is
compiled once and run on the session's connection; the rows become objects of the session all the
same, so that handlers change them and the unit of work writes them as any other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Numeric, Select, func, literal
from sqlalchemy import inspect as mapper_of
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, configure_mappers, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeEngine

from fieldops.kernel.base import Regional
from fieldops.kernel.direct import DIALECT, OwnLine, Statement, compiled, open_line

_FLOAT8, _NUMERIC = 701, 1700
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """A compiled statement for rows of one table: all its columns, by attribute.

    `anew` replaces what the session holds of a row already: for rows that are locked.
    """

    model: type[Regional]
    manager: Any  # makes an object of the model without calling its constructor
    statement: Statement
    names: tuple[str, ...]
    places: tuple[int, int]  # of region_id and id
    processors: tuple[tuple[int, Callable[[Any], Any]], ...]
    anew: bool


def reading(model: type[Regional], select: Select[Any], *more: Any, anew: bool = False) -> Reading:
    """Compile a statement that selects a model; its bound values are given when it is run.

    `more` are columns that `objects_with` returns beside the row.
    """
    configure_mappers()
    mapper: Mapper[Any] = mapper_of(model)
    columns = list(mapper.columns)
    names = tuple(mapper.get_property_by_column(column).key for column in columns)
    found = [
        column.type.dialect_impl(DIALECT).result_processor(DIALECT, _type_code(column.type))
        for column in columns
    ]
    return Reading(
        model,
        mapper.class_manager,
        compiled(select.with_only_columns(*columns, *more)),
        names,
        (names.index("region_id"), names.index("id")),
        tuple((place, process) for place, process in enumerate(found) if process is not None),
        anew,
    )


def _type_code(type_: TypeEngine[Any]) -> int | None:
    """Return PostgreSQL's code of a number's type, which says how it is read; else None."""
    return _FLOAT8 if isinstance(type_, Float) else _NUMERIC if isinstance(type_, Numeric) else None


async def own_line(session: AsyncSession) -> OwnLine:
    """Return the line on a session's own connection; what is pending stays pending.

    Nothing that writes may be run on it between commands of a push: it would not be noticed.
    """
    line: OwnLine | None = session.info.get("line")
    if line is None:
        line = session.info["line"] = await open_line(session)
    return line


async def tuples(session: AsyncSession, statement: Statement, given: Given) -> Sequence[Any]:
    """Run a compiled statement in a session's transaction; nothing is flushed before."""
    return await (await own_line(session)).tuples(statement, given)


async def all_tuples(
    session: AsyncSession, asked: Sequence[tuple[Statement, Given]]
) -> list[Sequence[Any]]:
    """Run statements as `tuples` does, in order and in one pipeline."""
    return [rows for _, rows in await (await own_line(session)).together(asked)]


def objects(session: AsyncSession, asked: Reading, found: Sequence[Any]) -> list[Any]:
    """Return what a reading's statement has found as objects of the session."""
    return [_object(session, asked, values) for values in found]


def one_plan() -> ColumnElement[str]:
    """Return what lets the rest of a transaction have one plan for all values of a statement."""
    return func.set_config("plan_cache_mode", "force_generic_plan", literal(True))


async def write_pending(session: AsyncSession) -> None:
    """Write what waits to be written, as every read of the ORM does first."""
    if session.new or session.dirty or session.deleted:
        await session.flush()


async def read(session: AsyncSession, asked: Reading, given: Given) -> list[Any]:
    """Return the rows of a statement as objects of the session; nothing is flushed before.

    A row that the session holds stays as it is there, changes included, unless it is read anew.
    """
    return objects(session, asked, await tuples(session, asked.statement, given))


def objects_with(
    session: AsyncSession, asked: Reading, found: Sequence[Any]
) -> list[tuple[Any, Sequence[Any]]]:
    """Return what a reading's statement has found, each object with what was asked for besides."""
    width = len(asked.names)
    return [(_object(session, asked, values[:width]), values[width:]) for values in found]


def _object(session: AsyncSession, asked: Reading, values: Sequence[Any]) -> Any:
    region, id_ = asked.places
    held = session.identity_map.get((asked.model, (values[region], values[id_]), None))
    if held is not None and not asked.anew:
        return held
    if asked.processors:
        made = list(values)
        for place, process in asked.processors:
            made[place] = process(made[place])
        values = made
    if held is not None:
        for name, value in zip(asked.names, values, strict=True):
            set_committed_value(held, name, value)
        return held
    row = asked.manager.new_instance()
    row.__dict__.update(zip(asked.names, values, strict=True))
    make_transient_to_detached(row)
    session.add(row)
    return row
