from datetime import datetime, timedelta
from typing import Any

import pytest

from fieldops.health import queries, reactions, rules
from fieldops.health.errors import HealthRecordMissing, NotBroadband, ServiceElsewhere
from fieldops.health.rules import Flag, LikelyPlace, Limits, Reading, Sold
from fieldops.kernel import clock
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from tests.support.factories.checklists import Scene, completing, make_scene, tell
from tests.support.factories.health import take_reading
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")
REPAIR = ("broadband", "repair", "fibre")
FIXED = ("fixed_line", "install", "copper")

SOLD = Sold(100, 20)
BASE = Reading(100, 20, 8, 22, -18)


def flags(reading: Reading, baseline: Reading | None = BASE) -> list[str]:
    return [flag.value for flag in rules.flags_of(reading, baseline, SOLD, Limits())]


def place(reading: Reading, baseline: Reading | None = BASE, **more: Any) -> str | None:
    found = rules.flags_of(reading, baseline, SOLD, Limits())
    return rules.likely_place(reading, baseline, found, Limits(), **more)


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice], INSTALL, FIXED)


async def test_hr_01_the_first_reading_of_an_install_is_the_baseline(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    reading, record = await take_reading(
        database, world.alice, scene,
        latency_ms=7.5, optical_power_dbm=-17.5, cabling_route="hall, then living room",
        cabling_material="cat6", cabling_joints=1, splitter_position="stair A, floor 1",
        terminal_model="ONT-1", terminal_serial="S-1", wireless_notes="weak in the bedroom",
    )  # fmt: skip
    assert reading.is_baseline
    assert (record.baseline_reading_id, record.baseline_at) == (reading.id, at)
    assert (record.baseline_down_mbps, record.baseline_up_mbps) == (98.0, 19.5)
    assert (record.baseline_latency_ms, record.baseline_optical_power_dbm) == (7.5, -17.5)
    assert (record.splitter_position, record.terminal_serial) == ("stair A, floor 1", "S-1")


async def test_hr_01_there_is_one_record_per_line_and_later_readings_do_not_move_the_baseline(
    database: Database, world: World, scene: Scene
) -> None:
    _first, record = await take_reading(database, world.alice, scene, terminal_model="ONT-1")
    second, same = await take_reading(database, world.alice, scene, down_mbps=91, up_mbps=19)
    assert same.id == record.id
    assert not second.is_baseline
    assert (same.baseline_down_mbps, same.terminal_model) == (98.0, "ONT-1")


async def test_hr_01_a_repair_sets_no_baseline(database: Database, world: World) -> None:
    scene = await make_scene(database, [world.alice], REPAIR)
    reading, record = await take_reading(database, world.alice, scene)
    assert (reading.is_baseline, record.baseline_reading_id) == (False, None)


async def test_hr_02_a_later_reading_below_the_baseline_is_flagged_with_the_likely_place(
    database: Database, world: World, scene: Scene
) -> None:
    await take_reading(database, world.alice, scene, optical_power_dbm=-18)
    visit = await make_scene(database, [world.bob], REPAIR, at=scene)
    reading, record = await take_reading(
        database, world.bob, visit, down_mbps=60, up_mbps=19.5, optical_power_dbm=-28.5
    )
    assert reading.flags == ["down_below_baseline", "down_below_sold", "optical_too_low"]
    assert (reading.likely_place, record.likely_place) == ("outside_line", "outside_line")
    assert record.flags == reading.flags


async def test_hr_02_the_numbers_are_the_regions_own(
    database: Database, world: World, scene: Scene
) -> None:
    await take_reading(database, world.alice, scene)
    before, _record = await take_reading(database, world.alice, scene, down_mbps=85, up_mbps=19.5)
    assert before.flags == ["down_below_sold"]
    await run(
        database, world.ada, "rule.set_number",
        name="health_share_of_sold", value=80, reason="cheap contracts",
    )  # fmt: skip
    after, _record = await take_reading(database, world.alice, scene, down_mbps=85, up_mbps=19.5)
    assert after.flags == []


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(90, 18), []),
        (Reading(89.9, 18), ["down_below_sold"]),
        (Reading(90, 17.9), ["up_below_sold"]),
        (Reading(79.9, 18), ["down_below_baseline", "down_below_sold"]),
        (Reading(100, 15.9), ["up_below_baseline", "up_below_sold"]),
        (Reading(100, 20, optical_power_dbm=-8), []),
        (Reading(100, 20, optical_power_dbm=-7.9), ["optical_too_high"]),
        (Reading(100, 20, optical_power_dbm=-27), []),
        (Reading(100, 20, optical_power_dbm=-27.1), ["optical_too_low"]),
    ],
)
def test_hr_02_the_limits_themselves_are_still_good(reading: Reading, expected: list[str]) -> None:
    assert flags(reading) == expected


def test_hr_02_below_the_baseline_alone_is_flagged_where_more_is_delivered_than_sold() -> None:
    generous = Reading(200, 40)
    assert flags(Reading(150, 31), generous) == ["down_below_baseline", "up_below_baseline"]


