"""Work at the plant that comes by the calendar: patrol routes, buildings to be inspected. Pure.

It is agreed with somebody who lives or works there, and done like any other work (trips.py).
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fieldops.demo.circuits import Service
from fieldops.demo.city import City
from fieldops.orders.rules import Kind

EVERY_DAYS = (28, 28, 42)
"""The period of each centre's routes."""
STOPS = 12
BUILDINGS_A_DAY = 0.8
WALKED = ("cross_connect_cabinet", "distribution_box", "manhole", "pole")


@dataclass(frozen=True, slots=True)
class PatrolRoute:
    """Plant of a centre that is walked in a period; `stops` are keys in the order of the way."""

    key: str
    centre: str
    name: str
    every_days: int
    stops: tuple[str, ...]


def patrol_routes(city: City) -> tuple[PatrolRoute, ...]:
    """Return the routes: from west to east through a centre, one beside the other."""
    found = []
    for centre in ("north", "south"):
        plant = sorted(
            (
                feature
                for feature in city.features
                if feature.centre == centre and feature.kind in WALKED and feature.geometry
            ),
            key=lambda feature: (feature.geometry or {})["coordinates"][0],
        )
        part = len(plant) // len(EVERY_DAYS)
        for number, every_days in enumerate(EVERY_DAYS, start=1):
            stretch = plant[part * (number - 1) : part * number]
            stops = stretch[:: max(1, len(stretch) // STOPS)][:STOPS]
            found.append(
                PatrolRoute(
                    key=f"patrol/{centre}/{number}",
                    centre=centre,
                    name=f"{centre.title()}, round {number}",
                    every_days=every_days,
                    stops=tuple(feature.key for feature in stops),
                )
            )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outing:
    """Work at the plant: `about` is the key of the route, or of a building's cabling."""

    kind: Kind
    about: str
    service: Service


class Outings:
    """Draws which rounds and buildings are opened on a day; a building once."""

    def __init__(self, city: City, dice: random.Random) -> None:
        self._dice = dice
        self._routes = patrol_routes(city)
        owner = {key: customer.key for customer in city.customers for key in customer.premises_keys}
        self._host: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._in_building: dict[str, tuple[str, str]] = {}
        for home in city.premises:
            if home.key in owner:
                self._host[home.centre].append((home.key, owner[home.key]))
                self._in_building.setdefault(home.building_key, (home.key, owner[home.key]))
        self._buildings = [
            feature
            for feature in city.features
            if feature.kind == "building_cabling"
            and feature.attributes["building"] in self._in_building
        ]
        dice.shuffle(self._buildings)

    def on(self, day: date, number: int) -> Iterator[Outing]:
        """Yield what is opened on a day, the `number`th of the past."""
        for shift, route in enumerate(self._routes):
            if (number + 5 * shift) % route.every_days == 0:
                yield self._outing(Kind.PATROL, route.key, self._host[route.centre][shift])
        if day.weekday() < 5 and self._buildings and self._dice.random() < BUILDINGS_A_DAY:
            building = self._buildings.pop()
            host = self._in_building[building.attributes["building"]]
            yield self._outing(Kind.INSPECT, building.key, host)

    def _outing(self, kind: Kind, about: str, host: tuple[str, str]) -> Outing:
        premises_key, customer_key = host
        nothing = Service(
            key="", premises_key=premises_key, customer_key=customer_key, service="indoor_network",
            technology="", product="", down_mbit_s=None, up_mbit_s=None, status="", port_key="",
            conductor_keys=(), drop_key="", onu_key=None, path_keys=(),
        )  # fmt: skip
        return Outing(kind, about, nothing)
