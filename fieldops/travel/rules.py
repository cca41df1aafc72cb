"""Driving times without a map, the hours that drive alike, and what zones add to them. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fieldops.kernel.configuration import number
from fieldops.kernel.geo import EARTH_RADIUS_M, Position

Reals = NDArray[np.float64]

DETOUR = 1.35
"""By how much a road is longer than the great circle, where no map says better."""
TOWN_SPEED_M_S = 30 / 3.6


def great_circle_seconds(origins: Sequence[Position], destinations: Sequence[Position]) -> Reals:
    """Return seconds of driving [origin, destination]: great circle x 1.35 at 30 km/h.

    Places are (longitude, latitude) in degrees, SRID 4326.
    """
    return great_circle_m(origins, destinations) * (DETOUR / TOWN_SPEED_M_S)


def leg_seconds(origins: Reals, destinations: Reals) -> Reals:
    """Return the same for pairs of places, from each origin [n, 2] to its own destination."""
    return _metres(np.radians(origins), np.radians(destinations)) * (DETOUR / TOWN_SPEED_M_S)


def great_circle_m(origins: Sequence[Position], destinations: Sequence[Position]) -> Reals:
    """Return great-circle distances [origin, destination] in metres (haversine)."""
    a = np.radians(np.asarray(origins, float).reshape(-1, 1, 2))
    b = np.radians(np.asarray(destinations, float).reshape(1, -1, 2))
    return _metres(a, b)


def _metres(a: Reals, b: Reals) -> Reals:
    """Return the distances of places in radians [..., 2], shapes broadcast against each other."""
    half = np.sin((b - a) / 2) ** 2
    chord = half[..., 1] + np.cos(a[..., 1]) * np.cos(b[..., 1]) * half[..., 0]
    metres: Reals = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return metres


class Hours(StrEnum):
    """The hours of a week that drive alike."""

    NIGHT = "night"
    MORNING_PEAK = "morning_peak"
    DAY = "day"
    AFTERNOON_PEAK = "afternoon_peak"
    WEEKEND = "weekend"


ANY_HOUR = "any"
"""What a source that does not know the hours answers for."""

ZONE = number(
    "travel_zone", "VI-02", "metres", 500,
    "Side of the zones between which road times are looked up; smaller is closer to the road"
    " and takes longer to work out.",
    within=(100, 5_000),
)  # fmt: skip
NIGHT_FROM = number(
    "travel_night_from", "VI-02", "hour of the day", 22,
    "Local hour from which it is driven as at night.",
    within=(18, 24),
)  # fmt: skip
NIGHT_UNTIL = number(
    "travel_night_until", "VI-02", "hour of the day", 6,
    "Local hour until which it is driven as at night.",
    within=(0, 8),
)  # fmt: skip
MORNING_FROM = number(
    "travel_morning_peak_from", "VI-02", "hour of the day", 7,
    "Local hour at which the morning's peak begins on working days.",
    within=(0, 12),
)  # fmt: skip
MORNING_UNTIL = number(
    "travel_morning_peak_until", "VI-02", "hour of the day", 9,
    "Local hour at which the morning's peak ends.",
    within=(0, 14),
)  # fmt: skip
AFTERNOON_FROM = number(
    "travel_afternoon_peak_from", "VI-02", "hour of the day", 15,
    "Local hour at which the afternoon's peak begins on working days.",
    within=(10, 24),
)  # fmt: skip
AFTERNOON_UNTIL = number(
    "travel_afternoon_peak_until", "VI-02", "hour of the day", 18,
    "Local hour at which the afternoon's peak ends.",
    within=(10, 24),
)  # fmt: skip
FACTORS = {
    hours: number(
        f"travel_factor_{hours.value}", "VI-02", "times", 1.0,
        "By how much a way takes longer in these hours, where the source does not know them.",
        within=(0.3, 4),
    )
    for hours in Hours
}  # fmt: skip

_MIDDAY = {  # an hour that stands for its class when a source is asked: (days after Monday, hour)
    Hours.NIGHT: (1, 2),
    Hours.MORNING_PEAK: (1, 8),
    Hours.DAY: (1, 12),
    Hours.AFTERNOON_PEAK: (1, 16),
    Hours.WEEKEND: (5, 12),
}


def hours_of(local: datetime, numbers: Mapping[str, float]) -> Hours:
    """Return the class of a local moment; `numbers` are the region's, by name."""
    hour = local.hour + local.minute / 60
    if hour >= numbers[NIGHT_FROM.name] or hour < numbers[NIGHT_UNTIL.name]:
        return Hours.NIGHT
    if local.isoweekday() > FRIDAY:
        return Hours.WEEKEND
    if numbers[MORNING_FROM.name] <= hour < numbers[MORNING_UNTIL.name]:
        return Hours.MORNING_PEAK
    if numbers[AFTERNOON_FROM.name] <= hour < numbers[AFTERNOON_UNTIL.name]:
        return Hours.AFTERNOON_PEAK
    return Hours.DAY


