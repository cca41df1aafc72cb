"""The day of a centre as it is: who works, what is to be done, what is given to whom."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.appointments import queries as promises
from fieldops.appointments.models import Reservation
from fieldops.appointments.rules import WINDOW_LENGTH, people_for
from fieldops.appointments.slots import calendars
from fieldops.customers.models import Customer, Premises
from fieldops.dispatch import rules
from fieldops.dispatch.day import NOWHERE, Busy, CentreDay, Hand, Span, Stop, Terms
from fieldops.dispatch.queries import locks, plans
from fieldops.emergencies import queries as emergencies
from fieldops.kernel import configuration, geo
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Department
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.travel import queries as travel
from fieldops.visits.models import Assignment, Visit, VisitWork
from fieldops.visits.rules import UNDER_WAY, State, Step

Given = tuple[UUID, calendars.Busy]
"""A technician's time that is given away."""
MORNING = timedelta(hours=8)
LEAST_LEFT = 5.0
"""Minutes that work under way is taken to last still, however long it has gone on."""


@dataclass(slots=True)
class _Places:
    """Positions by number; nowhere for who has none."""

    positions: list[geo.Position]

    def add(self, position: geo.Position | None) -> int:
        if position is None:
            return NOWHERE
        self.positions.append(position)
        return len(self.positions) - 1


@dataclass(frozen=True, slots=True)
class _Clock:
    """Minutes of a local day."""

    midnight: datetime

    def __call__(self, moment: datetime) -> float:
        return (moment - self.midnight).total_seconds() / 60.0


async def terms(
    session: AsyncSession,
    region_id: int,
    kind: str,
    *,
    seconds: float | None = None,
    urgent: Collection[UUID] = (),
) -> Terms:
    """Return on what terms a region's plans are looked for; `seconds` None: the region's own."""

    async def value(declared: configuration.Number) -> float:
        return await configuration.value(session, region_id, declared)

    replan = kind == rules.PlanKind.REPLAN
    return Terms(
        rules.PlanKind(kind),
        frozenset(urgent),
        seconds or await value(rules.REPLAN_SECONDS if replan else rules.PLAN_SECONDS),
        await value(rules.REPLAN_COST if replan else rules.CHANGE_COST),
        0.0 if replan else await value(rules.RESERVE) / 100,
        await value(rules.FREEZE),
        await value(rules.MARGIN),
        await value(rules.OVERTIME),
        60.0 * await value(WINDOW_LENGTH),
    )


async def read(
    session: AsyncSession, region_id: int, centre_id: UUID, day: date, now: datetime
) -> CentreDay:
    """Return what is known of a day of a centre; seventeen statements and those of the ways.

    Whom an emergency plan in force lends to the centre is planned like its own people (EM-01).
    """
    zone = await organisation.zone_of(session, region_id)
    midnight = start_of_day(day, zone)
    clock, places = _Clock(midnight), _Places([])
    visits = await _visits(session, region_id, centre_id, day, zone, now)
    ids = [row.Visit.id for row in visits]
    crews = await _crews(session, region_id, ids)
    work = await _work(session, region_id, ids)
    whole_day = Range(midnight, midnight + timedelta(days=1))
    spans = await promises.given_away(session, region_id, whole_day, now)
    locked = await locks.locked(session, region_id, ids)
    appointments = await plans.promises(session, region_id, ids)
    numbers = await configuration.values(session, region_id)
    today = clock(now) if local_day(now, zone) == day else float("-inf")
    stops = [
        _stop(row, clock, places, today, crews[row.Visit.id], work[row.Visit.id], spans, numbers)
        for row in visits
        if row.Visit.id in work
    ]
    stops = [replace(s, locked=s.id in locked, appointment=appointments.get(s.id)) for s in stops]
    plan = await emergencies.active(session, region_id, centre_id, now)
    lent = plan.reserve if plan is not None else frozenset()
    hands = await _hands(
        session, region_id, centre_id, lent, day, zone, clock, places, today, stops, spans
    )
    leaving = max(midnight + MORNING, now)
    seconds = await travel.seconds(session, region_id, places.positions, places.positions, leaving)
    return CentreDay(day, midnight, today, hands, tuple(stops), seconds / 60.0)


