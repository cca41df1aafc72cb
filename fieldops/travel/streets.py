"""The streets of a road graph in a box of the map, to draw other things on.

Not navigation: a street is drawn straight from junction to junction, or a bit further on.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import anyio
import numpy as np
from numpy.typing import NDArray

from fieldops.kernel.geo import Position
from fieldops.travel.errors import NoTravelTimes
from fieldops.travel.roads import Roads

MOST = 3_000

Street = tuple[Position, Position]


class Streets(NamedTuple):
    """Pieces of streets by their two ends, and whom the map data are to be credited to."""

    pieces: list[Street]
    credit: str


NONE = Streets([], "")


async def within(path: Path, west: float, south: float, east: float, north: float) -> Streets:
    """Return the streets of a region's road graph that touch a box, degrees; none without one.

    In a box with more than 3,000 pieces there are none: at that distance they are no help.
    """
    return await anyio.to_thread.run_sync(_within, path, west, south, east, north)


def _within(path: Path, west: float, south: float, east: float, north: float) -> Streets:
    try:
        ends, credit = _pieces(path, path.stat().st_mtime_ns)
    except (OSError, NoTravelTimes):
        return NONE
    low, high = ends.min(axis=1), ends.max(axis=1)
    inside = (low <= (east, north)).all(axis=1) & (high >= (west, south)).all(axis=1)
    found = ends[inside]
    if len(found) > MOST:
        return NONE
    return Streets([((a[0], a[1]), (b[0], b[1])) for a, b in found.tolist()], credit)


@lru_cache(maxsize=2)
def _pieces(path: Path, _changed: int) -> tuple[NDArray[np.float64], str]:
    """Return the ends of all pieces [piece, end, (longitude, latitude)], each street once."""
    roads = Roads.load(path)
    both = np.sort(np.stack([roads.tails, roads.heads], axis=1), axis=1)
    return roads.nodes[np.unique(both, axis=0)], roads.licence
