"""When technicians will be at their remaining visits, by the state of the day (AP-07). Pure.

Every technician's day is walked through in order: what they are at, what they are on the way to,
then what comes, each as early as the one before lets them go. A coordinated visit begins when the
last of its technicians is there (VI-01), which may hold up the others' next visits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from fieldops.travel.rules import Reals
from fieldops.visits.rules import Step


class LateRisk(StrEnum):
    """Why a visit is likely to be late, or is (AP-07)."""

    NOT_DEPARTED = "not_departed"
    ARRIVAL_AFTER_WINDOW = "arrival_after_window"
    RUNNING_OVER = "running_over"


class Cause(StrEnum):
    """What makes a technician late."""

    NOT_DEPARTED = "not_departed"
    ON_THE_WAY = "on_the_way"
    RUNNING_OVER = "running_over"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Part:
    """One technician of a visit, and how far they have come."""

    technician_id: UUID
    step: str
    latest_departure_at: datetime | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A visit of the day that has not ended; `place` is its row and column among the ways."""

    visit_id: UUID
    place: int
    window_start: datetime
    window_end: datetime
    planned: datetime
    minutes: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a technician was last known to be, since when, and the next time off: lunch, or leave.

    `place` is None for who has no known place: their ways take no time.
    """

    place: int | None
    since: datetime
    off: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a technician is at a visit, by when they leave for it, and what holds them up."""

    at: datetime
    leaves_at: datetime
    known: bool
    cause: Cause


@dataclass(slots=True)
class Prediction:
    """Arrivals by (visit, technician), risks by visit, and when and where everybody is free."""

    arrivals: dict[tuple[UUID, UUID], Arrival] = field(default_factory=dict)
    risks: dict[UUID, tuple[LateRisk, ...]] = field(default_factory=dict)
    free: dict[UUID, tuple[datetime, int | None]] = field(default_factory=dict)
    before: dict[UUID, dict[UUID, tuple[datetime, int | None]]] = field(default_factory=dict)
    """By visit: when and where each technician of the day was free when its turn came."""

    def latest(self, due: Due) -> tuple[Part, Arrival] | None:
        """Return the technician of a visit who comes last, None when nobody is to come."""
        coming = [(part, self.arrivals[due.visit_id, part.technician_id]) for part in due.parts]
        return max(coming, key=lambda pair: pair[1].at, default=None)


@dataclass(frozen=True, slots=True)
class Course:
    """A running day with what its prediction follows from, so that another order can be tried.

    `ways` are seconds [from, to] between the day's places.
    """

    now: datetime
    visits: Mapping[UUID, Due]
    people: Mapping[UUID, Whereabouts]
    ways: Reals
    overrun: timedelta
    found: Prediction = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", self.tried({}))

    def tried(self, planned: Mapping[UUID, datetime]) -> Prediction:
        """Return what would become of the day if some visits were planned for other moments."""
        visits = [replace(d, planned=planned.get(id_, d.planned)) for id_, d in self.visits.items()]
        return predict(self.now, visits, self.people, self.ways, overrun=self.overrun)

    def way(self, origin: int | None, goal: int) -> timedelta:
        """Return the way between two places; for who has no known place it takes no time."""
        return _way(self.ways, origin, goal)


def _way(ways: Reals, origin: int | None, goal: int) -> timedelta:
    return timedelta(seconds=0.0 if origin is None else float(ways[origin, goal]))


_AT_WORK = frozenset({Step.ON_SITE, Step.WORKING})


def predict(
    now: datetime,
    visits: Sequence[Due],
    people: Mapping[UUID, Whereabouts],
    ways: Reals,
    *,
    overrun: timedelta,
) -> Prediction:
    """Return what will become of the day; `ways` are seconds [from, to] between its places.

    `overrun` is how long work still takes at least that has run past its planned end.
    """
    return _Walk(now, people, ways, overrun).through(visits)


