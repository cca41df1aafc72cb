"""What a device holds and what it should hold: the difference in SQL, and its two-phase record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import (
    ARRAY,
    CTE,
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
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BIT, aggregate_order_by

from fieldops.kernel import views
from fieldops.kernel.direct import Line, given, once
from fieldops.kernel.ids import NIL
from fieldops.kernel.views import DeviceScope, View
from fieldops.sync import positions, reading
from fieldops.sync.models import HeldRow
from fieldops.sync.prepared import PLACEHOLDERS, built, prepare, values

DEL_BYTES = 70  # about what a del takes in an answer


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the difference: a put when `version` is given, else a del."""

    type: str
    id: UUID
    version: int | None
    held: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole view a device should hold: rows, hash, its next change by time, its centres.

    `counters` is the sum of the change counters of the centres, `each` gives them, `catalogue`
    is that of the catalogues; `ground` marks the rows that the views stand on. All of the
    snapshot that the view was read in.
    """

    rows: int
    hash: str
    until: datetime | None
    centres: frozenset[UUID]
    counters: int
    catalogue: int
    each: dict[UUID, int]
    ground: str

    @classmethod
    def after(cls, rows: int, hash_: str, catalogue: int) -> "Totals":
        """Return what is said of a view after a page that followed the log."""
        return cls(rows, hash_, None, frozenset(), 0, catalogue, {}, "")


def _named(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _rows(view: View) -> Any:
    return built(view).subquery(f"v_{view.name}")


def _still(rows: Any) -> ColumnElement[bool]:
    return or_(rows.c.until.is_(None), rows.c.until > PLACEHOLDERS.now)


def _wanted(of: Sequence[View], *, bodies: bool = False) -> CompoundSelect[Any]:
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
                *([cast(rows.c.body, Text).label("body")] if bodies else []),
            ).where(_still(rows))
        )
    return union_all(*parts or [no_rows()])


def no_rows(**more: Any) -> Select[Any]:
    """Return the columns of a view without rows; `more` gives further ones by their types."""
    types: dict[str, Any] = {
        "type": Text(),
        "rank": Integer(),
        "id": Uuid(),
        "version": Integer(),
        "tier": Integer(),
        "until": DateTime(timezone=True),
        "centre": Uuid(),
        **more,
    }
    return select(*(cast(null(), t).label(name) for name, t in types.items())).where(false())


def row_hash(type_: Any, id_: Any, version: Any) -> ColumnElement[int]:
    """Return the SQL of rules.row_hash, as a signed 64-bit number."""
    said = func.concat(type_, ":", cast(id_, Text), ":", cast(version, Text))
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
    one = func.json_build_array(page.c.type, page.c.id, page.c.version, page.c.held)
    in_order = aggregate_order_by(one, page.c.tier, page.c.place, page.c.id)
    told = select(cast(func.json_agg(in_order), Text)).scalar_subquery()
    return select(*_totals(want, of), told.label("steps"))


def ground_mark(grounds: Sequence[CTE]) -> ColumnElement[str]:
    """Return a mark of the rows of the grounds that views stand on, as SQL; '' without any."""
    marks: list[Any] = []
    for ground in grounds:
        row = cast(func.json_build_array(*ground.c), Text)
        total = func.sum(func.hashtextextended(row, literal(0, literal_execute=True)))
        marks.append(
            select(func.concat(func.count(), "/", total)).select_from(ground).scalar_subquery()
        )
    return func.concat("", *marks)


def _totals(want: Any, of: Sequence[View]) -> list[ColumnElement[Any]]:
    """Return what is said of the whole view, with the counters of its centres and the user's."""
    totals = select(
        func.count().label("rows"),
        func.coalesce(func.bit_xor(row_hash(want.c.type, want.c.id, want.c.version)), 0).label(
            "hash"
        ),
        func.min(want.c.until).label("until"),
        func.coalesce(
            func.array_agg(want.c.centre.distinct()).filter(want.c.centre.is_not(None)),
            cast([], ARRAY(Uuid())),
        ).label("centres"),
    ).subquery("totals")
    centres = func.array_cat(totals.c.centres, cast(given("mine", ARRAY(Uuid())), ARRAY(Uuid())))
    return [
        *totals.c,
        positions.sum_of_counters(PLACEHOLDERS.region_id, centres).label("counters"),
        positions.catalogue_counter().label("catalogue"),
        positions.each_counter(PLACEHOLDERS.region_id, centres).label("each"),
        ground_mark(reading.grounds(tuple(of))).label("ground"),
    ]


