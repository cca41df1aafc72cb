"""A road graph in memory: nodes, seconds from node to node, and the ways between places. Pure.

Made from an OpenStreetMap extract by `extract.py`, kept in one .npz file with its licence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from fieldops.kernel.geo import EARTH_RADIUS_M, Position
from fieldops.travel.errors import NoTravelTimes
from fieldops.travel.rules import Reals

FORMAT = 1
FARTHEST_FROM_ROAD_M = 1_000.0
"""A place farther from every road is not on this map."""
APPROACH_M_S = 10 / 3.6
"""From the door to the nearest node, through yards and car parks."""
ORIGINS_AT_ONCE = 64


@dataclass(frozen=True)
class Roads:
    """Nodes (longitude, latitude) and arcs (from, to, seconds), one strongly connected network."""

    nodes: Reals
    tails: NDArray[np.int32]
    heads: NDArray[np.int32]
    seconds: Reals
    licence: str

    def save(self, path: Path) -> None:
        """Write the graph into one file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part.npz")
        np.savez_compressed(
            beside,
            format=np.int32(FORMAT),
            nodes=self.nodes,
            tails=self.tails,
            heads=self.heads,
            seconds=self.seconds.astype(np.float32),
            licence=np.array(self.licence),
        )
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Roads":
        """Read what `save` wrote; raises NoTravelTimes when it is not that."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                if int(kept["format"]) != FORMAT:
                    raise NoTravelTimes(f"{path.name} was written by another release")
                return cls(
                    kept["nodes"],
                    kept["tails"],
                    kept["heads"],
                    kept["seconds"].astype(float),
                    str(kept["licence"]),
                )
        except (OSError, ValueError, KeyError, BadZipFile) as exc:
            raise NoTravelTimes(f"{path.name} is no road graph: {exc}") from exc

    @cached_property
    def _graph(self) -> Any:
        # An arc of no length would be no arc to scipy; parallel ones keep the quickest.
        order = np.lexsort((self.seconds, self.heads, self.tails))
        tails, heads = self.tails[order], self.heads[order]
        first = np.ones(len(order), bool)
        first[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
        data = np.maximum(self.seconds[order][first], 1e-3)
        size = (len(self.nodes), len(self.nodes))
        return csr_array((data, (tails[first], heads[first])), shape=size)

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(_flat(self.nodes, self._latitude))

    @cached_property
    def _latitude(self) -> float:
        return float(self.nodes[:, 1].mean())

    def snap(self, places: Sequence[Position]) -> tuple[NDArray[np.int64], Reals]:
        """Return each place's nearest node and its distance in metres; inf off the map."""
        flat = _flat(np.asarray(places, float).reshape(-1, 2), self._latitude)
        metres, nodes = self._tree.query(flat, distance_upper_bound=FARTHEST_FROM_ROAD_M)
        return np.where(np.isinf(metres), 0, nodes).astype(np.int64), metres

    def matrix(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Reals:
        """Return seconds of driving [origin, destination]; nan where a place is off the map."""
        tails, out = self.snap(origins)
        heads, into = self.snap(destinations)
        ways = np.empty((len(tails), len(heads)))
        starts, back = np.unique(tails, return_inverse=True)
        for at in range(0, len(starts), ORIGINS_AT_ONCE):
            some = starts[at : at + ORIGINS_AT_ONCE]
            reached = dijkstra(self._graph, indices=some)[:, heads]
            here = (back >= at) & (back < at + len(some))
            ways[here] = reached[back[here] - at]
        ways += (out[:, None] + into[None, :]) / APPROACH_M_S
        ways[~np.isfinite(ways)] = np.nan
        # Two places at one node have no road between them: they are as far as they are.
        same = tails[:, None] == heads[None, :]
        if same.any():
            a = _flat(np.asarray(origins, float).reshape(-1, 2), self._latitude)
            b = _flat(np.asarray(destinations, float).reshape(-1, 2), self._latitude)
            straight = np.linalg.norm(a[:, None, :] - b[None, :, :], axis=2) / APPROACH_M_S
            ways = np.where(same, np.fmin(ways, straight), ways)
        return ways


def _flat(places: Reals, latitude: float) -> Reals:
    """Return places in metres on a plane that is exact enough within a region."""
    scale = np.radians(1) * EARTH_RADIUS_M
    flat: Reals = places * (scale * np.cos(np.radians(latitude)), scale)
    return flat
