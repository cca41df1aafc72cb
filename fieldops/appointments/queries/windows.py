"""Free windows of a visit: what is read for the search, and what may be offered of its finds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import rules
from fieldops.appointments.queries.appointments import quiet_hours
from fieldops.appointments.queries.calendars import Calendars, Horizon, calendars, calendars_of
from fieldops.appointments.queries.displacing import Displaced, with_displaced
from fieldops.appointments.queries.drives import drives
from fieldops.appointments.queries.offering import Offering, Work, offering_of, work_of
from fieldops.appointments.slots import exact, risk, search
from fieldops.appointments.slots.calendars import Calendar, Wanted, Window, windows
from fieldops.appointments.slots.table import Table, open_days
from fieldops.emergencies import queries as emergencies
from fieldops.emergencies.rules import ActivePlan
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.organisation import queries as organisation
from fieldops.visits.models import Visit


@dataclass(frozen=True, slots=True)
class Offer:
    """A window that can be kept, by whom, and what it costs (AP-01).

    All technicians are due at `arrival`; the first is the customer's contact (VI-01).
    `lateness_risk` is the probability that the window is missed, as slots/risk.py reckons it.
    `displaces`: visits that would have to move first, usually none.
    """

    start: datetime
    end: datetime
    arrival: datetime
    technician_ids: tuple[UUID, ...]
    within_limit: bool
    extra_travel_minutes: int
    lateness_risk: float
    displaces: tuple[Displaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """The windows offered for a visit, and the emergency plan that was in force for it (EM-01).

    `put_off`: the plan puts this visit's work off, so that nothing earlier is among them.
    """

    offers: list[Offer]
    plan: ActivePlan | None
    put_off: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A visit's question for windows, with everything that was read to ask it."""

    visit: Visit
    work: Work
    wanted: Wanted
    offering: Offering
    now: datetime
    spread: float

    def within_limit(self, arrival: datetime, end: datetime) -> bool:
        """Return whether the standard's limits are kept (CU-02).

        The work is done in time even when it begins with the window's last moment, and who is
        called out to a fault is at the door in time as planned.
        """
        in_time = end + self.wanted.duration <= self.work.due_at
        return in_time and (self.work.arrive_by is None or arrival <= self.work.arrive_by)


async def offered_windows(
    session: AsyncSession,
    visit: Visit,
    now: datetime,
    *,
    limit: int,
    starts: datetime | None = None,
    ends: datetime | None = None,
    night: bool = False,
    displacing: bool = False,
) -> Offered:
    """Return the earliest windows that can be kept for a visit, and why no others (AP-01, EM-01).

    `starts` and `ends` limit where windows begin, the end not included. Windows in the quiet hours
    are only listed for a customer who asked for a night visit (AP-09). With `displacing`, for an
    office: without a free window within the standard's limit, an urgent visit is offered those
    that would displace others.
    """
    question = await _question(session, visit, now)
    if question is None:
        plan = await emergencies.active(session, visit.region_id, visit.centre_id, now)
        return Offered([], plan)
    offering = question.offering
    zone = question.wanted.zone
    last = now + offering.days
    horizon = Horizon(local_day(now, zone), local_day(last, zone), zone)
    known = await _calendars(session, question, horizon)
    candidates = await _candidates(session, question, known, starts, ends, night=night)
    offers = await _offers(session, question, known, known.table, candidates, limit, ())
    allowed = displacing and offering.may_displace
    if allowed and not any(o.within_limit for o in offers):
        offers = await _displacing(session, question, known, candidates, offers, limit)
    return Offered(offers, offering.plan, offering.put_off_until is not None)


async def free_windows(
    session: AsyncSession, visit: Visit, now: datetime, *, limit: int
) -> list[Offer]:
    """Return the earliest windows that can be kept for a visit (AP-01)."""
    return (await offered_windows(session, visit, now, limit=limit)).offers


async def _question(session: AsyncSession, visit: Visit, now: datetime) -> Question | None:
    work = await work_of(session, visit)
    if work is None:
        return None
    numbers = await configuration.values(session, visit.region_id)
    wanted = Wanted(
        skills=work.skills,
        people=work.people,
        position=work.position,
        duration=timedelta(minutes=visit.duration_minutes),
        zone=await organisation.zone_of(session, visit.region_id),
    )
    offered = await offering_of(session, visit, work, now)
    return Question(visit, work, wanted, offered, now, numbers[rules.WORK_SPREAD.name] / 100)


async def _calendars(session: AsyncSession, question: Question, horizon: Horizon) -> Calendars:
    visit = question.visit
    known = await calendars(session, visit.region_id, visit.centre_id, horizon, question.now)
    lent = question.offering.lent - known.by_id.keys()
    if lent:
        others = await calendars_of(session, visit.region_id, lent, horizon, question.now)
        known = known.with_calendars(list(others.values()))
    return known.without(visit.id)


