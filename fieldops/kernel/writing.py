"""What a unit of work holds, written as one set for each table instead of row by row.

The ORM's flush costs half of what a push costs. A push that was taken as a whole has accounted
for all its changes (kernel/db.py); they are plain values, so that each table's rows are given to
PostgreSQL as one JSON text, and all statements go in one pipeline. What is not that plain (a
deletion, a range, a JSON null) is flushed by the ORM: both write the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Float,
    Integer,
    Numeric,
    String,
    Table,
    Time,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy import inspect as mapper_of
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.types import TypeEngine

from fieldops.kernel.audit import Audit
from fieldops.kernel.base import Base, Versioned, metadata
from fieldops.kernel.db import UnitOfWork, to_text, unit_of
from fieldops.kernel.direct import DIALECT, Statement, compiled
from fieldops.kernel.rows import own_line

_PLAIN = (Boolean, Date, DateTime, Float, Integer, Numeric, String, Time, Uuid)
_KEYS = ("region_id", "id", "was")


@dataclass(frozen=True, slots=True)
class Write:
    """A statement, its values, and how many rows it must change (None: whatever it does)."""

    statement: Statement
    given: Mapping[str, Any]
    rows: int | None = None


class _NotPlainError(Exception):
    """A value that JSON does not give to PostgreSQL as the ORM would."""


async def write_all(session: AsyncSession, more: Sequence[Write] = ()) -> list[Sequence[Any]]:
    """Write what a session holds, and then `more`; the session holds nothing afterwards.

    Returns what each of `more` has found. Raises StaleDataError for a row that somebody else
    has changed.
    """
    writes = pending(unit_of(session))
    if writes is None:
        await session.flush()
        writes = []
    session.expunge_all()
    found = await run(session, [*writes, *more])
    return found[len(writes) :]


async def run(session: AsyncSession, writes: Sequence[Write]) -> list[Sequence[Any]]:
    """Run statements in order, in one pipeline, and return what each has found.

    Raises StaleDataError where rows to change are missing.
    """
    if not writes:
        return []
    line = await own_line(session)
    done = await line.together([(write.statement, write.given) for write in writes])
    for write, (count, _) in zip(writes, done, strict=True):
        if write.rows is not None and count != write.rows:
            raise StaleDataError(f"{write.rows} rows expected, {count} changed")
    return [rows for _, rows in done]


def adding(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> Write:
    """Return the write of new rows; one has a value for every column that is not null.

    Bytes are given as PostgreSQL's hex text.
    """
    return Write(_insert(_table(model)), {"rows": to_text(rows)}, len(rows))


def pending(unit: UnitOfWork) -> list[Write] | None:
    """Return the writes of all that a unit of work holds; None when they are not plain."""
    if unit.deleted:
        return None
    unit.account()
    try:
        writes = list(_of_tables(unit))
    except _NotPlainError:
        return None
    audits = unit.take_audits()
    return [*writes, adding(Audit, audits)] if audits else writes


def _of_tables(unit: UnitOfWork) -> Iterator[Write]:
    """Yield the writes table by table, a table after those it refers to, changes first."""
    new: dict[type[Any], list[Any]] = defaultdict(list)
    for row in unit.new:
        new[type(row)].append(row)
    changed: dict[type[Any], dict[tuple[str, ...], list[Any]]] = {}
    for row in unit.dirty:
        if names := _changed(row):
            changed.setdefault(type(row), {}).setdefault(names, []).append(row)
    place = _order()
    model: Any
    for model in sorted({*new, *changed}, key=lambda model: place[model.__tablename__]):
        for names, rows in changed.get(model, {}).items():
            yield _changing(model, names, rows)
        if model in new:
            makes = _columns(model)
            yield adding(model, [{c.name: c.of_new(row) for c in makes} for row in new[model]])


def _changed(row: Any) -> tuple[str, ...]:
    """Return the attributes of a row that differ from what the database holds, in order."""
    state: Any = instance_state(row)
    values, before, manager = row.__dict__, state.committed_state, state.manager
    return tuple(
        sorted(
            name
            for name, old in before.items()
            if name in values and manager[name].impl.is_equal(values[name], old) is not True
        )
    )


def _changing(model: type[Any], names: tuple[str, ...], rows: Iterable[Any]) -> Write:
    if not issubclass(model, Versioned) or {"version", "region_id", "id"} & {*names} != {"version"}:
        raise _NotPlainError
    columns = [c for c in _columns(model) if c.key in names or c.touched is not None]
    given = [
        {
            "region_id": row.region_id,
            "id": row.id,
            "was": instance_state(row).committed_state["version"],
            **{c.name: c.of_changed(row, names) for c in columns},
        }
        for row in rows
    ]
    most = 1 << (len(given) - 1).bit_length()
    statement = _update(_table(model), tuple(c.name for c in columns), most)
    return Write(statement, {"rows": to_text(given)}, len(given))


# --- columns -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Made:
    """How the values of one column are made: its name, attribute, defaults, what fits."""

    name: str
    key: str
    first: Callable[[], Any] | None
    touched: Callable[[], Any] | None
    fits: Callable[[Any], bool]

    def of_new(self, row: Any) -> Any:
        values = row.__dict__
        if self.key not in values:
            return None if self.first is None else self.first()
        return self._checked(values[self.key])

    def of_changed(self, row: Any, names: Sequence[str]) -> Any:
        if self.touched is not None and self.key not in names:
            return self.touched()
        return self._checked(row.__dict__[self.key])

    def _checked(self, value: Any) -> Any:
        if not self.fits(value):
            raise _NotPlainError
        return value


@lru_cache(maxsize=256)
def _columns(model: type[Any]) -> tuple[_Made, ...]:
    mapper: Mapper[Any] = mapper_of(model)
    return tuple(
        _Made(
            column.name,
            mapper.get_property_by_column(column).key,
            _made_by(column.default),
            _made_by(column.onupdate),
            _fitting(column.type),
        )
        for column in _table(model).c
    )


def _made_by(default: Any) -> Callable[[], Any] | None:
    if default is None:
        return None
    if default.is_callable:
        return lambda: default.arg(None)
    if default.is_scalar:
        return lambda: default.arg
    raise TypeError(f"{default} is made by the database")


def _fitting(type_: TypeEngine[Any]) -> Callable[[Any], bool]:
    """Return what tells whether a value of a type reaches the table through JSON as it is."""
    if isinstance(type_, JSON):  # JSON's own null would become the table's
        return _always if type_.none_as_null else _not_none
    if isinstance(type_, ARRAY):
        return _fitting(type_.item_type)
    if _read_by(type_, "given") is not None:  # a geometry, as text
        return _text_or_none
    return _always if isinstance(type_, _PLAIN) else _none


def _always(_value: Any) -> bool:
    return True


def _none(value: Any) -> bool:
    return value is None


def _not_none(value: Any) -> bool:
    return value is not None


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _table(model: type[Any]) -> Table:
    table: Table = model.__table__
    return table


@lru_cache(maxsize=1)
def _order() -> dict[str, int]:
    return {table.name: place for place, table in enumerate(metadata.sorted_tables)}


# --- statements ----------------------------------------------------------------------------


@lru_cache(maxsize=128)
def _insert(table: Table) -> Statement:
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(_value(column) for column in table.c)
    return compiled(
        text(f"insert into {table.name} ({names}) select {values} from {_given(table.c)}")
    )


@lru_cache(maxsize=512)
def _update(table: Table, names: tuple[str, ...], most: int) -> Statement:
    """Return the change of at most so many rows of a table, each by its key.

    The planner takes a JSON text for a hundred rows and would read all of a small table; told
    how many there are at most, it looks each up.
    """
    name = table.name
    sets = ", ".join(f"{column} = {_value(table.c[column])}" for column in names)
    keys = f"{name}.region_id = given.region_id and {name}.id = given.id"
    given = _given([table.c.region_id, table.c.id, *(table.c[n] for n in names)], "was integer")
    return compiled(
        text(
            f"update {name} set {sets} from (select * from {given} limit {most}) as given "
            f"where {keys} and {name}.version = given.was"
        )
    )


def _given(columns: Iterable[Column[Any]], *more: str) -> str:
    """Return the rows as PostgreSQL reads them from the JSON text."""
    typed = (f"{c.name} {'text' if _expression(c) else c.type.compile(DIALECT)}" for c in columns)
    return f"json_to_recordset(cast(:rows as json)) as given({', '.join((*typed, *more))})"


def _value(column: Column[Any]) -> str:
    return _expression(column) or f"given.{column.name}"


def _expression(column: Column[Any]) -> str | None:
    """Return how a given text becomes a value of the column, for geometries."""
    made = _read_by(column.type, f"given.{column.name}")
    return None if made is None else str(made.compile(dialect=DIALECT))


def _read_by(type_: TypeEngine[Any], given: str) -> ColumnElement[Any] | None:
    """Return the function that reads a type from what is given, None when there is none."""
    value: Any = literal_column(given)
    return type_.bind_expression(value)
