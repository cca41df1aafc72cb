"""The real ground of the demo city: streets, buildings and addresses of an OpenStreetMap extract.

Points are (longitude, latitude) pairs in EPSG:4326; lengths are metres.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import osmium

Point = tuple[float, float]

EXTRACT = Path(__file__).parent / "data" / "helsinki-centre.osm.pbf"
ATTRIBUTION = "Map data (c) OpenStreetMap contributors, ODbL 1.0"

EARTH_RADIUS_M = 6_371_008.8
LONGEST_EDGE_M = 15.0
"""Longer street segments are divided, so that a cabinet can stand anywhere along a street."""
NEAR_BUILDING_M = 15.0
"""An address is taken to belong to the nearest building within this distance."""

STREET_KINDS = frozenset(
    {
        "primary",
        "primary_link",
        "secondary",
        "tertiary",
        "tertiary_link",
        "residential",
        "unclassified",
        "living_street",
        "pedestrian",
        "service",
    },
)
NOT_DWELLINGS = frozenset(
    {"roof", "kiosk", "shed", "ship", "entrance", "glasshouse", "underpass_entrance"},
)
HOUSE_NUMBER = re.compile(r"\d+(-\d+)?( ?[A-Za-z])?")
STREET_POSTCODE = re.compile(r"00\d{2}0")
"""Helsinki's codes for street addresses end in 0; the others are post-office boxes."""


@dataclass(frozen=True)
class Bounds:
    west: float
    south: float
    east: float
    north: float

    def contains(self, point: Point) -> bool:
        """Whether the point lies inside or on the edge."""
        return self.west <= point[0] <= self.east and self.south <= point[1] <= self.north

    def clamp(self, point: Point) -> Point:
        """The point itself, or the nearest one inside."""
        lon = min(max(point[0], self.west), self.east)
        return (lon, min(max(point[1], self.south), self.north))


@dataclass(frozen=True)
class StreetEdge:
    """One straight piece of street between two nodes of the graph, given by their indexes."""

    a: int
    b: int
    metres: float
    name: str | None


@dataclass(frozen=True)
class StreetGraph:
    """The connected street network; `neighbours[i]` lists (node, metres) reachable from node i."""

    points: tuple[Point, ...]
    edges: tuple[StreetEdge, ...]
    neighbours: tuple[tuple[tuple[int, float], ...], ...]

    @property
    def street_names(self) -> frozenset[str]:
        return frozenset(edge.name for edge in self.edges if edge.name)


@dataclass(frozen=True)
class Building:
    """A footprint: the outer ring, closed, and its centroid."""

    key: str
    name: str | None
    usage: str
    footprint: tuple[Point, ...]
    centroid: Point


@dataclass(frozen=True)
class AddressedPlace:
    """One street address and the building it belongs to."""

    key: str
    street: str
    house_number: str
    postcode: str
    city: str
    point: Point
    building_key: str


