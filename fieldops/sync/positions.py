"""Where a device stands, and the counters that say whether it has news: the reads of every pull."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Executable,
    Integer,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from fieldops.kernel.changes import CATALOGUES, ChangeCounter, ChangeLog
from fieldops.kernel.direct import Direct, Line, Statement, compiled, given, once
from fieldops.kernel.ids import NIL
from fieldops.sync.models import Device, Epoch

MOST_COUNTS = 200  # of the log that one pull follows
_most_counts = literal(MOST_COUNTS, literal_execute=True)
_MOMENT = DateTime(timezone=True)


def epoch_of(region_id: Any) -> ColumnElement[int]:
    """Return the epoch of a region as SQL."""
    found = select(Epoch.epoch).where(Epoch.region_id == region_id).scalar_subquery()
    return func.coalesce(found, 1)


# What a pull needs to know of its device.
_STANDING = (
    "id",
    "person_id",
    "key_hash",
    "state",
    "state_reason",
    "last_seen_at",
    "last_seq",
    "case_gen",
    "gen_sent",
    "gen_confirmed",
    "view_key",
    "view_valid_until",
    "view_centres",
    "view_counters",
    "view_catalogue",
    "erasures_due",
)
REGION_ID = given("region_id", Integer())
DEVICE_ID = given("device_id", Uuid())
THE_DEVICE = and_(Device.region_id == REGION_ID, Device.id == DEVICE_ID)


@lru_cache(maxsize=8)
def _for_pull(actor_text: ColumnElement[Any]) -> Statement:
    one = select(literal(1, literal_execute=True).label("one")).subquery("one")
    return compiled(
        select(
            actor_text.label("actor"),
            *(Device.__table__.c[name] for name in _STANDING),
            cast(Device.grants_seen, Text).label("grants_seen"),
            epoch_of(REGION_ID).label("epoch"),
            sum_of_counters(REGION_ID, Device.view_centres).label("counters"),
            catalogue_counter().label("catalogue"),
            _log().label("log"),
        ).select_from(one.outerjoin(Device, THE_DEVICE))
    )


def _log() -> ColumnElement[str | None]:
    """Return the log since the device's last look as JSON [centre, n, changes], oldest first.

    Null without news. More than MOST_COUNTS are not read: who finds fewer than the counters grew
    by looks at everything.
    """
    mine = (
        func.unnest(Device.view_centres, Device.view_counters)
        .table_valued("centre_id", "n", name="mine")
        .render_derived(name="mine")
    )
    log, catalogues = ChangeLog.__table__.alias("log"), ChangeLog.__table__.alias("log_of_all")
    # Lateral and limited: read by the key from where the device stands, however long the log is.
    of_centre = (
        select(log)
        .where(
            log.c.region_id == REGION_ID, log.c.centre_id == mine.c.centre_id, log.c.n > mine.c.n
        )
        .order_by(log.c.n)
        .limit(_most_counts)
        .lateral("of_centre")
    )
    of_all = (
        select(catalogues)
        .where(
            catalogues.c.region_id == CATALOGUES,
            catalogues.c.centre_id == NIL,
            catalogues.c.n > Device.view_catalogue,
        )
        .order_by(catalogues.c.n)
        .limit(_most_counts)
        .subquery("of_all")
    )
    named = ("region_id", "centre_id", "n", "changes")
    found = union_all(
        select(*(of_centre.c[name] for name in named)).select_from(mine.join(of_centre, true())),
        select(*(of_all.c[name] for name in named)),
    )
    first = found.limit(_most_counts).subquery("counts")
    one = func.json_build_array(first.c.region_id, first.c.centre_id, first.c.n, first.c.changes)
    read = select(cast(func.json_agg(one), Text)).scalar_subquery()
    known = select(func.sum(mine.c.n)).scalar_subquery()
    news = sum_of_counters(REGION_ID, Device.view_centres) != known
    return case((or_(news, catalogue_counter() != Device.view_catalogue), read))


def each_counter(region_id: Any, centres: Any) -> ColumnElement[str]:
    """Return the counters of centres as a JSON object."""
    pair = func.json_object_agg(cast(ChangeCounter.centre_id, Text), ChangeCounter.counter)
    found = (
        select(cast(pair, Text))
        .where(ChangeCounter.region_id == region_id, ChangeCounter.centre_id == any_(centres))
        .scalar_subquery()
    )
    return func.coalesce(found, "{}")


async def device_for_pull(
    runs: Line | Direct, actor_text: ColumnElement[Any], region_id: int, person_id: UUID, id_: UUID
) -> Any:
    """Return who asks, the device, the epoch and the counters of its fast path: one statement.

    `actor` is null for a closed account, `id` for a device that is not known.
    """
    rows = await runs.rows(
        _for_pull(actor_text),
        region_id=region_id,
        device_id=id_,
        actor_person_id=person_id,
        actor_region_id=region_id,
    )
    return rows[0]


def sum_of_counters(region_id: Any, centres: Any) -> ColumnElement[int]:
    """Return the sum of the centres' counters: they only grow, so that it shows any change."""
    total = (
        select(cast(func.sum(ChangeCounter.counter), BigInteger))
        .where(ChangeCounter.region_id == region_id, ChangeCounter.centre_id == any_(centres))
        .scalar_subquery()
    )
    return func.coalesce(total, 0)


