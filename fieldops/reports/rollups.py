"""Rollups by day: made from the facts, and read in their place where they stand (KP-02).

The last days are always counted from the records: time itself changes them (a window passes, a
due time comes), and so do phones that hand in late. A day before them is rolled up once, and
again whenever a change touched it (touched.py). The days rolled up are one block without a hole.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day
from fieldops.kernel.ids import NIL
from fieldops.orders.models import ServiceOrder
from fieldops.quality.duty import EVERY
from fieldops.reports import facts, queries, rules
from fieldops.reports.asked import Asked, local_date
from fieldops.reports.models import Breakdown, LogPlace, RolledDay, Rollup
from fieldops.reports.queries import Cut, Places
from fieldops.reports.registry import REGISTRY
from fieldops.visits.models import Visit

UNSETTLED = timedelta(days=3)
"""So many days, today among them, are counted from the records."""
REACH = timedelta(days=1_100)
"""So far back days are rolled up: three years, and the one before them in part."""
AT_ONCE = 31
ONE = timedelta(days=1)
KEYS = ("day", "centre_id", "technician_id", "service", "tier")
PART_KEYS = ("day", "centre_id", "technician_id", "part")
VALUES = ("numerator", "denominator", "records")


@dataclass(frozen=True, slots=True)
class Days:
    """Local days, both ends included."""

    first: date
    last: date

    def part(self, first: date, last: date) -> "Days | None":
        """Return what lies between two days, both included."""
        first, last = max(first, self.first), min(last, self.last)
        return Days(first, last) if first <= last else None


async def asked(
    session: AsyncSession,
    region_id: int,
    known: Places,
    days: Days,
    now: datetime,
    centre_ids: Sequence[Any] | None = None,
) -> Asked:
    """Return what to ask the facts for: some days of all centres, or of those named."""
    centres = (*sorted(known.centres), NIL) if centre_ids is None else tuple(centre_ids)
    numbers = await configuration.values(session, region_id)
    return Asked(
        region_id,
        known.zone,
        cut=Cut(known.day(days.first)[0], known.day(days.last)[1], centres),
        limits=await queries.limits(session, region_id),
        repeat_within=await configuration.duration(session, region_id, rules.REPEAT_FAULT_WITHIN),
        recorded_within=await configuration.duration(session, region_id, rules.RECORDED_WITHIN),
        duties={level: int(numbers[every.name]) for level, every in EVERY.items()},
        now=now,
    )


def counted(name: str, of: Asked) -> Select[Any]:
    """Return the statement that counts an indicator's records by every way to cut them."""
    fact = facts.STATEMENTS[name](of).subquery("fact")
    day = local_date(of, fact.c.at)
    keys = [day, fact.c.centre_id, fact.c.technician_id, fact.c.service, Customer.tier]
    sums = [func.sum(fact.c.numerator), func.sum(fact.c.denominator), func.count()]
    columns = zip((*KEYS, *VALUES), (*keys, *sums), strict=True)
    return (
        select(literal(name, Text).label("indicator"), *(c.label(n) for n, c in columns))
        .select_from(fact)
        .outerjoin(
            Customer, and_(Customer.region_id == of.region_id, Customer.id == fact.c.customer_id)
        )
        .group_by(*keys)
    )


def broken_down(name: str, of: Asked) -> Select[Any]:
    """Return the statement that counts the parts of an indicator's records, by who and where."""
    fact = facts.BREAKDOWNS[name](of).subquery("fact")
    keys = [local_date(of, fact.c.at), fact.c.centre_id, fact.c.technician_id, fact.c.part]
    columns = zip(PART_KEYS, keys, strict=True)
    return select(*(c.label(n) for n, c in columns), func.count().label("records")).group_by(*keys)


# Making them