async def difference(
    line: Line, scope: DeviceScope, of: Sequence[View], most: int
) -> tuple[Totals, list[Change]]:
    """Return the totals of the wanted view and the first `most` steps towards it.

    One statement over the rows the device holds after its last confirmation. Dels come first,
    children before parents; then puts by tier, parents before children (I9).
    """
    known = tuple(views.ordered())
    statement = prepare(_difference if len(of) == len(known) else _departure, known)
    row = (await line.rows(statement, most=most, mine=mine(scope), **values(scope)))[0]
    steps = from_json(row.steps) if row.steps else []
    return _as_totals(row), [Change(t, UUID(id_), v, held) for t, id_, v, held in steps]


def mine(scope: DeviceScope) -> list[UUID]:
    """Return the centres that wake a device besides those of its rows."""
    return [*scope.centre_ids, NIL]


def _as_totals(row: Any) -> Totals:
    return Totals(
        row.rows,
        f"{row.hash & (2**64 - 1):016x}",
        row.until,
        frozenset(row.centres),
        int(row.counters),
        int(row.catalogue),
        {UUID(centre): counter for centre, counter in from_json(row.each).items()},
        row.ground,
    )


@dataclass(frozen=True, slots=True)
class First:
    """The first page of a device that holds nothing: its rows as JSON by type, and how many."""

    totals: Totals
    rows: int
    puts: str


async def begin(
    line: Line,
    scope: DeviceScope,
    of: Sequence[View],
    generation: int,
    most_rows: int,
    most_bytes: int,
) -> First:
    """Read and record the first page of the whole view: one statement, no row of it parsed.

    As many rows as fit both limits, one at least, in the order of `difference`. Permission is
    checked as in `bodies`: the rows come out of the same views.
    """
    statement = prepare(_begin, tuple(of))
    row = (
        await line.rows(
            statement,
            most=most_rows,
            most_bytes=most_bytes,
            generation=generation,
            mine=mine(scope),
            **values(scope),
        )
    )[0]
    return First(_as_totals(row), row.sent, row.puts or "")


def _begin(of: Sequence[View]) -> Select[Any]:
    want = _wanted(of, bodies=True).cte("sync_want")
    order = (want.c.tier, want.c.rank, want.c.id)
    placed = select(
        want,
        func.row_number().over(order_by=order).label("place"),
        func.sum(func.octet_length(want.c.body)).over(order_by=order).label("taken"),
    ).cte("sync_placed")
    fits = and_(
        placed.c.place <= given("most", Integer()),
        placed.c.taken <= given("most_bytes", BigInteger()),
    )
    page = select(placed).where(or_(placed.c.place == literal(1), fits)).cte("sync_page")
    added = insert(HeldRow).from_select(
        ["region_id", "device_id", "type", "row_id", "version", "added_gen"],
        select(
            cast(PLACEHOLDERS.region_id, Integer),
            cast(PLACEHOLDERS.device_id, Uuid),
            page.c.type,
            page.c.id,
            page.c.version,
            cast(given("generation", BigInteger()), BigInteger),
        ),
    )
    comma = literal(",", literal_execute=True)
    by_type = (
        select(
            page.c.rank,
            page.c.type,
            func.concat(
                '"',
                page.c.type,
                '":[',
                func.string_agg(page.c.body, aggregate_order_by(comma, page.c.place)),
                "]",
            ).label("said"),
        )
        .group_by(page.c.rank, page.c.type)
        .subquery("by_type")
    )
    puts = select(
        func.string_agg(by_type.c.said, aggregate_order_by(comma, by_type.c.rank, by_type.c.type))
    ).scalar_subquery()
    sent = select(func.count()).select_from(page).scalar_subquery()
    return select(*_totals(want, of), sent.label("sent"), puts.label("puts")).add_cte(
        added.cte("sync_added")
    )


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
    gone = [c for c in sent if c.held]
    puts = [c for c in sent if c.version is not None]
    await line.run(
        once(_record),
        region_id=region_id,
        device_id=device_id,
        generation=generation,
        gone_types=[c.type for c in gone],
        gone_ids=[c.id for c in gone],
        types=[c.type for c in puts],
        ids=[c.id for c in puts],
        versions=[c.version for c in puts],
    )


def _record() -> Executable:
    gone = _unnest("gone", gone_types=Text(), gone_ids=Uuid())
    removed = (
        update(HeldRow)
        .where(
            _MINE,
            HeldRow.removed_gen.is_(None),
            HeldRow.type == gone.c.gone_types,
            HeldRow.row_id == gone.c.gone_ids,
        )
        .values(removed_gen=_GENERATION)
    )
    page = _unnest("page", types=Text(), ids=Uuid(), versions=BigInteger())
    added = insert(HeldRow).from_select(
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
    return added.add_cte(removed.cte("removed"))


def _unnest(name: str, **columns: Any) -> Any:
    arrays: list[Any] = [cast(given(n, ARRAY(t)), ARRAY(t)) for n, t in columns.items()]
    return func.unnest(*arrays).table_valued(*columns, name=name).render_derived(name=name)
