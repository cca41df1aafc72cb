"""Services on the plant: which port, pairs or fibres, drop and ONU each one uses (RE-02)."""

import random
from dataclasses import dataclass, replace

from fieldops.demo.demand import Demand, Wish
from fieldops.demo.features import Feature, Plant, point_geometry
from fieldops.demo.premises import Premises

CARD = {
    ("fixed_line", "copper"): "voice",
    ("broadband", "copper"): "vdsl2",
    ("broadband", "fibre"): "optical",
}


@dataclass(frozen=True)
class AccessPath:
    """The way from the exchange to a premises in one technology, drop last.

    `keys`: exchange, feeder cable, cabinet, distribution cable, box, drop.
    """

    premises_key: str
    technology: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A service at a premises and what it takes of the network.

    `status` is active, or planned when an order is to bring it; its port and conductors are
    occupied or reserved accordingly. `conductor_keys` are pairs or fibres, the feeder's first.
    `path_keys` is the whole ordered way: exchange, shelf, port, feeder cable, feeder conductor,
    cabinet, distribution cable, distribution conductor, box, drop, and the ONU if there is one.
    """

    key: str
    premises_key: str
    customer_key: str
    service: str
    technology: str
    product: str
    down_mbit_s: int | None
    up_mbit_s: int | None
    status: str
    port_key: str
    conductor_keys: tuple[str, ...]
    drop_key: str
    onu_key: str | None
    path_keys: tuple[str, ...]

    @property
    def occupies(self) -> tuple[str, ...]:
        """The keys only this service may use: its port and its conductors."""
        return (self.port_key, *self.conductor_keys)


def access_paths(plant: Plant, premises: tuple[Premises, ...]) -> tuple[AccessPath, ...]:
    """Every way by which a premises can be served: copper everywhere, fibre where it is laid."""
    return tuple(
        AccessPath(home.key, technology, _structure(plant, home, technology))
        for home in premises
        for technology in ("copper", "fibre")
        if f"cable/{plant.box_of_place[home.place_key]}/{technology}" in plant.features
    )


def _structure(plant: Plant, home: Premises, technology: str) -> tuple[str, ...]:
    box = plant.box_of_place[home.place_key]
    cabinet = box.split("-")[0]
    return (
        f"exchange/{home.centre}",
        f"cable/{cabinet}/{technology}",
        f"cabinet/{cabinet}",
        f"cable/{box}/{technology}",
        f"box/{box}",
        f"drop/{home.place_key}",
    )


def assign_circuits(
    plant: Plant,
    premises: tuple[Premises, ...],
    demands: tuple[Demand, ...],
    rng: random.Random,
) -> tuple[Service, ...]:
    """Give every wished service free conductors and a port, and mark them in the plant.

    Changes `plant`: states become occupied or reserved, jumpers, splices and ONUs are added.

    Raises:
        LookupError: a cable or shelf has nothing free; the plant was built too small.

    """
    homes = {home.key: home for home in premises}
    services = []
    for demand in demands:
        for wish in demand.wishes:
            home = homes[demand.premises_key]
            services.append(_assign(plant, home, demand.customer_key, wish, rng))
    return tuple(services)


def _assign(
    plant: Plant,
    home: Premises,
    customer_key: str,
    wish: Wish,
    rng: random.Random,
) -> Service:
    exchange, feeder, cabinet, distribution, box, drop = _structure(plant, home, wish.technology)
    state = "reserved" if wish.planned else "occupied"
    card = CARD[wish.service, wish.technology]
    port = _take(plant, plant.ports[home.centre, card], state, rng)
    first = _take(plant, plant.conductors[feeder], state, rng)
    second = _take(plant, plant.conductors[distribution], state, rng)
    onu = None
    if not wish.planned:
        # A reserved circuit is a promise on paper; its jumpers are made by the technician.
        plant.connect("jumpered", port, first)
        plant.connect("spliced" if wish.technology == "fibre" else "jumpered", first, second)
        plant.connect("spliced", second, drop)
        if wish.technology == "fibre":
            onu = _onu(plant, home, drop, rng)
    shelf = plant.features[port].parent_key
    ends = (onu,) if onu else ()
    path = (exchange, shelf or "", port, feeder, first, cabinet, distribution, second, box, drop)
    return Service(
        key=f"service/{home.key.removeprefix('premises/')}/{wish.service}",
        premises_key=home.key,
        customer_key=customer_key,
        service=wish.service,
        technology=wish.technology,
        product=wish.product,
        down_mbit_s=wish.down_mbit_s,
        up_mbit_s=wish.up_mbit_s,
        status="planned" if wish.planned else "active",
        port_key=port,
        conductor_keys=(first, second),
        drop_key=drop,
        onu_key=onu,
        path_keys=path + ends,
    )


def _take(plant: Plant, keys: list[str], state: str, rng: random.Random) -> str:
    """One of the first free ones: years of changes leave gaps, nobody fills from the first."""
    free = [key for key in keys if plant.features[key].state == "free"]
    if not free:
        raise LookupError(f"nothing free beside {keys[0]}")
    key = rng.choice(free[:4])
    plant.features[key] = replace(plant.features[key], state=state)
    return key


def _onu(plant: Plant, home: Premises, drop: str, rng: random.Random) -> str:
    key = plant.add(
        Feature(
            key=f"onu/{home.key.removeprefix('premises/')}",
            kind="onu",
            name=f"ONU {home.address}",
            centre=home.centre,
            parent_key=f"building-cabling/{home.building_key}",
            geometry=point_geometry(home.point),
            attributes={
                "serial": f"DEMO{rng.randrange(16**8):08X}",
                "optical_power_dbm": round(rng.uniform(-24, -11), 1),
            },
        ),
    )
    plant.connect("feeds", drop, key)
    return key