def test_hr_02_without_baseline_only_the_sold_rate_counts() -> None:
    assert flags(Reading(50, 20), None) == ["down_below_sold"]


@pytest.mark.parametrize(
    ("reading", "baseline", "joints", "expected"),
    [
        (Reading(100, 20), BASE, 0, None),
        (Reading(100, 20, optical_power_dbm=-5), BASE, 0, LikelyPlace.EXCHANGE_SIDE),
        (Reading(100, 20, optical_power_dbm=-29), BASE, 0, LikelyPlace.OUTSIDE_LINE),
        (Reading(100, 20, optical_power_dbm=-28), Reading(100, 20, optical_power_dbm=-26.5), 0,
         LikelyPlace.SPLITTER),
        (Reading(50, 20, optical_power_dbm=-22), BASE, 0, LikelyPlace.OUTSIDE_LINE),
        (Reading(50, 20, attenuation_db=25), BASE, 0, LikelyPlace.OUTSIDE_LINE),
        (Reading(50, 20, attenuation_db=22), BASE, 2, LikelyPlace.INDOOR_CABLING),
        (Reading(50, 20, attenuation_db=22), BASE, 0, LikelyPlace.TERMINAL),
        (Reading(70, 14), Reading(72, 15), 2, LikelyPlace.SERVICE_PROFILE),
        (Reading(50, 10), None, 0, LikelyPlace.TERMINAL),
    ],
)  # fmt: skip
def test_hr_02_the_likely_place_follows_from_what_changed(
    reading: Reading, baseline: Reading | None, joints: int, expected: LikelyPlace | None
) -> None:
    assert place(reading, baseline, joints=joints) == expected


def test_hr_02_the_change_is_shown_against_the_activation() -> None:
    change = rules.change(Reading(78.4, 20, 10, None, -20), BASE)
    assert (change.down_percent, change.up_percent) == (78.4, 100.0)
    assert (change.latency_ms, change.attenuation_db, change.optical_power_db) == (2, None, -2)


async def test_a_reading_that_comes_late_does_not_pass_for_the_newest(
    database: Database, world: World, scene: Scene, at: datetime
) -> None:
    await take_reading(database, world.alice, scene)
    await take_reading(database, world.alice, scene, down_mbps=50)
    earlier = Captured(at - timedelta(hours=1), at - timedelta(hours=1), Confidence.HIGH)
    with clock.frozen(at + timedelta(hours=1)):
        late, record = await take_reading(
            database, world.alice, scene, captured=earlier, device=new_id()
        )
    assert late.flags == []
    assert record.flags == [Flag.DOWN_BELOW_BASELINE, Flag.DOWN_BELOW_SOLD]
    assert record.last_reading_at == at


async def test_only_the_broadband_lines_of_the_visit_have_a_record(
    database: Database, world: World, scene: Scene
) -> None:
    with pytest.raises(NotBroadband):
        await take_reading(database, world.alice, scene, service=1)
    other = await make_scene(database, [world.bob], INSTALL)
    with pytest.raises(ServiceElsewhere):
        await take_reading(database, world.alice, scene, service_id=other.service)
    with pytest.raises(NotFound):
        await take_reading(database, world.carol, scene)


@pytest.mark.parametrize(
    "wrong",
    [{"down_mbps": -1}, {"optical_power_dbm": 20}, {"attenuation_db": -1}, {"cabling_joints": 101},
     {"cabling_material": "gold"}, {"terminal_model": ""}, {"latency_ms": float("nan")},
     {"colour": 1}],
)  # fmt: skip
async def test_a_malformed_reading_is_refused_with_its_field(
    database: Database, world: World, scene: Scene, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await take_reading(database, world.alice, scene, **wrong)
    assert caught.value.details["errors"][0]["field"] == next(iter(wrong))


async def test_vi_04_broadband_work_is_not_completed_without_its_reading_of_this_visit(
    database: Database, world: World, scene: Scene
) -> None:
    await take_reading(database, world.alice, scene)
    later = await make_scene(database, [world.alice], REPAIR, at=scene)

    async def check(visit: Scene) -> None:
        event = completing(visit, world.alice)
        await tell(database, world.alice, event, reactions.refuse_without_reading)

    await check(scene)
    with pytest.raises(HealthRecordMissing) as caught:
        await check(later)
    assert caught.value.next_steps == ("health.record_reading", "visit.fail")
    await take_reading(database, world.alice, later)
    await check(later)


async def test_a_record_is_seen_at_the_premises_of_own_visits_only(
    database: Database, world: World, scene: Scene
) -> None:
    _reading, record = await take_reading(database, world.alice, scene)
    async with database.transaction() as session:
        for name, sees in (
            ("alice", True), ("dora", True), ("sam", True),
            ("bob", False), ("carol", False), ("dan", False), ("tess", False),
        ):  # fmt: skip
            scope = world.actors[name].scope(Permission.HEALTH_READ)
            if sees:
                assert (await queries.record(session, scope, record.id)).id == record.id
            else:
                with pytest.raises(NotFound):
                    await queries.record(session, scope, record.id)