class _Walk:
    """The walk through a day: who is free when and where, and whose break is still to come."""

    def __init__(
        self,
        now: datetime,
        people: Mapping[UUID, Whereabouts],
        ways: Reals,
        overrun: timedelta,
    ) -> None:
        self._now = now
        self._people = people
        self._ways = ways
        self._overrun = overrun
        self._off = {id_: person.off for id_, person in people.items()}
        self._held: dict[UUID, Cause] = {}
        self._found = Prediction(
            free={id_: (max(now, p.since), p.place) for id_, p in people.items()}
        )

    def through(self, visits: Sequence[Due]) -> Prediction:
        """Take the visits in an order in which nobody waits for somebody who comes later."""
        queues = _queues(visits)
        left = {due.visit_id: due for due in visits}
        while left:
            heads = [
                due
                for due in left.values()
                if all(queues[part.technician_id][0] == due.visit_id for part in due.parts)
            ]
            # Two who have each other's visits in opposite orders: the one planned first is taken.
            due = min(heads or left.values(), key=lambda d: (d.planned, d.visit_id))
            self._take(due)
            del left[due.visit_id]
            for part in due.parts:
                queues[part.technician_id].remove(due.visit_id)
        return self._found

    def _take(self, due: Due) -> None:
        free = self._found.free
        self._found.before[due.visit_id] = dict(free)
        arrivals = {part.technician_id: self._arrival(due, part) for part in due.parts}
        for technician_id, arrival in arrivals.items():
            self._found.arrivals[due.visit_id, technician_id] = arrival
        self._found.risks[due.visit_id] = self._risks(due, arrivals)
        ends = self._end(due, arrivals)
        late = ends > due.planned + timedelta(minutes=due.minutes)
        over = self._runs_over(due)
        for part in due.parts:
            if part.step != Step.DONE:
                free[part.technician_id] = (ends, due.place)
                if late or over:
                    self._held[part.technician_id] = Cause.RUNNING_OVER if over else Cause.BEHIND

    def _arrival(self, due: Due, part: Part) -> Arrival:
        if part.arrived_at is not None:
            return Arrival(part.arrived_at, part.arrived_at, known=True, cause=Cause.ON_THE_WAY)
        person = self._people[part.technician_id]
        if part.departed_at is not None:
            # A place known since the departure is nearer to the truth than where they left from.
            since = max(part.departed_at, person.since)
            at = max(self._now, since + _way(self._ways, person.place, due.place))
            return Arrival(at, part.departed_at, known=False, cause=Cause.ON_THE_WAY)
        free, place = self._found.free[part.technician_id]
        way = _way(self._ways, place, due.place)
        leaves = self._after_break(part.technician_id, free, due.planned - way)
        at = max(due.planned, leaves + way)
        cause = self._held.get(part.technician_id, Cause.NOT_DEPARTED)
        return Arrival(at, leaves, known=False, cause=cause)

    def _after_break(self, technician_id: UUID, free: datetime, wanted: datetime) -> datetime:
        """Return when they leave: after their break, when it begins before they would (ORG-07)."""
        off = self._off.get(technician_id)
        if off is None or max(free, wanted) <= off[0]:
            return free
        self._off[technician_id] = None
        return max(free, off[0]) + (off[1] - off[0])

    def _end(self, due: Due, arrivals: Mapping[UUID, Arrival]) -> datetime:
        planned = timedelta(minutes=due.minutes)
        begun = [part.started_at for part in due.parts if part.started_at is not None]
        start = min(begun) if begun else max((a.at for a in arrivals.values()), default=due.planned)
        if begun or all(part.arrived_at is not None for part in due.parts):
            return max(start + planned, self._now + self._overrun)
        return max(start, due.window_start) + planned

    def _runs_over(self, due: Due) -> bool:
        begun = [b for part in due.parts if (b := part.started_at or part.arrived_at) is not None]
        return bool(begun) and self._now > min(begun) + timedelta(minutes=due.minutes)

    def _risks(self, due: Due, arrivals: Mapping[UUID, Arrival]) -> tuple[LateRisk, ...]:
        found: set[LateRisk] = set()
        for part in due.parts:
            waiting = part.departed_at is None and part.arrived_at is None
            latest = part.latest_departure_at
            if waiting and latest is not None and self._now > latest:
                found.add(LateRisk.NOT_DEPARTED)
            if arrivals[part.technician_id].at > due.window_end:
                found.add(LateRisk.ARRIVAL_AFTER_WINDOW)
        if not due.parts and max(due.planned, self._now) > due.window_end:
            found.add(LateRisk.ARRIVAL_AFTER_WINDOW)
        if self._runs_over(due):
            found.add(LateRisk.RUNNING_OVER)
        return tuple(risk for risk in LateRisk if risk in found)


def _queues(visits: Iterable[Due]) -> dict[UUID, list[UUID]]:
    """Return each technician's visits in the order they will make them."""
    keyed: dict[UUID, list[tuple[int, datetime, UUID]]] = {}
    for due in visits:
        for part in due.parts:
            begun = 0 if part.step in _AT_WORK else 1 if part.step == Step.EN_ROUTE else 2
            keyed.setdefault(part.technician_id, []).append((begun, due.planned, due.visit_id))
    return {id_: [visit_id for _, _, visit_id in sorted(keys)] for id_, keys in keyed.items()}
