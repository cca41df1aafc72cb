from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from fieldops.kernel import clock, geo
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.network.errors import (
    ConnectionKnown,
    ConnectionRefused,
    IllegalState,
    NameTaken,
    NestingRefused,
    ResourceState,
    ServiceKnown,
    ServiceState,
    ShapeRefused,
    TooManyFeatures,
    VisitRequired,
)
from fieldops.network.models import Finding, NetworkFeature
from fieldops.network.queries import choosing, ground
from fieldops.network.rules import Box, FeatureKind
from tests.support.clients import application, bearer
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.network import Plant, make_feature, make_plant, make_service, point
from tests.support.run import first_id, run
from tests.support.world import HARBOUR, NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

CITY = {"west": 24.93, "south": 60.165, "east": 24.95, "north": 60.175}
POLE: dict[str, Any] = {
    "centre_id": str(NORTH),
    "kind": "pole",
    "name": "Pole 1",
    "shape": {"type": "Point", "coordinates": [24.94, 60.17]},
}


@pytest.fixture
async def plant(database: Database, world: World) -> Plant:
    async with database.transaction() as session:
        return await make_plant(session)


@pytest.fixture
async def client(
    database: Database, settings: Settings, world: World
) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as made:
        made.headers.update(bearer(settings, world.dora))
        yield made


