"""A pull that follows the log of changes: it looks at what changed, not at the whole view (I10).

One statement does all of it: it makes sure that its snapshot is the one the log was read in,
compares the rows and views that the log made worth a look with what the device holds, and
records the page. By itself it is a transaction and a snapshot of its own (REPEATABLE READ); a
change of the device meanwhile ends it with 40001. Whatever it cannot say for certain (a page
that is too small, a centre not known so far, other own visits) it leaves to a look at everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Executable,
    Integer,
    String,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BIT, JSONB, aggregate_order_by

from fieldops.kernel.direct import Direct, Line, Statement, compiled, given
from fieldops.kernel.views import DeviceScope, View
from fieldops.sync import held, positions, reading
from fieldops.sync.models import Device, HeldRow
from fieldops.sync.prepared import PLACEHOLDERS, built, values
from fieldops.sync.reading import Look
from fieldops.sync.rules import DeviceState

MOST_VIEWS = 10  # beyond them a look at everything costs no more
MOST_COMING = 500  # the same, for changed rows of its centres that may have come in ...
MOST_IDS = 10_000  # ... and for those that matter only if they are held
MOST_PROBES = 50  # of one view: so many rows are looked up in what is held one by one
_MOMENT = DateTime(timezone=True)
_REGION, _DEVICE = PLACEHOLDERS.region_id, PLACEHOLDERS.device_id
_MINE = and_(HeldRow.region_id == _REGION, HeldRow.device_id == _DEVICE)
_THE_DEVICE = and_(Device.region_id == _REGION, Device.id == _DEVICE)


@dataclass(frozen=True, slots=True)
class Kind:
    """Which statement: of which views some rows are looked at, which views whole, what grounds.

    Of `many` so many rows changed that they are looked for among what is held, not one by one.
    """

    rows: tuple[View, ...]
    many: tuple[View, ...]
    whole: tuple[View, ...]
    grounds: tuple[CTE, ...]


def kind_of(look: Look, of: Sequence[View]) -> Kind | None:
    """Return which statement takes a look, None when it would be most of the view."""
    changed = sum(map(len, look.rows.values())) > MOST_IDS
    coming = sum(map(len, look.coming.values())) > MOST_COMING
    if changed or coming or len(look.rows) + len(look.whole) > MOST_VIEWS:
        return None
    rows = tuple(view for view in of if view in look.rows)
    whole = tuple(view for view in of if view in look.whole)
    many = tuple(view for view in rows if len(look.rows[view]) > MOST_PROBES)
    return Kind(rows, many, whole, reading.grounds(tuple(of)) if look.grounds else ())


def _in_snapshot(kind: Kind, actor_text: ColumnElement[Any]) -> Any:
    """Return the device's row if nothing has changed since it was read with the log."""
    same = [
        _THE_DEVICE,
        Device.state == literal(DeviceState.ACTIVE.value, literal_execute=True),
        Device.gen_sent == given("gen_sent", BigInteger()),
        Device.view_key == given("old_key", Text()),
        Device.last_seq == given("last_seq", BigInteger()),
        Device.case_gen == given("case_gen", BigInteger()),
        func.coalesce(Device.erasures_due, 0) == literal(0, literal_execute=True),
        positions.sum_of_counters(_REGION, Device.view_centres) == given("counters", BigInteger()),
        positions.catalogue_counter() == given("catalogue", BigInteger()),
        actor_text == given("actor", Text()),
    ]
    if kind.grounds:
        same.append(Device.view_ground == held.ground_mark(kind.grounds))
    columns = (Device.view_rows, Device.view_hash, Device.view_centres, Device.gen_sent)
    return select(*columns).where(*same)


def _ids(name: str, view: View) -> ColumnElement[Any]:
    # As one text: an array of so many values would be written value by value.
    return cast(cast(given(f"{name}_{view.name}", Text()), Text), ARRAY(Uuid()))


def _want(kind: Kind, has: Any) -> Any:
    """Return what should be held of the rows and views looked at, with the bodies.

    Of changed rows only those that are held or may have come in: most rows of a centre are
    neither, and looking for them would cost what all technicians did.
    """
    parts = []
    for view in (*kind.rows, *kind.whole):
        rows = built(view).subquery(f"v_{view.name}")
        found = select(
            _named(view.name).label("type"),
            literal(view.rank, literal_execute=True).label("rank"),
            rows.c.id,
            rows.c.version,
            rows.c.tier,
            rows.c.until,
            rows.c.centre,
            cast(rows.c.body, Text).label("body"),
        ).where(or_(rows.c.until.is_(None), rows.c.until > PLACEHOLDERS.now))
        if view in kind.rows:
            mine = select(has.c.row_id).where(has.c.type == _named(view.name)).scalar_subquery()
            looked_at = func.array_cat(_ids("coming", view), func.array(mine))
            found = found.where(rows.c.id == any_(looked_at))
        parts.append(found)
    return union_all(*parts or [held.no_rows(body=Text())]).cte("sync_want")


