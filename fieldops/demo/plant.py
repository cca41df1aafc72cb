"""The access network of the demo city, laid along its real streets (RE-01, RE-02).

One exchange per centre; feeder cables from it to cross-connect cabinets; distribution cables from
a cabinet to its boxes; a drop from the box to each address. Copper pairs and fibres run point to
point: a service has a port, a feeder pair or fibre and a distribution pair or fibre of its own,
so that RE-02 (one service per port or pair) holds without exceptions.
"""

import math
import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from fieldops.demo.cables import BAD_SHARE, BAD_SHARE_POOR, cable
from fieldops.demo.demand import Demand
from fieldops.demo.ducts import build_ducts
from fieldops.demo.features import Feature, Plant, Works, point_geometry
from fieldops.demo.ground import Ground, Point, distance_m, length_m
from fieldops.demo.layout import BoxSite, CabinetSite, ExchangeSite
from fieldops.demo.premises import Premises
from fieldops.demo.routes import RouteTree, StreetRouter

SHELF_PORTS = {"dslam": 192, "olt": 128}
CARD_PORTS = {"vdsl2": 48, "voice": 48, "optical": 16}
STRAIGHT_DROP_M = 45.0
"""A longer drop follows the street, unless crossing the block saves most of the way."""
LONGEST_DETOUR = 1.6
POLE_SHARE = 0.2

PORT_BAD_REASONS = ("card fault", "does not train", "burnt by a surge")


def lay_plant(
    ground: Ground,
    router: StreetRouter,
    exchanges: tuple[ExchangeSite, ...],
    premises: tuple[Premises, ...],
    demands: tuple[Demand, ...],
    rng: random.Random,
    start: date,
) -> Plant:
    """Build the whole network, every conductor and port free or bad, large enough for the demand.

    `start` dates the findings: bad conductors were found in the half year before it.
    """
    place_of = {home.key: home.place_key for home in premises}
    need: dict[tuple[str, str], int] = {}
    for demand in demands:
        for wish in demand.wishes:
            slot = (place_of[demand.premises_key], wish.technology)
            need[slot] = need.get(slot, 0) + 1
    works = Works(Plant(), ground, router, rng, start, need)
    for exchange in exchanges:
        _build_exchange(works, exchange, demands, premises)
    _build_drops(works, exchanges, premises)
    return works.plant


def _build_exchange(
    works: Works,
    site: ExchangeSite,
    demands: tuple[Demand, ...],
    premises: tuple[Premises, ...],
) -> None:
    works.plant.add(
        Feature(
            key=f"exchange/{site.code}",
            kind="exchange",
            name=f"Exchange {site.code.capitalize()}",
            centre=site.code,
            parent_key=None,
            geometry=point_geometry(site.point),
            attributes={"building": site.building_key},
        ),
    )
    here = {home.key for home in premises if home.centre == site.code}
    wishes = [wish for demand in demands if demand.premises_key in here for wish in demand.wishes]
    voice = sum(wish.service == "fixed_line" for wish in wishes)
    optical = sum(wish.technology == "fibre" for wish in wishes)
    for shelf, card, count in (
        ("dslam", "voice", voice),
        ("dslam", "vdsl2", len(wishes) - voice - optical),
        ("olt", "optical", optical),
    ):
        _build_shelves(works, site, shelf, card, count)
    tree = works.router.tree(site.node, {cabinet.node for cabinet in site.cabinets})
    ducts = build_ducts(works, site, tree)
    for cabinet in site.cabinets:
        _build_cabinet(works, site, cabinet, tree, ducts)


def _build_shelves(works: Works, site: ExchangeSite, shelf: str, card: str, need: int) -> None:
    """Shelves of one kind of card, filled card by card until a fifth of the ports is spare."""
    per_card = CARD_PORTS[card]
    ports = math.ceil((need / 0.8 + 2) / per_card) * per_card
    keys = works.plant.ports.setdefault((site.code, card), [])
    for first in range(0, ports, SHELF_PORTS[shelf]):
        number = first // SHELF_PORTS[shelf] + 1
        name = f"{shelf.upper()} {site.code.capitalize()} {card} {number}"
        shelf_key = works.plant.add(
            Feature(
                key=f"{shelf}/{site.code}/{card}-{number}",
                kind=shelf,
                name=name,
                centre=site.code,
                parent_key=f"exchange/{site.code}",
                geometry=point_geometry(site.point),
                attributes={"card": card, "ports": min(SHELF_PORTS[shelf], ports - first)},
            ),
        )
        works.plant.connect("feeds", f"exchange/{site.code}", shelf_key)
        for i in range(first, min(first + SHELF_PORTS[shelf], ports)):
            slot, port = divmod(i - first, per_card)
            bad = works.rng.random() < 0.01
            keys.append(
                works.plant.add(
                    Feature(
                        key=f"port/{site.code}/{card}-{number}/{slot + 1}/{port + 1:02d}",
                        kind="port",
                        name=f"{name} {slot + 1}/{port + 1}",
                        centre=site.code,
                        parent_key=shelf_key,
                        geometry=None,
                        attributes={"card": card, "slot": slot + 1, "port": port + 1},
                        state="bad" if bad else "free",
                        reason=works.rng.choice(PORT_BAD_REASONS) if bad else None,
                    ),
                ),
            )