def catalogue_counter() -> ColumnElement[int]:
    """Return the generation of catalogues and reference data: it grows with each change of one."""
    counter = ChangeCounter.__table__.alias("catalogue_counter")
    found = (
        select(counter.c.counter)
        .where(counter.c.region_id == CATALOGUES, counter.c.centre_id == NIL)
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


def _both_counters() -> Executable:
    centres = given("centres", ARRAY(Uuid()))
    return select(sum_of_counters(REGION_ID, centres), catalogue_counter())


async def counters(line: Line, region_id: int, centres: Collection[UUID]) -> tuple[int, int]:
    """Return the sum of the centres' change counters and the catalogue's, in one statement."""
    rows = await line.rows(once(_both_counters), region_id=region_id, centres=list(centres))
    return int(rows[0][0]), int(rows[0][1])


async def lock_for_pull(line: Line, region_id: int, device_id: UUID) -> None:
    """Lock a device inside a pull's snapshot; a change since the snapshot gives 40001."""
    await line.rows(once(_lock), region_id=region_id, device_id=device_id)


def _lock() -> Executable:
    return select(Device.id).where(THE_DEVICE).with_for_update()


@lru_cache(maxsize=8)
def _actor_alone(actor_text: ColumnElement[Any]) -> Statement:
    return compiled(select(actor_text.label("actor")))


async def actor_text(
    runs: Line | Direct, text: ColumnElement[Any], region_id: int, person_id: UUID
) -> str | None:
    """Return who a person is in a region as text; null for a closed account."""
    asked = {"actor_person_id": person_id, "actor_region_id": region_id}
    found: str | None = (await runs.rows(_actor_alone(text), **asked))[0].actor
    return found


async def owns_device(runs: Line | Direct, region_id: int, person_id: UUID) -> bool:
    """Return whether a person has a registration in the region."""
    return bool(await runs.rows(once(_own_devices), region_id=region_id, person_id=person_id))


def _own_devices() -> Executable:
    mine = and_(Device.region_id == REGION_ID, Device.person_id == given("person_id", Uuid()))
    return select(Device.id).where(mine).limit(literal(1, literal_execute=True))


async def note_seen(runs: Line | Direct, region_id: int, device_id: UUID, now: datetime) -> None:
    """Note when a device was here."""
    await runs.run(once(_seen), region_id=region_id, device_id=device_id, now=now)


def _seen() -> Executable:
    now = given("now", _MOMENT)
    return update(Device).where(THE_DEVICE).values(last_seen_at=now, updated_at=now)


_NOTED: dict[str, Any] = {
    "gen_sent": BigInteger(),
    "gen_confirmed": BigInteger(),
    "last_seen_at": _MOMENT,
    "schema": Integer(),
    "view_key": Text(),
    "view_rows": Integer(),
    "view_hash": Text(),
}


def _note() -> Executable:
    """What was sent; centres, validity and grants stay as they are when null is given."""
    return (
        update(Device)
        .where(THE_DEVICE)
        .values(
            **{name: given(f"new_{name}", type_) for name, type_ in _NOTED.items()},
            updated_at=given("new_last_seen_at", _MOMENT),
            hash_differences=Device.hash_differences + given("new_differences", Integer()),
            differed_at=case(
                (given("new_differences", Integer()) == literal(0), Device.differed_at),
                else_=given("new_last_seen_at", _MOMENT),
            ),
            view_centres=_or_as_is(Device.view_centres, ARRAY(Uuid())),
            view_valid_until=_or_as_is(Device.view_valid_until, _MOMENT),
            view_catalogue=_or_as_is(Device.view_catalogue, BigInteger()),
            view_counters=_or_as_is(Device.view_counters, ARRAY(BigInteger())),
            view_ground=_or_as_is(Device.view_ground, Text()),
            grants_former=case(
                (given("new_grants_seen", Text()).is_(None), Device.grants_former),
                else_=Device.grants_seen,
            ),
            grants_since=_or_as_is(Device.grants_since, _MOMENT),
            grants_seen=func.coalesce(
                cast(cast(given("new_grants_seen", Text()), Text), JSONB), Device.grants_seen
            ),
        )
    )


def _or_as_is(column: Any, type_: Any) -> ColumnElement[Any]:
    return func.coalesce(cast(given(f"new_{column.key}", type_), type_), column)


async def note_pull(line: Line, region_id: int, device_id: UUID, **values: Any) -> None:
    """Write on the device's row where it stands after a page."""
    last_page = (
        "view_centres",
        "view_valid_until",
        "view_catalogue",
        "view_counters",
        "view_ground",
    )
    absent = dict.fromkeys((*last_page, "grants_since", "grants_seen"))
    named = {f"new_{name}": value for name, value in {**absent, **values}.items()}
    await line.run(once(_note), region_id=region_id, device_id=device_id, **named)