async def state_of(database: Database, feature: NetworkFeature) -> tuple[str | None, object]:
    async with database.transaction() as session:
        row = await session.execute(
            select(NetworkFeature.state, NetworkFeature.service_id).where(
                NetworkFeature.region_id == 1, NetworkFeature.id == feature.id
            )
        )
        state, service_id = row.one()
        return state, service_id


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"kind": "pair"}, NestingRefused),
        ({"kind": "cable"}, ShapeRefused),
        ({"shape": None}, ShapeRefused),
        ({"centre_id": str(HARBOUR)}, NotFound),
        ({"parent_id": str(uuid4())}, NotFound),
        ({"shape": {"type": "Point", "coordinates": [24.94, 90.5]}}, InvalidArguments),
        ({"shape": {"type": "Point", "coordinates": [1e6, 6e6]}}, InvalidArguments),
        ({"shape": {**POLE["shape"], "srid": 3857}}, InvalidArguments),
        ({"shape": {"type": "LineString", "coordinates": [[24, 60]]}}, InvalidArguments),
        ({"attributes": {"height": float("inf")}}, InvalidArguments),
        ({"name": "a\x00b"}, InvalidArguments),
    ],
)
async def test_re_01_a_feature_that_cannot_be_is_refused(
    database: Database, world: World, change: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await run(database, world.ada, "network.add_feature", **{**POLE, **change})


async def test_re_01_a_pair_in_a_pole_is_refused_with_what_it_can_be_part_of(
    database: Database, world: World
) -> None:
    pole = first_id(await run(database, world.ada, "network.add_feature", **POLE))
    pair = {"centre_id": str(NORTH), "kind": "pair", "name": "1", "parent_id": str(pole)}
    with pytest.raises(NestingRefused) as caught:
        await run(database, world.ada, "network.add_feature", **pair)
    assert caught.value.details == {"kind": "pair", "parent": "a pole", "legal": "cable"}


async def test_re_01_a_name_is_unique_within_its_parent_and_kind(
    database: Database, world: World, plant: Plant
) -> None:
    pair = {"centre_id": str(NORTH), "kind": "pair", "name": "pair 1"}
    with pytest.raises(NameTaken):
        await run(database, world.ada, "network.add_feature", **pair, parent_id=str(plant.cable.id))
    await run(
        database,
        world.ada,
        "network.add_feature",
        **{**pair, "name": "pair 9"},
        parent_id=str(plant.cable.id),
    )
    await run(database, world.ada, "network.add_feature", **POLE)
    with pytest.raises(NameTaken):
        await run(database, world.ada, "network.add_feature", **POLE)


async def test_re_01_features_are_tied_once_and_only_in_a_way_that_can_be(
    database: Database, world: World, plant: Plant
) -> None:
    args = {"from_id": str(plant.pairs[0].id), "to_id": str(plant.pairs[1].id)}
    await run(database, world.ada, "network.connect", **args, kind="jumpered")
    with pytest.raises(ConnectionKnown):
        await run(database, world.ada, "network.connect", **args, kind="jumpered")
    with pytest.raises(ConnectionRefused):
        await run(database, world.ada, "network.connect", **args, kind="runs_in")
    with pytest.raises(InvalidArguments):
        await run(
            database,
            world.ada,
            "network.connect",
            **{**args, "to_id": args["from_id"]},
            kind="jumpered",
        )


async def test_re_02_a_state_changes_only_as_the_rules_allow(
    database: Database, world: World, plant: Plant
) -> None:
    args = {"feature_id": str(plant.pairs[0].id), "reason": "found on site"}
    with pytest.raises(IllegalState) as caught:
        await run(database, world.ada, "network.change_feature", **args, state="occupied")
    assert caught.value.details["legal"] == "bad, retired"
    await run(database, world.ada, "network.change_feature", **args, state="bad")
    await run(database, world.ada, "network.change_feature", **args, state="retired")
    with pytest.raises(IllegalState):
        await run(database, world.ada, "network.change_feature", **args, state="free")
    with pytest.raises(InvalidArguments):
        await run(
            database,
            world.ada,
            "network.change_feature",
            feature_id=str(plant.box.id),
            state="bad",
            reason="found on site",
        )


async def test_re_05_a_feature_changed_by_an_office_needs_the_permission_and_a_reason(
    database: Database, world: World, plant: Plant
) -> None:
    args = {"feature_id": str(plant.box.id), "name": "Box N1"}
    with pytest.raises(Forbidden):
        await run(database, world.dora, "network.change_feature", **args, reason="renamed")
    with pytest.raises(InvalidArguments):
        await run(database, world.ada, "network.change_feature", **args)
    with pytest.raises(InvalidArguments):
        await run(
            database,
            world.ada,
            "network.change_feature",
            feature_id=args["feature_id"],
            reason="ok?",
        )
    await run(database, world.ada, "network.change_feature", **args, reason="renamed")


async def register(database: Database, world: World, plant: Plant, **more: Any) -> dict[str, Any]:
    async with database.transaction() as session:
        premises = await make_premises(session)
        customer = await make_customer(session)
    args = {
        "premises_id": str(premises.id),
        "customer_id": str(customer.id),
        "kind": "broadband",
        "technology": "copper",
        "sold_down_mbps": 100,
        "sold_up_mbps": 40,
        "path": [str(f.id) for f in (plant.exchange, plant.ports[0], plant.pairs[0])],
    }
    return await run(database, world.ivan, "network.register_service", **{**args, **more})


async def test_re_02_a_planned_service_reserves_and_an_active_one_occupies(
    database: Database, world: World, plant: Plant
) -> None:
    service = first_id(await register(database, world, plant, account="A1"))
    assert await state_of(database, plant.pairs[0]) == ("reserved", service)
    args = {"service_id": str(service), "reason": "installed"}
    await run(database, world.ivan, "network.change_service", **args, state="active")
    assert await state_of(database, plant.ports[0]) == ("occupied", service)
    await run(database, world.ivan, "network.change_service", **args, state="ceased")
    assert await state_of(database, plant.pairs[0]) == ("free", None)
    with pytest.raises(ServiceState):
        await run(database, world.ivan, "network.change_service", **args, state="active")


async def test_re_02_what_one_service_holds_no_other_gets(
    database: Database, world: World, plant: Plant
) -> None:
    await register(database, world, plant, account="A1")
    with pytest.raises(ResourceState):
        await register(database, world, plant)
    with pytest.raises(ServiceKnown):
        await register(database, world, plant, account="A1", path=[])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "fixed_line"},
        {"state": "ceased"},
        {"sold_down_mbps": 0},
        {"path": [str(uuid4())] * 2},
        {"path": [str(uuid4()) for _ in range(33)]},
    ],
)
async def test_a_service_that_cannot_be_is_refused(
    database: Database, world: World, plant: Plant, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments):
        await register(database, world, plant, **wrong)