async def roll_up(
    session: AsyncSession, region_id: int, known: Places, name: str, days: Days, now: datetime
) -> None:
    """Make an indicator's rollups of some days again from the records, and note that they are."""
    of = await asked(session, region_id, known, days, now)
    fresh = counted(name, of).subquery("fresh")
    await session.execute(delete(Rollup).where(*_rolled(Rollup, region_id, [name], days)))
    await session.execute(
        insert(Rollup).from_select(
            ["region_id", "indicator", *KEYS, *VALUES],
            select(
                literal(region_id, Integer),
                fresh.c.indicator,
                fresh.c.day,
                fresh.c.centre_id,
                func.coalesce(fresh.c.technician_id, NIL),
                func.coalesce(fresh.c.service, ""),
                func.coalesce(fresh.c.tier, ""),
                *(fresh.c[value] for value in VALUES),
            ),
        )
    )
    if name in facts.BREAKDOWNS:
        await _break_down(session, region_id, name, days, of)
    day = func.generate_series(days.first, days.last, ONE).column_valued("day")
    said = insert(RolledDay).from_select(
        ["region_id", "indicator", "day", "counted_at"],
        select(
            literal(region_id, Integer),
            literal(name, Text),
            cast(day, Date),
            literal(now, DateTime(timezone=True)),
        ),
    )
    await session.execute(
        said.on_conflict_do_update(
            index_elements=["region_id", "indicator", "day"],
            set_={"counted_at": said.excluded.counted_at, "stale_since": None},
        )
    )


async def _break_down(
    session: AsyncSession, region_id: int, name: str, days: Days, of: Asked
) -> None:
    fresh = broken_down(name, of).subquery("fresh")
    await session.execute(delete(Breakdown).where(*_rolled(Breakdown, region_id, [name], days)))
    await session.execute(
        insert(Breakdown).from_select(
            ["region_id", "indicator", *PART_KEYS, "records"],
            select(
                literal(region_id, Integer),
                literal(name, Text),
                fresh.c.day,
                fresh.c.centre_id,
                func.coalesce(fresh.c.technician_id, NIL),
                fresh.c.part,
                fresh.c.records,
            ),
        )
    )


def _rolled(
    model: type[Rollup | Breakdown], region_id: int, names: Collection[str], days: Days
) -> list[ColumnElement[bool]]:
    """Return the conditions for what is rolled up of some indicators and days."""
    return [
        model.region_id == region_id,
        model.indicator.in_(names),
        model.day.between(days.first, days.last),
    ]


async def _blocks(session: AsyncSession, region_id: int) -> dict[str, Days]:
    """Return the days of each indicator that are rolled up; those without any are left out."""
    found = await _standing(session, region_id, REGISTRY, Days(date.min, date.max))
    return {name: block for name, (block, _stale) in found.items()}


async def catch_up(session: AsyncSession, region_id: int, now: datetime) -> bool:
    """Roll up the next days of every indicator, at most a month of each; return whether it did.

    Days that became settled come first, then stale ones, then the past back to its first record.
    """
    known = await queries.places(session, region_id)
    today = local_day(now, known.zone)
    settled = today - UNSETTLED
    standing = await _blocks(session, region_id)
    stale = await _stale(session, region_id)
    before = {rolled.first - ONE for rolled in standing.values()}
    if len(standing) < len(REGISTRY):
        before.add(settled)
    old = {
        day: await _recorded(session, region_id, known, day)
        for day in before
        if day > today - REACH
    }
    done = False
    for name in REGISTRY:
        rolled = standing.get(name)
        last = rolled.first - ONE if rolled else settled
        if rolled and rolled.last < settled:
            days = Days(rolled.last + ONE, min(settled, rolled.last + AT_ONCE * ONE))
        elif name in stale:
            days = stale[name]
        elif old.get(last, False):
            days = Days(last - (AT_ONCE - 1) * ONE, last)
        else:
            continue
        await roll_up(session, region_id, known, name, days, now)
        done = True
    return done


async def _recorded(session: AsyncSession, region_id: int, known: Places, day: date) -> bool:
    """Return whether there is a record so old as a day."""
    before = known.day(day)[1]
    centres = sorted(known.centres)
    found = await session.scalar(
        select(
            or_(
                exists().where(
                    Visit.region_id == region_id,
                    Visit.centre_id.in_(centres),
                    Visit.window_start < before,
                ),
                exists().where(
                    ServiceOrder.region_id == region_id,
                    ServiceOrder.centre_id.in_(centres),
                    ServiceOrder.received_at < before,
                ),
            )
        )
    )
    return bool(found)


async def _stale(session: AsyncSession, region_id: int) -> dict[str, Days]:
    """Return the first stale days of each indicator that stand side by side."""
    found = await session.execute(
        select(RolledDay.indicator, RolledDay.day)
        .where(RolledDay.region_id == region_id, RolledDay.stale_since.is_not(None))
        .order_by(RolledDay.indicator, RolledDay.day)
    )
    first: dict[str, Days] = {}
    for name, day in found:
        known = first.setdefault(name, Days(day, day))
        if day == known.last + ONE and day < known.first + AT_ONCE * ONE:
            first[name] = Days(known.first, day)
    return first