@dataclass(frozen=True)
class Ground:
    bounds: Bounds
    streets: StreetGraph
    buildings: tuple[Building, ...]
    places: tuple[AddressedPlace, ...]


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine)."""
    lat_a, lat_b = math.radians(a[1]), math.radians(b[1])
    half_lat = math.sin((lat_b - lat_a) / 2)
    half_lon = math.sin(math.radians(b[0] - a[0]) / 2)
    chord = half_lat**2 + math.cos(lat_a) * math.cos(lat_b) * half_lon**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(chord))


def length_m(line: Iterable[Point]) -> float:
    """Length of a line in metres."""
    points = list(line)
    return sum(distance_m(a, b) for a, b in itertools.pairwise(points))


def towards(origin: Point, target: Point, metres: float) -> Point:
    """The point `metres` away from the origin in the direction of the target."""
    whole = distance_m(origin, target)
    if whole == 0:
        return origin
    share = metres / whole
    return (
        round(origin[0] + (target[0] - origin[0]) * share, 7),
        round(origin[1] + (target[1] - origin[1]) * share, 7),
    )


def inside(point: Point, ring: tuple[Point, ...]) -> bool:
    """Whether a point lies inside a closed ring (even-odd rule)."""
    lon, lat = point
    odd = False
    for (lon_a, lat_a), (lon_b, lat_b) in itertools.pairwise(ring):
        if (lat_a > lat) != (lat_b > lat):
            crossing = lon_a + (lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
            odd ^= lon < crossing
    return odd


def distance_to_ring_m(point: Point, ring: tuple[Point, ...]) -> float:
    """Distance from a point to a footprint in metres; 0 inside it."""
    if inside(point, ring):
        return 0.0
    return min(_to_segment_m(point, a, b) for a, b in itertools.pairwise(ring))


def _to_segment_m(point: Point, a: Point, b: Point) -> float:
    # A plane through the point is exact enough here: the extract is two kilometres long.
    scale = math.radians(1) * EARTH_RADIUS_M
    squeeze = scale * math.cos(math.radians(point[1]))
    ax, ay = (a[0] - point[0]) * squeeze, (a[1] - point[1]) * scale
    dx, dy = (b[0] - a[0]) * squeeze, (b[1] - a[1]) * scale
    square = dx * dx + dy * dy
    share = 0.0 if square == 0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
    return math.hypot(ax + share * dx, ay + share * dy)


def read_ground(extract: Path = EXTRACT) -> Ground:
    """Read the extract: a street graph, footprints, and one place per street address.

    Raises:
        FileNotFoundError: the extract is missing.

    """
    if not extract.is_file():
        raise FileNotFoundError(extract)
    box = osmium.io.Reader(str(extract)).header().box()
    bounds = Bounds(
        box.bottom_left.lon,
        box.bottom_left.lat,
        box.top_right.lon,
        box.top_right.lat,
    )
    lines: list[tuple[str | None, list[tuple[int, Point]]]] = []
    buildings: list[Building] = []
    addresses: list[tuple[str, Mapping[str, str], Point]] = []
    for thing in (
        osmium.FileProcessor(str(extract))
        .with_areas(osmium.filter.KeyFilter("building"))
        .with_filter(osmium.filter.KeyFilter("highway", "building", "addr:housenumber"))
    ):
        tags = {tag.k: tag.v for tag in thing.tags}
        if isinstance(thing, osmium.osm.Way) and tags.get("highway") in STREET_KINDS:
            lines.append((tags.get("name"), _located(thing.nodes)))
        elif isinstance(thing, osmium.osm.Area) and "building" in tags:
            building = _building(thing, tags)
            buildings.append(building)
            if "addr:housenumber" in tags:
                addresses.append((building.key, tags, building.centroid))
        elif isinstance(thing, osmium.osm.Node) and "addr:housenumber" in tags:
            addresses.append((f"node/{thing.id}", tags, (thing.lon, thing.lat)))
    streets = _street_graph(lines)
    homes = tuple(b for b in buildings if bounds.contains(b.centroid))
    return Ground(bounds, streets, homes, _places(addresses, streets, homes, bounds))


def _located(nodes: Any) -> list[tuple[int, Point]]:
    """The nodes of a way that lie in the extract; a way cut by its edge has some that do not."""
    return [(node.ref, (node.lon, node.lat)) for node in nodes if node.location.valid()]


def _building(area: Any, tags: Mapping[str, str]) -> Building:
    ring = max(
        (tuple((node.lon, node.lat) for node in outer) for outer in area.outer_rings()),
        key=len,
    )
    kind = "way" if area.from_way() else "relation"
    return Building(
        key=f"{kind}/{area.orig_id()}",
        name=tags.get("name"),
        usage=tags["building"],
        footprint=ring,
        centroid=_centroid(ring),
    )


def _centroid(ring: tuple[Point, ...]) -> Point:
    """Area-weighted centroid, computed from the first corner to keep the numbers small."""
    lon0, lat0 = ring[0]
    area = lon = lat = 0.0
    for (lon_a, lat_a), (lon_b, lat_b) in itertools.pairwise(ring):
        cross = (lon_a - lon0) * (lat_b - lat0) - (lon_b - lon0) * (lat_a - lat0)
        area += cross
        lon += (lon_a + lon_b - 2 * lon0) * cross
        lat += (lat_a + lat_b - 2 * lat0) * cross
    if area == 0:
        return ring[0]
    return (round(lon0 + lon / (3 * area), 7), round(lat0 + lat / (3 * area), 7))


def _street_graph(lines: list[tuple[str | None, list[tuple[int, Point]]]]) -> StreetGraph:
    points: list[Point] = []
    index: dict[int, int] = {}
    edges: list[StreetEdge] = []

    def add(point: Point) -> int:
        points.append(point)
        return len(points) - 1

    for name, line in lines:
        for ref, point in line:
            if ref not in index:
                index[ref] = add(point)
        for (ref_a, a), (ref_b, b) in itertools.pairwise(line):
            pieces = max(1, math.ceil(distance_m(a, b) / LONGEST_EDGE_M))
            between = [
                (a[0] + (b[0] - a[0]) * i / pieces, a[1] + (b[1] - a[1]) * i / pieces)
                for i in range(1, pieces)
            ]
            chain = [
                index[ref_a],
                *(add((round(lon, 7), round(lat, 7))) for lon, lat in between),
                index[ref_b],
            ]
            for i, j in itertools.pairwise(chain):
                edges.append(StreetEdge(i, j, round(distance_m(points[i], points[j]), 2), name))
    return _largest_component(points, edges)


def _largest_component(points: list[Point], edges: list[StreetEdge]) -> StreetGraph:
    """Keep the network that hangs together; a lane cut off by the extract's edge serves nobody."""
    links: list[list[tuple[int, float]]] = [[] for _ in points]
    for edge in edges:
        links[edge.a].append((edge.b, edge.metres))
        links[edge.b].append((edge.a, edge.metres))
    best: list[int] = []
    seen: set[int] = set()
    for root in range(len(points)):
        if root in seen:
            continue
        seen.add(root)
        component = [root]
        for node in component:
            fresh = {other for other, _ in links[node]} - seen
            seen |= fresh
            component.extend(sorted(fresh))
        best = max(best, component, key=len)
    renumbered = {old: new for new, old in enumerate(sorted(best))}
    return StreetGraph(
        points=tuple(points[old] for old in renumbered),
        edges=tuple(
            StreetEdge(renumbered[e.a], renumbered[e.b], e.metres, e.name)
            for e in edges
            if e.a in renumbered
        ),
        neighbours=tuple(
            tuple(sorted((renumbered[other], metres) for other, metres in links[old]))
            for old in renumbered
        ),
    )


