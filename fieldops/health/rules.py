"""When a reading is flagged, and where the trouble likely lies (HR-02). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from fieldops.kernel.configuration import number

SHARE_OF_BASELINE = number(
    "health_share_of_baseline", "HR-02", "percent", 80,
    "A speed below this share of the activation baseline is flagged.",
    within=(10, 100),
)  # fmt: skip
SHARE_OF_SOLD = number(
    "health_share_of_sold", "HR-02", "percent", 90,
    "A speed below this share of the sold rate is flagged.",
    within=(10, 100),
)  # fmt: skip
MOST_OPTICAL = number(
    "health_most_optical_power", "HR-02", "dBm", -8,
    "Optical power above this is flagged (the receiver is overdriven).",
    within=(-20, 10),
)  # fmt: skip
LEAST_OPTICAL = number(
    "health_least_optical_power", "HR-02", "dBm", -27,
    "Optical power below this is flagged (too little light arrives).",
    within=(-50, -10),
)  # fmt: skip
MORE_ATTENUATION = number(
    "health_more_attenuation", "HR-02", "dB", 3,
    "So much more attenuation than at activation points to the line outside.",
    within=(0.5, 30),
)  # fmt: skip
MORE_LOSS = number(
    "health_less_optical_power", "HR-02", "dB", 3,
    "So much less optical power than at activation points to the fibre outside.",
    within=(0.5, 30),
)  # fmt: skip


BROADBAND = "broadband"
ACTIVATING = ("install", "move")
"""Kinds of work whose first reading is the baseline (HR-01)."""
NEEDS_READING = ("install", "move", "change", "repair")
"""Kinds of broadband work that are not completed without a reading (VI-04)."""


class Material(StrEnum):
    """What the indoor cabling is made of."""

    CAT3 = "cat3"
    CAT5E = "cat5e"
    CAT6 = "cat6"
    COAX = "coax"
    FIBRE = "fibre"
    FLAT = "flat"
    OTHER = "other"


class Flag(StrEnum):
    """What is wrong with a reading."""

    DOWN_BELOW_BASELINE = "down_below_baseline"
    DOWN_BELOW_SOLD = "down_below_sold"
    OPTICAL_TOO_HIGH = "optical_too_high"
    OPTICAL_TOO_LOW = "optical_too_low"
    UP_BELOW_BASELINE = "up_below_baseline"
    UP_BELOW_SOLD = "up_below_sold"


class LikelyPlace(StrEnum):
    """Where to look first."""

    EXCHANGE_SIDE = "exchange_side"
    OUTSIDE_LINE = "outside_line"
    SPLITTER = "splitter"
    INDOOR_CABLING = "indoor_cabling"
    TERMINAL = "terminal"
    SERVICE_PROFILE = "service_profile"


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of a line: Mbit/s, ms, dB, dBm; None where not measured."""

    down_mbps: float | None
    up_mbps: float | None
    latency_ms: float | None = None
    attenuation_db: float | None = None
    optical_power_dbm: float | None = None


@dataclass(frozen=True, slots=True)
class Sold:
    """The rates a customer pays for, Mbit/s."""

    down_mbps: float | None = None
    up_mbps: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """A region's numbers of HR-02: percent, dBm, dB."""

    share_of_baseline: float = SHARE_OF_BASELINE.default
    share_of_sold: float = SHARE_OF_SOLD.default
    most_optical: float = MOST_OPTICAL.default
    least_optical: float = LEAST_OPTICAL.default
    more_attenuation: float = MORE_ATTENUATION.default
    more_loss: float = MORE_LOSS.default


F = Flag


def flags_of(
    reading: Reading, baseline: Reading | None, sold: Sold, limits: Limits
) -> tuple[Flag, ...]:
    """Return what a reading is flagged for, in alphabetical order (HR-02)."""
    base = baseline or Reading(None, None)
    power = reading.optical_power_dbm
    found = {
        F.DOWN_BELOW_BASELINE: _below(reading.down_mbps, base.down_mbps, limits.share_of_baseline),
        F.UP_BELOW_BASELINE: _below(reading.up_mbps, base.up_mbps, limits.share_of_baseline),
        F.DOWN_BELOW_SOLD: _below(reading.down_mbps, sold.down_mbps, limits.share_of_sold),
        F.UP_BELOW_SOLD: _below(reading.up_mbps, sold.up_mbps, limits.share_of_sold),
        F.OPTICAL_TOO_HIGH: power is not None and power > limits.most_optical,
        F.OPTICAL_TOO_LOW: power is not None and power < limits.least_optical,
    }
    return tuple(flag for flag in Flag if found[flag])


def _below(value: float | None, of: float | None, percent: float) -> bool:
    return value is not None and of is not None and value * 100 < of * percent


def likely_place(
    reading: Reading,
    baseline: Reading | None,
    flags: tuple[Flag, ...],
    limits: Limits,
    *,
    joints: int | None = None,
) -> LikelyPlace | None:
    """Return where to look first, None when nothing is flagged.

    In this order: too much light comes from the exchange side (no splitter loss before the
    terminal); too little light is lost outside when it fell since the activation, else at the
    splitter it always hung on; a copper line that attenuates more than at activation is worse
    outside; both directions slow on an unchanged line with joints indoors point to those; one
    direction below what is sold, though as good as at activation, is a profile set wrong;
    otherwise the terminal.
    """
    if not flags:
        return None
    base = baseline or Reading(None, None)
    if F.OPTICAL_TOO_HIGH in flags:
        return LikelyPlace.EXCHANGE_SIDE
    fell = _rise(base.optical_power_dbm, reading.optical_power_dbm)
    rose = _rise(reading.attenuation_db, base.attenuation_db)
    dark = F.OPTICAL_TOO_LOW in flags
    if (
        (dark and fell is None)
        or (fell or 0) >= limits.more_loss
        or (rose or 0) >= limits.more_attenuation
    ):
        return LikelyPlace.OUTSIDE_LINE
    if dark:
        return LikelyPlace.SPLITTER
    slower = {F.DOWN_BELOW_BASELINE, F.UP_BELOW_BASELINE} & set(flags)
    if not slower and baseline is not None:
        return LikelyPlace.SERVICE_PROFILE
    return LikelyPlace.INDOOR_CABLING if joints else LikelyPlace.TERMINAL


def _rise(higher: float | None, lower: float | None) -> float | None:
    """Return by how much the first value stands above the second, None when one is unknown."""
    return None if higher is None or lower is None else higher - lower


@dataclass(frozen=True, slots=True)
class Difference:
    """A reading against the activation: percent of the rates, differences of the rest."""

    down_percent: float | None
    up_percent: float | None
    latency_ms: float | None
    attenuation_db: float | None
    optical_power_db: float | None


def change(reading: Reading, baseline: Reading) -> Difference:
    """Return how a reading stands against the activation baseline (HR-02)."""
    return Difference(
        down_percent=_percent(reading.down_mbps, baseline.down_mbps),
        up_percent=_percent(reading.up_mbps, baseline.up_mbps),
        latency_ms=_rise(reading.latency_ms, baseline.latency_ms),
        attenuation_db=_rise(reading.attenuation_db, baseline.attenuation_db),
        optical_power_db=_rise(reading.optical_power_dbm, baseline.optical_power_dbm),
    )


def _percent(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else round(100 * value / of, 1)
