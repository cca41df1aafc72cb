"""What is unlikely in the evidence of a visit, and what becomes of a flag: pure (QA-05).

Every check gives what it found and the number it was measured against, so that whoever is asked
about it can see why. None judges people: a flag is a question.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from fieldops.kernel import geo
from fieldops.kernel.configuration import Number, number
from fieldops.orders.rules import Kind
from fieldops.quality.errors import AnswerAwaited, FlagDecided


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
