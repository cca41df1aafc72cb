"""Emergency plans: what they may change, when they are due, and what is in force: pure (EM-01)."""

from collections.abc import Mapping
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
    """What a plan is for; when both are in force, the one for a disaster is named first."""

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
class PlanInForce:
    """One of the plans in force for a centre: whose it is, since when, what customers are told."""

    activation_id: UUID
    plan_id: UUID
    kind: Kind
    name: str
    centre_id: UUID | None
    since: datetime
    until: datetime | None
    text_en: str
    text_zh: str

    def place(self) -> tuple[bool, bool, float, UUID]:
        """Return its place among others: disasters, the centre's own, the newer ones first."""
        disaster, own = self.kind is Kind.DISASTER, self.centre_id is not None
        return not disaster, not own, -self.since.timestamp(), self.activation_id


@dataclass(frozen=True, slots=True)
class ActivePlan:
    """What all plans in force for a centre change together, and who helps out.

    `put_off` says for kinds of work how many days from now they are offered at the earliest,
    `raised` by how many classes they are more urgent. `window_minutes`, `offer_days` and
    `reserve_percent` replace the region's own numbers where they are given. `limit_percent`
    stretches the time limits of work that comes in. `reserve` are the technicians of other centres
    who may be given this centre's work.
    """

    plans: tuple[PlanInForce, ...]
    put_off: Mapping[str, int]
    window_minutes: int | None
    offer_days: int | None
    limit_percent: int
    raised: Mapping[str, int]
    reserve_percent: int | None
    reserve: frozenset[UUID]

    def with_another(self, other: "ActivePlan") -> "ActivePlan":
        """Return what holds when both are in force: of every promise, what changes it most.

        The order does not matter, and the same twice is the same once: what one of several plans
        says is not lost by another, and is gone when its own plan ends.
        """
        return ActivePlan(
            plans=tuple(sorted({*self.plans, *other.plans}, key=PlanInForce.place)),
            put_off=_most_by_kind(self.put_off, other.put_off),
            window_minutes=_most(self.window_minutes, other.window_minutes),
            offer_days=_most(self.offer_days, other.offer_days),
            limit_percent=max(self.limit_percent, other.limit_percent),
            raised=_most_by_kind(self.raised, other.raised),
            reserve_percent=_most(self.reserve_percent, other.reserve_percent),
            reserve=self.reserve | other.reserve,
        )

    @property
    def text_en(self) -> str:
        """What customers are told in English: a line of each plan, none of them twice."""
        return "\n".join(dict.fromkeys(plan.text_en for plan in self.plans))

    @property
    def text_zh(self) -> str:
        """What customers are told in Chinese."""
        return "\n".join(dict.fromkeys(plan.text_zh for plan in self.plans))

    def days_put_off(self, kinds: frozenset[str]) -> int:
        """Return how many days later than now a visit with these kinds of work is offered.

        A visit with other work too is not put off, and one with two kinds as long as the first of
        them is: nobody waits longer because two things are done at once.
        """
        return min((self.put_off.get(kind, 0) for kind in kinds), default=0)

    def classes_raised(self, kind: str) -> int:
        """Return by how many classes of urgency a kind of work is raised (WO-06)."""
        return self.raised.get(kind, 0)

    def stretched(self, limit_seconds: int) -> int:
        """Return the time limit of work that comes in while the plan is in force, seconds."""
        return limit_seconds * self.limit_percent // 100


def _most(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _most_by_kind(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {kind: max(one.get(kind, 0), other.get(kind, 0)) for kind in one.keys() | other.keys()}
