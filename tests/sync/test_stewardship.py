"""RE-05: what meets a newer state waits for a steward, who sees all sides and may amend it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.sync.errors import NotAmendable, NotAStewards, NotInCase
from fieldops.travel.building import graph_path
from fieldops.travel.roads import Roads
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.network import Plant, make_plant, make_service
from tests.support.factories.orders import REPAIR, MadeOrder
from tests.support.factories.visits import begun_visit
from tests.support.run import run
from tests.support.world import World, id_of
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio

TEST = {"kind": "insulation_resistance", "value": 0.2, "unit": "MOhm"}


@dataclass
class Scene:
    made: MadeOrder
    plant: Plant
    service: NetworkService
    phone: Phone
    swap: str = ""

    def pair(self, number: int) -> NetworkFeature:
        return self.plant.pairs[number]


@pytest.fixture
async def scene(database: Database, world: World, new_phone: MakePhone) -> Scene:
    """Alice moves the home from pair 1 to 3, which an office has given away meanwhile."""
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
        other = await make_service(session, plant, number=1)
    phone = await new_phone(world.alice)
    await phone.pull()
    scene = Scene(made, plant, service, phone)
    await run(
        database,
        world.sam,
        "network.reserve",
        service_id=str(other.id),
        feature_id=str(scene.pair(2).id),
        reason="promised to the neighbour",
    )
    scene.swap = str(
        phone.capture(
            "network.swap_pair",
            visit_id=made.visit_id,
            service_id=service.id,
            from_id=scene.pair(0).id,
            to_id=scene.pair(2).id,
            reason="noise on the pair",
            test=TEST,
        )
    )
    await phone.push()
    return scene


async def waiting(
    client: httpx.AsyncClient,
    settings: Settings,
    world: World,
    actor: str = "dora",
    query: str = "",
) -> list[dict[str, Any]]:
    answer = await client.get(
        f"/v1/network/stewardship{query}", headers=bearer(settings, world.actors[actor])
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_re_05_a_steward_sees_base_theirs_ours_and_the_place(
    client: httpx.AsyncClient, settings: Settings, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world)
    assert (case["base"]["state"], case["base"]["service_id"]) == ("free", None)
    theirs = case["theirs"]
    assert (theirs["state"], theirs["changed_why"]) == ("reserved", "promised to the neighbour")
    assert (theirs["changed_by"], theirs["command"]) == (str(world.sam.id), "network.reserve")
    assert case["ours"]["state"] == "occupied"
    assert case["ours"]["service_id"] == str(scene.service.id)
    assert case["geometry"]["type"] == "LineString"  # the cable's: a pair lies where it lies
    assert (case["name"], case["parent_name"]) == (scene.pair(2).name, scene.plant.cable.name)
    assert (case["visit_id"], case["person_id"]) == (str(scene.made.visit_id), str(id_of("alice")))
    assert (case["args"]["reason"], case["args"]["test"]) == ("noise on the pair", TEST)
    assert await waiting(client, settings, world, "dan") == []  # another centre


async def test_re_05_a_steward_amends_the_change_and_the_technician_learns_it(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world)
    second = str(scene.pair(3).id)
    await run(
        database,
        world.dora,
        "desk.accept",
        case_id=case["id"],
        reason="Pair 3 is the neighbour's; take pair 4, I have called.",
        amended=[{"command_id": case["command_id"], "args": {"to_id": second}}],
    )
    async with database.transaction() as session:
        rows = {i: await session.get(NetworkFeature, (1, scene.pair(i).id)) for i in range(4)}
    stand = [(r.state, r.service_id == scene.service.id) for r in rows.values() if r is not None]
    assert stand == [("bad", False), ("occupied", False), ("reserved", False), ("occupied", True)]
    await scene.phone.pull()
    (told,) = scene.phone.rows("case")
    assert (told["state"], told["reason"][:25]) == ("accepted", "Pair 3 is the neighbour's")
    assert told["outcome"]["applied"][0]["amended"] == {"to_id": second}
    assert await waiting(client, settings, world) == []
    (decided,) = await waiting(client, settings, world, query="?state=accepted")
    assert decided["args"]["to_id"] == str(scene.pair(2).id)  # as captured, whatever was amended
    assert decided["decided_by"] == str(world.dora.id)


async def test_re_05_a_steward_refuses_with_a_reason_that_the_technician_reads(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world)
    await run(
        database, world.dora, "desk.discard", case_id=case["id"], reason="The pair was given away."
    )
    async with database.transaction() as session:
        old = await session.get(NetworkFeature, (1, scene.pair(0).id))
    assert old is not None
    assert old.state == "occupied"
    await scene.phone.pull()
    (told,) = scene.phone.rows("case")
    assert (told["state"], told["reason"]) == ("discarded", "The pair was given away.")


async def test_re_05_only_a_held_commands_own_arguments_are_amended_and_never_its_visit(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world)
    for args in ({"visit_id": str(scene.service.id)}, {"nonsense": True}):
        with pytest.raises(NotAmendable):
            await run(
                database,
                world.dora,
                "desk.accept",
                case_id=case["id"],
                reason="other",
                amended=[{"command_id": case["command_id"], "args": args}],
            )
    with pytest.raises(NotInCase):
        await run(
            database,
            world.dora,
            "desk.accept",
            case_id=case["id"],
            reason="other",
            amended=[{"command_id": str(scene.service.id), "args": {"mark_bad": False}}],
        )


async def test_re_05_a_steward_who_is_no_dispatcher_decides_and_the_technician_learns_it(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world, "sam")
    choice = case["second_choice"]
    assert (choice["name"], choice["grade"]) == (scene.pair(3).name, "not_measured")
    with pytest.raises(Forbidden):
        await run(database, world.sam, "desk.accept", case_id=case["id"], reason="as a steward")
    amended = {"command_id": case["command_id"], "args": {"to_id": choice["feature_id"]}}
    await run(
        database, world.sam, "stewardship.approve",
        case_id=case["id"], reason="The other is promised; this one is free.", amended=[amended],
    )  # fmt: skip
    async with database.transaction() as session:
        pair = await session.get_one(NetworkFeature, (1, scene.pair(3).id))
    assert (pair.state, pair.service_id) == ("occupied", scene.service.id)
    await scene.phone.pull()
    (told,) = scene.phone.rows("case")
    assert (told["state"], told["reason"]) == (
        "accepted", "The other is promised; this one is free.",
    )  # fmt: skip


async def test_re_05_a_steward_refuses_a_change_and_decides_no_other_case(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    (case,) = await waiting(client, settings, world, "sam")
    scene.phone.capture("queue.void", reason="store_damaged", lost="a photo", about=None)
    await scene.phone.push()
    desk = await client.get("/v1/desk/cases", headers=bearer(settings, world.dora))
    other = next(row for row in desk.json()["items"] if row["id"] != case["id"])
    with pytest.raises(NotAStewards):
        await run(database, world.sam, "stewardship.refuse", case_id=other["id"], reason="not mine")
    await run(
        database, world.sam, "stewardship.refuse", case_id=case["id"], reason="It was given away."
    )
    await scene.phone.pull()
    told = {row["id"]: row for row in scene.phone.rows("case")}[case["id"]]
    assert (told["state"], told["reason"]) == ("discarded", "It was given away.")


async def test_re_05_base_theirs_and_ours_are_on_the_map_as_geojson_and_drawn(
    client: httpx.AsyncClient, settings: Settings, world: World, scene: Scene,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(settings, "roads_path", tmp_path)
    (case,) = await waiting(client, settings, world, "sam")
    headers = bearer(settings, world.sam)
    path = f"/v1/network/stewardship/{case['id']}"
    found = (await client.get(path, headers=headers)).json()["map"]
    assert found["type"] == "FeatureCollection"
    said = {
        (f["properties"]["side"], f["properties"]["name"]): f["properties"]["state"]
        for f in found["features"]
        if f["properties"]["kind"] != "home"
    }
    new, old = scene.pair(2).name, scene.pair(0).name
    assert said == {
        ("base", new): "free", ("theirs", new): "reserved", ("ours", new): "occupied",
        ("theirs", old): "occupied", ("ours", old): "bad",
    }  # fmt: skip
    homes = [f for f in found["features"] if f["properties"]["kind"] == "home"]
    assert {f["geometry"]["type"] for f in homes} == {"Point"}
    drawn = await client.get(f"{path}/map.svg?language=zh_CN", headers=headers)
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert f"当前记录: {new} 预占" in drawn.text
    assert "<script" not in drawn.text
    assert drawn.text.count("<path") >= 5 + 3  # five lines and the legend
    assert drawn.text.count("<rect x=") == 2  # the cabinet and the box around it, in grey
    assert "OpenStreetMap" not in drawn.text
    Roads(  # three streets; one of them leads by the cable
        nodes=np.array([[24.9401, 60.1699], [24.9409, 60.1702], [24.95, 60.2], [24.96, 60.2]]),
        tails=np.array([0, 1, 2], np.int32), heads=np.array([1, 0, 3], np.int32),
        seconds=np.array([9.0, 9.0, 40.0]), licence="(c) OpenStreetMap contributors & others",
    ).save(graph_path(settings, 1))  # fmt: skip
    drawn = await client.get(f"{path}/map.svg", headers=headers)
    (streets,) = re.findall(r'd="([^"]+)" stroke="#e4e0d8"', drawn.text)
    assert streets.count("M") == 1
    assert "(c) OpenStreetMap contributors &amp; others" in drawn.text
    stranger = await client.get(path, headers=bearer(settings, world.dan))
    assert stranger.status_code == 404
