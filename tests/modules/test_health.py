from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldops.health import charting, places, queries, reactions, rules
from fieldops.health.errors import HealthRecordMissing, NotBroadband, ServiceElsewhere
from fieldops.health.places import Ring
from fieldops.health.rules import Flag, LikelyPlace, Limits, Reading, Sold
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import Captured
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.network.models import PathElement
from tests.support.factories.checklists import Scene, completing, make_scene, tell
from tests.support.factories.health import take_reading
from tests.support.factories.network import make_feature, make_plant
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")
REPAIR = ("broadband", "repair", "fibre")
FIXED = ("fixed_line", "install", "copper")

SOLD = Sold(100, 20)
BASE = Reading(100, 20, 8, 22, -18)


def flags(reading: Reading, baseline: Reading | None = BASE) -> list[str]:
    return [one.flag.value for one in rules.flags_of(reading, baseline, SOLD, Limits())]


def rule_of(
    reading: Reading,
    baseline: Reading | None = BASE,
    *,
    joints: int | None = None,
    **rings: tuple[int, int],
) -> tuple[str, str]:
    """The rule that fits and the place it names; rings are (lines, worse) by what is shared."""
    found = rules.flags_of(reading, baseline, SOLD, Limits())
    around = {name: Ring(*counts) for name, counts in rings.items()}
    rule = places.first_that_fits(
        places.facts(reading, baseline, found, around, joints=joints), Limits()
    )
    return rule.id, rule.place.value


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
    assert (reading.likely_place, record.likely_place) == ("drop", "drop")
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


DARK, NEVER_LIGHT = (
    Reading(100, 20, optical_power_dbm=-28),
    Reading(100, 20, optical_power_dbm=-26.5),
)


@pytest.mark.parametrize(
    ("reading", "baseline", "joints", "expected"),
    [
        (Reading(100, 20, optical_power_dbm=-5), BASE, 0, ("light_too_strong", "exchange")),
        (Reading(100, 20, optical_power_dbm=-29), BASE, 0, ("light_lost", "drop")),
        (DARK, NEVER_LIGHT, 0, ("never_enough_light", "box")),
        (DARK, None, 0, ("dark_unknown_before", "drop")),
        (Reading(50, 20, optical_power_dbm=-22), BASE, 0, ("light_lost", "drop")),
        (Reading(50, 20, attenuation_db=25), BASE, 0, ("attenuation_rose", "drop")),
        (Reading(50, 20, attenuation_db=22), BASE, 2, ("joints_indoors", "indoor")),
        (Reading(50, 20, attenuation_db=22), BASE, 0, ("rest_indoors", "indoor")),
        (Reading(70, 14), Reading(72, 15), 2, ("rate_as_at_activation", "exchange")),
        (Reading(50, 10), None, None, ("rest_indoors", "indoor")),
    ],
)  # fmt: skip
def test_hr_02_the_likely_place_follows_from_what_changed(
    reading: Reading, baseline: Reading | None, joints: int | None, expected: tuple[str, str]
) -> None:
    assert rule_of(reading, baseline, joints=joints) == expected


@pytest.mark.parametrize(
    ("rings", "expected"),
    [
        ({"box": (4, 2)}, ("box_together", "box")),
        ({"box": (4, 1)}, ("light_lost", "drop")),
        ({"box": (1, 1)}, ("light_lost", "drop")),
        ({"box": (4, 4), "trunk": (6, 3)}, ("trunk_together", "trunk")),
        ({"box": (4, 4), "trunk": (6, 2)}, ("box_together", "box")),
        ({"box": (4, 4), "cable": (4, 2), "trunk": (6, 2)}, ("cable_together", "trunk")),
        ({"box": (4, 4), "cable": (4, 4), "trunk": (6, 3)}, ("trunk_together", "trunk")),
        ({"box": (4, 4), "trunk": (6, 6), "exchange": (9, 5)}, ("shelf_together", "exchange")),
    ],
)
def test_hr_02_neighbours_that_do_badly_too_move_the_place_towards_the_exchange(
    rings: dict[str, tuple[int, int]], expected: tuple[str, str]
) -> None:
    assert rule_of(Reading(50, 20, optical_power_dbm=-22), **rings) == expected


def test_hr_02_every_rule_can_be_the_one_that_fits_and_the_last_always_does() -> None:
    facts = places.facts(Reading(1, 1), None, (), {}, joints=None)
    fields = set(Limits.__dataclass_fields__)
    for rule in places.table():
        assert set(rule.text) == {"en", "zh_CN"}
        for condition in rule.when:
            assert condition.fact in facts
            assert not isinstance(condition.limit, str) or condition.limit in fields
    assert not places.table()[-1].when
    assert len({rule.id for rule in places.table()}) == len(places.table())
    assert {rule.place for rule in places.table()} == set(LikelyPlace)


