"""The shapes of the access network, and what its builders have at hand."""

import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fieldops.demo.ground import Ground, Point
from fieldops.demo.layout import BoxSite
from fieldops.demo.routes import StreetRouter


@dataclass(frozen=True)
class Feature:
    """One piece of plant.

    `parent_key` is what it sits in (a pair in its cable, a port in its shelf, a box in its
    cabinet's area). `geometry` is GeoJSON (EPSG:4326, lon/lat), or None for ports, pairs and
    fibres, which lie where their parent lies. `state` and `reason` are set for those only (RE-02).
    """

    key: str
    kind: str
    name: str
    centre: str
    parent_key: str | None
    geometry: Mapping[str, Any] | None
    attributes: Mapping[str, Any]
    state: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Connection:
    """A directed tie, seen from the exchange.

    Kinds: feeds, spliced (conductor to conductor), jumpered (port to pair, or across a cabinet's
    frame), runs_in (cable in duct), carries (pole to box).
    """

    from_key: str
    to_key: str
    kind: str


@dataclass
class Plant:
    """The network while it is being built; `circuits` puts services on it afterwards."""

    features: dict[str, Feature] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    box_of_place: dict[str, str] = field(default_factory=dict)
    conductors: dict[str, list[str]] = field(default_factory=dict)
    """Cable key -> the keys of its pairs or fibres, in order."""
    ports: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(centre, card) -> the keys of the ports, in order."""

    def add(self, feature: Feature) -> str:
        """Add one feature; two with the same key are a programming error (ValueError)."""
        if feature.key in self.features:
            raise ValueError(f"two features called {feature.key}")
        self.features[feature.key] = feature
        return feature.key

    def connect(self, kind: str, *keys: str) -> None:
        """Tie the features one after another."""
        for a, b in itertools.pairwise(keys):
            self.connections.append(Connection(a, b, kind))


@dataclass(frozen=True)
class Works:
    """What the crew has at hand while building."""

    plant: Plant
    ground: Ground
    router: StreetRouter
    rng: random.Random
    start: date
    need: Mapping[tuple[str, str], int]
    """(place key, technology) -> number of conductors its services take."""

    def line(self, *parts: Iterable[Point]) -> dict[str, Any]:
        points = [point for part in parts for point in part]
        kept = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
        return {"type": "LineString", "coordinates": [list(point) for point in kept]}

    def street(self, way: Iterable[int]) -> list[Point]:
        return [self.ground.streets.points[node] for node in way]

    def needed(self, box: BoxSite, technology: str) -> int:
        return sum(self.need.get((place, technology), 0) for place in box.place_keys)


def point_geometry(point: Point) -> dict[str, Any]:
    """A GeoJSON point."""
    return {"type": "Point", "coordinates": list(point)}
