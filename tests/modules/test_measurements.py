from typing import Any
from uuid import uuid4

import pytest

from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.measurements import queries, reactions, rules
from fieldops.measurements.errors import (
    NoSpeedOfThat,
    NothingMeasured,
    NothingTested,
    TestsMissing,
)
from fieldops.measurements.models import LineTest, SpeedTest
from tests.support.factories.checklists import Scene, completing, make_scene, tell
from tests.support.factories.measurements import take_line_test, take_speed_test
from tests.support.world import World

pytestmark = pytest.mark.anyio

COPPER = ("broadband", "install", "copper")
FIXED = ("fixed_line", "install", "copper")


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice], COPPER, FIXED)


async def missing(database: Database, world: World, scene: Scene) -> list[tuple[str, str]]:
    """Return what the completion of a visit would be refused for."""
    try:
        await tell(database, world.alice, completing(scene, world.alice), reactions.refuse_untested)
    except TestsMissing as refusal:
        return [(t["service"], t["test"]) for t in refusal.details["tests"]]
    return []


async def test_a_line_test_keeps_its_values_units_and_instrument(
    database: Database, world: World, scene: Scene
) -> None:
    test_id = await take_line_test(database, world.alice, scene, optical_power_dbm=-18.25)
    async with database.transaction() as session:
        row = await session.get_one(LineTest, (1, test_id))
    assert (row.attenuation_db, row.insulation_mohm, row.optical_power_dbm) == (22.5, 500, -18.25)
    assert (row.instrument_serial, row.technician_id) == ("KT-4711", world.alice.id)
    assert row.noise_margin_db is None


async def test_a_speed_test_keeps_its_values_method_and_server(
    database: Database, world: World, scene: Scene
) -> None:
    test_id = await take_speed_test(database, world.alice, scene)
    async with database.transaction() as session:
        row = await session.get_one(SpeedTest, (1, test_id))
    assert (row.down_mbps, row.up_mbps, row.latency_ms, row.jitter_ms) == (98.4, 19.7, 8, 1.5)
    assert (row.method, row.server) == ("wired", "speed.helsinki.example")


@pytest.mark.parametrize("column", sorted(rules.LINE_VALUES))
@pytest.mark.parametrize("side", [0, 1])
async def test_a_value_no_instrument_shows_is_refused_with_its_field(
    database: Database, world: World, scene: Scene, column: str, side: int
) -> None:
    bound = rules.LINE_VALUES[column][side]
    outside = bound + (1 if side else -1)
    with pytest.raises(InvalidArguments) as caught:
        await take_line_test(database, world.alice, scene, **{column: outside})
    assert caught.value.details["errors"][0]["field"] == column
    await take_line_test(database, world.alice, scene, **{column: bound})


@pytest.mark.parametrize(
    "wrong",
    [{"down_mbps": -1}, {"up_mbps": 100_001}, {"latency_ms": -0.1}, {"loss_percent": 101},
     {"method": "guess"}, {"down_mbps": float("nan")}, {"down_mbps": float("inf")},
     {"server": ""}, {"colour": 1}],
)  # fmt: skip
async def test_a_malformed_speed_test_is_refused_with_its_field(
    database: Database, world: World, scene: Scene, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await take_speed_test(database, world.alice, scene, **wrong)
    assert caught.value.details["errors"][0]["field"] == next(iter(wrong))


async def test_a_line_test_names_what_was_tested_and_has_a_value(
    database: Database, world: World, scene: Scene
) -> None:
    with pytest.raises(NothingTested):
        await take_line_test(database, world.alice, scene, service_id=None)
    with pytest.raises(NothingMeasured):
        await take_line_test(
            database, world.alice, scene, attenuation_db=None, insulation_mohm=None
        )


async def test_a_line_elsewhere_cannot_be_tested_on_this_visit(
    database: Database, world: World, scene: Scene
) -> None:
    other = await make_scene(database, [world.bob], COPPER)
    for service_id in (other.service, str(uuid4())):
        with pytest.raises(NotFound):
            await take_speed_test(database, world.alice, scene, service_id=service_id)
    with pytest.raises(NotFound):
        await take_line_test(database, world.alice, scene, feature_id=str(uuid4()))


async def test_a_telephone_line_has_no_speed(
    database: Database, world: World, scene: Scene
) -> None:
    with pytest.raises(NoSpeedOfThat):
        await take_speed_test(database, world.alice, scene, service=1)


async def test_vi_04_each_kind_of_work_needs_its_tests(
    database: Database, world: World, scene: Scene
) -> None:
    assert await missing(database, world, scene) == [
        ("broadband", "line_test"), ("broadband", "speed_test"), ("fixed_line", "line_test"),
    ]  # fmt: skip
    await take_line_test(database, world.alice, scene, service=0)
    await take_speed_test(database, world.alice, scene, service=0)
    # The telephone line needs its own test; that of the broadband line does not count for it.
    assert await missing(database, world, scene) == [("fixed_line", "line_test")]
    await take_line_test(database, world.alice, scene, service=1)
    assert await missing(database, world, scene) == []


@pytest.mark.parametrize(
    ("service", "kind", "technology", "needed"),
    [
        ("broadband", "install", "fibre", ["speed_test"]),
        ("broadband", "repair", "fibre", ["speed_test"]),
        ("broadband", "move", "copper", ["line_test", "speed_test"]),
        ("fixed_line", "repair", "copper", ["line_test"]),
        ("fixed_line", "remove", "copper", []),
        ("broadband", "remove", "fibre", []),
        ("tv", "install", None, []),
    ],
)
def test_vi_04_the_tests_of_a_kind_of_work_are_data(
    service: str, kind: str, technology: str | None, needed: list[str]
) -> None:
    assert [test.value for test in rules.needed(service, kind, technology)] == needed


async def test_a_test_is_seen_with_its_visit_only(
    database: Database, world: World, scene: Scene
) -> None:
    test_id = await take_speed_test(database, world.alice, scene)
    async with database.transaction() as session:
        for name, sees in (
            ("alice", True), ("dora", True), ("sam", True),
            ("bob", False), ("carol", False), ("dan", False), ("tess", False),
        ):  # fmt: skip
            scope = world.actors[name].scope(Permission.MEASUREMENT_READ)
            if sees:
                assert (await queries.one(session, scope, SpeedTest, test_id)).id == test_id
            else:
                with pytest.raises(NotFound):
                    await queries.one(session, scope, SpeedTest, test_id)