# Reading them


@dataclass(frozen=True, slots=True)
class Source:
    """Indicators' sums of some days as a table, and up to when changes are in them, by name."""

    table: Any
    as_of: dict[str, datetime]


async def source(
    session: AsyncSession,
    region_id: int,
    known: Places,
    names: Collection[str],
    days: Days,
    now: datetime,
    centre_ids: Sequence[Any],
) -> Source:
    """Return indicators' sums over some days: rolled up where that is done, else counted.

    Two statements, however many indicators; the table is read in one with what is cut from it.
    """
    split = await _split(session, region_id, names, days, now)
    arms = [_rolled_up(region_id, of, block, centre_ids) for block, of in split.rolled.items()]
    for part, of in split.live.items():
        wanted = await asked(session, region_id, known, part, now, centre_ids)
        arms += [counted(name, wanted) for name in of]
    return Source(union_all(*arms).subquery("sums"), split.as_of)


async def parts(
    session: AsyncSession,
    region_id: int,
    known: Places,
    name: str,
    days: Days,
    now: datetime,
    centre_ids: Sequence[Any],
) -> Any:
    """Return the parts of an indicator's records over some days as a table, as `source` does."""
    split = await _split(session, region_id, [name], days, now)
    arms = [
        select(
            Breakdown.day,
            Breakdown.centre_id,
            func.nullif(Breakdown.technician_id, NIL).label("technician_id"),
            Breakdown.part,
            Breakdown.records,
        ).where(*_rolled(Breakdown, region_id, [name], block), Breakdown.centre_id.in_(centre_ids))
        for block in split.rolled
    ]
    for part in split.live:
        wanted = await asked(session, region_id, known, part, now, centre_ids)
        arms.append(broken_down(name, wanted))
    return union_all(*arms).subquery("parts")


@dataclass(frozen=True, slots=True)
class _Split:
    """Which indicators of which days are read from rollups, and which are counted."""

    rolled: dict[Days, list[str]]
    live: dict[Days, list[str]]
    as_of: dict[str, datetime]


async def _split(
    session: AsyncSession, region_id: int, names: Collection[str], days: Days, now: datetime
) -> _Split:
    standing = await _standing(session, region_id, names, days)
    read = await _read_until(session, region_id) if standing else None
    rolled: dict[Days, list[str]] = defaultdict(list)
    live: dict[Days, list[str]] = defaultdict(list)
    as_of = dict.fromkeys(names, now)
    for name in names:
        if name not in standing:
            live[days].append(name)
            continue
        block, stale = standing[name]
        rolled[block].append(name)
        as_of[name] = min(at for at in (now, stale, read) if at is not None)
        for rest in (
            days.part(date.min, block.first - ONE),
            days.part(block.last + ONE, date.max),
        ):
            if rest is not None:
                live[rest].append(name)
    return _Split(rolled, live, as_of)


def _rolled_up(
    region_id: int, names: Collection[str], days: Days, centre_ids: Sequence[Any]
) -> Select[Any]:
    return select(
        Rollup.indicator,
        Rollup.day,
        Rollup.centre_id,
        func.nullif(Rollup.technician_id, NIL).label("technician_id"),
        func.nullif(Rollup.service, "").label("service"),
        func.nullif(Rollup.tier, "").label("tier"),
        Rollup.numerator,
        Rollup.denominator,
        Rollup.records,
    ).where(*_rolled(Rollup, region_id, names, days), Rollup.centre_id.in_(centre_ids))


async def _standing(
    session: AsyncSession, region_id: int, names: Collection[str], days: Days
) -> dict[str, tuple[Days, datetime | None]]:
    """Return which of some days are rolled up for each indicator, and since when some are stale."""
    asked_for = RolledDay.day.between(days.first, days.last)
    found = await session.execute(
        select(
            RolledDay.indicator,
            func.min(RolledDay.day),
            func.max(RolledDay.day),
            func.min(RolledDay.stale_since),
        )
        .where(RolledDay.region_id == region_id, RolledDay.indicator.in_(sorted(names)), asked_for)
        .group_by(RolledDay.indicator)
    )
    return {name: (Days(first, last), stale) for name, first, last, stale in found}


async def _read_until(session: AsyncSession, region_id: int) -> datetime | None:
    """Return up to when the log of changes has been read."""
    read: datetime | None = await session.scalar(
        select(func.min(LogPlace.read_at)).where(LogPlace.region_id == region_id)
    )
    return read
