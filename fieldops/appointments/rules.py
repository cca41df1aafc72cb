"""Rules of appointments: states, the reconfirmation ladder, quiet hours, who is called in person.

Pure: no session, no clock. Every moment is an aware datetime; results are UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from fieldops.appointments.errors import WindowInvalid
from fieldops.kernel.configuration import Number, number
from fieldops.orders.rules import Kind

State = Literal[
    "booked", "confirmed", "change_wanted", "cancelled", "unreachable", "kept", "missed"
]
Answer = Literal["confirmed", "change_wanted", "cancelled", "unreachable"]
Channel = Literal["phone", "web_link", "agent", "partner_api"]
LinkAnswer = Literal["confirmed", "change_wanted", "cancelled"]
AnswerChannel = Literal["text_link", "text_reply", "voice", "person", "technician"]
OWN_CHANNELS: frozenset[AnswerChannel] = frozenset({"text_link", "text_reply", "voice"})
Cause = Literal["operator", "customer"]
TaskKind = Literal[
    "reconfirm",
    "unconfirmed",
    "reschedule",
    "new_appointment",
    "withdrawn",
    "message_uncertain",
    "tell",
    "reply",
]
Promise = Literal["call_again", "will_be_home", "somebody_else_home", "will_call_back"]
Outcome = Literal["confirmed", "change_wanted", "cancelled", "unreachable", "done"]

OPEN_STATES: tuple[State, ...] = ("booked", "confirmed", "change_wanted", "unreachable")
UNANSWERED_STATES: tuple[State, ...] = ("booked", "unreachable")

PERSON_TIERS = frozenset({"diamond", "gold", "1A", "2A", "3A"})  # AP-04

RECONFIRM_BEFORE = number(
    "appointment_reconfirm_before",
    "AP-03",
    "hours",
    24,
    "How long before the window the second confirmation is asked.",
    within=(1, 168),
)
CALL_BEFORE = number(
    "appointment_call_before",
    "AP-04",
    "hours",
    3,
    "How long before an unconfirmed window a person has to call.",
    within=(0.5, 72),
)
NOTICE_BEFORE = number(
    "appointment_notice_before",
    "AP-05",
    "minutes",
    30,
    "How long before the expected arrival the customer is told again.",
    within=(5, 180),
)
QUIET_FROM = number(
    "quiet_hours_from",
    "AP-09",
    "hour of the day",
    21,
    "Local hour from which customers are left in peace.",
    within=(0, 23.75),
)
QUIET_UNTIL = number(
    "quiet_hours_until",
    "AP-09",
    "hour of the day",
    8,
    "Local hour until which customers are left in peace; equal to the first: no quiet hours.",
    within=(0, 23.75),
)
WINDOW_LENGTH = number(
    "appointment_window_length",
    "AP-01",
    "hours",
    2,
    "Length of the windows that are offered.",
    within=(0.5, 8),
)
SLOT_DAYS = number(
    "appointment_slot_days",
    "AP-01",
    "days",
    14,
    "How many days ahead windows are offered.",
    within=(1, 31),
)
WINDOW_STEP = number(
    "appointment_window_step",
    "AP-01",
    "minutes",
    60,
    "How far apart the windows of a day begin; less than their length: they overlap.",
    within=(15, 480),
)
RESERVE_FAULTS = number(
    "slot_reserve_faults",
    "AP-01",
    "percent",
    10,
    "Share of a day's working time that is kept free for faults and complaints.",
    within=(0, 80),
)
RESERVE_TIERS = number(
    "slot_reserve_tiers",
    "AP-01",
    "percent",
    10,
    "Share of a day's working time that is kept free for the tiers a person calls (AP-04).",
    within=(0, 80),
)
RESERVE_UNTIL = number(
    "slot_reserve_until",
    "AP-01",
    "hours",
    12,
    "How long before a local day begins what was kept free on it is offered to everybody.",
    within=(0, 336),
)
WORK_SPREAD = number(
    "slot_work_spread",
    "AP-07",
    "percent",
    30,
    "By how much work and drives differ from plan (standard deviation), for the lateness risk.",
    within=(0, 100),
)
PEOPLE: dict[Kind, Number] = {
    kind: number(
        f"technicians_{kind}",
        "VI-01",
        "people",
        1,
        f"Least number of technicians for work of the kind {kind}; all are due together.",
        within=(1, 3),
    )
    for kind in Kind
}
"""How many people a kind of work needs at least."""


def people_for(kinds: Iterable[str], numbers: Mapping[str, float]) -> int:
    """Return how many people a visit with these kinds of work needs at least (VI-01).

    One, when there is none. `numbers` are all of a region's, by name.
    """
    return max((round(numbers[PEOPLE[Kind(kind)].name]) for kind in kinds), default=1)


HOLD_FOR = number(
    "appointment_hold_for",
    "AP-01",
    "minutes",
    10,
    "How long an offered window is kept free for the customer who is choosing.",
    within=(1, 60),
)

LINK_KEPT = number(
    "appointment_link_kept",
    "AP-03",
    "hours",
    48,
    "How long after the end of its window a customer's link still shows what became of it.",
    within=(0, 720),
)

REPORT_LINK_KEPT = number(
    "visit_report_link_kept",
    "CU-04",
    "days",
    30,
    "How long a customer's link shows the report of a visit.",
    within=(1, 365),
)

EVENING_MARGIN = timedelta(minutes=30)  # what cannot wait for the morning goes out before this


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The local hours in which no customer is written to or called (AP-09)."""

    starts: time
    ends: time
    zone: ZoneInfo

    @classmethod
    def of(cls, starts_hour: float, ends_hour: float, zone: ZoneInfo) -> "QuietHours":
        """Make them from hours of the day as configured: 21 and 8, or 21.5 for half past nine."""
        return cls(_time_of(starts_hour), _time_of(ends_hour), zone)

    def covers(self, at: datetime) -> bool:
        """Return whether a moment lies in the quiet hours; their end does not."""
        local = at.astimezone(self.zone).time()
        if self.starts <= self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends

    def end_after(self, at: datetime) -> datetime:
        """Return the first end of quiet hours after a moment."""
        return self._next(at, self.ends)

    def start_before(self, at: datetime) -> datetime:
        """Return the last begin of quiet hours at or before a moment."""
        day = at.astimezone(self.zone).date()
        begin = self._on(day, self.starts)
        return begin if begin <= at else self._on(day - timedelta(days=1), self.starts)

    def _next(self, at: datetime, clock_time: time) -> datetime:
        day = at.astimezone(self.zone).date()
        found = self._on(day, clock_time)
        return found if found > at else self._on(day + timedelta(days=1), clock_time)

    def _on(self, day: object, clock_time: time) -> datetime:
        local = datetime.combine(day, clock_time, tzinfo=self.zone)  # type: ignore[arg-type]
        return local.astimezone(UTC)


