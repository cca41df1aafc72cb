"""A technician's own visits in another order: the late one first, when the other can wait (AP-07).

Judged as everything late is: by walking through the whole day once more with the other order. Only
an order in which both promises hold and nobody else's gets worse is an exchange. Pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from fieldops.dispatch.prediction import Course, Due, Prediction

Interval = tuple[datetime, datetime]
_MINUTE = timedelta(minutes=1)
_ROUNDS = 5
"""A moment that lunch or the way puts off may put off the next: so often is looked again."""


@dataclass(frozen=True, slots=True)
class Room:
    """What of a technician's day both visits have to fit into.

    `working`: the working calendar (ORG-07); `given`: the time that visits have (AP-01). `fixed`
    are visits nobody may move, such as locked ones and other centres'. A visit that begins before
    `not_before` is not put off any more, for its customer is told when somebody comes (AP-05). An
    arrival lies `margin` before its window's end at the latest.
    """

    working: Sequence[Interval]
    given: Sequence[tuple[UUID, Interval]]
    fixed: Collection[UUID]
    not_before: datetime
    margin: timedelta


@dataclass(frozen=True, slots=True)
class Exchange:
    """The visit that waits, when the technician is at the late one and then there, what it costs.

    `extra_way` is what the day's ways grow by; less than nothing when they shrink.
    """

    waits: Due
    late_at: datetime
    then_at: datetime
    extra_way: timedelta


def exchange(course: Course, late: Due, technician_id: UUID, room: Room) -> Exchange | None:
    """Return the shortest order that keeps both promises, None without one (AP-07)."""
    if not _own(late, technician_id) or late.visit_id in room.fixed:
        return None
    found = [
        tried
        for due in course.visits.values()
        if due.planned < late.planned
        and due.planned >= room.not_before
        and due.visit_id not in room.fixed
        and _own(due, technician_id)
        for tried in _tries(course, late, due, technician_id, room)
    ]
    return min(found, key=lambda e: (e.extra_way, e.then_at, e.waits.visit_id), default=None)


def _own(due: Due, technician_id: UUID) -> bool:
    """Return whether a visit is the technician's alone, who has not left for it."""
    return [part.technician_id for part in due.parts] == [technician_id] and all(
        part.departed_at is None and part.arrived_at is None for part in due.parts
    )


def _tries(
    course: Course, late: Due, waits: Due, technician_id: UUID, room: Room
) -> Iterator[Exchange]:
    """Try the one that waits right after the late one, and in its place."""
    first = max(waits.planned, late.window_start)
    next_ = first + timedelta(minutes=late.minutes) + course.way(late.place, waits.place)
    for then in (max(next_, waits.window_start), max(next_, late.planned, waits.window_start)):
        planned = {late.visit_id: first, waits.visit_id: then}
        settled = _settle(course, late, waits, technician_id, room, planned)
        if settled is not None:
            yield settled


def _settle(
    course: Course,
    late: Due,
    waits: Due,
    technician_id: UUID,
    room: Room,
    planned: Mapping[UUID, datetime],
) -> Exchange | None:
    """Plan both for when the technician can be there, until the day agrees with it."""
    for _ in range(_ROUNDS):
        found = course.tried(planned)
        wanted: dict[UUID, datetime] = {}
        for due in (late, waits):
            at = _fitting(found.arrivals[due.visit_id, technician_id].at, due.minutes, room)
            if at is None:
                return None
            wanted[due.visit_id] = at
        if wanted == planned:
            return _kept(course, found, late, waits, technician_id, room)
        planned = wanted
    return None


def _fitting(at: datetime, minutes: int, room: Room) -> datetime | None:
    """Return the first full minute from a moment on at which the work fits into the calendar."""
    over = timedelta(seconds=at.second, microseconds=at.microsecond)
    at += _MINUTE - over if over else over
    work = timedelta(minutes=minutes)
    return next((max(at, a) for a, b in sorted(room.working) if max(at, a) + work <= b), None)


def _kept(
    course: Course, found: Prediction, late: Due, waits: Due, technician_id: UUID, room: Room
) -> Exchange | None:
    """Return the exchange when both promises hold in it and no other gets worse."""
    at = {due.visit_id: found.arrivals[due.visit_id, technician_id].at for due in (late, waits)}
    for due in (late, waits):
        starts, ends = at[due.visit_id], at[due.visit_id] + timedelta(minutes=due.minutes)
        if not due.window_start <= starts <= due.window_end - room.margin:
            return None
        if any(a < ends and starts < b for id_, (a, b) in room.given if id_ not in at):
            return None
    for (visit_id, who), arrival in found.arrivals.items():
        before = course.found.arrivals[visit_id, who].at
        if arrival.at > max(before, course.visits[visit_id].window_end):
            return None
    if at[late.visit_id] > at[waits.visit_id]:
        return None
    extra = _length(course, found, technician_id) - _length(course, course.found, technician_id)
    return Exchange(waits, at[late.visit_id], at[waits.visit_id], extra)


def _length(course: Course, found: Prediction, technician_id: UUID) -> timedelta:
    """Return what a technician's ways take between the visits that are left."""
    stops = sorted(
        (found.arrivals[due.visit_id, technician_id].at, due.place)
        for due in course.visits.values()
        if any(part.technician_id == technician_id for part in due.parts)
    )
    places = [course.people[technician_id].place, *(place for _, place in stops)]
    return sum(
        (course.way(a, b) for a, b in pairwise(places) if b is not None),
        timedelta(),
    )
