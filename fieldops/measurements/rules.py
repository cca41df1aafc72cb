"""Which values a test may have, and which kinds of work need which tests (VI-04). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fieldops.kernel.configuration import Number, number


class Place(StrEnum):
    """Where a line test was taken, from the exchange to the customer."""

    EXCHANGE = "exchange"
    CABINET = "cabinet"
    BOX = "box"
    ENTRY = "entry"
    OUTLET = "outlet"


class Method(StrEnum):
    """How a speed test was taken; only a wired one says what the line gives."""

    WIRED = "wired"
    WIRELESS = "wireless"
    TERMINAL = "terminal"


class Needed(StrEnum):
    LINE = "line_test"
    SPEED = "speed_test"


LINE_VALUES: dict[str, tuple[float, float]] = {
    "attenuation_db": (0, 120),
    "noise_margin_db": (-20, 60),
    "loop_resistance_ohm": (0, 5_000),
    "insulation_mohm": (0, 10_000),
    "capacitance_nf": (0, 2_000),
    "foreign_voltage_v": (-300, 300),
    "optical_power_dbm": (-60, 15),
}
"""The values of a line test with the least and greatest that an instrument can show."""

MOST_MBPS = 100_000.0
MOST_MS = 60_000.0

_least, _most = "least", "most"


def _limit(name: str, unit: str, usual: float, text: str, within: tuple[float, float]) -> Number:
    return number(name, "RE-04", unit, usual, text, within=within)


LIMITS: tuple[tuple[str, str, Number], ...] = (
    ("insulation_mohm", _least, _limit(
        "line_least_insulation", "megohm", 1, "Less insulation than this is poor.", (0.01, 1000))),
    ("noise_margin_db", _least, _limit(
        "line_least_noise_margin", "dB", 6, "A smaller noise margin than this is poor.", (1, 30))),
    ("attenuation_db", _most, _limit(
        "line_most_attenuation", "dB", 50, "More attenuation than this is poor.", (5, 110))),
    ("loop_resistance_ohm", _most, _limit(
        "line_most_loop_resistance", "ohm", 1300, "More loop resistance is poor.", (100, 5000))),
    ("foreign_voltage_v", _most, _limit(
        "line_most_foreign_voltage", "volt", 10, "More foreign voltage, either way, is poor.",
        (1, 200))),
)  # fmt: skip
"""What makes a line test poor: the value, whether its number is the least or the most, the number.
Optical power is judged with the health records' numbers and by those alone."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a line test says of a line: 0 to 100, and which of its values are beyond their limit.

    50 is a line whose worst value is exactly at its limit, 67 one twice as good; None: nothing with
    a limit was measured.
    """

    score: int | None
    poor: tuple[str, ...]


def quality(values: Mapping[str, float | None], own: Mapping[str, float]) -> Quality:
    """Judge the values of a test by a region's numbers (RE-04)."""
    scores: list[float] = []
    poor: list[str] = []
    for column, direction, limit in LIMITS:
        value = values.get(column)
        if value is None:
            continue
        bound, size = own[limit.name], abs(value) if direction == _most else value
        if (size < bound) if direction == _least else (size > bound):
            poor.append(column)
        times = max(0.0, size) / bound if direction == _least else bound / max(size, 1e-6)
        scores.append(100 * times / (1 + times))
    return Quality(round(min(scores)) if scores else None, tuple(poor))


POOR_SHARE = number(
    "poor_area_share", "RE-04", "percent", 30,
    "A box or cable is poor when this share of its measured lines and pairs is.",
    within=(1, 100),
)  # fmt: skip
POOR_LEAST = number(
    "poor_area_least", "RE-04", "lines", 3,
    "So many lines and pairs of a box or cable must have been measured to call it poor.",
    within=(1, 200),
)  # fmt: skip
POOR_DAYS = number(
    "poor_area_days", "RE-04", "days", 180,
    "How far back line tests speak for a box or cable.",
    within=(1, 1100),
)  # fmt: skip
CHECK_AHEAD = number(
    "line_check_ahead", "RE-04", "hours", 48,
    "How long before its window a visit in an area of poor lines gets a line test planned.",
    within=(2, 336),
)  # fmt: skip
CHECK_BEFORE = number(
    "line_check_before", "RE-04", "hours", 2,
    "How long before the window the planned line test is due.",
    within=(0, 48),
)  # fmt: skip


class CheckState(StrEnum):
    """Where a planned line test stands."""

    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"  # the visit ended, or its window went by


class Result(StrEnum):
    """What a planned line test found."""

    GOOD = "good"
    POOR = "poor"


_WITH_LINE = ("install", "move", "repair", "change")

NEEDED: dict[tuple[str, str, str | None], tuple[Needed, ...]] = {
    **{("fixed_line", kind, None): (Needed.LINE,) for kind in _WITH_LINE},
    **{("broadband", kind, "copper"): (Needed.LINE, Needed.SPEED) for kind in ("install", "move")},
    ("broadband", "repair", "copper"): (Needed.LINE, Needed.SPEED),
    ("broadband", "change", "copper"): (Needed.SPEED,),
    **{("broadband", kind, None): (Needed.SPEED,) for kind in _WITH_LINE},
}
"""Tests by service, kind of work and technology; technology None stands for any other one."""


def needed(service: str, kind: str, technology: str | None) -> tuple[Needed, ...]:
    """Return the tests a work order needs before its visit can be completed (VI-04)."""
    return NEEDED.get((service, kind, technology)) or NEEDED.get((service, kind, None), ())
