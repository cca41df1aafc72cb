"""The running day of a centre, predicted; the warnings about it; the ways out (AP-07)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Premises
from fieldops.dispatch import policy, rules
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.prediction import Course, Due, LateRisk, Part, Prediction, Whereabouts
from fieldops.kernel import configuration
from fieldops.kernel.changes import ChangeCounter
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.geo import Position, position_of
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.travel import queries as travel
from fieldops.visits.models import Assignment, Visit, VisitFact
from fieldops.visits.rules import UNDER_WAY, State

MOST_VISITS = 3_000
"""Visits of a day that are looked at, a centre's and those of its technicians elsewhere."""


@dataclass(frozen=True, slots=True)
class Running:
    """A centre's running day: its visits, what is predicted of them, and the places."""

    visits: dict[UUID, Due]
    centre_of: dict[UUID, UUID]
    places: list[Position]
    course: Course

    @property
    def prediction(self) -> Prediction:
        return self.course.found

    def risks(self, visit_id: UUID, *, crewless: bool) -> tuple[LateRisk, ...]:
        """Return why a visit is likely to be late; `crewless` is said of one that nobody has."""
        if visit_id in self.visits:
            return self.prediction.risks[visit_id]
        return (LateRisk.ARRIVAL_AFTER_WINDOW,) if crewless else ()

    def whereabouts(self, visit_id: UUID) -> dict[UUID, tuple[datetime, Position]]:
        """Return when and from where technicians can leave when a visit's turn comes."""
        before = self.prediction.before.get(visit_id, {})
        return {
            id_: (at, self.places[place])
            for id_, (at, place) in before.items()
            if place is not None
        }


async def running(session: AsyncSession, region_id: int, centre_id: UUID, now: datetime) -> Running:
    """Return the day of a centre as it will go on from now; eight statements (AP-07)."""
    zone = await organisation.zone_of(session, region_id)
    today = local_day(now, zone)
    rows = await _visits(session, region_id, centre_id, today, zone)
    ids = {row.Assignment.technician_id for row in rows}
    staff = await organisation.technicians(session, region_id, ids)
    fixes = await _fixes(session, region_id, {row.Visit.id for row in rows}, now)
    breaks = await _breaks(session, region_id, list(staff), now, zone)
    morning = start_of_day(today, zone)
    places: list[Position] = []
    dues, ended = _dues(rows, places)
    people = {
        id_: _where(technician, places, ended.get(id_), fixes.get(id_), breaks.get(id_), morning)
        for id_, technician in staff.items()
    }
    ways = await travel.seconds(session, region_id, places, places, now)
    overrun = await configuration.duration(session, region_id, rules.OVERRUN)
    centre_of = {row.Visit.id: row.Visit.centre_id for row in rows}
    return Running(dues, centre_of, places, Course(now, dues, people, ways, overrun))


async def _visits(
    session: AsyncSession, region_id: int, centre_id: UUID, today: date, zone: ZoneInfo
) -> Sequence[Any]:
    """Return the day's visits of everybody who has one of the centre's, with their places."""
    starts, ends = start_of_day(today, zone), start_of_day(today + timedelta(days=1), zone)
    of_day = and_(
        Visit.region_id == region_id,
        or_(
            Visit.expected_arrival >= starts,
            and_(Visit.state.in_(UNDER_WAY), Visit.expected_arrival >= starts - SINCE_YESTERDAY),
        ),
        Visit.expected_arrival < ends,
        Visit.state != State.CANCELLED,
    )
    here = (
        select(Assignment.technician_id)
        .join(Visit, and_(Visit.region_id == Assignment.region_id, Visit.id == Assignment.visit_id))
        .where(
            Assignment.region_id == region_id,
            of_day,
            Visit.centre_id == centre_id,
            Assignment.ended_at.is_(None),
        )
    )
    found = await session.execute(
        select(Visit, Assignment, Premises.point)
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .join(
            Premises, and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id)
        )
        .where(
            of_day,
            Assignment.region_id == region_id,
            Premises.region_id == region_id,
            Assignment.technician_id.in_(here),
            or_(Assignment.ended_at.is_(None), Assignment.arrived_at.is_not(None)),
        )
        .order_by(Visit.expected_arrival, Visit.id, Assignment.id)
        .limit(MOST_VISITS)
    )
    return found.all()


SINCE_YESTERDAY = timedelta(days=1)
"""A visit still under way from the day before belongs to today."""
FRESH = timedelta(hours=2)
"""A position older than this says nothing of where somebody is."""


async def _fixes(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID], now: datetime
) -> dict[UUID, tuple[datetime, Position]]:
    """Return each technician's newest position of the last two hours."""
    found = await session.execute(
        select(VisitFact.technician_id, VisitFact.estimated_at, VisitFact.point)
        .where(
            VisitFact.region_id == region_id,
            VisitFact.visit_id.in_(visit_ids),
            VisitFact.point.is_not(None),
            VisitFact.estimated_at > now - FRESH,
        )
        .order_by(VisitFact.estimated_at)
    )
    return {id_: (at, position_of(point)) for id_, at, point in found if id_ is not None}


