"""The calendars of a centre: read, kept by each process, brought up to date by what changed.

A process keeps a centre's calendars with the counters they were read at: the centre's own, which
counts shifts, leave, certificates and technicians, and one for its reserved time. The counters are
read before the calendars are trusted; where they moved, the log says whose days to read again.
What is offered can therefore never be older than what was committed, in whichever process.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.queries.reservations import given_away
from fieldops.appointments.slots.calendars import Busy, Calendar, Certificate
from fieldops.appointments.slots.gaps import Days, days_of
from fieldops.appointments.slots.table import Table, table_of
from fieldops.customers.models import Premises
from fieldops.kernel import changes
from fieldops.kernel.clock import start_of_day
from fieldops.kernel.geo import Position
from fieldops.kernel.ids import NIL
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import (
    DutyDay,
    Holiday,
    Leave,
    Qualification,
    Shift,
    Technician,
)

MOST_CENTRES = 64  # kept by one process; beyond them the one read longest ago goes
OLDEST = timedelta(minutes=5)  # after which everything is read anew, whatever the counters say

_WHOLE = frozenset(
    {
        changes.ANYTHING,
        *(
            m.__tablename__
            for m in (DutyDay, Holiday, Leave, Premises, Qualification, Shift, Technician)
        ),
    }
)


Counters = tuple[int, int, int]
"""Of the centre, of what has no centre (a region's holidays), of the centre's reserved time."""


def key_of(centre_id: UUID) -> UUID:
    """Return under what the changes of a centre's reserved time are counted.

    Not under the centre itself: a hold is nothing that any phone shows, and must wake none.
    """
    return uuid5(centre_id, "reserved time")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The local days that are looked at, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def span(self) -> Range[datetime]:
        after = start_of_day(self.last + timedelta(days=1), self.zone)
        return Range(start_of_day(self.first, self.zone), after)


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of a centre's active technicians over a horizon, and their gaps."""

    horizon: Horizon
    read_at: datetime
    counters: Counters
    by_id: Mapping[UUID, Calendar]
    days: Mapping[UUID, Days]
    table: Table

    def without(self, visit_id: UUID) -> "Calendars":
        """Return them as if one visit had no reserved time: its own does not stand in its way."""
        whose = [self.by_id[id_] for id_, days in self.days.items() if visit_id in days.visits]
        return self.with_calendars([c.without(visit_id) for c in whose]) if whose else self

    def with_calendars(self, calendars: Collection[Calendar]) -> "Calendars":
        """Return them with some technicians' calendars put in or exchanged."""
        if not calendars:
            return self
        by_id = {**self.by_id, **{c.technician_id: c for c in calendars}}
        zone = self.horizon.zone
        days = {**self.days, **{c.technician_id: days_of(c, zone) for c in calendars}}
        return Calendars(
            self.horizon, self.read_at, self.counters, by_id, days, table_of(by_id, days)
        )


_kept: WeakKeyDictionary[Any, dict[tuple[int, UUID], Calendars]] = WeakKeyDictionary()


async def calendars(
    session: AsyncSession, region_id: int, centre_id: UUID, horizon: Horizon, now: datetime
) -> Calendars:
    """Return the calendars of a centre's technicians, from memory where nothing changed.

    A transaction that has changed something itself reads them from the database, and keeps
    nothing: what it sees may never be committed.
    """
    if session.new or session.dirty or session.deleted or changes.touched(session.sync_session):
        return await _read(session, region_id, centre_id, horizon, now, (0, 0, 0))
    mine = _kept.setdefault(session.sync_session.get_bind(), {})
    whose = centre_id, NIL, key_of(centre_id)
    counted = await changes.counters(session, region_id, whose)
    counters = counted[whose[0]], counted[whose[1]], counted[whose[2]]
    had = mine.get((region_id, centre_id))
    fresh = await _follow(session, region_id, centre_id, had, horizon, now, counters)
    if fresh is None:
        fresh = await _read(session, region_id, centre_id, horizon, now, counters)
    mine[region_id, centre_id] = fresh
    while len(mine) > MOST_CENTRES:
        del mine[min(mine, key=lambda key: mine[key].read_at)]
    return fresh


async def _follow(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    had: Calendars | None,
    horizon: Horizon,
    now: datetime,
    counters: Counters,
) -> Calendars | None:
    """Return kept calendars brought up to date, None when everything has to be read."""
    if had is None or had.horizon != horizon or not timedelta() <= now - had.read_at < OLDEST:
        return None
    changed = {
        id_
        for id_, days in had.days.items()
        if days.held_until is not None and days.held_until <= now
    }
    keys = (centre_id, NIL, key_of(centre_id))
    for key, after, until in zip(keys, had.counters, counters, strict=True):
        if after == until:
            continue
        log = await changes.logged(session, region_id, key, after, until)
        if log is None:
            return None
        if key == keys[2]:
            changed |= {UUID(id_) for _table, id_, _columns in log if id_ is not None}
            unnamed = any(id_ is None for _table, id_, _columns in log)
        else:
            unnamed = any(table in _WHOLE for table, _id, _columns in log)
        if unnamed:
            return None
    again = [had.by_id[id_] for id_ in sorted(changed & had.by_id.keys())]
    busy = await _busy(session, region_id, [c.technician_id for c in again], horizon, now)
    fresh = had.with_calendars([_with_busy(c, busy[c.technician_id]) for c in again])
    return Calendars(horizon, had.read_at, counters, fresh.by_id, fresh.days, fresh.table)


def _with_busy(calendar: Calendar, busy: Collection[Busy]) -> Calendar:
    return Calendar(
        calendar.technician_id, calendar.home, calendar.certificates, calendar.working, tuple(busy)
    )


async def _read(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    horizon: Horizon,
    now: datetime,
    counters: Counters,
) -> Calendars:
    homes = await _homes(session, region_id, Technician.centre_id == centre_id)
    by_id = await _calendars_of(session, region_id, homes, horizon, now)
    days = {id_: days_of(calendar, horizon.zone) for id_, calendar in by_id.items()}
    return Calendars(horizon, now, counters, by_id, days, table_of(by_id, days))


async def calendars_of(
    session: AsyncSession,
    region_id: int,
    technician_ids: Collection[UUID],
    horizon: Horizon,
    now: datetime,
) -> dict[UUID, Calendar]:
    """Return the calendars of some active technicians as the database has them now.

    Holds that have run out are left out; five statements.
    """
    homes = await _homes(session, region_id, Technician.id.in_(technician_ids))
    return await _calendars_of(session, region_id, homes, horizon, now)


Homes = dict[UUID, Position | None]


async def _homes(session: AsyncSession, region_id: int, which: ColumnElement[bool]) -> Homes:
    """Return active technicians with where their days begin."""
    found = await session.execute(
        select(Technician.id, Technician.start_longitude, Technician.start_latitude).where(
            Technician.region_id == region_id, which, Technician.active
        )
    )
    return {id_: None if lon is None or lat is None else (lon, lat) for id_, lon, lat in found}


async def _calendars_of(
    session: AsyncSession, region_id: int, homes: Homes, horizon: Horizon, now: datetime
) -> dict[UUID, Calendar]:
    if not homes:
        return {}
    known = await certificates(session, region_id, homes)
    working = await organisation.working_intervals(
        session, region_id, homes, horizon.first, horizon.last, horizon.zone
    )
    busy = await _busy(session, region_id, homes, horizon, now)
    return {
        id_: Calendar(
            id_,
            home,
            tuple(known[id_]),
            tuple(working[id_]),
            tuple(busy[id_]),
        )
        for id_, home in homes.items()
    }


async def certificates(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, list[Certificate]]:
    """Return the certificates of technicians, past and future ones too (ORG-03)."""
    found = await session.execute(
        select(
            Qualification.technician_id,
            Qualification.skill,
            Qualification.valid_from,
            Qualification.valid_until,
        )
        .where(Qualification.region_id == region_id, Qualification.technician_id.in_(ids))
        .order_by(Qualification.technician_id, Qualification.skill, Qualification.valid_from)
    )
    known: dict[UUID, list[Certificate]] = defaultdict(list)
    for id_, skill, valid_from, valid_until in found:
        known[id_].append(Certificate(skill, valid_from, valid_until))
    return known


async def _busy(
    session: AsyncSession,
    region_id: int,
    ids: Collection[UUID],
    horizon: Horizon,
    now: datetime,
) -> dict[UUID, list[Busy]]:
    """Return the reserved time of technicians, in the order of its starts: one statement.

    What a visit that is done used counts too: the next drive begins there.
    """
    busy: dict[UUID, list[Busy]] = defaultdict(list)
    if ids:
        for id_, time in await given_away(
            session, region_id, horizon.span, now, ids, of_ended=True
        ):
            busy[id_].append(time)
    return busy