def _time_of(hour: float) -> time:
    minutes = round(hour * 60) % (24 * 60)
    return time(minutes // 60, minutes % 60)


def speaking_time(
    wanted: datetime, *, latest: datetime, now: datetime, quiet: QuietHours
) -> datetime | None:
    """Return when a customer may be spoken to about something that is over at `latest` (AP-09).

    `wanted` (never before `now`) unless it lies in the quiet hours; then their end, when that
    is still before `latest`; else shortly before they begin. None: there is no such moment
    left.
    """
    at = max(wanted, now)
    if at >= latest:
        return None
    if not quiet.covers(at):
        return at
    morning = quiet.end_after(at)
    if morning < latest:
        return morning
    evening = quiet.start_before(at) - EVENING_MARGIN
    return evening if evening >= now else None


@dataclass(frozen=True, slots=True)
class Ladder:
    """When a window is reconfirmed, and when a person calls if that brought no answer."""

    reconfirm_at: datetime | None
    call_at: datetime | None


def ladder(
    window_start: datetime,
    *,
    now: datetime,
    reconfirm_before: timedelta,
    call_before: timedelta,
    quiet: QuietHours,
) -> Ladder:
    """Return the steps of the second confirmation for a window agreed at `now` (AP-03, AP-04).

    A window booked later than a step's time has that step at once; quiet hours move a step.
    """

    def step(before: timedelta) -> datetime | None:
        return speaking_time(window_start - before, latest=window_start, now=now, quiet=quiet)

    return Ladder(step(reconfirm_before), step(call_before))


def notice_time(
    expected_arrival: datetime,
    *,
    now: datetime,
    before: timedelta,
    quiet: QuietHours,
    night_visit_wanted: bool,
) -> datetime | None:
    """Return when the half-hour notice goes out (AP-05); None when the arrival is past.

    The notice of a night visit the customer asked for is not moved by quiet hours (AP-09).
    """
    if night_visit_wanted:
        at = max(expected_arrival - before, now)
        return at if at < expected_arrival else None
    return speaking_time(expected_arrival - before, latest=expected_arrival, now=now, quiet=quiet)


def needs_person(tier: str) -> bool:
    """Return whether customers of a tier are always reconfirmed by a person (AP-04)."""
    return tier in PERSON_TIERS


URGENT_FROM = 3000  # the priority of a repair, a major fault or a complaint (WO-06)


def kept_from(tier: str, priority: int, *, faults: float, tiers: float) -> float:
    """Return the share of a day's working time that a visit may not use until close to it.

    Faults and complaints use all; the tiers of AP-04 what is not kept for those; others the rest.
    """
    if priority >= URGENT_FROM:
        return 0.0
    return faults if needs_person(tier) else min(1.0, faults + tiers)


def may_displace(tier: str, priority: int) -> bool:
    """Return whether visits of less priority may be put off for a visit, by a person's decision."""
    return priority >= URGENT_FROM or needs_person(tier)


def end_state(
    window_start: datetime, window_end: datetime, arrived_at: datetime | None
) -> Literal["kept", "missed"]:
    """Return what a finished visit makes of its appointment: kept = at the door in the window."""
    kept = arrived_at is not None and window_start <= arrived_at <= window_end
    return "kept" if kept else "missed"


LONGEST_WINDOW = timedelta(hours=12)
FARTHEST = timedelta(days=366)


def check_window(start: datetime, end: datetime, now: datetime) -> None:
    """Raise WindowInvalid unless a window lies ahead, in order, and is no longer than 12 h."""
    if end <= start:
        raise WindowInvalid(reason="it ends before it starts")
    if start.second or start.microsecond or end.second or end.microsecond:
        raise WindowInvalid(reason="windows start and end at full minutes")
    if end - start > LONGEST_WINDOW:
        raise WindowInvalid(reason="it is longer than 12 hours")
    if start < now:
        raise WindowInvalid(reason="it has begun already")
    if start - now > FARTHEST:
        raise WindowInvalid(reason="it is more than a year ahead")
