"""Rules of follow-ups: who is asked how and when, and the figures of FO-05. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from fieldops.customers.rules import BUSINESS
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.configuration import number
from fieldops.orders.rules import Kind

FOLLOWED = (Kind.INSTALL, Kind.MOVE, Kind.REPAIR)
"""The kinds of work that are followed up (FO-01), the one that names the follow-up first."""

ALWAYS = frozenset({"greeting", "question", "reason", "thanks"})
OTHER = "other"
"""The reason that says nothing without the customer's words."""
PERSON_TIERS = frozenset({"diamond", "gold"})
DATA = Path(__file__).with_name("data")
MOST_DAYS = 366

Channel = Literal["person", "message"]
AnswerChannel = Literal["person", "link", "reply", "voice"]
SpokenBy = Literal["phone", "visit", "counter", "message"]
Matter = Literal["install", "move", "repair", "complaint"]


class State(StrEnum):
    """The life of a follow-up: asked by message, on the call list, answered, or never reached.

    Withdrawn: the customer was erased before there was an answer, and nobody can ask any more.
    """

    WAITING = "waiting"
    TO_CALL = "to_call"
    ANSWERED = "answered"
    UNREACHED = "unreached"
    WITHDRAWN = "withdrawn"


OPEN = (State.WAITING, State.TO_CALL)
OVER = (State.ANSWERED, State.WITHDRAWN)
"""Nobody asks, and no answer is taken, from then on."""


class Satisfaction(StrEnum):
    """What a customer can say (FO-03)."""

    VERY_SATISFIED = "very_satisfied"
    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"


class Period(StrEnum):
    """By what the figures are put together."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class By(StrEnum):
    """What the figures are cut by (ORG-06)."""

    NONE = "none"
    CENTRE = "centre"
    PARTY = "party"
    FIRM = "firm"
    TECHNICIAN = "technician"
    MATTER = "matter"


LATEST = number(
    "follow_up_latest", "FO-01", "days", 3,
    "How long after the work a customer has to have been asked; later it is escalated.",
    within=(1, 14),
)  # fmt: skip
WAIT = number(
    "follow_up_wait", "FO-02", "hours", 4,
    "How long an answer to the message is awaited before a person calls.",
    within=(1, 72),
)  # fmt: skip
TRIES = number(
    "follow_up_tries", "FO-02", "calls", 3,
    "After how many calls without anybody a customer counts as not reached.",
    within=(1, 10),
)  # fmt: skip
AGAIN = number(
    "follow_up_again", "FO-02", "hours", 2,
    "How long after a call that reached nobody the next one is made.",
    within=(0.25, 72),
)  # fmt: skip
CLAIM = number(
    "follow_up_claim", "FO-04", "minutes", 30,
    "How long a call belongs to who took it; then somebody else may take it.",
    within=(5, 480),
)  # fmt: skip
CARE_DUE = number(
    "care_task_due", "FO-03", "hours", 24,
    "Within which time a dissatisfied customer's task is closed with them.",
    within=(1, 168),
)  # fmt: skip


def by_person(segment: str, tier: str) -> bool:
    """Return whether a customer is asked by a person from the first try on (FO-02)."""
    return tier in PERSON_TIERS or segment in BUSINESS


def matter_of(kinds: Iterable[str]) -> Matter | None:
    """Return what a follow-up of an order is about; None for work that is not followed up."""
    done = set(kinds)
    found = next((kind for kind in FOLLOWED if kind in done), None)
    return None if found is None else found.value  # type: ignore[return-value]


def due_at(ask_at: datetime, zone: ZoneInfo) -> datetime:
    """Return until when somebody asked from `ask_at` on is asked: the end of that day (FO-01)."""
    return start_of_day(local_day(ask_at, zone) + timedelta(days=1), zone)


@cache
def reasons() -> dict[str, dict[str, str]]:
    """Return the reasons of dissatisfaction by code, each with its text in en and zh_CN."""
    found: dict[str, dict[str, str]] = json.loads((DATA / "reasons.json").read_text("utf-8"))
    return found


@cache
def names() -> dict[str, dict[str, str]]:
    """Return what matters, topics and answers are called in en and zh_CN, by their code."""
    found: dict[str, dict[str, str]] = json.loads((DATA / "names.json").read_text("utf-8"))
    return found


@cache
def script() -> tuple[dict[str, str], ...]:
    """Return the lines of the call's script, in order: `key`, `en`, `zh_cn`."""
    return tuple(json.loads((DATA / "script.json").read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the script as it is said to this customer."""

    key: str
    en: str
    zh_cn: str


def said(facts: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Return the script's lines that have something to say, in both languages.

    `facts` has for the key of a line what is filled into it; a line whose key is missing is left
    out. Those of ALWAYS are said to everybody.
    """
    lines = []
    for line in script():
        if line["key"] in ALWAYS:
            lines.append(Line(**line))
        elif line["key"] in facts:
            filled = facts[line["key"]]
            en, zh = line["en"].format_map(filled), line["zh_cn"].format_map(filled)
            lines.append(Line(line["key"], en, zh))
    return lines


def period_of(day: date, period: Period) -> date:
    """Return the first day of the period a day lies in; weeks begin on Monday."""
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


@dataclass(slots=True)
class Tally:
    """The figures of FO-05 for one period and one part.

    `planned` are the matters that ended in the period, `asked_in_time` those answered by the
    latest time (FO-01).
    """

    planned: int = 0
    in_time: int = 0
    very_satisfied: int = 0
    satisfied: int = 0
    dissatisfied: int = 0

    def count(self, satisfaction: str | None, number: int, *, in_time: int = 0) -> None:
        """Add follow-ups of one answer, None for those without."""
        self.planned += number
        self.in_time += in_time
        if satisfaction is not None:
            setattr(self, satisfaction, getattr(self, satisfaction) + number)

    @property
    def answered(self) -> int:
        """How many customers said how it went."""
        return self.very_satisfied + self.satisfied + self.dissatisfied

    @property
    def reach_percent(self) -> float | None:
        """Answered of planned in percent; None when nothing was planned."""
        return _percent(self.answered, self.planned)

    @property
    def in_time_percent(self) -> float | None:
        """Answered by the latest time, of planned, in percent."""
        return _percent(self.in_time, self.planned)

    @property
    def satisfaction_percent(self) -> float | None:
        """(Very satisfied + satisfied) / answered in percent (FO-05); None without an answer."""
        return _percent(self.very_satisfied + self.satisfied, self.answered)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """A reason with its count, its share and the cumulative share in percent (FO-05)."""

    reason: str | None
    count: int
    share_percent: float
    cumulative_percent: float


def pareto(counts: Mapping[str | None, int]) -> list[ParetoRow]:
    """Return reasons as a Pareto table: the most frequent first, ties by code.

    The cumulative share is of the sum so far, so that roundings do not add up; None is the reason
    that nobody has told yet.
    """
    total = sum(counts.values())
    rows, sum_ = [], 0
    for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one[0] or "~")):
        sum_ += count
        row = ParetoRow(reason, count, round(100 * count / total, 2), round(100 * sum_ / total, 2))
        rows.append(row)
    return rows