async def _visits(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    day: date,
    zone: ZoneInfo,
    now: datetime,
) -> list[Row[Any]]:
    """Return the open visits of a day with their place and customer's tier, and those without a
    time that no customer is just choosing one for; the soonest due of these come first.
    """
    begins, ends = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    held = (
        select(Reservation.id)
        .where(
            Reservation.region_id == region_id,
            Reservation.visit_id == Visit.id,
            Reservation.held_until > now,
        )
        .exists()
    )
    due = (
        select(func.min(WorkOrder.due_at))
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == WorkOrder.region_id,
                VisitWork.work_order_id == WorkOrder.id,
            ),
        )
        .where(
            VisitWork.region_id == region_id,
            WorkOrder.region_id == region_id,
            VisitWork.visit_id == Visit.id,
            VisitWork.ended_at.is_(None),
        )
        .scalar_subquery()
    )
    found: list[Row[Any]] = []
    in_the_day = and_(Visit.window_start >= begins, Visit.window_start < ends)
    without_time = and_(Visit.window_start.is_(None), Visit.state == State.PLANNED, ~held)
    for wanted in (in_the_day, without_time):
        rows = await session.execute(
            _with_places(region_id)
            .where(Visit.centre_id == centre_id, Visit.ended_at.is_(None), wanted)
            .order_by(Visit.window_start, due, Visit.id)
            .limit(rules.MOST_VISITS - len(found))
        )
        found += rows.all()
    return found


def _with_places(region_id: int) -> Any:
    tier = func.coalesce(Customer.tier, "").label("tier")  # a visit to plant has no customer
    return (
        select(Visit, Premises.point, tier, ServiceOrder.external_ref)
        .join(
            Premises, and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id)
        )
        .outerjoin(
            Customer, and_(Customer.region_id == Visit.region_id, Customer.id == Visit.customer_id)
        )
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == Visit.region_id, ServiceOrder.id == Visit.order_id),
        )
        .where(
            Visit.region_id == region_id,
            Premises.region_id == region_id,
            ServiceOrder.region_id == region_id,
        )
    )


async def _crews(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, list[Assignment]]:
    """Return the technicians now on each visit, the contact first."""
    found = await session.scalars(
        select(Assignment)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id.in_(visit_ids),
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.is_contact.desc(), Assignment.id)
    )
    crews: dict[UUID, list[Assignment]] = defaultdict(list)
    for row in found:
        crews[row.visit_id].append(row)
    return crews


async def _work(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, list[WorkOrder]]:
    """Return the open field work on each visit."""
    found = await session.execute(
        select(VisitWork.visit_id, WorkOrder)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id,
                WorkOrder.id == VisitWork.work_order_id,
            ),
        )
        .where(
            VisitWork.region_id == region_id,
            WorkOrder.region_id == region_id,
            VisitWork.visit_id.in_(visit_ids),
            VisitWork.ended_at.is_(None),
            WorkOrder.department == Department.FIELD,
        )
    )
    work: dict[UUID, list[WorkOrder]] = {}
    for visit_id, row in found:
        work.setdefault(visit_id, []).append(row)
    return work


def _stop(
    row: Row[Any],
    clock: _Clock,
    places: _Places,
    now: float,
    crew: list[Assignment],
    work: list[WorkOrder],
    spans: Iterable[Given],
    numbers: Mapping[str, float],
) -> Stop:
    visit: Visit = row.Visit
    window: Span | None = None
    if visit.window_start is not None and visit.window_end is not None:
        window = clock(visit.window_start), clock(visit.window_end)
    start = None if visit.expected_arrival is None else clock(visit.expected_arrival)
    minutes = float(visit.duration_minutes)
    under_way = State(visit.state) in UNDER_WAY
    if under_way:
        start, minutes = _left(visit, clock, now, crew, start, minutes)
    reserved = [
        (time.start, time.end)
        for id_, time in spans
        if time.visit_id == visit.id and any(id_ == c.technician_id for c in crew)
    ]
    score = max(order.priority for order in work)
    return Stop(
        visit.id,
        row.external_ref,
        visit.version,
        visit.state,
        places.add(geo.position_of(row.point)),
        frozenset(order.skill for order in work),
        minutes,
        rules.class_of(score, row.tier),
        window,
        start,
        (clock(reserved[0][0]), clock(reserved[0][1])) if reserved else None,
        tuple(assignment.technician_id for assignment in crew),
        clock(min(order.due_at for order in work)),
        under_way=under_way,
        override=visit.override_reason is not None,
        score=score,
        people=people_for({order.kind for order in work}, numbers),
    )


