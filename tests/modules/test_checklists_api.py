"""The evidence over HTTP: written by verbs, read back with what it lacks and how it changed."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from api import tokens
from api.app import create_app
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.factories.checklists import (
    INSTALL_ANSWERS,
    Scene,
    as_answers,
    bind,
    make_scene,
)
from tests.support.factories.files import content, promise
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(settings, database))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice], ("broadband", "install", "fibre"))


def bearer(settings: Settings, actor: Actor) -> dict[str, str]:
    claims = tokens.Claims(actor.id, actor.region_id, None, uuid4())
    return {"Authorization": f"Bearer {tokens.make_access(settings, claims)[0]}"}


async def test_a_checklist_is_filled_and_read_back_over_http(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    [checklist] = await bind(database, world.dora, scene)
    alice, dora = bearer(settings, world.alice), bearer(settings, world.dora)
    url = f"/v1/visits/{scene.visit}/checklists/{checklist.id}/answers"
    values = {**INSTALL_ANSWERS}
    del values["sites_shown"]
    done = await client.post(url, json={"answers": as_answers(values)}, headers=alice)
    assert done.status_code == 200, done.text
    wrong = await client.post(
        url, json={"answers": [{"item_key": "speed_up", "value": "fast"}]}, headers=alice
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "answer_invalid")
    assert wrong.json()["errors"][0]["field"] == "answers.speed_up"
    read = await client.get(f"/v1/checklists/{checklist.id}", headers=dora)
    assert read.json()["missing"] == [{"item_key": "sites_shown", "lacks": "answer"}]
    assert len(read.json()["answers"]) == len(values)
    listed = await client.get(f"/v1/checklists?visit_id={scene.visit}", headers=dora)
    assert [row["id"] for row in listed.json()["items"]] == [str(checklist.id)]
    history = await client.get(f"/v1/checklists/{checklist.id}/answers?limit=3", headers=dora)
    assert (len(history.json()["items"]), history.json()["next"] is None) == (3, False)
    versions = await client.get("/v1/checklist-templates?code=fault_repair", headers=dora)
    [version] = versions.json()["items"]
    one = await client.get(f"/v1/checklist-templates/{version['id']}", headers=dora)
    assert one.json() == version


async def test_tests_and_readings_are_read_back_with_their_change_over_http(
    client: httpx.AsyncClient, settings: Settings, world: World, scene: Scene
) -> None:
    alice, sam = bearer(settings, world.alice), bearer(settings, world.sam)
    visit = f"/v1/visits/{scene.visit}"
    rates = {"service_id": scene.service, "up_mbps": 20}
    for path, body in (
        ("speed-tests", {**rates, "down_mbps": 100, "method": "wired"}),
        ("line-tests", {"service_id": scene.service, "measured_at_place": "outlet",
                        "optical_power_dbm": -18}),
        ("health-readings", {**rates, "down_mbps": 100}),
        ("health-readings", {**rates, "down_mbps": 75}),
    ):  # fmt: skip
        answer = await client.post(f"{visit}/{path}", json=body, headers=alice)
        assert answer.status_code == 200, answer.text
    [speed] = (await client.get("/v1/speed-tests", headers=sam)).json()["items"]
    assert (await client.get(f"/v1/speed-tests/{speed['id']}", headers=sam)).json() == speed
    [line] = (await client.get(f"/v1/line-tests?visit_id={scene.visit}", headers=sam)).json()[
        "items"
    ]
    assert (await client.get(f"/v1/line-tests/{line['id']}", headers=sam)).json() == line
    [record] = (await client.get("/v1/health-records?flagged=true", headers=sam)).json()["items"]
    whole = (await client.get(f"/v1/health-records/{record['id']}", headers=sam)).json()
    assert whole["likely_place"] == "indoor"
    changes = [
        reading["change"] and reading["change"]["down_percent"] for reading in whole["readings"]
    ]
    assert sorted(changes, key=str) == [75.0, None]
    assert (await client.get("/v1/health-records?flagged=false", headers=sam)).json()["items"] == []


async def test_a_visits_evidence_receipt_is_read_over_http(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    await promise(
        database, world.alice, content(), subject_id=scene.visit_id, visit_id=scene.visit_id
    )
    for actor in (world.alice, world.dora):
        got = await client.get(f"/v1/files/receipts/{scene.visit}", headers=bearer(settings, actor))
        body = got.json()
        assert (body["promised"], body["arrived"], body["complete"]) == (1, 0, False)
    listed = await client.get(
        f"/v1/files/links?visit_id={scene.visit}", headers=bearer(settings, world.dan)
    )
    assert listed.json()["items"] == []


@pytest.mark.parametrize(
    "url", ["/v1/checklist-templates", "/v1/checklists", "/v1/checklists/{checklist}/answers"]
)
async def test_a_list_read_in_parts_has_every_row_once_and_no_empty_part_at_its_end(
    client: httpx.AsyncClient,
    settings: Settings,
    database: Database,
    world: World,
    scene: Scene,
    url: str,
) -> None:
    [checklist] = await bind(database, world.dora, scene)
    dora, alice = bearer(settings, world.dora), bearer(settings, world.alice)
    answers = {"answers": as_answers(INSTALL_ANSWERS)}
    path = f"/v1/visits/{scene.visit}/checklists/{checklist.id}/answers"
    assert (await client.post(path, json=answers, headers=alice)).status_code == 200
    url = url.format(checklist=checklist.id)
    whole = [item["id"] for item in (await client.get(url, headers=dora)).json()["items"]]
    assert whole
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in whole:
        part = (await client.get(url, params={"limit": "1", **after}, headers=dora)).json()
        seen += [item["id"] for item in part["items"]]
        after = {"after": part["next"]}
    assert seen == whole
    assert part["next"] is None


async def test_ch_05_every_answer_stays_as_it_was_given_with_who_when_and_which_device(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    [checklist] = await bind(database, world.dora, scene)
    visit = {"visit_id": scene.visit, "checklist_id": str(checklist.id)}
    wall = clock.now() - timedelta(hours=6)
    phone, late = uuid4(), Captured(wall, wall + timedelta(minutes=3), Confidence.HIGH)
    for values, more in (
        ({"modem_serial": "SN-1"}, {}),
        ({"modem_serial": "SN-2"}, {"device": phone, "captured": late}),
        ({"modem_serial": "SN-3"}, {}),
    ):
        await run(
            database, world.alice, "checklist.answer", **visit, answers=as_answers(values), **more
        )
    dora = bearer(settings, world.dora)
    read = await client.get(f"/v1/checklists/{checklist.id}/answers", headers=dora)
    rows = read.json()["items"]
    assert [(row["value"], row["superseded"]) for row in rows] == [
        ("SN-1", True),
        ("SN-2", True),
        ("SN-3", False),
    ]
    assert [row["device_id"] for row in rows] == [None, str(phone), None]
    assert {row["person_id"] for row in rows} == {str(world.alice.id)}
    captured, estimated = (
        datetime.fromisoformat(rows[1][name]) for name in ("captured_at", "estimated_at")
    )
    assert (captured, estimated) == (late.wall, late.estimated_at)