FRIDAY = 5


def example_of(hours: Hours, today: date) -> datetime:
    """Return a local moment of the coming week that stands for its class, without a zone."""
    days, hour = _MIDDAY[hours]
    monday = today + timedelta(days=7 - today.weekday())
    return datetime.combine(monday + timedelta(days=days), time(hour))


MOST_ZONES = 2_000
"""How many zones a region has at most, those with most premises; elsewhere the formula holds."""

LEAST_FACTOR, MOST_FACTOR = 0.3, 8.0
"""A road time outside these times the formula is a slip of the map, not a way."""


@dataclass(frozen=True)
class Zones:
    """How a region's road times differ from the formula, zone by zone.

    `cells` are the zones' [x, y] on a grid of squares with sides of `metres` at a latitude,
    `factors` [from, to] is what the formula is multiplied by, 0 where nothing is known.
    """

    metres: float
    latitude: float
    cells: NDArray[np.int32]
    factors: NDArray[np.float32]
    knows_hours: bool = False

    def factor(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Reals:
        """Return what the formula is multiplied by [origin, destination]; 1 where unknown."""
        a, b = self._numbers(origins), self._numbers(destinations)
        found = self.factors[np.ix_(np.maximum(a, 0), np.maximum(b, 0))].astype(float)
        known = (a >= 0)[:, None] & (b >= 0)[None, :] & (found > 0)
        return np.where(known, found, 1.0)

    def _numbers(self, places: Sequence[Position]) -> NDArray[np.int64]:
        keys, order = self._index
        wanted = _keys(cell_of(places, self.metres, self.latitude))
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, order[at], -1)

    @cached_property
    def _index(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        keys = _keys(self.cells)
        order = np.argsort(keys)
        return keys[order], order


def _keys(cells: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return one number for each grid square [x, y]."""
    return (cells[:, 0].astype(np.int64) << 32) + cells[:, 1]


def cell_of(places: Sequence[Position], metres: float, latitude: float) -> NDArray[np.int32]:
    """Return the grid squares [x, y] of places."""
    degree = math.radians(1) * EARTH_RADIUS_M
    squeeze = degree * math.cos(math.radians(latitude))
    flat = np.asarray(places, float).reshape(-1, 2) * (squeeze, degree)
    return np.floor(flat / metres).astype(np.int32)


def factors_of(ways: Reals, places: Sequence[Position]) -> NDArray[np.float32]:
    """Return how road times [from, to] between the zones' places differ from the formula.

    Within a zone the nearest ways of that zone stand for it. 0 where no way is known.
    """
    formula = great_circle_seconds(places, places)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.clip(ways / formula, LEAST_FACTOR, MOST_FACTOR)
    factors[~np.isfinite(ways) | (formula <= 0)] = np.nan
    np.fill_diagonal(factors, np.nan)
    for zone in range(len(places)):
        nearest = np.argsort(formula[zone])[1:5]
        around = np.concatenate((factors[zone, nearest], factors[nearest, zone]))
        if np.isfinite(around).any():
            factors[zone, zone] = np.nanmedian(around)
    return np.nan_to_num(factors, nan=0.0).astype(np.float32)
