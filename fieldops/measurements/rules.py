"""Which values a test may have, and which kinds of work need which tests (VI-04). Pure."""

from enum import StrEnum


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
