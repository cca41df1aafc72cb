"""The search for free windows: which technicians can be at a premises, and when.

Pure: calendars in, slots out. Times are aware datetimes, distances seconds of driving.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from fieldops.kernel.clock import local_day
from fieldops.kernel.geo import Position, travel_seconds

GRID = timedelta(minutes=15)
MOST_TECHNICIANS = 3

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Busy:
    """Reserved time of a technician, and where it is spent."""

    start: datetime
    end: datetime
    position: Position | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A skill and the days it may be used on, both included (ORG-03)."""

    skill: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """One technician: what they may do, when they work, what is reserved."""

    technician_id: UUID
    certificates: tuple[Certificate, ...]
    working: tuple[Interval, ...]
    busy: tuple[Busy, ...]

    def skills(self, day: date) -> frozenset[str]:
        """Return the skills that are valid on a local day."""
        return frozenset(c.skill for c in self.certificates if c.valid_from <= day <= c.valid_until)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: skills, place, length of the window and of the work, the days.

    The reserved time runs from the window's start to the end of the window or of the work,
    whichever is later.
    """

    skills: frozenset[str]
    position: Position | None
    window: timedelta
    duration: timedelta
    earliest: datetime
    zone: ZoneInfo
    latest_start: datetime | None = None

    @property
    def reserved(self) -> timedelta:
        return max(self.window, self.duration)


@dataclass(frozen=True, slots=True)
class Slot:
    """A window that can be kept, and by whom; the first technician is the contact (VI-01)."""

    start: datetime
    end: datetime
    technician_ids: tuple[UUID, ...] = field(default_factory=tuple)


def find(calendars: Iterable[Calendar], wanted: Wanted, *, limit: int) -> list[Slot]:
    """Return the earliest windows that one technician, or one per skill, can keep (AP-01)."""
    known = sorted(calendars, key=lambda c: (len(c.busy), c.technician_id))
    slots: list[Slot] = []
    for start in sorted({s for calendar in known for s in _starts(calendar, wanted)}):
        team = _team(known, start, wanted)
        if team:
            slots.append(Slot(start, start + wanted.window, team))
            if len(slots) == limit:
                break
    return slots


def _starts(calendar: Calendar, wanted: Wanted) -> Iterator[datetime]:
    """Yield where windows may begin: at the begin of work and after each reserved time."""
    for opens, closes in calendar.working:
        begins = [max(opens, _on_grid(wanted.earliest))]
        begins += [
            _on_grid(busy.end + _travel(busy, wanted))
            for busy in calendar.busy
            if opens <= busy.end < closes
        ]
        for begin in begins:
            start = max(begin, opens)
            while start + wanted.reserved <= closes:
                if wanted.latest_start is None or start <= wanted.latest_start:
                    yield start
                start += wanted.window


def _team(calendars: list[Calendar], start: datetime, wanted: Wanted) -> tuple[UUID, ...]:
    """Return who can come: one who can do it all, else as few as cover every skill."""
    day = local_day(start, wanted.zone)
    offered = [
        (c.skills(day) & wanted.skills, c.technician_id)
        for c in calendars
        if is_free(c, start, start + wanted.reserved, wanted)
    ]
    missing = wanted.skills
    team: list[UUID] = []
    while missing and len(team) < MOST_TECHNICIANS:
        best = max(offered, key=lambda o: len(o[0] & missing), default=None)
        if best is None or not best[0] & missing:
            return ()
        team.append(best[1])
        missing -= best[0]
    return () if missing else tuple(team)


def is_free(calendar: Calendar, start: datetime, end: datetime, wanted: Wanted) -> bool:
    """Return whether a technician works all the time and can travel from and to neighbours."""
    if not any(opens <= start and end <= closes for opens, closes in calendar.working):
        return False
    for busy in calendar.busy:
        travel = _travel(busy, wanted)
        if busy.start < end + travel and start < busy.end + travel:
            return False
    return True


def _travel(busy: Busy, wanted: Wanted) -> timedelta:
    if busy.position is None or wanted.position is None:
        return timedelta()
    return timedelta(seconds=travel_seconds(busy.position, wanted.position))


def _on_grid(at: datetime) -> datetime:
    """Round up to the next quarter of an hour."""
    over = (at - datetime(2000, 1, 1, tzinfo=UTC)) % GRID
    return at if not over else at + GRID - over