async def _candidates(
    session: AsyncSession,
    question: Question,
    known: Calendars,
    starts: datetime | None,
    ends: datetime | None,
    *,
    night: bool,
) -> list[Window]:
    """Return the windows that may be offered, whoever is free: days, quiet hours, the reserve."""
    region_id, offered = question.visit.region_id, question.offering
    earliest = max(m for m in (question.now, starts, offered.put_off_until) if m is not None)
    found = windows(
        known.table.spans(),
        length=offered.window,
        step=await configuration.duration(session, region_id, rules.WINDOW_STEP),
        earliest=earliest,
        latest=question.now + offered.days,
    )
    quiet = await quiet_hours(session, region_id)
    seconds = question.wanted.duration.total_seconds()
    roomy = open_days(known.table, question.work.skills, seconds, offered.reserve)
    opened = question.now + offered.reserve_until

    def offered_to_all(window: Window) -> bool:
        return start_of_day(window.day, question.wanted.zone) <= opened

    return [
        w
        for w in found
        if (ends is None or w.start < ends)
        and (night or not (quiet.covers(w.start) or quiet.covers(w.end - _A_MOMENT)))
        and (w.day.toordinal() in roomy or offered_to_all(w))
    ]


_A_MOMENT = timedelta(seconds=1)


async def _offers(
    session: AsyncSession,
    question: Question,
    known: Calendars,
    table: Table,
    candidates: Sequence[Window],
    limit: int,
    displaceable: Sequence[Displaced],
) -> list[Offer]:
    """Search, judge every find by the plain decoder, and say what each costs."""
    wanted = question.wanted
    asked = search.Asked(
        table.mask_of(wanted.skills), wanted.people, wanted.duration.total_seconds()
    )
    rows = search.rows_for(table, asked)
    ways = await drives(
        session,
        question.visit.region_id,
        rows.places,
        wanted.position,
        question.now,
    )
    there, onward = ways.of(rows.origins, there=True), ways.of(rows.goals, there=False)
    among = search.chances(rows, asked, there, onward)
    offers: list[Offer] = []
    found = search.search(table, among, candidates, asked)
    while len(offers) < limit and (batch := list(islice(found, limit - len(offers)))):
        for one in batch:
            team = [known.by_id[id_] for id_ in one.technician_ids]
            gone = tuple(displaceable[n] for n in one.displaced)
            offer = _judged(question, one, team, ways, gone)
            if offer is not None:
                offers.append(offer)
    return offers


def _judged(
    question: Question,
    found: search.Found,
    team: Sequence[Calendar],
    ways: exact.Travel,
    gone: tuple[Displaced, ...],
) -> Offer | None:
    """Return what is offered of a find, None when the plain decoder does not agree."""
    for displaced in gone:
        team = [calendar.without(displaced.visit_id) for calendar in team]
    window, wanted = found.window, question.wanted
    arrival = datetime.fromtimestamp(found.arrival, UTC)
    if not all(exact.fits(calendar, arrival, wanted, ways) for calendar in team):
        return None
    return Offer(
        window.start,
        window.end,
        arrival,
        found.technician_ids,
        question.within_limit(arrival, window.end),
        round(found.extra_seconds / 60),
        round(risk.lateness(team, arrival, window.end, wanted, ways, question.spread), 3),
        gone,
    )


async def _displacing(
    session: AsyncSession,
    question: Question,
    known: Calendars,
    candidates: Sequence[Window],
    free: list[Offer],
    limit: int,
) -> list[Offer]:
    """Return the windows within the limit that others would have to leave, then the free ones."""
    work = question.work
    last = min(m for m in (work.due_at, work.arrive_by) if m is not None)
    in_time = [w for w in candidates if w.start <= last]
    if not in_time:
        return free
    table, displaceable = await with_displaced(
        session, question.visit, work, known, in_time[-1].end, question.now
    )
    found = await _offers(session, question, known, table, in_time, limit, displaceable)
    kept = [o for o in found if o.within_limit and o.displaces]
    return sorted([*kept, *free], key=lambda o: (o.start, len(o.displaces)))[:limit]


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a team can begin in a window; `alone`: it could, had it promised nothing to others."""

    at: datetime | None
    alone: bool


async def arrival_in(
    session: AsyncSession,
    visit: Visit,
    technician_ids: Collection[UUID],
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    wished: datetime | None = None,
) -> Arrival:
    """Return when all of a team can begin in a window, by the database as it is now (AP-01).

    At or after the moment wished for, when that is possible, else as early as possible. The caller
    has locked the technicians. Looked at are their working calendars, what they promised to
    others, and the drives between.
    """
    question = await _question(session, visit, now)
    if question is None:
        return Arrival(None, alone=False)
    zone = question.wanted.zone
    horizon = Horizon(local_day(start, zone), local_day(end, zone), zone)
    known = await calendars_of(session, visit.region_id, technician_ids, horizon, now)
    if len(known) != len(set(technician_ids)):
        return Arrival(None, alone=False)
    team = [calendar.without(visit.id) for calendar in known.values()]
    known_places = (p for c in team for p in (c.home, *(b.position for b in c.busy)))
    places = np.array([p for p in known_places if p is not None]).reshape(-1, 2)
    ways = await drives(session, visit.region_id, places, question.wanted.position, now)
    at = exact.arrival(team, max(start, wished or start), end, question.wanted, ways)
    at = at or exact.arrival(team, start, end, question.wanted, ways)
    if at is not None:
        return Arrival(at, alone=True)
    free = [replace(calendar, busy=()) for calendar in team]
    alone = exact.arrival(free, start, end, question.wanted, ways) is not None
    return Arrival(None, alone=alone)
