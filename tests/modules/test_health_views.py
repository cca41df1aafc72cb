"""What a phone holds of a line before arrival: HR-03, CH-01."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.ids import NIL
from fieldops.kernel.views import REGISTRY, DeviceScope
from tests.support.factories.checklists import bind, make_scene
from tests.support.factories.files import content, promise
from tests.support.factories.health import take_reading
from tests.support.factories.measurements import take_line_test, take_speed_test
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "copper")
REPAIR = ("broadband", "repair", "copper")


async def held(database: Database, actor: Actor, name: str) -> list[dict[str, Any]]:
    """Return the bodies a technician's device holds of one type, checked against the schema."""
    scope = DeviceScope(
        1, actor.id, NIL, frozenset({NORTH}), clock.now(), ZoneInfo("Europe/Helsinki")
    )
    async with database.transaction() as session:
        rows = (await session.execute(REGISTRY[name].build(scope))).all()
    for row in rows:
        REGISTRY[name].schema.model_validate(row.body)
        assert set(row.body) == set(REGISTRY[name].schema.model_fields)
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids))
    return [row.body for row in rows]


async def test_hr_03_on_a_repair_the_record_and_the_last_tests_are_there_before_arrival(
    database: Database, world: World, at: datetime
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    await take_reading(database, world.alice, scene)
    for day in range(1, 8):
        with clock.frozen(at + timedelta(days=30 + day)):
            later = await make_scene(database, [world.carol], REPAIR, at=scene)
            await take_reading(database, world.carol, later, down_mbps=90 - day)
            await take_speed_test(database, world.carol, later, down_mbps=90 - day)
            await take_line_test(database, world.carol, later, attenuation_db=20 + day)
    with clock.frozen(at + timedelta(days=60)):
        await make_scene(database, [world.bob], REPAIR, at=scene)
        [record] = await held(database, world.bob, "health_record")
        readings = await held(database, world.bob, "health_reading")
        speeds = await held(database, world.bob, "speed_test")
        lines = await held(database, world.bob, "line_test")
        assert await held(database, world.kim, "health_record") == []
        assert await held(database, world.kim, "speed_test") == []
    assert (record["baseline_down_mbps"], record["flags"]) == (98, ["down_below_sold"])
    assert sorted(r["down_mbps"] for r in readings) == [83, 84, 85, 86, 87, 98]
    assert sorted(s["down_mbps"] for s in speeds) == [83, 84, 85, 86, 87]
    assert sorted(t["attenuation_db"] for t in lines) == [23, 24, 25, 26, 27]
    # None of them was taken on a visit that this device holds.
    assert {row["visit_id"] for row in (*readings, *speeds, *lines)} == {None}


async def test_tests_of_an_own_visit_stay_with_it_however_many(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice, world.bob], INSTALL)
    for value in range(7):
        await take_speed_test(database, world.alice, scene, down_mbps=value)
    found = await held(database, world.bob, "speed_test")
    assert len(found) == 7
    assert {row["visit_id"] for row in found} == {scene.visit}


async def test_ch_01_a_device_holds_its_lists_their_versions_and_the_standing_answers(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice, world.bob], INSTALL)
    [checklist] = await bind(database, world.dora, scene)
    for actor, value in ((world.alice, 50), (world.bob, 98)):
        await run(
            database, actor, "checklist.answer",
            visit_id=scene.visit, checklist_id=str(checklist.id),
            answers=[{"item_key": "speed_down", "value": value}],
        )  # fmt: skip
    for actor in (world.alice, world.bob):
        [own] = await held(database, actor, "checklist")
        templates = {row["id"]: row for row in await held(database, actor, "template")}
        [answer] = await held(database, actor, "answer")
        template = templates[own["template_version_id"]]
        assert {row["code"] for row in templates.values()} == {template["code"], "kit_check"}
        assert (template["code"], template["number"]) == ("broadband_install", 1)
        assert (answer["checklist_id"], answer["value"]) == (own["id"], 98)
    for name in ("checklist", "answer"):
        assert await held(database, world.kim, name) == []
    assert [row["code"] for row in await held(database, world.kim, "template")] == ["kit_check"]


async def test_a_device_sees_what_evidence_of_its_visits_was_promised_and_has_arrived(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice, world.bob], INSTALL)
    link_id = await promise(
        database, world.alice, content(), subject_id=scene.visit_id, visit_id=scene.visit_id
    )
    [link] = await held(database, world.bob, "file_link")
    assert (link["id"], link["visit_id"], link["arrived"]) == (str(link_id), scene.visit, False)
    assert await held(database, world.kim, "file_link") == []
