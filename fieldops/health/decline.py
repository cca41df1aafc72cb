"""Which lines are getting worse, and which of them together (HR-04). Pure.

A line decays when one measure is worse, by at least a step, in each of its last three readings.
Lines of one box decay together when enough of them are worse in their newest reading than in the
one before, in any measure: then the box is the cause, whatever each line's history is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from fieldops.health.rules import Limits, Reading
from fieldops.kernel.configuration import number

STEP_SHARE = number(
    "health_decline_step_share", "HR-04", "percent", 3,
    "A rate decays when it is at least so much below the reading before.",
    within=(0.5, 50),
)  # fmt: skip
STEP_DB = number(
    "health_decline_step_db", "HR-04", "dB", 0.5,
    "Light or attenuation decays when it is at least so much worse than in the reading before.",
    within=(0.1, 10),
)  # fmt: skip
LOOKED_BACK = number(
    "health_decline_days", "HR-04", "days", 365,
    "Readings older than this say nothing about a line getting worse.",
    within=(30, 3650),
)  # fmt: skip

READINGS = 3
RATES = ("down_mbps", "up_mbps")
MEASURES = (*RATES, "attenuation_db", "optical_power_dbm")


class Cause(StrEnum):
    """What lines that get worse have in common."""

    LINE = "line"
    BOX = "box"


class State(StrEnum):
    """How a line stands: getting worse, recovered by itself, or closed by a person."""

    WORSENING = "worsening"
    RECOVERED = "recovered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Steps:
    """By how much a reading has to be worse: percent of a rate, dB of the rest."""

    share: float = STEP_SHARE.default
    decibel: float = STEP_DB.default


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of a line and when it was taken."""

    at: datetime
    values: Reading


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its last readings, oldest first, at most three, and the box it hangs on.

    `heard`: its newest reading was judged before and what came of it has ended.
    """

    record_id: UUID
    box_id: UUID | None
    readings: tuple[Read, ...]
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line that is getting worse: why, in what, and the readings that show it."""

    cause: Cause
    measures: tuple[str, ...]
    readings: tuple[Read, ...]


def is_worse(measure: str, before: Reading, after: Reading, steps: Steps) -> bool:
    """Return whether a measure got worse by at least a step; unknown values never did."""
    was, now = getattr(before, measure), getattr(after, measure)
    if was is None or now is None:
        return False
    if measure in RATES:
        return bool(was > 0 and now * 100 <= was * (100 - steps.share))
    lost = now - was if measure == "attenuation_db" else was - now
    return bool(round(lost, 6) >= steps.decibel)


def decaying(readings: Sequence[Read], steps: Steps) -> tuple[str, ...]:
    """Return the measures that got worse with every one of these readings, oldest first."""
    return tuple(
        measure
        for measure in MEASURES
        if len(readings) > 1
        and all(is_worse(measure, a.values, b.values, steps) for a, b in pairwise(readings))
    )


def recovered(measures: Iterable[str], first: Reading, now: Reading, steps: Steps) -> bool:
    """Return whether a line is again as it was before it got worse, in all that decayed."""
    return all(
        getattr(now, measure) is not None and not is_worse(measure, first, now, steps)
        for measure in measures
    )


def judge(
    lines: Sequence[Line], steps: Steps, limits: Limits, lately: datetime
) -> dict[UUID, Verdict]:
    """Return the lines that are getting worse by record: with their box, or alone (HR-04).

    A box counts with its lines that were read twice and last since `lately`.
    """
    on_box: dict[UUID, list[Line]] = defaultdict(list)
    found: dict[UUID, Verdict] = {}
    for line in lines:
        if line.box_id is not None and len(line.readings) > 1 and line.readings[-1].at >= lately:
            on_box[line.box_id].append(line)
        measures = decaying(line.readings, steps)
        if measures and len(line.readings) == READINGS and not line.heard:
            found[line.record_id] = Verdict(Cause.LINE, measures, line.readings)
    for peers in on_box.values():
        found |= _together(peers, steps, limits)
    return found


def _together(peers: Sequence[Line], steps: Steps, limits: Limits) -> Mapping[UUID, Verdict]:
    worse = {}
    for line in peers:
        measures = decaying(line.readings[-2:], steps)
        if measures and not line.heard:
            worse[line.record_id] = Verdict(Cause.BOX, measures, line.readings[-2:])
    enough = max(2.0, limits.least_neighbours)
    if len(worse) < enough or len(worse) * 100 < limits.neighbour_share * len(peers):
        return {}
    return worse
