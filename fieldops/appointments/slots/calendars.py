"""What the search knows of technicians and of the visit a window is wanted for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from fieldops.kernel.geo import Position

Interval = tuple[datetime, datetime]
MINUTE = timedelta(minutes=1)
MOST_TECHNICIANS = 3


@dataclass(frozen=True, slots=True)
class Busy:
    """Reserved time of a technician: the visit it is for, and where it is spent.

    `held_until`: a customer still chooses, and from then on the time is free again.
    """

    visit_id: UUID
    start: datetime
    end: datetime
    position: Position | None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A skill and the days it may be used on, both included (ORG-03)."""

    skill: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """One technician: what they may do, when they work, what is reserved, where days begin.

    `working` are shifts less lunch less leave (ORG-07), `busy` is in the order of its starts.
    """

    technician_id: UUID
    home: Position | None
    certificates: tuple[Certificate, ...]
    working: tuple[Interval, ...]
    busy: tuple[Busy, ...]

    def skills(self, day: date) -> frozenset[str]:
        """Return the skills that are valid on a local day."""
        return frozenset(c.skill for c in self.certificates if c.valid_from <= day <= c.valid_until)

    def without(self, visit_id: UUID) -> "Calendar":
        """Return the calendar as it were if the visit had no reserved time."""
        left = tuple(b for b in self.busy if b.visit_id != visit_id)
        return Calendar(self.technician_id, self.home, self.certificates, self.working, left)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: skills, how many people, the place, the time on site.

    `people` is the least number of technicians; all are due together (VI-01).
    """

    skills: frozenset[str]
    people: int
    position: Position | None
    duration: timedelta
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Window:
    """A window that could be promised: work begins at or after its start and before its end."""

    day: date
    start: datetime
    end: datetime


def windows(
    spans: Mapping[int, tuple[float, float]],
    *,
    length: timedelta,
    step: timedelta,
    earliest: datetime,
    latest: datetime,
) -> list[Window]:
    """Return the windows of a centre's days, earliest first.

    `spans`: for each local day's ordinal from when to when anybody works, in seconds. Windows
    begin with the day's first work and then every `step`, and lie inside the span. None begins
    before `earliest` or after `latest`.
    """
    found = []
    for ordinal, (first, last) in sorted(spans.items()):
        start, closes = (datetime.fromtimestamp(at, UTC) for at in (first, last))
        while start + length <= closes and start <= latest:
            if start >= earliest:
                found.append(Window(date.fromordinal(ordinal), start, start + length))
            start += step
    return found