async def _breaks(
    session: AsyncSession, region_id: int, ids: Collection[UUID], now: datetime, zone: ZoneInfo
) -> dict[UUID, tuple[datetime, datetime]]:
    """Return each technician's next time off within the day: lunch, or a leave of hours."""
    today = local_day(now, zone)
    working = await organisation.working_intervals(session, region_id, ids, today, today, zone)
    found: dict[UUID, tuple[datetime, datetime]] = {}
    for id_, intervals in working.items():
        for (_, stops), (resumes, _) in pairwise(intervals):
            if resumes > now and stops < resumes:
                found.setdefault(id_, (stops, resumes))
    return found


_Ended = dict[UUID, tuple[datetime, Position]]


def _dues(rows: Sequence[Any], places: list[Position]) -> tuple[dict[UUID, Due], _Ended]:
    """Return what is still to be done, and where and when each technician ended last."""
    dues: dict[UUID, Due] = {}
    ended: _Ended = {}
    parts: dict[UUID, list[Part]] = {}
    for row in rows:
        visit, own = row.Visit, row.Assignment
        if visit.ended_at is not None or own.ended_at is not None:
            at = visit.ended_at or own.ended_at
            if own.arrived_at is not None and ended.get(own.technician_id, (at,))[0] <= at:
                ended[own.technician_id] = (at, position_of(row.point))
            continue
        parts.setdefault(visit.id, []).append(
            Part(
                own.technician_id,
                own.state,
                own.latest_departure_at,
                own.departed_at,
                own.arrived_at,
                own.started_at,
            )
        )
        if visit.id not in dues:
            places.append(position_of(row.point))
            dues[visit.id] = Due(
                visit.id,
                len(places) - 1,
                visit.window_start,
                visit.window_end,
                visit.expected_arrival,
                visit.duration_minutes,
                (),
            )
    return (
        {
            id_: Due(
                d.visit_id,
                d.place,
                d.window_start,
                d.window_end,
                d.planned,
                d.minutes,
                tuple(parts[id_]),
            )
            for id_, d in dues.items()
        },
        ended,
    )


def _where(
    technician: Technician,
    places: list[Position],
    ended: tuple[datetime, Position] | None,
    fix: tuple[datetime, Position] | None,
    off: tuple[datetime, datetime] | None,
    morning: datetime,
) -> Whereabouts:
    """Return where a technician was last: the newest of position, last visit, own door."""
    known = [pair for pair in (ended, fix) if pair is not None]
    if known:
        since, place = max(known, key=lambda pair: pair[0])
    elif technician.start_longitude is not None and technician.start_latitude is not None:
        since = morning
        place = (technician.start_longitude, technician.start_latitude)
    else:
        return Whereabouts(None, morning, off)
    places.append(place)
    return Whereabouts(len(places) - 1, since, off)


async def centres_today(session: AsyncSession, region_id: int, now: datetime) -> dict[UUID, int]:
    """Return the centres with visits of today that have not ended, with their change counters."""
    zone = await organisation.zone_of(session, region_id)
    today = local_day(now, zone)
    starts, ends = start_of_day(today, zone), start_of_day(today + timedelta(days=1), zone)
    found = await session.execute(
        select(Visit.centre_id, func.max(func.coalesce(ChangeCounter.counter, 0)))
        .outerjoin(
            ChangeCounter,
            and_(
                ChangeCounter.region_id == Visit.region_id,
                ChangeCounter.centre_id == Visit.centre_id,
            ),
        )
        .where(
            Visit.region_id == region_id,
            Visit.ended_at.is_(None),
            Visit.window_start >= starts,
            Visit.window_start < ends,
        )
        .group_by(Visit.centre_id)
    )
    return {centre_id: int(counter) for centre_id, counter in found}


def late_warnings(
    scope: Scope, *, centre_id: UUID | None = None, settled: bool = False
) -> Select[LateWarning]:
    """Return the statement for the warnings of a scope by id: the open ones, or those settled."""
    found = select(LateWarning).where(policy.visible(scope, LateWarning)).order_by(LateWarning.id)
    if centre_id is not None:
        found = found.where(LateWarning.centre_id == centre_id)
    over = LateWarning.settled_at
    return found.where(over.is_not(None) if settled else over.is_(None))


async def late_warning(session: AsyncSession, scope: Scope, warning_id: UUID) -> LateWarning:
    """Return a warning; raises NotFound outside the scope."""
    return await find_one(
        session,
        select(LateWarning).where(policy.visible(scope, LateWarning), LateWarning.id == warning_id),
        "late warning",
    )


async def lock_open(session: AsyncSession, region_id: int, visit_id: UUID) -> LateWarning | None:
    """Return the open warning of a visit, locked, None without one."""
    found: LateWarning | None = await session.scalar(
        select(LateWarning)
        .where(
            LateWarning.region_id == region_id,
            LateWarning.visit_id == visit_id,
            LateWarning.settled_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def open_or_decided(
    session: AsyncSession, region_id: int, centre_id: UUID
) -> list[LateWarning]:
    """Return a centre's warnings that are open, and those somebody decided about for good."""
    found = await session.scalars(
        select(LateWarning)
        .where(
            LateWarning.region_id == region_id,
            LateWarning.centre_id == centre_id,
            or_(LateWarning.settled_at.is_(None), LateWarning.outcome.in_(rules.DECIDED)),
        )
        .order_by(LateWarning.id.desc())
        .limit(1_000)
    )
    return list(found)
