"""Manholes and ducts under the feeder routes."""

import itertools

from fieldops.demo.features import Feature, Works, point_geometry
from fieldops.demo.ground import distance_m, length_m
from fieldops.demo.layout import ExchangeSite
from fieldops.demo.routes import RouteTree

MANHOLE_SPACING_M = 110.0


def build_ducts(works: Works, site: ExchangeSite, tree: RouteTree) -> dict[int, list[str]]:
    """Manholes and ducts under all feeder routes; returns the ducts on the way to each cabinet."""
    ways = {cabinet.node: tree.way_to(cabinet.node) for cabinet in site.cabinets}
    followers: dict[int, set[int]] = {}
    for way in ways.values():
        for a, b in itertools.pairwise(way):
            followers.setdefault(a, set()).add(b)
    forks = {node for node, nexts in followers.items() if len(nexts) > 1} | set(ways) | {site.node}
    manholes: dict[int, str] = {}
    ducts: dict[tuple[int, int], str] = {}
    passed: dict[int, list[str]] = {}
    for goal, way in ways.items():
        last, run, passed[goal] = way[0], 0.0, []
        _manhole(works, site, manholes, last)
        for i, node in enumerate(way[1:], start=1):
            run += distance_m(*works.street(way[i - 1 : i + 1]))
            if node not in forks and run < MANHOLE_SPACING_M:
                continue
            _manhole(works, site, manholes, node)
            piece = (last, node)
            if piece not in ducts:
                inner = way[way.index(last) : i + 1]
                ducts[piece] = _duct(works, site, len(ducts) + 1, inner)
                works.plant.connect("feeds", manholes[last], ducts[piece], manholes[node])
            passed[goal].append(ducts[piece])
            last, run = node, 0.0
    return passed


def _manhole(works: Works, site: ExchangeSite, manholes: dict[int, str], node: int) -> None:
    if node in manholes:
        return
    number = len(manholes) + 1
    manholes[node] = works.plant.add(
        Feature(
            key=f"manhole/{site.code}/{number:03d}",
            kind="manhole",
            name=f"Manhole {site.code[0].upper()}{number:03d}",
            centre=site.code,
            parent_key=None,
            geometry=point_geometry(works.ground.streets.points[node]),
            attributes={"cover": works.rng.choice(("D400", "B125"))},
        ),
    )


def _duct(works: Works, site: ExchangeSite, number: int, way: list[int]) -> str:
    points = works.street(way)
    return works.plant.add(
        Feature(
            key=f"duct/{site.code}/{number:03d}",
            kind="duct",
            name=f"Duct {site.code[0].upper()}{number:03d}",
            centre=site.code,
            parent_key=None,
            geometry=works.line(points),
            attributes={"bores": works.rng.choice((4, 6, 9)), "length_m": round(length_m(points))},
        ),
    )