def _build_cabinet(
    works: Works,
    exchange: ExchangeSite,
    site: CabinetSite,
    tree: RouteTree,
    ducts: Mapping[int, list[str]],
) -> None:
    key = works.plant.add(
        Feature(
            key=f"cabinet/{site.code}",
            kind="cross_connect_cabinet",
            name=f"Cabinet {site.code}",
            centre=exchange.code,
            parent_key=f"exchange/{exchange.code}",
            geometry=point_geometry(site.point),
            attributes={"lock": works.rng.choice(("A", "B", "C"))},
        ),
    )
    way = tree.way_to(site.node)
    line = works.line([exchange.point], works.street(way), [site.point])
    for technology in ("copper", "fibre"):
        need = sum(works.needed(box, technology) for box in site.boxes)
        if technology == "fibre" and not any(box.fibre for box in site.boxes):
            continue
        laid = cable(
            works,
            code=site.code,
            centre=exchange.code,
            parent=f"exchange/{exchange.code}",
            technology=technology,
            role="feeder",
            need=need,
            line=line,
            bad_share=BAD_SHARE[technology],
        )
        works.plant.connect("feeds", f"exchange/{exchange.code}", laid, key)
        for duct in ducts[site.node]:
            works.plant.connect("runs_in", laid, duct)
    ways = works.router.tree(site.node, {box.node for box in site.boxes})
    for box in site.boxes:
        _build_box(works, exchange.code, site, box, ways)


def _build_box(
    works: Works,
    centre: str,
    cabinet: CabinetSite,
    site: BoxSite,
    ways: RouteTree,
) -> None:
    key = works.plant.add(
        Feature(
            key=f"box/{site.code}",
            kind="distribution_box",
            name=f"Box {site.code}",
            centre=centre,
            parent_key=f"cabinet/{cabinet.code}",
            geometry=point_geometry(site.point),
            attributes={"fibre": site.fibre, "poor_lines": site.poor},
        ),
    )
    line = works.line([cabinet.point], works.street(ways.way_to(site.node)), [site.point])
    for technology in ("copper", "fibre") if site.fibre else ("copper",):
        poor = site.poor and technology == "copper"
        laid = cable(
            works,
            code=site.code,
            centre=centre,
            parent=f"cabinet/{cabinet.code}",
            technology=technology,
            role="distribution",
            need=works.needed(site, technology),
            line=line,
            bad_share=BAD_SHARE_POOR if poor else BAD_SHARE[technology],
        )
        works.plant.connect("feeds", f"cabinet/{cabinet.code}", laid, key)
    for place in site.place_keys:
        works.plant.box_of_place[place] = site.code
    if works.rng.random() < POLE_SHARE:
        pole = works.plant.add(
            Feature(
                key=f"pole/{site.code}",
                kind="pole",
                name=f"Pole {site.code}",
                centre=centre,
                parent_key=None,
                geometry=point_geometry(site.point),
                attributes={"material": works.rng.choice(("wood", "steel")), "height_m": 8},
            ),
        )
        works.plant.connect("carries", pole, key)


def _build_drops(
    works: Works,
    exchanges: tuple[ExchangeSite, ...],
    premises: tuple[Premises, ...],
) -> None:
    """A drop to every address, and the cabling of every building the drops reach."""
    boxes = {
        box.code: box for exchange in exchanges for cab in exchange.cabinets for box in cab.boxes
    }
    homes = {home.place_key: home for home in premises}
    buildings = {building.key: building for building in works.ground.buildings}
    for place_key, code in sorted(works.plant.box_of_place.items()):
        home, box = homes[place_key], boxes[code]
        cabling = f"building-cabling/{home.building_key}"
        if cabling not in works.plant.features:
            building = buildings[home.building_key]
            works.plant.add(
                Feature(
                    key=cabling,
                    kind="building_cabling",
                    name=f"Building cabling {home.street} {home.house_number}",
                    centre=home.centre,
                    parent_key=None,
                    geometry=point_geometry(building.centroid),
                    attributes={
                        "building": building.key,
                        "material": works.rng.choice(("Cat 3", "Cat 5e", "Cat 6", "mixed")),
                        "last_inspected": (
                            works.start - timedelta(days=works.rng.randint(20, 500))
                        ).isoformat(),
                    },
                ),
            )
        line = _drop_line(works, box, home.point)
        drop = works.plant.add(
            Feature(
                key=f"drop/{place_key}",
                kind="drop",
                name=f"Drop {home.street} {home.house_number}",
                centre=home.centre,
                parent_key=f"box/{code}",
                geometry=line,
                attributes={
                    "building": home.building_key,
                    "length_m": round(length_m((p[0], p[1]) for p in line["coordinates"])),
                },
            ),
        )
        works.plant.connect("feeds", f"box/{code}", drop, cabling)


def _drop_line(works: Works, box: BoxSite, home: Point) -> dict[str, Any]:
    straight = distance_m(box.point, home)
    if straight > STRAIGHT_DROP_M:
        door = works.router.nearest(home)
        way = works.street(works.router.tree(box.node, {door}).way_to(door))
        if length_m([box.point, *way, home]) <= LONGEST_DETOUR * straight:
            return works.line([box.point], way, [home])
    return works.line([box.point], [home])