async def test_re_02_a_reservation_beside_the_path_can_be_given_up_and_the_path_cannot(
    database: Database, world: World, plant: Plant
) -> None:
    service = first_id(await register(database, world, plant))
    spare = {"feature_id": str(plant.pairs[3].id), "reason": "for the swap"}
    await run(database, world.ada, "network.reserve", **spare, service_id=str(service))
    assert await state_of(database, plant.pairs[3]) == ("reserved", service)
    with pytest.raises(ResourceState):
        await run(database, world.ada, "network.reserve", **spare, service_id=str(service))
    await run(database, world.ada, "network.release", **spare)
    assert await state_of(database, plant.pairs[3]) == ("free", None)
    with pytest.raises(ResourceState):
        await run(
            database,
            world.ada,
            "network.release",
            feature_id=str(plant.pairs[0].id),
            reason="by mistake",
        )


async def test_re_03_the_free_pairs_of_a_box_are_those_of_the_cables_that_feed_it(
    database: Database, world: World, plant: Plant
) -> None:
    async with database.transaction() as session:
        await make_service(session, plant, number=0)
        await make_feature(session, "fibre", parent=plant.cable)
        pairs = await session.scalars(choosing.free_conductors(1, plant.box.id, FeatureKind.PAIR))
        assert [pair.id for pair in pairs] == [pair.id for pair in plant.pairs[1:]]


async def test_what_serves_premises_is_an_ordered_path_with_the_states_on_it(
    database: Database, client: httpx.AsyncClient, plant: Plant
) -> None:
    async with database.transaction() as session:
        service = await make_service(session, plant)
    answer = await client.get(f"/v1/premises/{service.premises_id}/services")
    (found,) = answer.json()
    assert found["id"] == str(service.id)
    steps = [(step["kind"], step["state"]) for step in found["path"]]
    assert steps == [
        ("exchange", None),
        ("dslam", None),
        ("port", "occupied"),
        ("cable", None),
        ("pair", "occupied"),
        ("cross_connect_cabinet", None),
        ("cable", None),
        ("pair", "occupied"),
        ("distribution_box", None),
        ("drop", None),
    ]
    assert [step["position"] for step in found["path"]] == list(range(1, 11))


