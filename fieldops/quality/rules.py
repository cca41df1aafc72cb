"""The states and numbers of quality: evidence, inspections, feedback, cases. Pure.

Every check gives what it found and the number it was measured against, so that whoever is asked
about it can see why. None judges people: a flag is a question.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from fieldops.kernel import geo
from fieldops.kernel.configuration import Number, number
from fieldops.orders.rules import Kind
from fieldops.quality.errors import (
    AnswerAwaited,
    CaseNotOpen,
    FlagDecided,
    InspectionEnded,
    SheetNotOpen,
    StatementAwaited,
)


class Check(StrEnum):
    """The machine's checks of evidence."""

    PHOTO_REUSED = "photo_reused"
    POSITION_FAR = "position_far"
    TOO_SHORT = "too_short"
    TEST_COPIED = "test_copied"
    CLOCK_OFF = "clock_off"


class FlagState(StrEnum):
    """The life of a flag: asked, answered by the technician, decided by a supervisor."""

    OPEN = "open"
    ANSWERED = "answered"
    HOLDS = "holds"
    FALSE_ALARM = "false_alarm"


DECIDED = frozenset({FlagState.HOLDS, FlagState.FALSE_ALARM})


class PrintState(StrEnum):
    """What came of a photo's print."""

    USABLE = "usable"
    FLAT = "flat"  # a dark or empty picture is like every other one
    UNREADABLE = "unreadable"


PHOTO_PURPOSES = ("photo", "attachment")
"""Links whose images are photos of the work; a written notice looks like every other one."""

LOOKED_BACK = timedelta(days=7)
"""How old visits are looked at that nobody has looked at yet."""

AT_ONCE = 200
"""How many photos or visits of a region one run takes."""

PHOTO_DISTANCE = number(
    "quality_photo_distance", "QA-05", "points", 3,
    "In how many of 64 points two photos may differ and still count as one.", within=(0, 3),
)  # fmt: skip
PHOTO_DAYS = number(
    "quality_photo_days", "QA-05", "days", 365,
    "How far back photos are compared with those of other visits.", within=(1, 1825),
)  # fmt: skip
POSITION = number(
    "quality_position_m", "QA-05", "metres", 500,
    "From how far away an arrival is asked about.", within=(50, 20_000),
)  # fmt: skip
CLOCK = number(
    "quality_clock_off", "QA-05", "minutes", 10,
    "From how far off a phone's clock is asked about.", within=(1, 1440),
)  # fmt: skip
COPIED_DAYS = number(
    "quality_copied_days", "QA-05", "days", 365,
    "How far back tests are compared with earlier ones.", within=(1, 1825),
)  # fmt: skip
COPIED_VALUES = number(
    "quality_copied_values", "QA-05", "values", 3,
    "How many values a test needs before equal ones are no coincidence.", within=(2, 7),
)  # fmt: skip
SECOND_LOOK = number(
    "quality_second_look", "QA-05", "hours", 24,
    "After which time a visit is looked at again, for phones that hand in late.", within=(1, 168),
)  # fmt: skip
ANSWER_TIME = number(
    "quality_answer_time", "QA-05", "days", 3,
    "How long a technician may answer before a flag can be decided to hold.", within=(0, 30),
)  # fmt: skip


def _least(kind: Kind, minutes: float) -> Number:
    return number(
        f"quality_least_on_site_{kind.value}", "QA-05", "minutes", minutes,
        f"Below which time on site a completed visit ({kind.value}) is asked about.",
        within=(0, 480),
    )  # fmt: skip


