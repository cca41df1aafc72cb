"""What a device holds and what it should hold: the difference in SQL, and its two-phase record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Executable,
    Integer,
    Select,
    String,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BIT

from fieldops.kernel import views
from fieldops.kernel.direct import Line
from fieldops.kernel.views import DeviceScope, View
from fieldops.sync.models import HeldRow
from fieldops.sync.prepared import PLACEHOLDERS, given, once, prepare, values


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the difference: a put when `version` is given, else a del."""

    type: str
    id: UUID
    version: int | None
    held: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole view a device should hold: rows, hash, its next change by time, its centres."""

    rows: int
    hash: str
    until: datetime | None
    centres: frozenset[UUID]


def _named(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _rows(view: View) -> Any:
    return view.build(PLACEHOLDERS).subquery(f"v_{view.name}")


def _still(rows: Any) -> ColumnElement[bool]:
    return or_(rows.c.until.is_(None), rows.c.until > PLACEHOLDERS.now)


def _wanted(of: Sequence[View]) -> CompoundSelect[Any]:
    """Return every row the device should hold: type, rank, id, version, tier, until, centre."""
    parts = []
    for view in of:
        rows = _rows(view)
        parts.append(
            select(
                _named(view.name).label("type"),
                literal(view.rank, literal_execute=True).label("rank"),
                rows.c.id,
                rows.c.version,
                rows.c.tier,
                rows.c.until,
                rows.c.centre,
            ).where(_still(rows))
        )
    return union_all(*parts or [_no_rows()])


def _no_rows() -> Select[Any]:
    types: dict[str, Any] = {
        "type": Text(),
        "rank": Integer(),
        "id": Uuid(),
        "version": Integer(),
        "tier": Integer(),
        "until": DateTime(timezone=True),
        "centre": Uuid(),
    }
    return select(*(cast(null(), t).label(name) for name, t in types.items())).where(false())


def _row_hash(rows: Any) -> ColumnElement[int]:
    """Return the SQL of rules.row_hash, as a signed 64-bit number."""
    said = func.concat(rows.c.type, ":", cast(rows.c.id, Text), ":", cast(rows.c.version, Text))
    digest = func.sha256(func.convert_to(said, "UTF8"))
    first = func.encode(func.substring(digest, 1, 8), "hex")
    return cast(cast(func.concat("x", first), BIT(64)), BigInteger)


def _difference(known: Sequence[View]) -> Select[Any]:
    return _steps(known, known)


def _departure(known: Sequence[View]) -> Select[Any]:
    """Let all leave but what is about the user alone, children before their parents (I9)."""
    return _steps([view for view in known if view.own], known)


def _steps(of: Sequence[View], known: Sequence[View]) -> Select[Any]:
    want = _wanted(of).cte("sync_want")
    held = (
        select(HeldRow.type, HeldRow.row_id, HeldRow.version)
        .where(
            HeldRow.region_id == PLACEHOLDERS.region_id,
            HeldRow.device_id == PLACEHOLDERS.device_id,
            HeldRow.removed_gen.is_(None),
        )
        .cte("sync_has")
    )
    ranks = {view.name: -view.rank for view in known}
    del_rank = case(ranks, value=held.c.type, else_=-9999) if ranks else literal(0)
    same = and_(want.c.type == held.c.type, want.c.id == held.c.row_id)
    steps = (
        select(
            func.coalesce(want.c.type, held.c.type).label("type"),
            func.coalesce(want.c.id, held.c.row_id).label("id"),
            want.c.version.label("version"),
            held.c.row_id.is_not(None).label("held"),
            func.coalesce(want.c.tier, -1).label("tier"),
            func.coalesce(want.c.rank, del_rank).label("place"),
        )
        .select_from(want.join(held, same, full=True))
        .where(want.c.version.is_distinct_from(held.c.version))
    )
    most = given("most", Integer())
    page = steps.order_by("tier", "place", "id").limit(most).subquery("page")
    totals = select(
        func.count().label("rows"),
        func.coalesce(func.bit_xor(_row_hash(want)), 0).label("hash"),
        func.min(want.c.until).label("until"),
        func.array_agg(want.c.centre.distinct()).label("centres"),
    ).subquery("totals")
    return (
        select(totals, page)
        .select_from(totals.outerjoin(page, true()))
        .order_by(page.c.tier, page.c.place, page.c.id)
    )


async def difference(
    line: Line, scope: DeviceScope, of: Sequence[View], most: int
) -> tuple[Totals, list[Change]]:
    """Return the totals of the wanted view and the first `most` steps towards it.

    One statement over the rows the device holds after its last confirmation. Dels come first,
    children before parents; then puts by tier, parents before children (I9).
    """
    known = tuple(views.ordered())
    statement = prepare(_difference if len(of) == len(known) else _departure, known)
    rows = await line.rows(statement, most=most, **values(scope))
    first = rows[0]
    totals = Totals(
        first.rows,
        f"{first.hash & (2**64 - 1):016x}",
        first.until,
        frozenset(c for c in first.centres or () if c is not None),
    )
    return totals, [Change(r.type, r.id, r.version, r.held) for r in rows if r.type is not None]


def _bodies(of: Sequence[View]) -> Executable:
    parts = []
    for view in of:
        rows = _rows(view)
        ids = given(f"ids_{view.name}", ARRAY(Uuid()))
        parts.append(
            select(
                _named(view.name).label("type"),
                rows.c.id,
                rows.c.version,
                cast(rows.c.body, Text).label("body"),
            ).where(rows.c.id == any_(ids), _still(rows))
        )
    return union_all(*parts)


async def bodies(
    line: Line, scope: DeviceScope, puts: Sequence[Change]
) -> dict[tuple[str, UUID], tuple[int, str]]:
    """Return version and body (JSON text) of rows by type and id.

    The statement is made of the same views, so that permission is checked as the row is read.
    """
    ids: dict[str, list[UUID]] = {}
    for change in puts:
        ids.setdefault(change.type, []).append(change.id)
    if not ids:
        return {}
    statement = prepare(_bodies, tuple(view for view in views.ordered() if view.name in ids))
    named = {f"ids_{name}": wanted for name, wanted in ids.items()}
    found = await line.rows(statement, **values(scope), **named)
    return {(r.type, r.id): (r.version, r.body) for r in found}


# --- the record of what a device holds -----------------------------------------------------

_REGION, _DEVICE = given("region_id", Integer()), given("device_id", Uuid())
_GENERATION = given("generation", BigInteger())
_MINE = and_(HeldRow.region_id == _REGION, HeldRow.device_id == _DEVICE)


async def forget_rows(line: Line, region_id: int, device_id: UUID) -> None:
    """Forget all a device holds: it starts from nothing."""
    await line.run(once(_forget), region_id=region_id, device_id=device_id)


def _forget() -> Executable:
    return delete(HeldRow).where(_MINE)


async def confirm_rows(line: Line, region_id: int, device_id: UUID, generation: int) -> None:
    """Let go of the rows whose removal the device has confirmed."""
    await line.run(once(_confirm), region_id=region_id, device_id=device_id, generation=generation)


def _confirm() -> Executable:
    return delete(HeldRow).where(_MINE, HeldRow.removed_gen <= _GENERATION)


async def roll_back_rows(line: Line, region_id: int, device_id: UUID, generation: int) -> None:
    """Go back to what a device held at a generation: its later pages never arrived."""
    of = {"region_id": region_id, "device_id": device_id, "generation": generation}
    await line.run(once(_take_back), **of)
    await line.run(once(_put_back), **of)


def _take_back() -> Executable:
    return delete(HeldRow).where(_MINE, HeldRow.added_gen > _GENERATION)


def _put_back() -> Executable:
    return (
        update(HeldRow).where(_MINE, HeldRow.removed_gen > _GENERATION).values(removed_gen=null())
    )


async def record_rows(
    line: Line, region_id: int, device_id: UUID, generation: int, sent: Sequence[Change]
) -> None:
    """Record a page: former versions removed, new ones added in this generation."""
    of = {"region_id": region_id, "device_id": device_id, "generation": generation}
    gone = [c for c in sent if c.held]
    if gone:
        await line.run(once(_remove), **of, types=[c.type for c in gone], ids=[c.id for c in gone])
    puts = [c for c in sent if c.version is not None]
    if puts:
        await line.run(
            once(_add),
            **of,
            types=[c.type for c in puts],
            ids=[c.id for c in puts],
            versions=[c.version for c in puts],
        )


def _remove() -> Executable:
    page = _unnest(types=Text(), ids=Uuid())
    return (
        update(HeldRow)
        .where(
            _MINE,
            HeldRow.removed_gen.is_(None),
            HeldRow.type == page.c.types,
            HeldRow.row_id == page.c.ids,
        )
        .values(removed_gen=_GENERATION)
    )


def _add() -> Executable:
    page = _unnest(types=Text(), ids=Uuid(), versions=BigInteger())
    return insert(HeldRow).from_select(
        ["region_id", "device_id", "type", "row_id", "version", "added_gen"],
        select(
            cast(_REGION, Integer),
            cast(_DEVICE, Uuid),
            page.c.types,
            page.c.ids,
            page.c.versions,
            cast(_GENERATION, BigInteger),
        ),
    )


def _unnest(**columns: Any) -> Any:
    arrays: list[Any] = [cast(given(n, ARRAY(t)), ARRAY(t)) for n, t in columns.items()]
    return func.unnest(*arrays).table_valued(*columns, name="page").render_derived(name="page")
