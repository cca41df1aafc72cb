"""When technicians work: weekly shifts, days with other times, holidays, leave (ORG-07)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.clock import start_of_day
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one
from fieldops.organisation import policy
from fieldops.organisation.models import DutyDay, Holiday, Leave, Shift, Technician

Interval = tuple[datetime, datetime]
DAY = timedelta(days=1)


class Times(Protocol):
    """Local times of one working time; one that ends at or before its start ends a day later."""

    starts: time
    ends: time
    lunch_starts: time | None
    lunch_ends: time | None


async def working_intervals(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    from_day: date,
    to_day: date,
    zone: ZoneInfo,
) -> dict[UUID, list[Interval]]:
    """Return when technicians work from one local day to another, both included (ORG-07).

    As UTC intervals in time order that do not touch: on each day the times set for it, else on a
    holiday of the region or the centre nothing, else the weekly shifts; less lunch less leave. A
    night shift counts from the day it begins on; what lies outside the days is cut off. Four
    statements.
    """
    first, last = start_of_day(from_day, zone), start_of_day(to_day + DAY, zone)
    weekly = await _weekly(session, region_id, technician_ids)
    set_days = await _set_days(session, region_id, technician_ids, from_day - DAY, to_day)
    closed = await _closed(session, region_id, from_day - DAY, to_day)
    away = await _away(session, region_id, technician_ids, first, last)
    found: dict[UUID, list[Interval]] = {}
    for id_ in technician_ids:
        parts: list[Interval] = []
        for offset in range(-1, (to_day - from_day).days + 1):
            day = from_day + offset * DAY
            for times in _of_day(day, set_days.get((id_, day)), weekly[id_], closed[day]):
                parts += _parts_of(times, day, zone)
        outside = [(datetime.min.replace(tzinfo=UTC), first), (last, _END)]
        found[id_] = joined(without(parts, [*away[id_], *outside]))
    return found


async def working_days(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    from_day: date,
    to_day: date,
    zone: ZoneInfo,
) -> set[date]:
    """Return the local days on which somebody of a centre works (ORG-07), both ends included."""
    people = await session.scalars(
        select(Technician.id).where(
            Technician.region_id == region_id, Technician.centre_id == centre_id, Technician.active
        )
    )
    worked = await working_intervals(session, region_id, list(people), from_day, to_day, zone)
    return {start.astimezone(zone).date() for of in worked.values() for start, _ in of}


_END = datetime.max.replace(tzinfo=UTC)


def _of_day(
    day: date, set_: Sequence[DutyDay] | None, weekly: Iterable[Shift], closed: set[UUID | None]
) -> list[Times]:
    """Return what is worked on a day: the times set for it win, then holidays, then the week."""
    if set_ is not None:
        return list(set_)
    return [
        shift
        for shift in weekly
        if shift.weekday == day.isoweekday() and not closed & {None, shift.centre_id}
    ]


async def _weekly(
    session: AsyncSession, region_id: int, technician_ids: Collection[UUID]
) -> dict[UUID, list[Shift]]:
    rows = await session.scalars(
        select(Shift).where(Shift.region_id == region_id, Shift.technician_id.in_(technician_ids))
    )
    weekly: dict[UUID, list[Shift]] = defaultdict(list)
    for row in rows:
        weekly[row.technician_id].append(row)
    return weekly


async def _set_days(
    session: AsyncSession, region_id: int, technician_ids: Collection[UUID], first: date, last: date
) -> dict[tuple[UUID, date], list[DutyDay]]:
    rows = await session.scalars(
        select(DutyDay).where(
            DutyDay.region_id == region_id,
            DutyDay.technician_id.in_(technician_ids),
            DutyDay.day >= first,
            DutyDay.day <= last,
        )
    )
    days: dict[tuple[UUID, date], list[DutyDay]] = defaultdict(list)
    for row in rows:
        days[row.technician_id, row.day].append(row)
    return days


async def _closed(
    session: AsyncSession, region_id: int, first: date, last: date
) -> dict[date, set[UUID | None]]:
    rows = await session.execute(
        select(Holiday.day, Holiday.centre_id).where(
            Holiday.region_id == region_id, Holiday.day >= first, Holiday.day <= last
        )
    )
    closed: dict[date, set[UUID | None]] = defaultdict(set)
    for day, centre_id in rows:
        closed[day].add(centre_id)
    return closed


async def _away(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    first: datetime,
    last: datetime,
) -> dict[UUID, list[Interval]]:
    rows = await session.scalars(
        select(Leave).where(
            Leave.region_id == region_id,
            Leave.technician_id.in_(technician_ids),
            Leave.starts_at < last,
            Leave.ends_at > first,
        )
    )
    away: dict[UUID, list[Interval]] = defaultdict(list)
    for row in rows:
        away[row.technician_id].append((row.starts_at, row.ends_at))
    return away


def _parts_of(times: Times, day: date, zone: ZoneInfo) -> list[Interval]:
    """Return a working time of a day less its lunch, by the wall clock of the zone."""

    def moment(at: time) -> datetime:
        # What lies before the start on the clock comes after midnight.
        on = day + DAY if at < times.starts else day
        return datetime.combine(on, at, tzinfo=zone).astimezone(UTC)

    ends = moment(times.ends)
    whole = [(moment(times.starts), ends)]
    if times.lunch_starts is None or times.lunch_ends is None:
        return whole
    return without(whole, [(moment(times.lunch_starts), moment(times.lunch_ends))])


def without(parts: Iterable[Interval], gaps: Iterable[Interval]) -> list[Interval]:
    """Cut gaps out of intervals."""
    left = list(parts)
    for gap_start, gap_end in gaps:
        cut: list[Interval] = []
        for start, end in left:
            if gap_end <= start or gap_start >= end:
                cut.append((start, end))
                continue
            if start < gap_start:
                cut.append((start, gap_start))
            if gap_end < end:
                cut.append((gap_end, end))
        left = cut
    return left


def joined(parts: Iterable[Interval]) -> list[Interval]:
    """Return intervals in time order, those that touch made one: work may go on over the seam."""
    found: list[Interval] = []
    for start, end in sorted(parts):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


async def shifts_of(session: AsyncSession, region_id: int, technician_id: UUID) -> list[Shift]:
    """Return a technician's weekly working times in order."""
    found = await session.scalars(
        select(Shift)
        .where(Shift.region_id == region_id, Shift.technician_id == technician_id)
        .order_by(Shift.weekday, Shift.starts)
    )
    return list(found)