def _named(text: str) -> Any:
    return literal(text, String, literal_execute=True)


def _has(kind: Kind) -> Any:
    """Return what is held of the rows and views looked at."""
    columns = (HeldRow.type, HeldRow.row_id, HeldRow.version)
    parts = []
    for view in (*kind.rows, *kind.whole):
        found = select(*columns).where(
            _MINE, HeldRow.removed_gen.is_(None), HeldRow.type == _named(view.name)
        )
        if view in kind.many:
            listed = cast(cast(given(f"ids_{view.name}", Text()), Text), JSONB)
            once = select(listed).scalar_subquery()  # made once, not for each row
            found = found.where(once.op("?")(cast(HeldRow.row_id, Text)))
        elif view in kind.rows:
            found = found.where(HeldRow.row_id == any_(_ids("ids", view)))
        parts.append(found)
    return union_all(*parts or [select(*columns).where(false())]).cte("sync_has")


def _steps(kind: Kind) -> Any:
    """Return the difference: what is sent, or let go where no version is wanted."""
    has = _has(kind)
    want = _want(kind, has)
    ranks = {view.name: -view.rank for view in (*kind.rows, *kind.whole)}
    let_go = case(ranks, value=has.c.type) if ranks else literal(0)
    return (
        select(
            func.coalesce(want.c.type, has.c.type).label("type"),
            func.coalesce(want.c.id, has.c.row_id).label("id"),
            want.c.version,
            has.c.version.label("former"),
            func.coalesce(want.c.tier, -1).label("tier"),
            func.coalesce(want.c.rank, let_go).label("place"),
            want.c.until,
            want.c.centre,
            want.c.body,
        )
        .select_from(
            want.join(has, and_(want.c.type == has.c.type, want.c.id == has.c.row_id), full=True)
        )
        .where(want.c.version.is_distinct_from(has.c.version))
        .cte("sync_steps")
    )


def _hash_of(steps: Any, version: Any) -> ColumnElement[int]:
    rows = held.row_hash(steps.c.type, steps.c.id, version)
    return func.coalesce(func.bit_xor(rows).filter(version.is_not(None)), 0)


def _sums(steps: Any) -> Any:
    """Return what the steps add up to: how many, their bytes, what they change of the view."""
    put, former = steps.c.version, steps.c.former
    size = func.coalesce(func.octet_length(steps.c.body), held.DEL_BYTES)
    return select(
        func.count().label("steps"),
        func.coalesce(func.sum(size), 0).label("bytes"),
        (func.count(put) - func.count(former)).label("more"),
        _hash_of(steps, put).op("#")(_hash_of(steps, former)).label("hash"),
        func.min(steps.c.until).label("until"),
        func.coalesce(
            func.array_agg(steps.c.centre).filter(steps.c.centre.is_not(None)),
            cast([], ARRAY(Uuid())),
        ).label("centres"),
    ).subquery("sums")


def _page(kind: Kind, actor_text: ColumnElement[Any], steps: Any) -> Any:
    """Return what stands after the page in one row; none when it cannot be said for certain."""
    device, sums = _in_snapshot(kind, actor_text).subquery("device"), _sums(steps)
    rows = device.c.view_rows + sums.c.more
    known: Any = cast(cast(func.concat("x", device.c.view_hash), BIT(64)), BigInteger)
    turned = func.lpad(func.to_hex(known.op("#")(sums.c.hash)), 16, "0")
    return (
        select(
            sums.c.steps,
            cast(rows, Integer).label("rows"),
            turned.label("hash"),
            sums.c.until,
            device.c.gen_sent,
            (device.c.gen_sent + case((sums.c.steps > 0, 1), else_=0)).label("generation"),
        )
        .select_from(device.join(sums, true()))
        .where(
            sums.c.steps <= given("most", Integer()),
            sums.c.bytes <= given("most_bytes", BigInteger()),
            rows <= given("view_most", Integer()),
            sums.c.centres.op("<@")(device.c.view_centres),
        )
        .cte("sync_page")
    )


