"""The whole demo city as one value, the same for the same seed and start date."""

import hashlib
import json
import random
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID, uuid5

from fieldops.demo.circuits import AccessPath, Service, access_paths, assign_circuits
from fieldops.demo.customers import Customer, build_customers
from fieldops.demo.demand import draw_demand
from fieldops.demo.features import Connection, Feature
from fieldops.demo.ground import Ground, read_ground
from fieldops.demo.layout import lay_out
from fieldops.demo.orders import ServiceOrder, build_orders
from fieldops.demo.people import UNITS, StaffMember, Unit, build_staff
from fieldops.demo.plant import lay_plant
from fieldops.demo.premises import Premises, choose_premises
from fieldops.demo.routes import StreetRouter

NAMESPACE = UUID("6f0a3c52-7f0b-5d1e-9a44-0d6c1f1e5c17")
TIME_ZONE = "Europe/Helsinki"


@dataclass(frozen=True)
class City:
    """Everything there is in the demo city; things refer to each other by their keys.

    Parents come before children in `units` and `features`.
    """

    seed: int
    start: date
    time_zone: str
    ground: Ground
    units: tuple[Unit, ...]
    staff: tuple[StaffMember, ...]
    premises: tuple[Premises, ...]
    customers: tuple[Customer, ...]
    features: tuple[Feature, ...]
    connections: tuple[Connection, ...]
    access_paths: tuple[AccessPath, ...]
    services: tuple[Service, ...]
    orders: tuple[ServiceOrder, ...]

    @property
    def technicians(self) -> tuple[StaffMember, ...]:
        return tuple(person for person in self.staff if person.role == "technician")

    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of the whole city, its ground included."""
        canonical = json.dumps(_plain(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def city_id(key: str) -> UUID:
    """The id of the thing with this key: the same on every machine and in every run."""
    return uuid5(NAMESPACE, key)


def build_city(seed: int, start: date) -> City:
    """Build the demo city: pure, and equal for equal arguments and versions of its libraries.

    Every part draws from a generator of its own, so that a change in one leaves the others alone.
    """
    ground = read_ground()
    router = StreetRouter(ground.streets)
    premises = choose_premises(ground, _dice(seed, "premises"))
    exchanges = lay_out(ground, router, premises, _dice(seed, "layout"))
    fibre_places = {
        place
        for exchange in exchanges
        for cabinet in exchange.cabinets
        for box in cabinet.boxes
        if box.fibre
        for place in box.place_keys
    }
    fibre_keys = {home.key for home in premises if home.place_key in fibre_places}
    demands = draw_demand(premises, fibre_keys, _dice(seed, "demand"))
    plant = lay_plant(ground, router, exchanges, premises, demands, _dice(seed, "plant"), start)
    services = assign_circuits(plant, premises, demands, _dice(seed, "circuits"))
    centre_of = {home.key: home.centre for home in premises}
    return City(
        seed=seed,
        start=start,
        time_zone=TIME_ZONE,
        ground=ground,
        units=UNITS,
        staff=build_staff(_dice(seed, "people"), start),
        premises=premises,
        customers=build_customers(demands, _dice(seed, "customers")),
        features=tuple(plant.features.values()),
        connections=tuple(plant.connections),
        access_paths=access_paths(plant, premises),
        services=services,
        orders=build_orders(demands, services, centre_of, _dice(seed, "orders"), start),
    )


def _dice(seed: int, part: str) -> random.Random:
    return random.Random(f"{seed} {part}")


def _plain(value: Any) -> Any:
    """Dataclasses as objects, dates and times in ISO 8601, tuples as arrays."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
