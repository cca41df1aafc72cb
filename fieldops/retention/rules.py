"""What makes a customer red or yellow, and who may leave: pure (CU-08, CU-09)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.configuration import number


class Colour(StrEnum):
    """How it stands between a customer and us."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class Sign(StrEnum):
    """What happened to a customer."""

    DISSATISFIED = "dissatisfied"
    JUSTIFIED_COMPLAINT = "justified_complaint"
    MISSED_APPOINTMENT = "missed_appointment"
    REPEATED_FAULT = "repeated_fault"
    SECOND_RESCHEDULE = "second_reschedule"


RED_SIGNS = frozenset({Sign.DISSATISFIED, Sign.JUSTIFIED_COMPLAINT})

COLOURED_FOR = number(
    "colour_within", "CU-08", "days", 90,
    "How long what happened to a customer makes them red or yellow.",
    within=(7, 730),
)  # fmt: skip
FAULT_REPEATED_WITHIN = number(
    "colour_fault_repeated_within", "CU-08", "days", 30,
    "A fault of a customer this soon after one before is a repeated fault.",
    within=(1, 365),
)  # fmt: skip
REPAIR_WITHIN = number(
    "repair_task_within", "CU-08", "days", 3,
    "By when a relationship-repair task is closed with the customer.",
    within=(1, 60),
)  # fmt: skip

RESCHEDULES = 2
MOST_OPENED = 500
"""How many tasks one run of the job opens in a region."""


def colour(signs: Iterable[str]) -> Colour:
    """Return the colour that signs give: red before yellow, green without any."""
    found = set(signs)
    if found & RED_SIGNS:
        return Colour.RED
    return Colour.YELLOW if found else Colour.GREEN


# --- who may leave (CU-09) -----------------------------------------------------------------


class Reason(StrEnum):
    """Why a customer may leave."""

    SERVICE = "service"
    PRICE = "price"
    COMPETITION = "competition"
    QUALITY = "quality"
    MOVED_OR_CLOSED = "moved_or_closed"
    OTHER = "other"


class Purpose(StrEnum):
    """What a customer is revisited for."""

    CHURN = "churn"
    RENEWAL = "renewal"


class Way(StrEnum):
    """How a customer was revisited."""

    VISIT = "visit"
    PHONE = "phone"
    COUNTER = "counter"
    MESSAGE = "message"


class Said(StrEnum):
    """What became of it."""

    STAYS = "stays"
    GOES = "goes"
    UNDECIDED = "undecided"


class Standing(StrEnum):
    """How a revisit counts in the share that was made in time."""

    IN_TIME = "in_time"
    LATE = "late"
    MISSED = "missed"
    WAITING = "waiting"


REVISIT_WITHIN = number(
    "churn_revisit_within", "CU-09", "days", 7,
    "By when a customer who may leave is revisited.",
    within=(1, 60),
)  # fmt: skip
RENEWAL_WITHIN = number(
    "retention_visit_within", "CU-09", "days", 14,
    "By when a retention visit, for a contract to renew, has been made.",
    within=(1, 90),
)  # fmt: skip
ANSWERED_WITHIN = number(
    "retention_visit_answered_within", "CU-09", "working days", 1,
    "By when the field answers that a retention visit is asked for.",
    within=(1, 10),
)  # fmt: skip

GOAL_PERCENT = 100
"""All of the register is revisited in time: the goal of CU-09 and no number of a region."""
MOST_MONTHS = 24
LOOKED_AHEAD = timedelta(days=60)
"""How far ahead working days are looked for; a centre without any in that time counts all."""


def answer_due(
    asked_at: datetime, working: Collection[date], within: int, zone: ZoneInfo
) -> datetime:
    """Return by when the field answers: the same time of day so many working days later (CU-09).

    What is asked on a day off counts from the end of that day off: it is due at the end of the
    last of those working days. `working` are the local working days from that day on.
    """
    day = local_day(asked_at, zone)
    coming = sorted(one for one in working if one > day)[:within]
    if len(coming) < within:
        return asked_at + timedelta(days=within)
    if day not in working:
        return start_of_day(coming[-1] + timedelta(days=1), zone)
    return datetime.combine(coming[-1], asked_at.astimezone(zone).timetz())


@dataclass(slots=True)
class Churn:
    """The churn figures of one month and reason (CU-09)."""

    opened: int = 0
    in_time: int = 0
    late: int = 0
    missed: int = 0
    kept: int = 0
    lost: int = 0
    undecided: int = 0

    @property
    def due(self) -> int:
        """How many revisits were due and can be judged: made, or past their time."""
        return self.in_time + self.late + self.missed

    @property
    def in_time_percent(self) -> float | None:
        """Revisited in time, of those due, in percent; None when none was due."""
        return round(100 * self.in_time / self.due, 2) if self.due else None

    def add(self, other: "Churn") -> None:
        """Add the figures of another reason."""
        for name in ("opened", "in_time", "late", "missed", "kept", "lost", "undecided"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def months(first: date, last: date) -> list[date]:
    """Return the first days of the months from one to another, both included."""
    found, month = [], first.replace(day=1)
    while month <= last:
        found.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return found


def month_end(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)