async def set_days_of(
    session: AsyncSession, region_id: int, technician_id: UUID, first: date, last: date
) -> list[DutyDay]:
    """Return the days of a technician that have times of their own, in order."""
    days = await _set_days(session, region_id, [technician_id], first, last)
    rows = [row for of_day in days.values() for row in of_day]
    return sorted(rows, key=lambda row: (row.day, row.starts))


async def leave(session: AsyncSession, scope: Scope, leave_id: UUID) -> Leave:
    """Return a leave inside a scope; raises NotFound."""
    return await find_one(
        session, select(Leave).where(policy.own_rows(Leave, scope), Leave.id == leave_id), "leave"
    )


async def leaves_of(session: AsyncSession, region_id: int, technician_id: UUID) -> list[Leave]:
    """Return a technician's leaves, latest first."""
    found = await session.scalars(
        select(Leave)
        .where(Leave.region_id == region_id, Leave.technician_id == technician_id)
        .order_by(Leave.starts_at.desc(), Leave.id)
        .limit(200)
    )
    return list(found)


def holidays(scope: Scope, *, first: date | None = None) -> Select[Holiday]:
    """Return the statement for the holidays a scope may know, from a day on, by id."""
    statement = (
        select(Holiday)
        .where(
            Holiday.region_id == scope.region_id,
            or_(policy.visible_holidays(scope), Holiday.centre_id.is_(None)),
        )
        .order_by(Holiday.id)
    )
    return statement if first is None else statement.where(Holiday.day >= first)


async def holiday(
    session: AsyncSession, region_id: int, day: date, centre_id: UUID | None
) -> Holiday | None:
    """Return the holiday of a day for a centre, or for the whole region without one."""
    of_centre = Holiday.centre_id == centre_id if centre_id else Holiday.centre_id.is_(None)
    found: Holiday | None = await session.scalar(
        select(Holiday).where(Holiday.region_id == region_id, Holiday.day == day, of_centre)
    )
    return found
