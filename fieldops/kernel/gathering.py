"""What a transaction has read under its locks, so that no command of it reads it again.

Rows that hang on a locked row (the technicians of a locked visit) can be changed by nobody else
until COMMIT: they are read once and then looked up, new ones of this transaction included. One
command gathers for itself; a push taken as a whole gathers for all its commands, and what one of
them has to lock or read is locked and read for all of them in one statement, in id order.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, any_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from fieldops.kernel.base import Regional
from fieldops.kernel.direct import given
from fieldops.kernel.rows import Reading, read, reading

R = TypeVar("R", bound=Regional)
Named = Mapping[str, frozenset[UUID]]


@dataclass(slots=True)
class Gathered:
    """What was read and locked so far.

    `named` holds the ids that the commands name, by argument; `locked` the locked rows by table;
    `facts` what else was found out about locked rows, under keys of those who ask.
    """

    named: Named = field(default_factory=dict)
    locked: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    rows: dict[tuple[type[Regional], UUID], Any] = field(default_factory=dict)
    hanging: dict[InstrumentedAttribute[Any], dict[UUID, list[Any]]] = field(default_factory=dict)
    added: dict[type[Any], list[Any]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[Any, Any] = field(default_factory=dict)

    def together(self, argument: str, id_: UUID) -> list[UUID]:
        """Return an id and the others that the commands name by the same argument, in order."""
        return sorted({id_, *self.named.get(argument, ())})

    def lock(self, rows: Iterable[Regional]) -> None:
        """Note rows that this transaction has locked."""
        for row in rows:
            self.locked[row.__tablename__].add(row.id)
            self.rows[type(row), row.id] = row

    def all_held(self, model: type[R]) -> list[R]:
        """Return the rows of a table that this transaction has locked."""
        return [self.rows[model, id_] for id_ in self.locked[model.__tablename__]]

    def forget_row(self, row: Regional) -> None:
        """Forget a row that was deleted."""
        for kept in [rows for by in self.hanging.values() for rows in by.values()]:
            kept[:] = [other for other in kept if other is not row]
        self.rows.pop((type(row), row.id), None)
        self.added[type(row)] = [other for other in self.added[type(row)] if other is not row]

    def forget(self) -> None:
        """Forget all that was read and locked: a savepoint may have let go of it."""
        for kept in (self.locked, self.rows, self.hanging, self.added, self.facts):
            kept.clear()

    def held(self, model: type[R], id_: UUID) -> R | None:
        """Return a row that this transaction has locked already."""
        found = self.rows.get((model, id_))
        return found if id_ in self.locked[model.__tablename__] else None


def gathered(session: AsyncSession) -> Gathered:
    """Return what the running command or push has gathered; outside of them nothing is kept."""
    found: Gathered | None = session.info.get("gathered")
    return Gathered() if found is None else found


def named_in(arguments: Iterable[Mapping[str, Any]]) -> Named:
    """Return the ids that commands name, by argument; what is no id is left out."""
    named: dict[str, set[UUID]] = defaultdict(set)
    for args in arguments:
        for name, value in args.items():
            if name.endswith("_id") and isinstance(value, str | UUID):
                try:
                    named[name].add(value if isinstance(value, UUID) else UUID(value))
                except ValueError:
                    continue
    return {name: frozenset(ids) for name, ids in named.items()}


@lru_cache(maxsize=256)
def _of(column: InstrumentedAttribute[Any], *, lock: bool) -> Reading:
    """Return the statement for the rows of a region whose column is one of some ids, by id."""
    model: Any = column.class_
    mine = model.region_id == given("region_id", Integer())
    rows = select(model).where(mine, column == any_(given("keys", ARRAY(Uuid()))))
    rows = rows.order_by(model.id)
    return reading(model, rows.with_for_update() if lock else rows)


async def _load(
    session: AsyncSession,
    column: InstrumentedAttribute[Any],
    region_id: int,
    keys: Iterable[UUID],
    *,
    lock: bool = False,
) -> list[Any]:
    """Read rows by a column; what this transaction has changed in them stays as it is."""
    of = {"region_id": region_id, "keys": list(keys)}
    return await read(session, _of(column, lock=lock), of)


async def hanging_on(
    session: AsyncSession,
    column: InstrumentedAttribute[Any],
    region_id: int,
    keys: Collection[UUID],
    *,
    lock: bool = False,
) -> list[Any]:
    """Return the rows that refer by a link column to one of some rows, by id.

    Rows that this transaction has added are among them. They are read once where the row they
    hang on is locked, else every time. `lock` locks them too, for tables that others change
    without the lock of what they hang on; a table is always asked for with or without it.
    """
    known = gathered(session)
    model: Any = column.class_
    held = known.locked.get(_parent_of(column), ())
    kept = known.hanging.setdefault(column, {})
    missing = {key for key in keys if key not in kept}
    if missing:
        wanted = missing | {key for key in held if key not in kept}
        for key in wanted:
            kept[key] = []
        for row in await _load(session, column, region_id, sorted(wanted), lock=lock):
            kept[getattr(row, column.key)].append(row)
    rows = [row for key in set(keys) for row in kept[key]]
    for key in missing.difference(held):
        del kept[key]
    added = [row for row in known.added[model] if getattr(row, column.key) in keys]
    if added:
        rows += [row for row in added if all(row is not other for other in rows)]
    if gone := session.sync_session.deleted:
        rows = [row for row in rows if row not in gone]
    return rows if len(rows) < _MANY else sorted(rows, key=attrgetter("id"))


_MANY = 2


@lru_cache(maxsize=256)
def _parent_of(column: InstrumentedAttribute[Any]) -> str:
    """Return the table that a link column refers to."""
    table: str = column.expression.info["link"]
    return table


async def row_of(
    session: AsyncSession,
    model: type[R],
    region_id: int,
    id_: UUID,
    *,
    argument: str = "",
    lock: bool = False,
) -> R | None:
    """Return a row by its id, read together with those that the commands name by an argument.

    `lock` locks them, in id order.
    """
    known = gathered(session)
    held = known.locked[model.__tablename__]
    found: R | None = known.rows.get((model, id_))
    if found is None or (lock and id_ not in held):
        id_column: Any = model.id
        wanted = [i for i in known.together(argument, id_) if lock or (model, i) not in known.rows]
        for row in await _load(session, id_column, region_id, wanted, lock=lock):
            known.rows[model, row.id] = row
            if lock:
                held.add(row.id)
        found = known.rows.get((model, id_))
    return found
