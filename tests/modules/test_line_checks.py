"""RE-04: line tests before the visit where lines are poor, the best free pair, rework."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.measurements import queries, rules
from fieldops.measurements.errors import CheckOver
from fieldops.measurements.jobs import plan_line_checks
from fieldops.measurements.models import LineTest
from fieldops.network.models import NetworkService
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.network import Plant, make_plant, make_service
from tests.support.factories.orders import REPAIR, MadeOrder
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

SHOW = {"insulation_mohm": 0.2}


@dataclass
class Scene:
    """Alice's visit of tomorrow, a line on pair 1 of a cable; pairs 2 to 8 are free."""

    made: MadeOrder
    plant: Plant
    service: NetworkService


@pytest.fixture
async def scene(database: Database, settings: Settings, world: World, at: datetime) -> Scene:
    jobs.use(jobs.Machine(database, settings))
    made = await assigned_visit(database, world, REPAIR, start=at + timedelta(hours=26))
    async with database.transaction() as session:
        plant = await make_plant(session, pairs=8)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
    return Scene(made, plant, service)


async def measured(database: Database, scene: Scene, *insulation: float) -> None:
    """Tests of the pairs from the second on, as an earlier visit left them."""
    async with database.transaction() as session:
        session.add_all(
            LineTest(
                region_id=1,
                visit_id=scene.made.visit_id,
                centre_id=scene.made.premises.centre_id,
                feature_id=scene.plant.pairs[number].id,
                measured_at_place="box",
                insulation_mohm=value,
                estimated_at=clock.now() - timedelta(days=30),
            )
            for number, value in enumerate(insulation, 1)
        )


