"""Where the network's nodes stand: exchanges, cross-connect cabinets, distribution boxes."""

import random
from dataclasses import dataclass

from fieldops.demo.ground import Building, Ground, Point, towards
from fieldops.demo.premises import Premises
from fieldops.demo.routes import StreetRouter, middle, neighbourhoods

CENTRES = ("north", "south")
BOXES_PER_CENTRE = 75
CABINETS_PER_CENTRE = 13
KERB_M = 4.0
"""Cabinets and boxes stand this far from the middle of the street, on their customers' side."""
FIBRE_SHARE = 0.65
POOR_COPPER_SHARE = 0.12


@dataclass(frozen=True)
class BoxSite:
    """A distribution box and the places it serves; `poor` marks an area of bad copper (RE-04)."""

    code: str
    node: int
    point: Point
    place_keys: tuple[str, ...]
    fibre: bool
    poor: bool


@dataclass(frozen=True)
class CabinetSite:
    code: str
    node: int
    point: Point
    boxes: tuple[BoxSite, ...]


@dataclass(frozen=True)
class ExchangeSite:
    """An exchange: in a real building, with the street node where its cables leave."""

    code: str
    node: int
    point: Point
    building_key: str
    cabinets: tuple[CabinetSite, ...]


def lay_out(
    ground: Ground,
    router: StreetRouter,
    premises: tuple[Premises, ...],
    rng: random.Random,
) -> tuple[ExchangeSite, ...]:
    """One exchange per centre, its cabinets among their boxes, its boxes among their places."""
    taken: set[int] = set()
    return tuple(_exchange(ground, router, centre, premises, taken, rng) for centre in CENTRES)


def _exchange(
    ground: Ground,
    router: StreetRouter,
    centre: str,
    premises: tuple[Premises, ...],
    taken: set[int],
    rng: random.Random,
) -> ExchangeSite:
    points = {home.place_key: home.point for home in premises if home.centre == centre}
    building = _central_building(ground, middle(list(points.values())))
    node = router.nearest(building.centroid, taken)
    taken.add(node)
    places = sorted(points)
    groups = neighbourhoods([points[place] for place in places], BOXES_PER_CENTRE, rng)
    hearts = [middle([points[places[i]] for i in group]) for group in groups]
    cabinets = []
    for number, members in enumerate(neighbourhoods(hearts, CABINETS_PER_CENTRE, rng), start=1):
        code = f"{centre[0].upper()}{number:02d}"
        spot, stand = _stand(ground, router, middle([hearts[i] for i in members]), taken)
        # Fibre reaches whole neighbourhoods, not single boxes; a few cabinets still have none.
        reach = 0.0 if number % 6 == 0 else FIBRE_SHARE / 0.85
        boxes = []
        for i, member in enumerate(members, start=1):
            box_spot, box_stand = _stand(ground, router, hearts[member], taken)
            boxes.append(
                BoxSite(
                    code=f"{code}-{i:02d}",
                    node=box_spot,
                    point=box_stand,
                    place_keys=tuple(places[p] for p in groups[member]),
                    fibre=rng.random() < reach,
                    poor=rng.random() < POOR_COPPER_SHARE,
                ),
            )
        cabinets.append(CabinetSite(code, spot, stand, tuple(boxes)))
    return ExchangeSite(centre, node, building.centroid, building.key, tuple(cabinets))


def _central_building(ground: Ground, heart: Point) -> Building:
    """The ordinary building nearest to the middle of what the exchange serves."""
    return min(
        (building for building in ground.buildings if building.usage == "yes"),
        key=lambda b: ((b.centroid[0] - heart[0]) / 2) ** 2 + (b.centroid[1] - heart[1]) ** 2,
    )


def _stand(
    ground: Ground,
    router: StreetRouter,
    heart: Point,
    taken: set[int],
) -> tuple[int, Point]:
    """A free street node near the heart of what is served, and the place at the kerb beside it."""
    node = router.nearest(heart, taken)
    taken.add(node)
    return node, ground.bounds.clamp(towards(ground.streets.points[node], heart, KERB_M))
