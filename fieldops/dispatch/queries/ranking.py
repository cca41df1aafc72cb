"""Who can do a visit and who should: what is read for it, put together for `ranking.rank`."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.appointments.rules import needs_person, people_for
from fieldops.appointments.slots.calendars import Busy
from fieldops.customers.models import Customer, Premises
from fieldops.customers.rules import Segment
from fieldops.dispatch import rules
from fieldops.dispatch.ranking import Candidate, Job, Person, Promise, Weights, rank
from fieldops.emergencies import queries as emergencies
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.geo import Position
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Leave, Technician
from fieldops.travel import queries as travel
from fieldops.visits import queries as visits
from fieldops.visits.models import Assignment, Visit

MOST_CANDIDATES = 500
_BUSINESS = frozenset({Segment.GOVERNMENT, Segment.ENTERPRISE})


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates of a visit for one time, in order; `zone` is for showing the times."""

    job: Job
    zone: ZoneInfo
    candidates: list[Candidate]


Whereabouts = Mapping[UUID, tuple[datetime, Position]]
"""When technicians can leave for another place, by the state of the day, and from where."""


async def candidates(
    session: AsyncSession,
    visit: Visit,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    skills: Collection[str] | None = None,
    whereabouts: Whereabouts | None = None,
) -> Ranking:
    """Return who can do a visit between two moments and who should; 19 statements at most.

    All active technicians of the visit's centre, and helpers of an emergency plan in force
    (EM-01). `skills` are those to be covered, all of the visit's without them; `whereabouts` the
    state of today.
    """
    region_id = visit.region_id
    zone = await organisation.zone_of(session, region_id)
    job = await _job(session, visit, start, end, now, local_day(start, zone), skills)
    plan = await emergencies.active(session, region_id, visit.centre_id, now)
    helpers = frozenset() if plan is None else plan.reserve
    staff = await _staff(session, visit, helpers)
    ids = [t.id for t in staff]
    day = start_of_day(job.day, zone), start_of_day(job.day + timedelta(days=1), zone)
    goal = await visits.premises_position(session, region_id, visit.premises_id)
    certificates = await appointments.certificates(session, region_id, ids)
    working = await organisation.working_intervals(session, region_id, ids, job.day, job.day, zone)
    leaves = await _leaves(session, region_id, ids, start, end)
    booked = await _booked(session, visit, ids, day, now)
    known = await _known_places(session, visit)
    firms_here = {t.firm_id for t in staff if t.centre_id == visit.centre_id}
    origins = _origins(staff, whereabouts or {})
    ways = await _ways(session, region_id, origins, booked, goal, start)
    people = [
        Person(
            technician_id=t.id,
            name=t.name,
            firm_id=t.firm_id,
            certificates=tuple(certificates[t.id]),
            working=tuple(working[t.id]),
            leave=leaves.get(t.id),
            promises=tuple(ways.promises[t.id]),
            day_minutes=sum(round((b.end - b.start).total_seconds() / 60) for b in booked[t.id]),
            way_s=ways.direct.get(t.id),
            free_from=(whereabouts or {}).get(t.id, (None,))[0],
            home_visits=known.get(t.id, (0, 0))[0],
            building_visits=known.get(t.id, (0, 0))[1],
            helper=t.centre_id != visit.centre_id,
            firm_here=t.firm_id is None or t.firm_id in firms_here,
            present=t.id in job.crew,
        )
        for t in staff
    ]
    return Ranking(job, zone, rank(job, people, await _weights(session, region_id)))


async def _job(
    session: AsyncSession,
    visit: Visit,
    start: datetime,
    end: datetime,
    now: datetime,
    day: date,
    skills: Collection[str] | None,
) -> Job:
    work = [order for _, order in await visits.open_work(session, visit.region_id, visit.id)]
    crew = await visits.present(session, visit.region_id, [visit.id])
    numbers = await configuration.values(session, visit.region_id)
    customer = None
    if visit.customer_id is not None:
        customer = await session.get(Customer, (visit.region_id, visit.customer_id))
    tier = customer.tier if customer is not None else ""
    business = customer is not None and customer.segment in _BUSINESS
    return Job(
        skills=frozenset(order.skill for order in work) if skills is None else frozenset(skills),
        day=day,
        start=start,
        latest=end,
        minutes=visit.duration_minutes,
        enterprise=business,
        demanding=needs_person(tier),
        own_work=any(order.kind == Kind.CARE for order in work),
        now=now,
        people=people_for({order.kind for order in work}, numbers),
        crew=frozenset(row.technician_id for row in crew),
    )