async def test_a_map_is_a_geojson_collection_of_what_the_box_holds_and_the_scope_shows(
    database: Database, client: httpx.AsyncClient, plant: Plant
) -> None:
    async with database.transaction() as session:
        await make_feature(session, "pole", shape=point(24.94, 60.17), centre_id=SOUTH)
        outside = await make_feature(session, "pole", shape=point(24.99, 60.17))
    answer = await client.get("/v1/network/features", params=CITY)
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    shown = {feature["id"]: feature for feature in body["features"]}
    assert str(outside.id) not in shown
    assert {f["properties"]["centre_id"] for f in shown.values()} == {str(NORTH)}
    box = shown[str(plant.box.id)]
    assert box["type"] == "Feature"
    assert box["geometry"] == {"type": "Point", "coordinates": [24.9408, 60.17]}
    assert box["properties"]["kind"] == "distribution_box"
    poles = await client.get("/v1/network/features", params={**CITY, "kind": ["drop", "cable"]})
    assert {f["properties"]["kind"] for f in poles.json()["features"]} == {"drop", "cable"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"east": 26}, 422, "area_too_large"),
        ({"east": 24.9}, 422, "invalid_arguments"),
        ({"north": 91}, 422, "invalid_arguments"),
        ({"west": "nan"}, 422, "invalid_arguments"),
        ({"kind": "sofa"}, 422, "invalid_arguments"),
    ],
)
async def test_a_box_that_cannot_be_shown_is_a_clear_refusal(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.get("/v1/network/features", params={**CITY, **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_map_never_answers_more_than_its_limit(
    database: Database, world: World, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldops.network.rules.MOST_FEATURES", 3)
    with pytest.raises(TooManyFeatures):
        async with database.transaction() as session:
            await ground.map_of(session, world.dora.scope(Permission.NETWORK_READ), Box(**CITY))


async def test_what_lies_within_metres_is_measured_on_the_ground_and_nearest_first(
    database: Database, client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        premises = await make_premises(session, longitude=24.94, latitude=60.17)
        # A degree of longitude is 55.4 km long at this latitude, one of latitude 111.4 km.
        east = await make_feature(session, "pole", shape=point(24.94 + 200 / 55_400, 60.17))
        north = await make_feature(session, "pole", shape=point(24.94, 60.17 + 100 / 111_400))
        await make_feature(session, "pole", shape=point(24.94 + 400 / 55_400, 60.17))
    address = f"/v1/premises/{premises.id}/features"
    answer = await client.get(address, params={"within_m": 300})
    found = answer.json()["features"]
    assert [feature["id"] for feature in found] == [str(north.id), str(east.id)]
    assert found[1]["properties"]["distance_m"] == pytest.approx(200, abs=2)
    for metres in (1001, 0, -5, "nan"):
        refused = await client.get(address, params={"within_m": metres})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_arguments")


async def test_the_search_within_metres_uses_the_geography_index(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        session.add_all(
            NetworkFeature(
                region_id=1,
                centre_id=NORTH,
                kind="pole",
                name=f"Pole {number}",
                shape=point(24.0 + number % 60 / 100, 60.0 + number // 60 / 100),
                attributes={},
            )
            for number in range(3000)
        )
        await session.flush()
        await session.execute(text("analyze network_feature"))
        statement = ground.near(
            system(1).scope(Permission.NETWORK_READ), geo.Point(coordinates=(24.3, 60.2)), 300
        )
        # Rendered with its values, as the planner sees them.
        compiled = statement.compile(
            dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
        )
        plan = await session.execute(text(f"explain {compiled}".replace(":", r"\:")))
        assert "ix_network_feature_ground" in "\n".join(plan.scalars())


async def test_topology_is_read_by_parts_and_by_connections(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    parts = await client.get(f"/v1/network/features/{plant.cable.id}/parts", params={"limit": 3})
    page = parts.json()
    assert [item["name"] for item in page["items"]] == ["pair 1", "pair 2", "pair 3"]
    rest = await client.get(
        f"/v1/network/features/{plant.cable.id}/parts", params={"after": page["next"]}
    )
    assert [item["name"] for item in rest.json()["items"]] == ["pair 4"]
    ties = (await client.get(f"/v1/network/features/{plant.box.id}/connections")).json()
    assert [(tie["start"]["kind"], tie["kind"], tie["end"]["kind"]) for tie in ties] == [
        ("cable", "feeds", "distribution_box"),
        ("distribution_box", "feeds", "drop"),
    ]


async def test_nothing_of_the_network_is_found_outside_the_scope(
    database: Database, settings: Settings, client: httpx.AsyncClient, world: World, plant: Plant
) -> None:
    async with database.transaction() as session:
        service = await make_service(session, plant)
    box = f"/v1/network/features/{plant.box.id}"
    plain = (box, f"{box}/parts", f"{box}/connections", f"{box}/free-pairs")
    of_customers = (
        f"/v1/network/services/{service.id}",
        f"/v1/premises/{service.premises_id}/services",
        f"/v1/premises/{service.premises_id}/features",
    )
    for actor, addresses in (
        (world.dan, plain + of_customers),
        (world.tess, plain + of_customers),
        (world.carol, plain + of_customers),
        (world.alice, of_customers),  # her own centre's plant, but nobody's service there
    ):
        client.headers.update(bearer(settings, actor))
        for address in addresses:
            assert (await client.get(address)).status_code == 404, (actor, address)


async def test_vi_06_a_finding_is_kept_with_place_severity_and_who_saw_it(
    database: Database, world: World, plant: Plant
) -> None:
    args = {
        "kind": "distribution_box",
        "severity": "high",
        "text": "lid is missing",
        "point": {"type": "Point", "coordinates": [24.94, 60.17]},
    }
    with pytest.raises(VisitRequired):
        await run(database, world.alice, "network.report_finding", **args)
    with pytest.raises(Forbidden):
        await run(database, world.dora, "network.report_finding", **args)
    finding_id = first_id(
        await run(
            database,
            system(1),
            "network.report_finding",
            **args,
            feature_id=str(plant.box.id),
        )
    )
    await run(
        database,
        world.ada,
        "network.close_finding",
        finding_id=str(finding_id),
        reason="lid put back",
    )
    async with database.transaction() as session:
        finding = await session.scalar(
            select(Finding).where(Finding.region_id == 1, Finding.id == finding_id)
        )
    assert finding is not None
    assert (finding.state, finding.severity, finding.centre_id) == ("closed", "high", NORTH)
    assert finding.captured_at == clock.now()