async def listed(
    client: httpx.AsyncClient, settings: Settings, world: World, name: str = "dora", query: str = ""
) -> list[dict[str, Any]]:
    lasting = settings.model_copy(update={"access_token_minutes": 60 * 24 * 7})
    answer = await client.get(
        f"/v1/line-checks{query}", headers=bearer(lasting, world.actors[name])
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_re_04_a_visit_on_a_poor_cable_gets_a_test_before_its_window_and_the_best_free_pair(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene,
    at: datetime,
) -> None:  # fmt: skip
    await measured(database, scene, 0.2, 40, 0.5)
    await plan_line_checks()
    await plan_line_checks()
    (check,) = await listed(client, settings, world, query="?state=planned&sort=due_at")
    assert (check["visit_id"], check["service_id"]) == (
        str(scene.made.visit_id), str(scene.service.id),
    )  # fmt: skip
    assert check["due_at"][:16] == (at + timedelta(hours=24)).isoformat()[:16]
    assert check["why"] == {
        "kind": "distribution_box", "name": scene.plant.box.name, "measured": 3, "poor": 2,
        "share_percent": 66.7, "limit_percent": 30.0,
    }  # fmt: skip
    assert check["best_id"] == str(scene.plant.pairs[2].id)
    assert check["best"]["values"] == {"insulation_mohm": 40}
    assert await listed(client, settings, world, "dan") == []  # another centre


@pytest.mark.parametrize("insulation", [(0.2, 0.3), (0.2, 40, 40, 40)])
async def test_re_04_too_few_tests_or_too_few_poor_ones_plan_nothing(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene,
    insulation: tuple[float, ...],
) -> None:  # fmt: skip
    await measured(database, scene, *insulation)
    await plan_line_checks()
    assert await listed(client, settings, world) == []


async def test_re_04_a_poor_result_is_rework_of_the_cable_department_and_no_test_of_the_visit(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    await measured(database, scene, 0.2, 40, 0.5)
    await plan_line_checks()
    (check,) = await listed(client, settings, world)
    await run(database, world.dora, "measurement.record_line_check", check_id=check["id"], **SHOW)
    (done,) = await listed(client, settings, world)
    assert (done["state"], done["result"], done["done_by"]) == ("done", "poor", str(world.dora.id))
    answer = await client.get("/v1/cable-work", headers=bearer(settings, world.dora))
    (rework,) = answer.json()["items"]
    assert (rework["id"], rework["feature_id"]) == (
        done["rework_id"], str(scene.plant.pairs[0].id),
    )  # fmt: skip
    assert rework["symptom"] == "Line test before a visit: insulation_mohm 0.2"
    assert [test["insulation_mohm"] for test in rework["tests"]] == [0.2]
    async with database.transaction() as session:
        counted = await queries.taken(session, 1, scene.made.visit_id)
    assert (rules.Needed.LINE, scene.service.id) not in counted  # VI-04: the visit takes its own


async def test_re_04_a_free_pair_that_measures_better_is_proposed_and_a_good_line_is_no_rework(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    await measured(database, scene, 0.2, 2, 0.5)
    await plan_line_checks()
    (check,) = await listed(client, settings, world)
    assert check["best"]["name"] == "pair 3"
    better = {"check_id": check["id"], "feature_id": str(scene.plant.pairs[5].id)}
    await run(database, world.dora, "measurement.record_line_check", insulation_mohm=90, **better)
    (still,) = await listed(client, settings, world)
    assert (still["state"], still["best"]["name"]) == ("planned", "pair 6")
    await run(
        database, world.dora, "measurement.record_line_check",
        check_id=check["id"], insulation_mohm=70,
    )  # fmt: skip
    (done,) = await listed(client, settings, world)
    assert (done["result"], done["rework_id"]) == ("good", None)


async def test_re_04_the_test_follows_the_window_and_is_dropped_with_its_visit(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene,
    at: datetime,
) -> None:  # fmt: skip
    await measured(database, scene, 0.2, 40, 0.5)
    await plan_line_checks()
    later = at + timedelta(hours=30)
    async with database.transaction() as session:  # as the appointments move it
        visit = await session.get_one(Visit, (1, scene.made.visit_id))
        visit.window_start, visit.window_end = later, later + timedelta(hours=2)
    await plan_line_checks()
    (check,) = await listed(client, settings, world)
    assert check["due_at"][:16] == (at + timedelta(hours=28)).isoformat()[:16]
    with clock.frozen(later + timedelta(minutes=1)):
        await plan_line_checks()
        (check,) = await listed(client, settings, world)
        assert check["state"] == "dropped"
        with pytest.raises(CheckOver):
            await run(
                database, world.dora, "measurement.record_line_check", check_id=check["id"], **SHOW
            )


async def test_re_04_technicians_of_the_cable_department_take_the_planned_tests_of_their_centre(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World, scene: Scene
) -> None:
    await measured(database, scene, 0.2, 40, 0.5)
    await plan_line_checks()
    (check,) = await listed(client, settings, world)
    args = {"check_id": check["id"], **SHOW}
    with pytest.raises(NotFound):
        await run(database, world.bob, "measurement.record_line_check", **args)
    with pytest.raises(Forbidden):
        await run(database, world.alice, "measurement.plan_line_checks")
    await run(
        database, world.ada, "technician.change_department",
        technician_id=str(id_of("bob")), department="cable",
    )  # fmt: skip
    assert [row["id"] for row in await listed(client, settings, world, "bob")] == [check["id"]]
    await run(database, world.bob, "measurement.record_line_check", **args)


def test_re_04_a_line_at_its_limit_scores_50_and_the_worst_value_decides() -> None:
    own = {limit.name: limit.default for _column, _direction, limit in rules.LIMITS}
    assert rules.quality({"insulation_mohm": 1.0}, own) == rules.Quality(50, ())
    worst = rules.quality({"insulation_mohm": 40, "attenuation_db": 75}, own)
    assert worst == rules.Quality(40, ("attenuation_db",))
    assert rules.quality({"foreign_voltage_v": -25}, own) == rules.Quality(
        29, ("foreign_voltage_v",)
    )
    assert rules.quality({"capacitance_nf": 12}, own) == rules.Quality(None, ())
