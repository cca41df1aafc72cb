"""Driving times without a map: great circle x 1.35 at town speed. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


def great_circle_m(origins: Sequence[Position], destinations: Sequence[Position]) -> Reals:
    """Return great-circle distances [origin, destination] in metres (haversine)."""
    a = np.radians(np.asarray(origins, float).reshape(-1, 1, 2))
    b = np.radians(np.asarray(destinations, float).reshape(1, -1, 2))
    half = np.sin((b - a) / 2) ** 2
    chord = half[..., 1] + np.cos(a[..., 1]) * np.cos(b[..., 1]) * half[..., 0]
    metres: Reals = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return metres