def _left(
    visit: Visit,
    clock: _Clock,
    now: float,
    crew: list[Assignment],
    start: float | None,
    minutes: float,
) -> tuple[float, float]:
    """Return from when work under way takes its technicians, and how long still."""
    began = visit.started_at or visit.arrived_at
    if began is not None:
        return max(now, 0.0), max(LEAST_LEFT, minutes - max(0.0, now - clock(began)))
    left = [
        clock(row.departed_at) + (row.travel_seconds or 0) / 60.0
        for row in crew
        if row.departed_at is not None and row.state == Step.EN_ROUTE
    ]
    return max([now, start or now, *left]), minutes


async def _hands(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    lent: frozenset[UUID],
    day: date,
    zone: ZoneInfo,
    clock: _Clock,
    places: _Places,
    now: float,
    stops: list[Stop],
    spans: list[Given],
) -> tuple[Hand, ...]:
    here = lent.union(id_ for stop in stops for id_ in stop.technicians)
    rows = await _technicians(
        session, region_id, or_(Technician.centre_id == centre_id, Technician.id.in_(here))
    )
    ids = [row.id for row in rows]
    working = await organisation.working_intervals(session, region_id, ids, day, day, zone)
    skills = await organisation.skills_on(session, region_id, ids, day)
    stood = await _last_places(session, region_id, ids, clock.midnight) if now >= 0 else {}
    known = {stop.id for stop in stops}
    hands = []
    for row in rows:
        parts = [(clock(a), clock(b)) for a, b in working[row.id]]
        parts = [(max(a, now), b) for a, b in parts if b > now]
        under_way = [s for s in stops if s.under_way and row.id in s.technicians]
        first = under_way[0].place if under_way else places.add(stood.get(row.id) or _home(row))
        busy = tuple(
            Busy((clock(time.start), clock(time.end)), places.add(time.position))
            for id_, time in spans
            if id_ == row.id and time.visit_id not in known
        )
        hands.append(
            Hand(
                row.id,
                row.name,
                frozenset(skills[row.id]),
                tuple(parts),
                parts[0][0] if parts else max(now, 0.0),
                first,
                (row.centre_id == centre_id or row.id in lent) and row.active,
                busy,
            )
        )
    return tuple(hands)


async def _technicians(
    session: AsyncSession, region_id: int, wanted: ColumnElement[bool]
) -> list[Technician]:
    found = await session.scalars(
        select(Technician)
        .where(Technician.region_id == region_id, Technician.active, wanted)
        .order_by(Technician.name, Technician.id)
    )
    return list(found)


def _home(row: Technician) -> geo.Position | None:
    if row.start_longitude is None or row.start_latitude is None:
        return None
    return row.start_longitude, row.start_latitude


async def _last_places(
    session: AsyncSession, region_id: int, ids: Collection[UUID], midnight: datetime
) -> dict[UUID, geo.Position]:
    """Return where each technician ended the last visit of this day."""
    over = aliased(Visit)
    found = await session.execute(
        select(Assignment.technician_id, Premises.point)
        .join(over, and_(over.region_id == Assignment.region_id, over.id == Assignment.visit_id))
        .join(Premises, and_(Premises.region_id == over.region_id, Premises.id == over.premises_id))
        .where(
            Assignment.region_id == region_id,
            over.region_id == region_id,
            Premises.region_id == region_id,
            Assignment.technician_id.in_(ids),
            Assignment.arrived_at.is_not(None),
            over.state.in_([State.COMPLETED, State.FAILED]),
            over.ended_at >= midnight,
        )
        .order_by(over.ended_at)
    )
    return {technician_id: geo.position_of(point) for technician_id, point in found}
