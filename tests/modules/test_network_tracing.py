"""RE-01 as a way to go: up to the exchange, down to everybody who hangs on a piece of plant."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from fieldops.customers.models import Customer
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from tests.support.clients import application, bearer
from tests.support.factories.customers import make_customer
from tests.support.factories.network import Plant, make_feature, make_plant, make_service, tie
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plant(database: Database, world: World) -> Plant:
    async with database.transaction() as session:
        return await make_plant(session)


@pytest.fixture
async def homes(database: Database, plant: Plant) -> list[NetworkService]:
    """Three services on the box: pairs 1 to 3; the second customer is gold."""
    async with database.transaction() as session:
        gold = await make_customer(session, tier="gold")
        return [
            await make_service(session, plant, number=0),
            await make_service(session, plant, number=1, customer=gold),
            await make_service(session, plant, number=2),
        ]


@pytest.fixture
async def client(
    database: Database, settings: Settings, world: World
) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as made:
        made.headers.update(bearer(settings, world.dora))
        yield made


async def read(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def carried(client: httpx.AsyncClient, feature: NetworkFeature) -> set[str]:
    found = await read(client, f"network/features/{feature.id}/carried")
    return {item["id"] for item in found["items"]}


def ids(*services: NetworkService) -> set[str]:
    return {str(service.id) for service in services}


async def test_re_01_a_premises_is_traced_to_the_exchange(
    client: httpx.AsyncClient, plant: Plant, homes: list[NetworkService]
) -> None:
    (trace,) = await read(client, f"premises/{homes[0].premises_id}/trace")
    assert (trace["service_id"], trace["reaches_exchange"]) == (str(homes[0].id), True)
    on_way = {step["feature_id"] for step in trace["steps"]}
    assert {str(f.id) for f in (plant.drop, plant.pairs[0], plant.feeder, plant.exchange)} <= on_way
    assert str(plant.pairs[1].id) not in on_way  # the neighbour's pair
    assert await read(client, f"network/services/{homes[0].id}/trace") == trace


async def test_re_01_a_service_without_a_recorded_path_is_traced_from_the_pair_it_holds(
    client: httpx.AsyncClient, database: Database, plant: Plant, homes: list[NetworkService]
) -> None:
    async with database.transaction() as session:
        steps = await session.scalars(
            select(PathElement).where(
                PathElement.region_id == 1, PathElement.service_id == homes[0].id
            )
        )
        for step in steps:
            await session.delete(step)
    trace = await read(client, f"network/services/{homes[0].id}/trace")
    assert trace["reaches_exchange"]
    assert ids(*homes) == await carried(client, plant.cable)


async def test_re_01_a_gap_in_the_record_is_said(
    client: httpx.AsyncClient, database: Database, plant: Plant
) -> None:
    async with database.transaction() as session:
        lonely = await make_feature(session, "drop")
    trace = await read(client, f"network/features/{lonely.id}/upstream")
    assert (trace["reaches_exchange"], trace["cut"]) == (False, False)
    assert [step["feature_id"] for step in trace["steps"]] == [str(lonely.id)]


async def test_fa_02_all_that_lies_between_exchange_and_homes_carries_them(
    client: httpx.AsyncClient, plant: Plant, homes: list[NetworkService]
) -> None:
    for place in (plant.exchange, plant.shelf, plant.cabinet, plant.feeder, plant.cable, plant.box):
        assert await carried(client, place) == ids(*homes), place.name
    for one in (plant.pairs[1], plant.feeder_pairs[1], plant.ports[1]):
        assert await carried(client, one) == ids(homes[1]), one.name
    assert await carried(client, plant.pairs[3]) == set()


async def test_fa_02_a_cable_does_not_carry_what_another_cable_brings_to_its_box(
    client: httpx.AsyncClient, database: Database, plant: Plant, homes: list[NetworkService]
) -> None:
    async with database.transaction() as session:
        second = await make_feature(session, "cable", parent=plant.cabinet)
        await make_feature(session, "pair", parent=second)
        await tie(session, "feeds", second, plant.box)
        bare = await make_feature(session, "cable", parent=plant.cabinet)
        await tie(session, "feeds", bare, plant.box)
    assert await carried(client, second) == set()
    assert await carried(client, bare) == ids(*homes)  # its pairs are not recorded: all that it can


async def test_fa_02_a_duct_carries_the_cables_in_it(
    client: httpx.AsyncClient, database: Database, plant: Plant, homes: list[NetworkService]
) -> None:
    async with database.transaction() as session:
        duct = await make_feature(session, "duct")
        await tie(session, "runs_in", plant.cable, duct)
    assert await carried(client, duct) == ids(*homes)


async def test_fa_02_the_impact_counts_services_premises_and_customers_by_tier(
    client: httpx.AsyncClient, database: Database, plant: Plant, homes: list[NetworkService]
) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Customer)
            .where(Customer.region_id == 1, Customer.id == homes[0].customer_id)
            .values(tier="silver")
        )
        await session.execute(
            update(NetworkService)
            .where(NetworkService.region_id == 1, NetworkService.id == homes[2].id)
            .values(state="ceased")
        )
    found = await read(client, f"network/features/{plant.cable.id}/impact")
    assert found == {
        "services": 2,
        "customers": 2,
        "premises": 2,
        "tiers": {"gold": 1, "silver": 1},
        "kinds": {"broadband": 2},
        "cut": False,
    }


async def test_a_ring_in_the_record_ends_and_says_that_the_walk_was_cut(
    client: httpx.AsyncClient, database: Database, plant: Plant, homes: list[NetworkService]
) -> None:
    async with database.transaction() as session:
        back = await make_feature(session, "cable", parent=plant.cabinet)
        await tie(session, "feeds", back, plant.cabinet)
    assert await carried(client, plant.cable) == ids(*homes)
    assert (await read(client, f"network/features/{plant.cabinet.id}/impact"))["cut"]


async def test_what_is_carried_is_paged(
    client: httpx.AsyncClient, plant: Plant, homes: list[NetworkService]
) -> None:
    first = await read(client, f"network/features/{plant.box.id}/carried?limit=2")
    rest = await read(
        client, f"network/features/{plant.box.id}/carried?limit=2&after={first['next']}"
    )
    assert [len(page["items"]) for page in (first, rest)] == [2, 1]
    assert rest["next"] is None
    assert {item["tier"] for item in first["items"] + rest["items"]} >= {"gold"}


async def test_re_05_the_history_of_a_pair_is_read_by_people(
    client: httpx.AsyncClient,
    database: Database,
    world: World,
    plant: Plant,
    homes: list[NetworkService],
) -> None:
    test = {"kind": "insulation_resistance", "value": 0.2, "unit": "MOhm"}
    await run(
        database,
        world.dora,
        "network.swap_pair",
        service_id=str(homes[0].id),
        from_id=str(plant.pairs[0].id),
        to_id=str(plant.pairs[3].id),
        reason="noise on the pair",
        test=test,
    )
    page = await read(client, f"network/features/{plant.pairs[0].id}/history")
    last = page["items"][-1]
    assert (last["before"]["state"], last["after"]["state"]) == ("occupied", "bad")
    assert last["after"]["state_test"]["value"] == 0.2
    assert (last["reason"], last["command"]) == ("noise on the pair", "network.swap_pair")
    assert (last["actor_id"], last["actor_name"]) == (str(world.dora.id), "Dora")
    assert page["next"] is None
