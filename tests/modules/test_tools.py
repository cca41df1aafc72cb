"""ORG-05: tools in custody, calibrations, and what measurements say of their instrument."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock, views
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.organisation.errors import (
    HolderElsewhere,
    NothingOffered,
    SerialTaken,
    ToolLost,
    ToolNotLost,
    ToolRetired,
)
from fieldops.organisation.models import Tool
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, make_scene
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

REPAIR = ("broadband", "repair", "copper")


async def make_tool(database: Database, world: World, serial: str = "KT-1", **more: Any) -> UUID:
    result = await run(
        database, world.sam, "tool.register",
        **{"centre_id": str(NORTH), "kind": "line_tester", "serial": serial, "model": "KT 300",
           "needs_calibration": True, **more},
    )  # fmt: skip
    return first_id(result, "tool")


async def calibrate(database: Database, world: World, tool_id: UUID, on: str, until: str) -> None:
    await run(
        database, world.sam, "tool.calibrate", tool_id=str(tool_id),
        calibrated_on=on, valid_until=until, certificate_number="C-1",
    )  # fmt: skip


async def tool(database: Database, tool_id: UUID) -> Tool:
    async with database.transaction() as session:
        return await session.get_one(Tool, (1, tool_id))


async def measure(
    database: Database, world: World, scene: Scene, serial: str | None, **envelope: Any
) -> LineTest:
    result = await run(
        database, world.alice, "measurement.record_line_test", **envelope,
        visit_id=scene.visit, service_id=scene.service, measured_at_place="outlet",
        attenuation_db=20, instrument_serial=serial,
    )  # fmt: skip
    async with database.transaction() as session:
        return await session.get_one(LineTest, (1, first_id(result, "line_test")))


async def test_org_05_custody_moves_when_the_other_accepts_and_not_before(
    database: Database, world: World, at: datetime
) -> None:
    tool_id = await make_tool(database, world)
    given = {"tool_id": str(tool_id)}
    await run(database, world.dora, "tool.hand_over", **given, to_id=str(world.alice.id))
    row = await tool(database, tool_id)
    assert (row.holder_id, row.offered_to_id) == (None, world.alice.id)
    with pytest.raises(NotFound):
        await run(database, world.bob, "tool.answer_offer", **given, accepted=True)
    await run(database, world.alice, "tool.answer_offer", **given, accepted=True)
    row = await tool(database, tool_id)
    assert (row.holder_id, row.held_since, row.offered_to_id) == (world.alice.id, at, None)
    await run(database, world.alice, "tool.hand_over", **given, to_id=str(world.bob.id))
    await run(database, world.bob, "tool.answer_offer", **given, accepted=False)
    assert (await tool(database, tool_id)).holder_id == world.alice.id
    with pytest.raises(NotFound):
        await run(database, world.bob, "tool.hand_over", **given, to_id=str(world.bob.id))
    with pytest.raises(NothingOffered):
        await run(database, world.alice, "tool.answer_offer", **given, accepted=True)
    await run(database, world.dora, "tool.hand_over", **given)
    assert (await tool(database, tool_id)).holder_id is None


async def test_org_05_tools_stay_in_their_centre_and_retired_ones_with_nobody(
    database: Database, world: World
) -> None:
    tool_id = await make_tool(database, world)
    given = {"tool_id": str(tool_id)}
    with pytest.raises(HolderElsewhere):
        await run(database, world.dora, "tool.hand_over", **given, to_id=str(world.carol.id))
    with pytest.raises(NotFound):
        await run(database, world.dan, "tool.hand_over", **given, to_id=str(world.carol.id))
    with pytest.raises(SerialTaken):
        await make_tool(database, world, centre_id=str(SOUTH))
    with pytest.raises(Forbidden):
        await run(database, world.alice, "tool.retire", **given, reason="lost it")
    await run(database, world.sam, "tool.retire", **given, reason="Fell from a ladder.")
    with pytest.raises(ToolRetired):
        await run(database, world.dora, "tool.hand_over", **given, to_id=str(world.alice.id))


async def test_org_05_a_lost_tool_stays_with_who_lost_it_until_it_is_found(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    tool_id = await make_tool(database, world)
    given = {"tool_id": str(tool_id)}
    await run(database, world.dora, "tool.hand_over", **given, to_id=str(world.alice.id))
    with pytest.raises(NotFound):  # not in her custody yet
        await run(database, world.alice, "tool.report_lost", **given, how="never seen")
    await run(database, world.alice, "tool.answer_offer", **given, accepted=True)
    with pytest.raises(ToolNotLost):
        await run(database, world.alice, "tool.report_found", **given, where="here")
    await run(database, world.alice, "tool.report_lost", **given, how="Left at a cabinet.")
    row = await tool(database, tool_id)
    assert (row.holder_id, row.lost_at, row.active) == (world.alice.id, at, True)
    for refused in (
        run(database, world.dora, "tool.hand_over", **given, to_id=str(world.bob.id)),
        run(database, world.dora, "tool.report_lost", **given, how="once more"),
    ):
        with pytest.raises(ToolLost):
            await refused
    headers = bearer(settings, world.dora)
    lost = await client.get("/v1/tools?lost=true", headers=headers)
    assert [one["lost_how"] for one in lost.json()["items"]] == ["Left at a cabinet."]
    with pytest.raises(NotFound):
        await run(database, world.bob, "tool.report_found", **given, where="my van")
    await run(database, world.sam, "tool.retire", **given, reason="Lost for good.")
    await run(database, world.dora, "tool.report_found", **given, where="In the cabinet.")
    row = await tool(database, tool_id)
    assert (row.holder_id, row.lost_at, row.active) == (None, None, True)


async def test_org_05_a_test_says_how_its_instrument_stood_on_that_day(
    database: Database, world: World, at: datetime
) -> None:
    scene = await make_scene(database, [world.alice], REPAIR)
    tool_id = await make_tool(database, world)
    await make_tool(database, world, "LADDER-1", kind="ladder", needs_calibration=False)
    assert (await measure(database, world, scene, "KT-1")).instrument_state == "past_due"
    await calibrate(database, world, tool_id, "2026-01-10", "2026-11-23")
    assert (await measure(database, world, scene, "KT-1")).instrument_state == "valid"
    assert (await measure(database, world, scene, "KT-2")).instrument_state == "unknown"
    assert (await measure(database, world, scene, None)).instrument_state == "unknown"
    assert (await measure(database, world, scene, "LADDER-1")).instrument_state == "valid"
    with clock.frozen(at + timedelta(hours=13, minutes=59)):  # 21:59 in Helsinki
        assert (await measure(database, world, scene, "KT-1")).instrument_state == "valid"
    with clock.frozen(at + timedelta(hours=16)):  # midnight in Helsinki
        assert (await measure(database, world, scene, "KT-1")).instrument_state == "past_due"


async def test_org_05_a_test_that_arrives_late_is_judged_by_when_it_was_taken(
    database: Database, world: World, at: datetime
) -> None:
    scene = await make_scene(database, [world.alice], REPAIR)
    tool_id = await make_tool(database, world)
    await calibrate(database, world, tool_id, "2026-01-10", "2026-11-23")
    then = Captured(at, at, Confidence.HIGH)
    with clock.frozen(at + timedelta(days=3)):
        late = await measure(database, world, scene, "KT-1", captured=then, device=new_id())
        assert (late.estimated_at, late.instrument_state) == (at, "valid")
        await calibrate(database, world, tool_id, "2026-11-25", "2027-11-25")
        gap = Captured(at + timedelta(days=1), at + timedelta(days=1), Confidence.HIGH)
        row = await measure(database, world, scene, "KT-1", captured=gap, device=new_id())
        assert row.instrument_state == "past_due"  # though it is calibrated by now


async def test_org_05_a_calibration_that_becomes_known_late_clears_the_tests_of_its_days(
    database: Database, world: World, at: datetime
) -> None:
    scene = await make_scene(database, [world.alice], REPAIR)
    row = await measure(database, world, scene, "KT-1")
    result = await run(
        database, world.alice, "measurement.record_speed_test", visit_id=scene.visit,
        service_id=scene.service, down_mbps=90, up_mbps=19, method="wired",
        instrument_serial="KT-1",
    )  # fmt: skip
    speed_id = first_id(result, "speed_test")

    async def states() -> tuple[str | None, str | None]:
        async with database.transaction() as session:
            line = await session.get_one(LineTest, (1, row.id))
            speed = await session.get_one(SpeedTest, (1, speed_id))
            return line.instrument_state, speed.instrument_state

    assert await states() == ("unknown", "unknown")
    tool_id = await make_tool(database, world)
    assert await states() == ("past_due", "past_due")
    await calibrate(database, world, tool_id, "2026-11-24", "2027-11-24")
    assert await states() == ("past_due", "past_due")  # it came a day after them
    await calibrate(database, world, tool_id, "2026-11-01", "2026-11-24")
    assert await states() == ("valid", "valid")


async def test_org_05_calibrations_that_are_due_are_listed_soonest_first(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    for serial, until in (("A", "2026-12-23"), ("B", "2026-12-24"), ("C", "2026-11-01")):
        tool_id = await make_tool(database, world, serial)
        await calibrate(database, world, tool_id, "2026-01-01", until)
    await make_tool(database, world, "D")
    await make_tool(database, world, "E", needs_calibration=False)
    asked = "/v1/tools?due=true&sort=calibrated_until"
    found = await client.get(asked, headers=bearer(settings, world.dora))
    assert [item["serial"] for item in found.json()["items"]] == ["C", "A", "D"]
    detail = await client.get(f"/v1/tools/{tool_id}", headers=bearer(settings, world.dora))
    assert [one["valid_until"] for one in detail.json()["calibrations"]] == ["2026-11-01"]
    other = await client.get(asked, headers=bearer(settings, world.dan))
    assert other.json()["items"] == []


async def test_org_05_a_phone_holds_the_own_tools_and_those_offered(
    database: Database, world: World
) -> None:
    mine, offered, _store = [await make_tool(database, world, name) for name in "ABC"]
    for tool_id in (mine, offered):
        await run(database, world.dora, "tool.hand_over", tool_id=str(tool_id),
                  to_id=str(world.alice.id))  # fmt: skip
    await run(database, world.alice, "tool.answer_offer", tool_id=str(mine), accepted=True)
    async with database.transaction() as session:
        for person, held in ((world.alice, {mine, offered}), (world.bob, set())):
            scope = views.DeviceScope(
                1,
                person.id,
                new_id(),
                frozenset({NORTH}),
                clock.now(),
                UTC,  # type: ignore[arg-type]
            )
            rows = views.REGISTRY["tool"].build(scope).subquery()
            assert set(await session.scalars(select(rows.c.id))) == held