async def test_hr_02_the_answer_says_which_rule_named_the_place_and_with_which_values(
    database: Database, world: World, scene: Scene
) -> None:
    await take_reading(database, world.alice, scene, optical_power_dbm=-18)
    row, _record = await take_reading(
        database, world.alice, scene, down_mbps=60, optical_power_dbm=-22
    )
    assert row.likely_place == "drop"
    assert row.because is not None
    assert row.because["rule"] == "light_lost"
    assert row.because["values"] == [
        {"fact": "power_fell_db", "value": 4.0, "test": "at_least", "limit": 3}
    ]
    assert row.because["flags"][0] == {
        "flag": "down_below_baseline", "value": 60.0, "limit": 78.4,
    }  # fmt: skip
    assert set(row.because["text"]) == {"en", "zh_CN"}


async def on_one_box(
    database: Database, actor: Actor, count: int, *, boxes: int = 1
) -> list[Scene]:
    """Lines activated in order on one piece of plant: box, cables and shelf are shared.

    With two `boxes` on the cable each second line is at the other one.
    """
    scenes = [await make_scene(database, [actor], INSTALL) for _ in range(count)]
    async with database.transaction() as session:
        plant = await make_plant(session)
        at = [
            plant.box,
            *[await make_feature(session, "distribution_box") for _ in range(boxes - 1)],
        ]
        for number, scene in enumerate(scenes):
            way = (plant.shelf, plant.feeder, plant.cable, at[number % boxes])
            session.add_all(
                PathElement(
                    region_id=1, centre_id=NORTH, service_id=scene.service_ids[0],
                    position=position, feature_id=feature.id,
                )
                for position, feature in enumerate(way, 1)
            )  # fmt: skip
    for scene in scenes:
        await take_reading(database, actor, scene, optical_power_dbm=-18)
    return scenes


async def test_hr_02_neighbours_on_the_same_box_are_compared_by_their_newest_reading(
    database: Database, world: World
) -> None:
    scenes = await on_one_box(database, world.alice, 4)
    found = []
    for scene in scenes:
        row, _record = await take_reading(
            database, world.alice, scene, down_mbps=50, optical_power_dbm=-22
        )
        assert row.because is not None
        found.append((row.likely_place, row.because["neighbours"]["box"]))
    assert found == [
        ("drop", {"lines": 3, "worse": 0}),
        ("drop", {"lines": 3, "worse": 1}),
        ("box", {"lines": 3, "worse": 2}),
        ("box", {"lines": 3, "worse": 3}),
    ]


async def test_hr_02_lines_of_the_middle_cable_at_other_boxes_are_a_ring_of_their_own(
    database: Database, world: World
) -> None:
    scenes = await on_one_box(database, world.alice, 4, boxes=2)
    for scene in scenes:
        row, _record = await take_reading(
            database, world.alice, scene, down_mbps=50, optical_power_dbm=-22
        )
    assert row.because is not None
    assert row.because["neighbours"] == {
        "box": {"lines": 1, "worse": 1}, "cable": {"lines": 2, "worse": 2},
        "trunk": {"lines": 0, "worse": 0}, "exchange": {"lines": 0, "worse": 0},
    }  # fmt: skip
    assert (row.because["rule"], row.likely_place) == ("cable_together", "trunk")


async def test_hr_02_a_neighbour_read_long_ago_says_nothing(
    database: Database, world: World, at: datetime
) -> None:
    scenes = await on_one_box(database, world.alice, 3)
    for scene in scenes[1:]:
        await take_reading(database, world.alice, scene, down_mbps=50, optical_power_dbm=-22)
    with clock.frozen(at + timedelta(days=181)):
        row, _record = await take_reading(
            database, world.alice, scenes[0], down_mbps=50, optical_power_dbm=-22
        )
    assert row.because is not None
    assert (row.likely_place, row.because["neighbours"]["box"]["lines"]) == ("drop", 0)


def test_hr_02_the_chart_shows_activation_threshold_and_sold_rate() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    points = [(at, BASE), (at + timedelta(days=30), Reading(60, 20, 8, 22, -24))]
    drawn = charting.chart("down_mbps", points, BASE, SOLD, Limits())
    for words in ("At activation 100", "80 % of it 80", "Sold 100", "60 on 2026-12-23"):
        assert words in drawn
    light = charting.chart("optical_power_dbm", points, BASE, SOLD, Limits(), "zh_CN")
    for words in ("开通时 -18", "上限 -8", "下限 -27", "接收光功率"):
        assert words in light


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
