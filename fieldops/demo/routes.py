"""Ways along the streets, and groups of neighbours: what a network planner does with a map."""

import heapq
import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from fieldops.demo.ground import Point, StreetGraph, distance_m

CELL_DEG = 0.001
"""Side of a grid cell in degrees: about 110 m north-south, 55 m east-west at this latitude."""


@dataclass(frozen=True)
class RouteTree:
    """The shortest ways from one node to all others it was asked for."""

    root: int
    came_from: dict[int, int]

    def way_to(self, node: int) -> list[int]:
        """The nodes from the root to `node`, both included.

        Raises:
            KeyError: the node was not reached.

        """
        way = [node]
        while way[-1] != self.root:
            way.append(self.came_from[way[-1]])
        return way[::-1]


class StreetRouter:
    """Finds street nodes near a point and the shortest ways between nodes (Dijkstra)."""

    def __init__(self, streets: StreetGraph) -> None:
        self._streets = streets
        self._cells: dict[tuple[int, int], list[int]] = {}
        for node, point in enumerate(streets.points):
            self._cells.setdefault(_cell(point), []).append(node)

    def nearest(self, point: Point, taken: Collection[int] = ()) -> int:
        """The street node nearest to a point that is not taken.

        Raises:
            LookupError: no free node within 400 m.

        """
        column, row = _cell(point)
        for reach in range(1, 5):
            near = [
                (distance_m(point, self._streets.points[node]), node)
                for i in range(column - reach, column + reach + 1)
                for j in range(row - reach, row + reach + 1)
                for node in self._cells.get((i, j), ())
                if node not in taken
            ]
            if near:
                return min(near)[1]
        raise LookupError(f"no street near {point}")

    def tree(self, root: int, goals: Collection[int]) -> RouteTree:
        """The shortest ways from the root to all goals; the network is connected, so they exist."""
        missing = set(goals)
        came_from: dict[int, int] = {}
        best = {root: 0.0}
        done: set[int] = set()
        queue = [(0.0, root)]
        while queue and missing:
            metres, node = heapq.heappop(queue)
            if node in done:
                continue
            done.add(node)
            missing.discard(node)
            for other, step in self._streets.neighbours[node]:
                if metres + step < best.get(other, math.inf):
                    best[other] = metres + step
                    came_from[other] = node
                    heapq.heappush(queue, (metres + step, other))
        return RouteTree(root, came_from)


def _cell(point: Point) -> tuple[int, int]:
    return (math.floor(point[0] / CELL_DEG), math.floor(point[1] / CELL_DEG))


def middle(points: Sequence[Point]) -> Point:
    """The mean of some points."""
    return (
        round(sum(lon for lon, _ in points) / len(points), 7),
        round(sum(lat for _, lat in points) / len(points), 7),
    )


def neighbourhoods(points: Sequence[Point], count: int, rng: random.Random) -> list[list[int]]:
    """Group points into about `count` groups of neighbours (k-means, eight rounds).

    Returns the indexes of each group's points, from the south-west to the north-east.
    """
    squeeze = math.cos(math.radians(points[0][1]))
    flat = [(lon * squeeze, lat) for lon, lat in points]
    centres = rng.sample(sorted(set(flat)), min(count, len(set(flat))))
    groups: list[list[int]] = []
    for _ in range(8):
        groups = [[] for _ in centres]
        for i, (x, y) in enumerate(flat):
            nearest = min(
                range(len(centres)),
                key=lambda c: (x - centres[c][0]) ** 2 + (y - centres[c][1]) ** 2,
            )
            groups[nearest].append(i)
        groups = [group for group in groups if group]
        centres = [
            (fmean(flat[i][0] for i in group), fmean(flat[i][1] for i in group)) for group in groups
        ]
    return sorted(groups, key=lambda group: (min(points[i][1] for i in group), group))
