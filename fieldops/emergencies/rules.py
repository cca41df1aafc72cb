"""Emergency plans: what they may change, when they are due, and what is in force: pure (EM-01)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from fieldops.emergencies.errors import UntilInvalid
from fieldops.kernel.configuration import number

LONGEST = timedelta(days=31)
"""How long an activation may last before somebody prolongs it."""

MOST_RESERVE = 200
"""Reserve technicians of one plan."""

WorkKind = Literal["install", "remove", "move", "change", "repair", "inspect", "patrol", "care"]


class Kind(StrEnum):
    """What a plan is for; when both are in force, the one for a disaster counts."""

    BACKLOG = "backlog"
    DISASTER = "disaster"


class State(StrEnum):
    """The life of an activation."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"
    DISMISSED = "dismissed"


OPEN = (State.PROPOSED, State.ACTIVE)

LOAD_DAYS = number(
    "emergency_load_days", "EM-01", "days", 2,
    "Open work is compared with the working time of this many days, today included.",
    within=(1, 14),
)  # fmt: skip
QUIET_AFTER_DISMISSAL = number(
    "emergency_quiet_after_dismissal", "EM-01", "hours", 12,
    "How long a plan that was dismissed or ended is not proposed again by itself.",
    within=(0, 168),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """What a centre's triggers are compared with: open work in percent of capacity, area faults."""

    open_work_percent: int
    area_faults: int


def load(open_minutes: float, working_minutes: float, area_faults: int) -> Load:
    """Return the load of a centre; with no working time at all, any open work is past every limit.

    Both times are minutes of technicians: planned time on site, and working calendar.
    """
    if working_minutes <= 0:
        return Load(MOST_PERCENT if open_minutes > 0 else 0, area_faults)
    return Load(min(MOST_PERCENT, round(100 * open_minutes / working_minutes)), area_faults)


MOST_PERCENT = 10_000


def is_triggered(load: Load, open_work_percent: int | None, area_faults: int | None) -> bool:
    """Return whether one of a plan's trigger numbers is reached; a missing number never is."""
    work = open_work_percent is not None and load.open_work_percent >= open_work_percent
    faults = area_faults is not None and load.area_faults >= area_faults
    return work or faults


def check_until(until: datetime | None, now: datetime) -> None:
    """Refuse an end that is not ahead, or too far; raises UntilInvalid."""
    if until is not None and not now < until <= now + LONGEST:
        raise UntilInvalid(now=now.isoformat(), days=LONGEST.days)


@dataclass(frozen=True, slots=True)
class ActivePlan:
    """What is in force for a centre: the promises it changes, and who helps out.

    `window_minutes`, `offer_days` and `reserve_percent` replace the region's own numbers where
    they are given. `put_off_kinds` are not offered before `put_off_days` days from now.
    `limit_percent` stretches the time limits of work that comes in. `reserve` are the technicians
    of other centres who may be given this centre's work.
    """

    activation_id: UUID
    plan_id: UUID
    kind: Kind
    name: str
    centre_id: UUID | None
    since: datetime
    until: datetime | None
    put_off_kinds: frozenset[str]
    put_off_days: int
    window_minutes: int | None
    offer_days: int | None
    limit_percent: int
    raised_kinds: frozenset[str]
    raised_classes: int
    reserve_percent: int | None
    reserve: frozenset[UUID]
    text_en: str
    text_zh: str

    def days_put_off(self, kinds: frozenset[str]) -> int:
        """Return how many days later than now a visit with these kinds of work is offered.

        A visit with other work too is not put off: nobody waits longer because two things are
        done at once.
        """
        return self.put_off_days if kinds and kinds <= self.put_off_kinds else 0

    def classes_raised(self, kind: str) -> int:
        """Return by how many classes of urgency a kind of work is raised (WO-06)."""
        return self.raised_classes if kind in self.raised_kinds else 0

    def stretched(self, limit_seconds: int) -> int:
        """Return the time limit of work that comes in while the plan is in force, seconds."""
        return limit_seconds * self.limit_percent // 100