def _record(steps: Any, page: Any) -> tuple[Any, Any]:
    """Return the writes of the record: former versions removed, new ones added.

    Types and ids are named once more as arrays: by the join alone the planner reads, in some
    sizes, all that the device holds.
    """
    replaced = steps.c.former.is_not(None)
    types, ids = (
        func.array(select(column).where(replaced).scalar_subquery())
        for column in (steps.c.type, steps.c.id)
    )
    removed = (
        update(HeldRow)
        .where(
            _MINE,
            HeldRow.type == any_(types),
            HeldRow.row_id == any_(ids),
            HeldRow.type == steps.c.type,
            HeldRow.row_id == steps.c.id,
            HeldRow.removed_gen.is_(None),
            replaced,
            page.c.rows.is_not(None),
        )
        .values(removed_gen=page.c.generation)
    )
    added = insert(HeldRow).from_select(
        ["region_id", "device_id", "type", "row_id", "version", "added_gen"],
        select(
            cast(_REGION, Integer),
            cast(_DEVICE, Uuid),
            steps.c.type,
            steps.c.id,
            steps.c.version,
            page.c.generation,
        )
        .select_from(steps.join(page, true()))
        .where(steps.c.version.is_not(None)),
    )
    return removed.cte("sync_removed"), added.cte("sync_added")


def _noted(page: Any) -> Any:
    """Return the write of the device's row: the page, and how far the log is known."""
    now = given("seen_at", _MOMENT)
    return (
        update(Device)
        .where(_THE_DEVICE, page.c.rows.is_not(None))
        .values(
            gen_sent=page.c.generation,
            gen_confirmed=page.c.gen_sent,
            last_seen_at=now,
            updated_at=now,
            view_key=given("new_key", Text()),
            view_counters=given("new_counters", ARRAY(BigInteger())),
            view_catalogue=given("catalogue", BigInteger()),
            view_rows=page.c.rows,
            view_hash=page.c.hash,
            view_valid_until=func.least(Device.view_valid_until, page.c.until),
        )
        .cte("sync_noted")
    )


@lru_cache(maxsize=512)
def _following(kind: Kind, actor_text: ColumnElement[Any]) -> Statement:
    steps = _steps(kind)
    page = _page(kind, actor_text, steps)
    one = func.json_build_array(steps.c.type, steps.c.id)
    dels = select(
        cast(func.json_agg(aggregate_order_by(one, steps.c.place, steps.c.id)), Text)
    ).where(steps.c.version.is_(None))
    comma = literal(",", literal_execute=True)
    in_order = aggregate_order_by(comma, steps.c.tier, steps.c.id)
    by_type = (
        select(
            steps.c.place,
            steps.c.type,
            func.concat(
                '"', steps.c.type, '":[', func.string_agg(steps.c.body, in_order), "]"
            ).label("said"),
        )
        .where(steps.c.version.is_not(None))
        .group_by(steps.c.place, steps.c.type)
        .subquery("by_type")
    )
    puts = select(
        func.string_agg(by_type.c.said, aggregate_order_by(comma, by_type.c.place, by_type.c.type))
    )
    made: Executable = select(
        page.c.steps,
        page.c.rows,
        page.c.hash,
        page.c.generation,
        dels.scalar_subquery().label("dels"),
        puts.scalar_subquery().label("puts"),
    ).add_cte(*_record(steps, page), _noted(page))
    return compiled(made)


async def follow(
    runs: Line | Direct,
    scope: DeviceScope,
    kind: Kind,
    look: Look,
    actor_text: ColumnElement[Any],
    **known: Any,
) -> Any | None:
    """Record and return the page that a look gives, None when it takes a look at everything.

    `known` says what was read with the log (a change of it since then gives None) and what to
    note on the device's row. The page has steps, rows and hash of the view after it, its
    generation, dels as JSON pairs of type and id, puts as the JSON of all types.
    """
    ids = {
        f"ids_{view.name}": _named_in(look.rows[view])
        if view in kind.many
        else _listed(look.rows[view])
        for view in kind.rows
    }
    coming = {f"coming_{view.name}": _listed(look.coming[view]) for view in kind.rows}
    named = {**values(scope), **ids, **coming, **known}
    found = await runs.rows(_following(kind, actor_text), **named)
    return found[0] if found else None


def _listed(ids: Iterable[str]) -> str:
    """Return ids as an array's text."""
    return f"{{{','.join(ids)}}}"


def _named_in(ids: Iterable[str]) -> str:
    """Return ids as the keys of a JSON object, in which each is found by halving."""
    return '{"' + '":0,"'.join(ids) + '":0}'
