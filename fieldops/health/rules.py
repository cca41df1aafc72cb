"""When a reading is flagged (HR-02); places.py says where the trouble likely lies. Pure."""

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
NEIGHBOUR_SHARE = number(
    "health_neighbour_share", "HR-02", "percent", 50,
    "Where at least this share of the neighbouring lines does badly too, they have one cause.",
    within=(10, 100),
)  # fmt: skip
LEAST_NEIGHBOURS = number(
    "health_least_neighbours", "HR-02", "lines", 2,
    "With fewer neighbouring lines read, nothing is concluded from them.",
    within=(1, 100),
)  # fmt: skip
NEIGHBOUR_DAYS = number(
    "health_neighbour_days", "HR-02", "days", 180,
    "A neighbouring line counts when it was read within this time.",
    within=(1, 3650),
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
    """Where to look first, from the exchange to the customer."""

    EXCHANGE = "exchange"
    TRUNK = "trunk"
    BOX = "box"
    DROP = "drop"
    INDOOR = "indoor"


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
    neighbour_share: float = NEIGHBOUR_SHARE.default
    least_neighbours: float = LEAST_NEIGHBOURS.default
    neighbour_days: float = NEIGHBOUR_DAYS.default


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flag with the measured value and the limit it broke."""

    flag: Flag
    value: float
    limit: float


def flags_of(
    reading: Reading, baseline: Reading | None, sold: Sold, limits: Limits
) -> tuple[Flagged, ...]:
    """Return what a reading is flagged for, in alphabetical order (HR-02)."""
    base = baseline or Reading(None, None)
    power = reading.optical_power_dbm
    of_base, of_sold = limits.share_of_baseline, limits.share_of_sold
    found = (
        _below(Flag.DOWN_BELOW_BASELINE, reading.down_mbps, base.down_mbps, of_base),
        _below(Flag.DOWN_BELOW_SOLD, reading.down_mbps, sold.down_mbps, of_sold),
        _beyond(Flag.OPTICAL_TOO_HIGH, power, limits.most_optical, 1),
        _beyond(Flag.OPTICAL_TOO_LOW, power, limits.least_optical, -1),
        _below(Flag.UP_BELOW_BASELINE, reading.up_mbps, base.up_mbps, of_base),
        _below(Flag.UP_BELOW_SOLD, reading.up_mbps, sold.up_mbps, of_sold),
    )
    return tuple(flagged for flagged in found if flagged is not None)


def _below(flag: Flag, value: float | None, of: float | None, percent: float) -> Flagged | None:
    if value is None or of is None or value * 100 >= of * percent:
        return None
    return Flagged(flag, value, round(of * percent / 100, 2))


def _beyond(flag: Flag, value: float | None, limit: float, way: int) -> Flagged | None:
    if value is None or (value - limit) * way <= 0:
        return None
    return Flagged(flag, value, limit)


def rise(higher: float | None, lower: float | None) -> float | None:
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
        latency_ms=rise(reading.latency_ms, baseline.latency_ms),
        attenuation_db=rise(reading.attenuation_db, baseline.attenuation_db),
        optical_power_db=rise(reading.optical_power_dbm, baseline.optical_power_dbm),
    )


def _percent(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else round(100 * value / of, 1)
