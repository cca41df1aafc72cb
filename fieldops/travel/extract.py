"""Roads out of an OpenStreetMap extract (.osm.pbf, .osm): speeds, one-ways, signals, junctions.

Map data are (c) OpenStreetMap contributors, ODbL 1.0; a graph made of them keeps that line.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import osmium
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from fieldops.kernel.geo import Position, distance_m
from fieldops.travel.errors import BadExtract
from fieldops.travel.roads import Roads

LICENCE = "Map data (c) OpenStreetMap contributors, ODbL 1.0, openstreetmap.org/copyright"

# What a car does on a class of road where no limit is signed, km/h.
SPEEDS: dict[str, float] = {
    "motorway": 100,
    "motorway_link": 60,
    "trunk": 80,
    "trunk_link": 50,
    "primary": 60,
    "primary_link": 45,
    "secondary": 50,
    "secondary_link": 40,
    "tertiary": 45,
    "tertiary_link": 35,
    "unclassified": 40,
    "residential": 30,
    "living_street": 15,
    "service": 15,
    "track": 15,
}
OF_THE_LIMIT = 0.8
"""Traffic moves at this share of the speed a road allows: bends, crossings, others."""
SIGNAL_SECONDS = 6.0
"""What one mapped traffic light costs on average; a large crossing has several."""
MILE_KM = 1.609344
LONGEST_ARC_M = 200.0
"""Longer pieces get nodes in between, so that a house finds its street near by."""
CLOSED = frozenset({"no", "private", "agricultural", "forestry", "delivery", "emergency"})

Progress = Callable[[int], None]
PROGRESS_EVERY = 10_000


def read(path: Path, progress: Progress = lambda _: None) -> Roads:
    """Return the roads of an extract; `progress` hears how many of its ways were read.

    Raises BadExtract when the file is missing, no extract, damaged, or has no roads.
    """
    if not path.is_file():
        raise BadExtract(f"There is no file {path}.")
    try:
        lines, lights = _ways(path, progress)
    except (RuntimeError, UnicodeDecodeError) as exc:  # what osmium says of a damaged file
        raise BadExtract(f"{path.name} cannot be read as .osm.pbf or .osm: {exc}") from exc
    if not lines:
        raise BadExtract(f"{path.name} has no road a car may use.")
    return _connected(*_arcs(lines, lights))


Line = tuple[list[tuple[int, Position]], float, int]
"""The nodes of a way, its speed in m/s, and its direction: 1 along, -1 against, 0 both."""


def _ways(path: Path, progress: Progress) -> tuple[list[Line], set[int]]:
    lines: list[Line] = []
    lights: set[int] = set()
    wanted = osmium.filter.KeyFilter("highway")
    seen = 0
    for thing in osmium.FileProcessor(str(path)).with_locations().with_filter(wanted):
        tags = {tag.k: tag.v for tag in thing.tags}
        if isinstance(thing, osmium.osm.Node):
            if tags["highway"] == "traffic_signals":
                lights.add(thing.id)
            continue
        if not isinstance(thing, osmium.osm.Way):
            continue
        seen += 1
        if seen % PROGRESS_EVERY == 0:
            progress(seen)
        speed = speed_of(tags)
        if speed is None:
            continue
        # A way cut by the extract's edge has nodes without a place.
        nodes = [(n.ref, (n.lon, n.lat)) for n in thing.nodes if n.location.valid()]
        if len(nodes) > 1:
            lines.append((nodes, speed, direction_of(tags)))
    progress(seen)
    return lines, lights


def speed_of(tags: Mapping[str, str]) -> float | None:
    """Return how fast a car goes on a way in m/s, from its class and signed limit; None: closed."""
    usual = SPEEDS.get(tags["highway"])
    own = tags.get("motorcar") or tags.get("motor_vehicle") or tags.get("vehicle")
    if usual is None or (own or tags.get("access")) in CLOSED or tags.get("area") == "yes":
        return None
    limit = _limit(tags.get("maxspeed", ""))
    allowed = usual if limit is None else limit
    if limit is not None and tags["highway"] in {"service", "living_street", "track"}:
        allowed = min(limit, usual)  # a sign of 30 makes no yard faster
    return allowed * OF_THE_LIMIT / 3.6


def _limit(signed: str) -> float | None:
    """Return a maxspeed in km/h; None where it is no number ("walk", "FI:urban", "none")."""
    number, _, unit = signed.strip().partition(" ")
    try:
        value = float(number.removesuffix("mph"))
    except ValueError:
        return None
    miles = unit.strip() == "mph" or number.endswith("mph")
    limit = value * MILE_KM if miles else value
    return limit if math.isfinite(limit) and limit > 0 else None


def direction_of(tags: Mapping[str, str]) -> int:
    """Return 1 when a way may be driven along only, -1 against only, 0 both ways."""
    told = tags.get("oneway")
    if told in {"yes", "true", "1"}:
        return 1
    if told in {"-1", "reverse"}:
        return -1
    if told in {"no", "false", "0"}:
        return 0
    implied = tags.get("junction") in {"roundabout", "circular"}
    return int(implied or tags["highway"] in {"motorway", "motorway_link"})


Arc = tuple[int, int, float]


def _arcs(lines: list[Line], lights: set[int]) -> tuple[list[Position], list[Arc]]:
    """Return nodes and arcs: a node where ways meet, end, have lights, or grow long."""
    uses = Counter(ref for nodes, _, _ in lines for ref, _ in nodes)
    places: list[Position] = []
    index: dict[int, int] = {}
    arcs: list[Arc] = []

    def node(ref: int, place: Position) -> int:
        if ref not in index:
            index[ref] = len(places)
            places.append(place)
        return index[ref]

    for nodes, speed, direction in lines:
        last = node(*nodes[0])
        metres = 0.0
        for (_, a), (ref, b) in itertools.pairwise(nodes):
            metres += distance_m(a, b)
            keeps = uses[ref] > 1 or ref in lights or metres >= LONGEST_ARC_M
            if not keeps and ref != nodes[-1][0]:
                continue
            here = node(ref, b)
            seconds = metres / speed + (SIGNAL_SECONDS if ref in lights else 0.0)
            if here != last:
                arcs += _both(last, here, seconds, direction)
            last, metres = here, 0.0
    return places, arcs


def _both(a: int, b: int, seconds: float, direction: int) -> Iterable[Arc]:
    if direction >= 0:
        yield a, b, seconds
    if direction <= 0:
        yield b, a, seconds


def _connected(places: list[Position], arcs: list[Arc]) -> Roads:
    """Keep the largest network in which every node reaches every other."""
    tails, heads = (np.array([arc[i] for arc in arcs], np.int32) for i in (0, 1))
    seconds = np.array([arc[2] for arc in arcs])
    graph = csr_array((np.ones(len(arcs)), (tails, heads)), shape=(len(places), len(places)))
    _, member = connected_components(graph, directed=True, connection="strong")
    kept = member == np.bincount(member).argmax()
    number = np.cumsum(kept) - 1
    inside = kept[tails] & kept[heads]
    if not inside.any():
        raise BadExtract("The extract's roads do not hang together.")
    return Roads(
        np.array(places)[kept],
        number[tails[inside]].astype(np.int32),
        number[heads[inside]].astype(np.int32),
        seconds[inside],
        LICENCE,
    )