LEAST_ON_SITE: dict[Kind, Number] = {
    Kind.INSTALL: _least(Kind.INSTALL, 15),
    Kind.MOVE: _least(Kind.MOVE, 15),
    Kind.CHANGE: _least(Kind.CHANGE, 8),
    Kind.REPAIR: _least(Kind.REPAIR, 6),
    Kind.REMOVE: _least(Kind.REMOVE, 4),
    Kind.INSPECT: _least(Kind.INSPECT, 8),
    Kind.PATROL: _least(Kind.PATROL, 8),
    Kind.CARE: _least(Kind.CARE, 4),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Something unlikely: in which record, whose work, what was found, measured against what."""

    kind: Check
    subject_type: str
    subject_id: UUID
    technician_id: UUID | None
    found: Mapping[str, Any]
    thresholds: Mapping[str, Any]


def distance_beyond(place: geo.Position, goal: geo.Position, limit_m: float) -> float | None:
    """Return how far a place is from where it should be (metres), None within the limit."""
    metres = round(geo.distance_m(place, goal), 1)
    return metres if metres > limit_m else None


def too_short(
    on_site: timedelta, kinds: Iterable[str], least: Mapping[str, float]
) -> tuple[float, float] | None:
    """Return (minutes on site, least minutes) when the work cannot well be done in that time.

    Of several kinds of work done together the one that needs most counts: a second line at the
    same door takes little more time than the first.
    """
    needed = max((least[kind] for kind in kinds), default=0.0)
    minutes = round(on_site.total_seconds() / 60, 1)
    return (minutes, needed) if minutes < needed else None


def furthest_off(
    clocks: Iterable[tuple[UUID | None, datetime | None, datetime]], limit: timedelta
) -> dict[UUID | None, timedelta]:
    """Return by technician how far the phone's clock was off at worst, where beyond the limit.

    `clocks` are (technician, the device's wall clock, the server's estimate); a fast clock gives
    a positive time.
    """
    worst: dict[UUID | None, timedelta] = {}
    for technician_id, wall, estimated in clocks:
        off = wall - estimated if wall is not None else timedelta()
        if abs(off) > max(limit, abs(worst.get(technician_id, timedelta()))):
            worst[technician_id] = off
    return worst


def speaks(values: Sequence[float | None], needed: float) -> bool:
    """Return whether a test has enough values for equal ones to be no coincidence."""
    return sum(value is not None for value in values) >= needed


def check_answerable(state: str) -> None:
    """Refuse an answer to a flag that is decided; raises FlagDecided."""
    if state in DECIDED:
        raise FlagDecided(state=state.replace("_", " "))


def check_decidable(state: str, answer_until: datetime, now: datetime, *, holds: bool) -> None:
    """Refuse a second decision, and one against a technician who may still answer.

    Raises FlagDecided, AnswerAwaited.
    """
    if state in DECIDED:
        raise FlagDecided(state=state.replace("_", " "))
    if holds and state == FlagState.OPEN and now < answer_until:
        raise AnswerAwaited(until=answer_until.isoformat(timespec="minutes"))


def share_of_false_alarms(holds: int, false_alarms: int) -> float | None:
    """Return which share of the decided flags was a false alarm (0 to 1), None without any."""
    decided = holds + false_alarms
    return round(false_alarms / decided, 4) if decided else None


# --- inspections ---------------------------------------------------------------------------


class InspectionState(StrEnum):
    """The life of an inspection: planned, its sheet given, answered, accepted (QA-03)."""

    PLANNED = "planned"
    REPORTED = "reported"  # the feedback sheet waits for the unit's answer
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"


class Severity(StrEnum):
    """How grave a finding is (QA-06)."""

    MINOR = "minor"
    MAJOR = "major"
    SERIOUS = "serious"


class FindingState(StrEnum):
    """The life of a finding: noted, given with the sheet, settled with it, or taken back."""

    NOTED = "noted"
    GIVEN = "given"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class CaseState(StrEnum):
    """The life of an accountability case (QA-06)."""

    OPENED = "opened"
    HEARD = "heard"
    DECIDED = "decided"
    CLOSED = "closed"
    DROPPED = "dropped"  # the complaint was decided otherwise before the case was


UNDECIDED_CASES = frozenset({CaseState.OPENED, CaseState.HEARD})


class Measure(StrEnum):
    """What a case may end in."""

    NONE = "none"
    TALK = "talk"
    TRAINING = "training"
    WARNING = "warning"
    SUSPENSION = "suspension"
    FIRM_NOTICE = "firm_notice"


class LessonState(StrEnum):
    """The life of a lesson in the case library (QA-07)."""

    DRAFTED = "drafted"
    PUBLISHED = "published"
    RETIRED = "retired"


class Verdict(StrEnum):
    """What the inspector says of an answer."""

    ACCEPTED = "accepted"
    REOPENED = "reopened"


class SheetStanding(StrEnum):
    """How far a feedback sheet is: not answered, answered and not judged, judged."""

    OPEN = "open"
    ANSWERED = "answered"
    JUDGED = "judged"


STANDING_VISITS = ("completed", "failed")
"""Visits that ended, which can be looked at."""

MOST_POPULATION = 20_000
MOST_ADDED = 100
MOST_SAMPLE = 2000
MOST_EVIDENCE_FILES = 20
MOST_HELD_LESSONS = 200
"""How many lessons a phone holds at most, the newest."""
SAID_HELD = timedelta(days=60)
"""How long a phone holds what was said about its user's work: findings, sheets, cases."""
MOST_EVIDENCE = 500
"""How many answers, tests or flags of one visit a remote inspection shows, each."""

SHARE = number(
    "quality_sample_share", "QA-04", "percent", 3,
    "Which share of all visits is drawn for an inspection.", within=(0, 100),
)  # fmt: skip
RISK_SHARE = number(
    "quality_sample_risk_share", "QA-04", "percent", 10,
    "Which share of the visits with a risk is drawn for an inspection.", within=(0, 100),
)  # fmt: skip
NEW_TECHNICIAN = number(
    "quality_new_technician", "QA-04", "days", 90,
    "How long a technician counts as new in the draw.", within=(0, 730),
)  # fmt: skip
ANSWER_SHEET = number(
    "quality_answer_sheet", "QA-03", "days", 15,
    "In how many days an inspected unit answers its feedback sheet.", within=(1, 90),
)  # fmt: skip
STATEMENT = number(
    "quality_statement", "QA-06", "days", 5,
    "How long the person concerned may speak before a case is decided without.", within=(0, 30),
)  # fmt: skip
LEAST_RANKED = number(
    "quality_least_ranked", "QA-06", "forms", 3,
    "From how many filled forms on a unit or person has a place in the ranking.", within=(1, 100),
)  # fmt: skip


def check_state(state: str, *allowed: InspectionState) -> None:
    """Refuse a step on an inspection in another state; raises InspectionEnded."""
    if state not in allowed:
        raise InspectionEnded(state=state)


def check_sheet(state: str, wanted: InspectionState) -> None:
    """Refuse a step on a feedback sheet in another state; raises SheetNotOpen."""
    if state != wanted:
        raise SheetNotOpen(state=state)


def check_case(state: str, *allowed: CaseState) -> None:
    """Refuse a step on a case in another state; raises CaseNotOpen."""
    if state not in allowed:
        raise CaseNotOpen(state=state)


def check_heard(state: str, until: datetime, now: datetime) -> None:
    """Refuse a decision before the person concerned could speak; raises StatementAwaited."""
    check_case(state, CaseState.OPENED, CaseState.HEARD)
    if state == CaseState.OPENED and now < until:
        raise StatementAwaited(until=until.isoformat(timespec="minutes"))


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TELLING = (
    ("an e-mail address", re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)),
    ("a telephone number", re.compile(r"(?<![\w.])\+?\d[\d \-]{5,}\d(?![\w.])", re.ASCII)),
    ("a customer's title", re.compile(r"\b(Mr|Mrs|Ms|Herr|Frau)\.? [A-Z]")),
    ("a customer's title", re.compile(r"[\u4e00-\u9fff](先生|女士|小姐)")),
    (
        "a door number",
        re.compile(r"\d+\s*(号楼|单元|室)|\b(apt|apartment|flat)\.? ?\d", re.IGNORECASE),
    ),
)


def names_people(texts: Iterable[str]) -> str | None:
    """Return what in a lesson's texts looks like a customer's data, None of nothing (QA-07)."""
    for text in texts:
        without_days = _DAY.sub("", text)
        for what, pattern in _TELLING:
            if pattern.search(without_days):
                return what
    return None
