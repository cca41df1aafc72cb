"""A small piece of plant: exchange, DSLAM with ports, cabinet, feeder, box, cable with pairs."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer, Premises
from fieldops.kernel import clock
from fieldops.network.models import (
    NetworkConnection,
    NetworkFeature,
    NetworkService,
    PathElement,
)
from fieldops.network.rules import STATEFUL, USE, ServiceLife
from tests.support.factories.customers import make_customer, make_premises
from tests.support.world import NORTH

_numbers = count(1)


def point(longitude: float, latitude: float) -> str:
    return f"SRID=4326;POINT({longitude} {latitude})"


def line(*positions: tuple[float, float]) -> str:
    return f"SRID=4326;LINESTRING({','.join(f'{x} {y}' for x, y in positions)})"


async def make_feature(
    session: AsyncSession,
    kind: str,
    *,
    parent: NetworkFeature | None = None,
    shape: str | None = None,
    region_id: int = 1,
    centre_id: UUID = NORTH,
    **values: Any,
) -> NetworkFeature:
    """A feature; a pair, fibre or port is free unless `state` says otherwise."""
    stateful = kind in STATEFUL
    defaults: dict[str, Any] = {
        "name": f"{kind} {next(_numbers)}",
        "state": "free" if stateful else None,
        "state_since": clock.now() if stateful else None,
        "attributes": {},
    }
    if not stateful and shape is None:
        lines = {"cable", "drop", "duct"}
        shape = line((24.94, 60.17), (24.941, 60.17)) if kind in lines else point(24.941, 60.17)
    feature = NetworkFeature(
        region_id=region_id,
        centre_id=centre_id,
        kind=kind,
        parent_id=parent.id if parent else None,
        shape=shape,
        **{**defaults, **values},
    )
    session.add(feature)
    await session.flush()
    return feature


async def tie(
    session: AsyncSession, kind: str, start: NetworkFeature, end: NetworkFeature
) -> NetworkConnection:
    """A directed tie between two features."""
    made = NetworkConnection(
        region_id=start.region_id,
        centre_id=start.centre_id,
        from_id=start.id,
        to_id=end.id,
        kind=kind,
    )
    session.add(made)
    await session.flush()
    return made


@dataclass
class Plant:
    exchange: NetworkFeature
    shelf: NetworkFeature
    ports: list[NetworkFeature]
    cabinet: NetworkFeature
    feeder: NetworkFeature
    feeder_pairs: list[NetworkFeature]
    box: NetworkFeature
    cable: NetworkFeature
    pairs: list[NetworkFeature]
    drop: NetworkFeature


async def make_plant(
    session: AsyncSession, *, region_id: int = 1, centre_id: UUID = NORTH, pairs: int = 4
) -> Plant:
    """Copper from an exchange by a cabinet to a box and a drop; every pair and port is free."""
    where: dict[str, Any] = {"region_id": region_id, "centre_id": centre_id}
    exchange = await make_feature(session, "exchange", shape=point(24.938, 60.17), **where)
    shelf = await make_feature(
        session, "dslam", parent=exchange, shape=point(24.938, 60.17), **where
    )
    cabinet = await make_feature(
        session, "cross_connect_cabinet", parent=exchange, shape=point(24.940, 60.17), **where
    )
    feeder = await make_feature(session, "cable", parent=exchange, **where)
    box = await make_feature(
        session, "distribution_box", parent=cabinet, shape=point(24.9408, 60.17), **where
    )
    cable = await make_feature(session, "cable", parent=cabinet, **where)
    drop = await make_feature(session, "drop", parent=box, **where)
    for start, end in ((feeder, cabinet), (cable, box), (box, drop)):
        await tie(session, "feeds", start, end)
    conductors: dict[str, list[NetworkFeature]] = {}
    for kind, parent in (("port", shelf), ("pair", feeder), ("pair", cable)):
        conductors[str(parent.id)] = [
            await make_feature(session, kind, parent=parent, name=f"{kind} {number}", **where)
            for number in range(1, pairs + 1)
        ]
    return Plant(
        exchange=exchange,
        shelf=shelf,
        ports=conductors[str(shelf.id)],
        cabinet=cabinet,
        feeder=feeder,
        feeder_pairs=conductors[str(feeder.id)],
        box=box,
        cable=cable,
        pairs=conductors[str(cable.id)],
        drop=drop,
    )


async def make_service(
    session: AsyncSession,
    plant: Plant | None = None,
    *,
    premises: Premises | None = None,
    customer: Customer | None = None,
    number: int = 0,
    kind: str = "broadband",
    technology: str = "copper",
    state: str = "active",
) -> NetworkService:
    """A service on the plant's `number`-th port and pairs, with its path and jumpers."""
    plant = plant or await make_plant(session)
    where: dict[str, Any] = {
        "region_id": plant.exchange.region_id,
        "centre_id": plant.exchange.centre_id,
    }
    premises = premises or await make_premises(session, **where)
    customer = customer or await make_customer(session, **where)
    broadband = kind == "broadband"
    service = NetworkService(
        premises_id=premises.id,
        customer_id=customer.id,
        kind=kind,
        technology=technology,
        sold_down_mbps=100 if broadband else None,
        sold_up_mbps=40 if broadband else None,
        account=f"A{next(_numbers)}" if broadband else None,
        state=state,
        **where,
    )
    session.add(service)
    await session.flush()
    port, first = plant.ports[number], plant.feeder_pairs[number]
    second = plant.pairs[number]
    session.add_all((port, first, second))  # the plant may be of an earlier session
    for feature in (port, first, second):
        feature.state, feature.service_id = USE[ServiceLife(state)].value, service.id
    way = (plant.exchange, plant.shelf, port, plant.feeder, first, plant.cabinet)
    for position, feature in enumerate((*way, plant.cable, second, plant.box, plant.drop), 1):
        session.add(
            PathElement(service_id=service.id, position=position, feature_id=feature.id, **where)
        )
    await session.flush()
    await tie(session, "jumpered", port, first)
    await tie(session, "jumpered", first, second)
    await tie(session, "spliced", second, plant.drop)
    return service
