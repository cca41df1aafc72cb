"""Which tables and columns decide what a view holds: read off its statement, not declared.

A view's row has the id of a row of one table, its root. Everything else that the statement reads
in deciding which rows there are (joins, conditions, subqueries) can let any of its rows come or
go. What it reads for the body or the tier alone decides nothing: a device is sent what has
another version. A common table expression that views share (the own visits) is their ground: as
long as its rows are the same, what it reads changes no view.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, Column, Select, TableClause
from sqlalchemy.sql.elements import Over
from sqlalchemy.sql.selectable import AliasedReturnsRows

from fieldops.kernel.base import Base, Catalogue, Regional, metadata
from fieldops.kernel.changes import ANYTHING
from fieldops.kernel.views import View
from fieldops.sync.prepared import built

Reads = Mapping[str, frozenset[str]]  # columns by table

# Every change of a row writes these; the log names what was changed besides.
_ALWAYS = frozenset({"version", "updated_at"})
DECIDING = ("id", "version", "until", "centre")  # of a view's columns


@dataclass(frozen=True, slots=True)
class Reading:
    """What decides about a view: its root, the columns read elsewhere, the grounds it stands on.

    `own` are the root's columns that decide which of its rows there are: a row that a device does
    not hold cannot come in by a change of others.
    """

    root: str
    own: frozenset[str]
    elsewhere: Reads
    grounds: tuple[CTE, ...]


@dataclass(slots=True)
class _Found:
    """What a walk through a statement has met."""

    columns: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    grounds: dict[int, CTE] = field(default_factory=dict)
    seen: set[tuple[int, str | None]] = field(default_factory=set)
    kept: list[Any] = field(default_factory=list)  # so that no id is used twice

    def reads(self) -> Reads:
        return {table: frozenset(columns) for table, columns in self.columns.items()}


def _walk(element: Any, found: _Found, root: str | None) -> None:
    """Note all that an element reads; `root` is the table that counts as such at this level."""
    if (id(element), root) in found.seen:
        return
    found.seen.add((id(element), root))
    found.kept.append(element)
    if isinstance(element, CTE):
        alias_of = element._cte_alias  # noqa: SLF001 - an alias is of the same rows
        ground = element if alias_of is None else alias_of
        found.grounds[id(ground)] = ground
        return
    if isinstance(element, Column) and element.table is not None:
        _note_column(element, found, root)
        return
    if isinstance(element, TableClause):
        if element.name != root:
            found.columns[element.name].update(())
        return
    if isinstance(element, AliasedReturnsRows):
        _walk(element.element, found, None)
        return
    inner = None if isinstance(element, Select) else root
    for child in element.get_children():
        _walk(child, found, inner)
    table = getattr(element, "table", None)
    if table is not None:
        _walk(table, found, inner)


def _note_column(column: Column[Any], found: _Found, root: str | None) -> None:
    table = column.table
    if isinstance(table, TableClause):
        if table.name != root:
            found.columns[table.name].add(column.name)
        return
    inside: Any = getattr(table, "element", None)
    if isinstance(inside, TableClause):  # an alias is an occurrence of its own
        found.columns[inside.name].add(column.name)
    _walk(table, found, None)


@lru_cache(maxsize=256)
def reading(view: View) -> Reading:
    """Return what decides about a view.

    Raises TypeError for a statement whose rows are not those of one table, one by one.
    """
    statement: Any = built(view)
    columns = {column.name: column for column in statement.inner_columns}
    root = getattr(columns["id"], "element", columns["id"]).table
    parts = [columns[name] for name in DECIDING]
    parts += [*statement.get_final_froms(), *statement._where_criteria]  # noqa: SLF001 - no reader
    grouped = (
        statement._group_by_clauses  # noqa: SLF001 - see above
        or statement._distinct  # noqa: SLF001 - see above
        or statement._limit_clause is not None  # noqa: SLF001 - see above
        or any(isinstance(part, Over) for part in parts)
    )
    if grouped or not isinstance(root, TableClause):
        raise TypeError(f"view {view.name} must select rows of one table, one by one")
    found, own = _Found(), _Found()
    for part in parts:
        _walk(part, found, root.name)
        if part is not columns["version"]:
            _walk(part, own, None)
    return Reading(
        root.name,
        frozenset(own.columns[root.name]),
        found.reads(),
        tuple(found.grounds.values()),
    )


@lru_cache(maxsize=64)
def reading_of(ground: CTE) -> Reads:
    """Return the columns that a ground reads, by table."""
    found = _Found()
    _walk(ground.element, found, None)
    while found.grounds:
        _, inner = found.grounds.popitem()
        _walk(inner.element, found, None)
    return found.reads()


@lru_cache(maxsize=64)
def grounds(of: tuple[View, ...]) -> tuple[CTE, ...]:
    """Return the grounds that some views stand on, by name."""
    found = {id(ground): ground for view in of for ground in reading(view).grounds}
    return tuple(sorted(found.values(), key=lambda ground: ground.name))


@lru_cache(maxsize=1)
def _uncounted() -> frozenset[str]:
    """Return the tables whose changes no counter tells of: those of sync itself."""
    counted = {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Catalogue)
        or (issubclass(mapper.class_, Regional) and mapper.class_.counted)
    }
    return frozenset(metadata.tables.keys() - counted)


@lru_cache(maxsize=256)
def reads_uncounted(view: View) -> bool:
    """Return whether what decides about a view changes without a counter."""
    found = reading(view)
    tables = {found.root, *found.elsewhere}
    for ground in found.grounds:
        tables |= reading_of(ground).keys()
    return not tables.isdisjoint(_uncounted())


@dataclass(frozen=True, slots=True)
class Look:
    """What a device has to look at: rows of views by their ids, views whole, its grounds.

    `coming` are those of the rows that may have come in; the others matter if they are held.
    """

    rows: Mapping[View, frozenset[str]]
    coming: Mapping[View, frozenset[str]]
    whole: frozenset[View]
    grounds: bool


def _decides(reads: Reads, table: str, columns: frozenset[str] | None) -> bool:
    found = reads.get(table)
    return found is not None and (columns is None or not found.isdisjoint(columns | _ALWAYS))


@dataclass(frozen=True, slots=True)
class _Matters:
    """To what the same change of any row of a table matters."""

    rows: tuple[View, ...]
    coming: frozenset[View]
    whole: tuple[View, ...]
    grounds: bool


@lru_cache(maxsize=4096)
def _matters(
    of: tuple[View, ...], table: str, columns: frozenset[str] | None, *, named: bool
) -> _Matters:
    """Return to what a change matters; `named` says whether the log names the row."""
    rows, coming, whole = [], set(), []
    for view in of:
        found = reading(view)
        of_any = found.root == table and not named
        if of_any or _decides(found.elsewhere, table, columns):
            whole.append(view)
        elif found.root == table:
            rows.append(view)
            if _decides({table: found.own}, table, columns):
                coming.add(view)
    moved = any(_decides(reading_of(ground), table, columns) for ground in grounds(of))
    return _Matters(tuple(rows), frozenset(coming), tuple(whole), moved)


def look(of: Sequence[View], log: Iterable[Sequence[Any]], *, own_news: bool) -> Look | None:
    """Return what the changes of a log make a device look at, None for everything.

    `log` has changes as `kernel.changes.ChangeLog` lists them. `own_news`: whether what only the
    device itself counts (its commands and cases) changed too.
    """
    alike: dict[tuple[str, tuple[str, ...] | None, bool], set[str]] = defaultdict(set)
    for table, id_, names in log:
        columns = None if id_ is None or names is None else tuple(names)
        alike[table, columns, id_ is not None].add(id_)
    rows: dict[View, set[str]] = defaultdict(set)
    coming: dict[View, set[str]] = defaultdict(set)
    whole = {view for view in of if own_news and reads_uncounted(view)}
    moved, views = False, tuple(of)
    for (table, columns, named), ids in alike.items():
        if table == ANYTHING:
            return None
        changed = None if columns is None else frozenset(columns)
        matters = _matters(views, table, changed, named=named)
        moved = moved or matters.grounds
        whole.update(matters.whole)
        for view in matters.rows:
            rows[view] |= ids
            if view in matters.coming:
                coming[view] |= ids
    left = {view: frozenset(ids) for view, ids in rows.items() if view not in whole}
    may_come = {view: frozenset(coming[view]) for view in left}
    return Look(left, may_come, frozenset(whole), moved)
