"""What makes an appointment kept (KP-01) and a visit likely to be late (AP-07): pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.configuration import number

FAULT_WITHIN = number(
    "install_fault_within", "KP-01", "days", 15,
    "A fault this soon after an install takes the appointment out of the kept ones.",
    within=(0, 90),
)  # fmt: skip
RESCHEDULES_TOLERATED = number(
    "operator_reschedules_tolerated", "AP-06", "times", 1,
    "How often an appointment may be moved by operator cause and still count as kept.",
    within=(0, 10),
)  # fmt: skip
EARLY_ARRIVAL = number(
    "early_arrival_tolerated", "KP-01", "minutes", 0,
    "How long before the window an arrival still counts as inside it.",
    within=(0, 120),
)  # fmt: skip
REPEAT_FAULT_WITHIN = number(
    "repeat_fault_within", "KP-02", "days", 30,
    "A fault of the same service this soon after its repair is a repeat.",
    within=(1, 365),
)  # fmt: skip
CLOSES_AFTER = number(
    "month_closes_after", "KP-02", "days", 17,
    "So many days after its end a month is closed: by then the faults after an install are known.",
    within=(3, 90),
)  # fmt: skip
RECORDED_WITHIN = number(
    "plant_recorded_within", "RE-06", "hours", 24,
    "A change of the plant is recorded in time when it follows its capture so soon.",
    within=(1, 168),
)  # fmt: skip

LEAST_RANKED = number(
    "indicator_least_ranked", "KP-03", "records", 10,
    "From how many records on a unit or person has a place in the ranking of an indicator.",
    within=(1, 10_000),
)  # fmt: skip


class Miss(StrEnum):
    """Why an appointment due was not kept; one may have several."""

    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    NOT_COMPLETED = "not_completed"
    COMPLETED_ON_ANOTHER_DAY = "completed_on_another_day"
    RESCHEDULED_AGAIN = "rescheduled_again"
    ARRIVED_BEFORE_WINDOW = "arrived_before_window"
    ARRIVED_AFTER_WINDOW = "arrived_after_window"
    ARRIVAL_NOT_RECORDED = "arrival_not_recorded"
    FAULT_AFTER_INSTALL = "fault_after_install"


class Standing(StrEnum):
    """How an appointment counts at present."""

    KEPT = "kept"
    NOT_KEPT = "not_kept"
    OPEN = "open"  # its day is not over and nothing has gone wrong yet
    NOT_DUE = "not_due"  # the customer cancelled it


class Period(StrEnum):
    """What the indicator is cut by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    NONE = "none"


class Staff(StrEnum):
    """The operator's own technicians or a contractor's (ORG-06)."""

    OWN = "own"
    CONTRACTOR = "contractor"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is known of one appointment: its last agreed window and how its visit went.

    `completed_at` and `ended` speak of the visit (`ended` also of one that failed or was left);
    `installed` says whether it held an install, `first_fault_at` when the first repair for the
    same premises was received after it. Times are aware; arrivals are the server's estimates.
    """

    window_start: datetime
    window_end: datetime
    cancelled: bool = False
    cancelled_by_customer: bool = False
    operator_reschedules: int = 0
    ended: bool = False
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    installed: bool = False
    first_fault_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The region's numbers for KP-01."""

    fault_within: timedelta
    reschedules_tolerated: int
    early_arrival: timedelta


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an appointment counts, and every reason why it was not kept.

    `provisional`: kept, but a fault within the days after the install can still undo it.
    """

    standing: Standing
    misses: tuple[Miss, ...] = ()
    provisional: bool = False


def judge(promise: Promise, *, now: datetime, zone: ZoneInfo, limits: Limits) -> Verdict:
    """Return whether an appointment was kept (KP-01), with all reasons if it was not.

    The window counts by the region's local days; both its ends belong to it. A window over
    midnight may be completed on either of its days.
    """
    if promise.cancelled:
        if promise.cancelled_by_customer:
            return Verdict(Standing.NOT_DUE)
        return Verdict(Standing.NOT_KEPT, (Miss.CANCELLED_BY_OPERATOR,))
    misses = tuple(_misses(promise, now, zone, limits))
    if misses:
        return Verdict(Standing.NOT_KEPT, misses)
    if promise.completed_at is None:
        return Verdict(Standing.OPEN)
    proven = not promise.installed or now > promise.completed_at + limits.fault_within
    return Verdict(Standing.KEPT, provisional=not proven)


def _misses(promise: Promise, now: datetime, zone: ZoneInfo, limits: Limits) -> Iterable[Miss]:
    first, last = local_day(promise.window_start, zone), local_day(promise.window_end, zone)
    # A device may have been offline since the morning: only the day's end decides for it.
    decided = promise.ended or now >= start_of_day(last + timedelta(days=1), zone)
    if promise.completed_at is not None:
        if not first <= local_day(promise.completed_at, zone) <= last:
            yield Miss.COMPLETED_ON_ANOTHER_DAY
    elif decided:
        yield Miss.NOT_COMPLETED
    if promise.operator_reschedules > limits.reschedules_tolerated:
        yield Miss.RESCHEDULED_AGAIN
    if promise.arrived_at is None:
        if decided:
            yield Miss.ARRIVAL_NOT_RECORDED
    elif promise.arrived_at < promise.window_start - limits.early_arrival:
        yield Miss.ARRIVED_BEFORE_WINDOW
    elif promise.arrived_at > promise.window_end:
        yield Miss.ARRIVED_AFTER_WINDOW
    if _faulted(promise, limits.fault_within):
        yield Miss.FAULT_AFTER_INSTALL


def _faulted(promise: Promise, within: timedelta) -> bool:
    if not promise.installed or promise.completed_at is None or promise.first_fault_at is None:
        return False
    return promise.first_fault_at <= promise.completed_at + within


def period_start(day: date, period: Period) -> date | None:
    """Return the first day of the period a day belongs to; weeks begin on Monday."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.NONE:
            return None


class Unsynced(StrEnum):
    """What keeps a technician's device from showing or telling the truth about a visit."""

    NO_DEVICE = "no_device"
    NEVER_PULLED = "never_pulled"
    OLDER_VERSION = "older_version"
    QUEUED_WORK = "queued_work"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one active device of a technician has: the version it holds, the work it queues."""

    last_seen_at: datetime
    queued: int = 0
    version: int | None = None


def unsynced(devices: Iterable[Holding], visit_version: int) -> tuple[Unsynced, ...]:
    """Return what is not in step between a visit and its technician's devices.

    The device seen last speaks for the technician's view; queued work counts on every device.
    """
    by_seen = sorted(devices, key=lambda d: d.last_seen_at)
    if not by_seen:
        return (Unsynced.NO_DEVICE,)
    newest = by_seen[-1]
    found: list[Unsynced] = []
    if newest.version is None:
        found.append(Unsynced.NEVER_PULLED)
    elif newest.version < visit_version:
        found.append(Unsynced.OLDER_VERSION)
    if any(device.queued for device in by_seen):
        found.append(Unsynced.QUEUED_WORK)
    return tuple(found)