def _places(
    addresses: list[tuple[str, Mapping[str, str], Point]],
    streets: StreetGraph,
    buildings: tuple[Building, ...],
    bounds: Bounds,
) -> tuple[AddressedPlace, ...]:
    """One place per street and house number that names a real street and stands at a building."""
    spelling = {name.casefold(): name for name in streets.street_names}
    postcodes = [
        (point, tags["addr:postcode"])
        for _, tags, point in addresses
        if STREET_POSTCODE.fullmatch(tags.get("addr:postcode", ""))
    ]
    homes = [building for building in buildings if building.usage not in NOT_DWELLINGS]
    found: dict[tuple[str, str], AddressedPlace] = {}
    for key, tags, point in addresses:
        street = spelling.get(tags.get("addr:street", "").casefold())
        number = tags["addr:housenumber"].strip()
        if street is None or not HOUSE_NUMBER.fullmatch(number) or not bounds.contains(point):
            continue
        identity = (street, number.replace(" ", "").casefold())
        building = None if identity in found else _building_at(point, homes)
        if building is None:
            continue
        found[identity] = AddressedPlace(
            key=key,
            street=street,
            house_number=number,
            postcode=_postcode(tags, point, postcodes),
            city="Helsinki",
            point=point,
            building_key=building.key,
        )
    return tuple(found[identity] for identity in sorted(found))


def _postcode(tags: Mapping[str, str], point: Point, known: list[tuple[Point, str]]) -> str:
    """The mapped postcode, else what most of the five nearest addresses have."""
    own = tags.get("addr:postcode", "")
    if STREET_POSTCODE.fullmatch(own):
        return own
    nearest = sorted(known, key=lambda pair: (distance_m(point, pair[0]), pair[1]))[:5]
    return Counter(code for _, code in nearest).most_common(1)[0][0]


def _building_at(point: Point, buildings: list[Building]) -> Building | None:
    near = [
        (distance_to_ring_m(point, building.footprint), building.key, building)
        for building in buildings
        if _in_reach(point, building.footprint)
    ]
    if not near:
        return None
    metres, _, building = min(near)
    return building if metres <= NEAR_BUILDING_M else None


def _in_reach(point: Point, ring: tuple[Point, ...]) -> bool:
    """A cheap first sieve: the ring's box, widened by more than NEAR_BUILDING_M on every side."""
    margin = 0.0005
    lons, lats = [lon for lon, _ in ring], [lat for _, lat in ring]
    return (
        min(lons) - margin <= point[0] <= max(lons) + margin
        and min(lats) - margin <= point[1] <= max(lats) + margin
    )