async def _staff(
    session: AsyncSession, visit: Visit, helpers: Collection[UUID]
) -> list[Technician]:
    found = await session.scalars(
        select(Technician)
        .where(
            Technician.region_id == visit.region_id,
            Technician.active,
            or_(Technician.centre_id == visit.centre_id, Technician.id.in_(helpers)),
        )
        .order_by(Technician.id)
        .limit(MOST_CANDIDATES)
    )
    return list(found)


async def _leaves(
    session: AsyncSession, region_id: int, ids: Collection[UUID], start: datetime, end: datetime
) -> dict[UUID, str]:
    found = await session.execute(
        select(Leave.technician_id, Leave.kind).where(
            Leave.region_id == region_id,
            Leave.technician_id.in_(ids),
            Leave.starts_at < end,
            Leave.ends_at > start,
        )
    )
    return {id_: kind for id_, kind in found}  # noqa: C416 - rows, not pairs


async def _booked(
    session: AsyncSession,
    visit: Visit,
    ids: Collection[UUID],
    day: tuple[datetime, datetime],
    now: datetime,
) -> dict[UUID, list[Busy]]:
    """Return the time of the day that is given to other visits, and where."""
    by_technician: dict[UUID, list[Busy]] = defaultdict(list)
    for id_, time in await appointments.given_away(session, visit.region_id, Range(*day), now, ids):
        if time.visit_id != visit.id and time.position is not None:
            by_technician[id_].append(time)
    return by_technician


async def _known_places(session: AsyncSession, visit: Visit) -> dict[UUID, tuple[int, int]]:
    """Return how often technicians arrived at these premises, and at others of the building."""
    here = (
        select(Premises.street, Premises.house_number, Premises.postcode)
        .where(Premises.region_id == visit.region_id, Premises.id == visit.premises_id)
        .subquery()
    )
    home = func.count(case((Visit.premises_id == visit.premises_id, 1)))
    found = await session.execute(
        select(Assignment.technician_id, home, func.count())
        .select_from(Premises)
        .join(
            here,
            and_(
                Premises.street == here.c.street,
                Premises.house_number == here.c.house_number,
                Premises.postcode == here.c.postcode,
            ),
        )
        .join(Visit, and_(Visit.region_id == Premises.region_id, Visit.premises_id == Premises.id))
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .where(
            Premises.region_id == visit.region_id,
            Visit.region_id == visit.region_id,
            Assignment.region_id == visit.region_id,
            Assignment.arrived_at.is_not(None),
            Visit.id != visit.id,
        )
        .group_by(Assignment.technician_id)
    )
    return {id_: (same, all_) for id_, same, all_ in found}


def _origins(staff: list[Technician], whereabouts: Whereabouts) -> dict[UUID, Position]:
    doors = {
        t.id: (t.start_longitude, t.start_latitude)
        for t in staff
        if t.start_longitude is not None and t.start_latitude is not None
    }
    return {**doors, **{t.id: whereabouts[t.id][1] for t in staff if t.id in whereabouts}}


@dataclass(frozen=True, slots=True)
class _Ways:
    direct: dict[UUID, float]
    promises: dict[UUID, list[Promise]]


async def _ways(
    session: AsyncSession,
    region_id: int,
    origins: dict[UUID, Position],
    booked: dict[UUID, list[Busy]],
    goal: Position,
    leaving: datetime,
) -> _Ways:
    """Return everybody's way to the job, from where they are and from their other visits."""
    stops = [(id_, stop) for id_, of_one in booked.items() for stop in of_one]
    known = (stop.position for _, stop in stops)
    places = [*origins.values(), *(place for place in known if place is not None)]
    there = (await travel.seconds(session, region_id, places, [goal], leaving))[:, 0]
    back = (await travel.seconds(session, region_id, [goal], places, leaving))[0]
    promises: dict[UUID, list[Promise]] = defaultdict(list)
    for number, (id_, stop) in enumerate(stops, len(origins)):
        promises[id_].append(
            Promise(stop.visit_id, stop.start, stop.end, float(there[number]), float(back[number]))
        )
    return _Ways(dict(zip(origins, there.tolist(), strict=False)), promises)


async def _weights(session: AsyncSession, region_id: int) -> Weights:
    own = await configuration.values(session, region_id)
    return Weights(
        knows_home=own[rules.KNOWS_HOME.name],
        knows_building=own[rules.KNOWS_BUILDING.name],
        experience=own[rules.PRACTICE.name],
        experienced_days=own[rules.PRACTICE_DAYS.name],
        load_percent=own[rules.LOAD_PERCENT.name],
        rare_skill=own[rules.RARE_SKILL.name],
    )
