"""What is known of a centre's day: technicians, visits, ways. Times are minutes of the local day.

Minutes are counted from the local midnight and go on steadily when the clocks change. Pure.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from fieldops.dispatch.rules import Class, PlanKind

Reals = NDArray[np.float64]
Span = tuple[float, float]
NOWHERE = -1
A_DAY = 24 * 60.0
LUNCH_BETWEEN = (10 * 60.0, 15 * 60.0)
LONGEST_LUNCH = 120.0
MOST_TOGETHER = 3
"""Technicians of a team that is planned anew; a larger one stays as it is."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Time of a technician that is given elsewhere: a hold, or another centre's visit."""

    span: Span
    place: int


@dataclass(frozen=True, slots=True)
class Hand:
    """A technician on this day: when they work, what they may do, where they are at first.

    `working` are shifts less lunch less leave (ORG-07), empty for who is away. `own`: of this
    centre; others come with the visits they have here and get no more. `begins` is not before now.
    """

    id: UUID
    name: str
    skills: frozenset[str]
    working: tuple[Span, ...]
    begins: float
    place: int
    own: bool = True
    busy: tuple[Busy, ...] = ()

    @property
    def ends(self) -> float:
        return self.working[-1][1] if self.working else self.begins

    @property
    def gaps(self) -> list[Span]:
        """The times between pieces of work that still lie ahead."""
        found = [(a[1], b[0]) for a, b in zip(self.working, self.working[1:], strict=False)]
        return [gap for gap in found if gap[1] > self.begins]

    @property
    def lunch(self) -> Span | None:
        """The gap that is lunch: the first of a usual length in the middle of the day."""
        first, last = LUNCH_BETWEEN
        for begin, end in self.gaps:
            if first <= begin <= last and end - begin <= LONGEST_LUNCH:
                return begin, end
        return None

    def works(self, span: Span) -> bool:
        """Return whether a time lies inside one piece of the working calendar."""
        return any(a <= span[0] + 1e-6 and span[1] <= b + 1e-6 for a, b in self.working)


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit on this day as it is now.

    `window` None: nobody has agreed a time, it is to be placed before `due`. `start` is when its
    technicians are expected, `reserved` their time it has now. `technicians` has the contact first.
    `minutes` is the time on site, what is left of it when under way. `score` is its work's highest
    priority (WO-06), in which urges count (WO-05); `priority` is the class of that. `people` says
    how many its kinds of work need at least (VI-01).
    """

    id: UUID
    number: str
    version: int
    state: str
    place: int
    skills: frozenset[str]
    minutes: float
    priority: Class
    window: Span | None = None
    start: float | None = None
    reserved: Span | None = None
    technicians: tuple[UUID, ...] = ()
    due: float | None = None
    locked: bool = False
    under_way: bool = False
    override: bool = False
    appointment: str | None = None  # the state of its open appointment
    score: int = 0
    people: int = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a plan is looked for; see the numbers of rules.py."""

    kind: PlanKind
    urgent: frozenset[UUID] = frozenset()
    seconds: float = 30.0
    change_cost: float = 20.0
    reserve: float = 0.1
    freeze: float = 30.0
    margin: float = 10.0
    overtime: float = 0.0
    window: float = 120.0


@dataclass(frozen=True, slots=True)
class CentreDay:
    """A day of a centre: `ways` are minutes of driving between places, `now` minus infinity for
    a day ahead.
    """

    day: date
    midnight: datetime
    now: float
    hands: tuple[Hand, ...]
    stops: tuple[Stop, ...]
    ways: Reals
    by_hand: dict[UUID, Hand] = field(init=False)
    by_stop: dict[UUID, Stop] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_hand", {hand.id: hand for hand in self.hands})
        object.__setattr__(self, "by_stop", {stop.id: stop for stop in self.stops})

    def way(self, origin: int, target: int) -> float:
        """Return the minutes from place to place; nowhere is no way off."""
        if NOWHERE in {origin, target}:
            return 0.0
        return float(self.ways[origin, target])

    def moment(self, minutes: float) -> datetime:
        """Return the moment of a minute of this day."""
        return self.midnight + timedelta(minutes=minutes)

    def moment_or_none(self, minutes: float | None) -> datetime | None:
        """Return the moment of a minute, None for None."""
        return None if minutes is None else self.moment(minutes)


def least_people(day: CentreDay, stop: Stop) -> int:
    """Return how many technicians a plan sends to a visit at least (VI-01).

    As many as its kinds of work need; fewer where a dispatcher sent fewer, and all of them are
    there.
    """
    present = [day.by_hand.get(id_) for id_ in stop.technicians]
    decided = present and all(hand is not None and hand.working for hand in present)
    return min(stop.people, len(present)) if decided else stop.people


def is_manned(day: CentreDay, stop: Stop) -> bool:
    """Return whether a visit has technicians, all of whom are at work when it is.

    Who is on the way is, and so is whose work a visit only runs out of: it is late, not impossible.
    """
    if stop.start is None or not stop.technicians:
        return False
    span = (stop.start, stop.start + stop.minutes)
    hands = [day.by_hand.get(id_) for id_ in stop.technicians]
    return all(
        hand is not None
        and (
            stop.under_way
            or stop.override
            or any(a < span[1] and span[0] < b for a, b in hand.working)
        )
        for hand in hands
    )


def is_fixed(day: CentreDay, stop: Stop, terms: Terms) -> bool:
    """Return whether a visit stays exactly as it is: under way, locked, or about to begin.

    One whose technicians are all there, that is: who is away keeps nothing. Locked ones, and teams
    too large to be planned, stay whatever the calendar says, unless all are away that day.
    """
    if stop.under_way:
        return True
    if (stop.locked or len(stop.technicians) > MOST_TOGETHER) and stop.start is not None:
        return any(id_ in day.by_hand and day.by_hand[id_].working for id_ in stop.technicians)
    if stop.start is None or not stop.technicians or stop.window is None:
        return False
    present = [day.by_hand.get(id_) for id_ in stop.technicians]
    span = (stop.start, stop.start + stop.minutes)
    if any(hand is None or not (stop.override or hand.works(span)) for hand in present):
        return False
    foreign = any(hand is not None and not hand.own for hand in present)
    return foreign or stop.override or stop.start < day.now + terms.freeze
