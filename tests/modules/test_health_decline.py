"""HR-04: lines that get worse, one finding for each cause."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.health import decline
from fieldops.health.decline import Cause, Line, Read, Steps
from fieldops.health.jobs import look_for_decline
from fieldops.health.models import HealthDecline
from fieldops.health.rules import Limits, Reading
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.network.models import Finding, PathElement
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, make_scene
from tests.support.factories.health import take_reading
from tests.support.factories.network import Plant, make_plant
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
LONG_AGO = MONDAY - timedelta(days=180)
BOX = new_id()


def line(*rates: float, box: UUID | None = None, heard: bool = False, **more: Any) -> Line:
    days = range(-len(rates), 0)
    readings = [
        Read(MONDAY + timedelta(days=day), Reading(rate, 20, **more))
        for day, rate in zip(days, rates, strict=True)
    ]
    return Line(new_id(), box, tuple(readings), heard)


def judged(*lines: Line) -> list[Cause | None]:
    found = decline.judge(lines, Steps(), Limits(), LONG_AGO)
    return [found[one.record_id].cause if one.record_id in found else None for one in lines]


@pytest.mark.parametrize(
    ("rates", "worse"),
    [
        ((100, 97, 94), True),  # 3 % and 3.09 %
        ((100, 97.1, 94), False),
        ((100, 90, 91), False),
        ((100, 90), False),
        ((100, 0, 0), False),
    ],
)
def test_hr_04_three_readings_that_decay_step_by_step_are_a_cause(
    rates: tuple[float, ...], worse: bool
) -> None:
    assert judged(line(*rates)) == [Cause.LINE if worse else None]


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ({"optical_power_dbm": -18}, {"optical_power_dbm": -18.5}, True),
        ({"optical_power_dbm": -18}, {"optical_power_dbm": -18.4}, False),
        ({"attenuation_db": 20}, {"attenuation_db": 20.5}, True),
        ({"attenuation_db": 20}, {"attenuation_db": 19}, False),
        ({"attenuation_db": 20}, {}, False),
    ],
)
def test_hr_04_light_and_attenuation_decay_by_decibels(
    before: dict[str, float], after: dict[str, float], worse: bool
) -> None:
    measures = (*before, *after)
    assert (
        decline.is_worse(measures[0], Reading(1, 1, **before), Reading(1, 1, **after), Steps())
        is worse
    )


def test_hr_04_peers_that_decay_together_have_their_box_as_cause() -> None:
    two, good = [line(100, 90, box=BOX) for _ in range(2)], line(100, 100, box=BOX)
    assert judged(*two, good) == [Cause.BOX, Cause.BOX, None]
    assert judged(two[0], good) == [None, None]
    others = [line(100, 100, box=BOX) for _ in range(3)]
    assert judged(*two, *others) == [None] * 5  # 40 % of them
    elsewhere = line(100, 90, box=new_id())
    assert judged(two[0], elsewhere) == [None, None]


def test_hr_04_what_was_judged_before_counts_as_a_neighbour_but_not_again() -> None:
    heard, fresh = line(100, 90, 80, box=BOX, heard=True), line(100, 90, box=BOX)
    assert judged(heard, fresh) == [None, None]


async def make_lines(database: Database, world: World, count: int) -> tuple[list[Scene], Plant]:
    """Lines on one box, each with its visit."""
    scenes = [await make_scene(database, [world.alice], INSTALL, tier=tier)
              for tier in ("gold", "basic", "diamond")[:count]]  # fmt: skip
    async with database.transaction() as session:
        plant = await make_plant(session)
        for scene in scenes:
            session.add_all(
                PathElement(
                    region_id=1, centre_id=NORTH, service_id=scene.service_ids[0],
                    position=position, feature_id=feature.id,
                )
                for position, feature in enumerate((plant.box, plant.drop), 1)
            )  # fmt: skip
    return scenes, plant


async def read(database: Database, world: World, scene: Scene, at: datetime, *rates: float) -> None:
    """Take readings a day apart."""
    for day, rate in enumerate(rates):
        with clock.frozen(at + timedelta(days=day)):
            await take_reading(database, world.alice, scene, down_mbps=rate)


async def night(database: Database, settings: Settings, at: datetime) -> None:
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(at):
        await look_for_decline()


async def kept(database: Database) -> tuple[list[HealthDecline], list[Finding]]:
    async with database.transaction() as session:
        rows = await session.scalars(select(HealthDecline).where(HealthDecline.region_id == 1))
        found = await session.scalars(
            select(Finding).where(Finding.region_id == 1).order_by(Finding.id)
        )
        return list(rows), list(found)


async def test_hr_04_a_decaying_line_is_one_finding_however_often_it_is_looked_at(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    (scene,), plant = await make_lines(database, world, 1)
    await read(database, world, scene, at, 98, 90)
    await night(database, settings, at + timedelta(days=1.5))
    assert await kept(database) == ([], [])
    await read(database, world, scene, at + timedelta(days=2), 80)
    for days in (2.5, 3.5):
        await night(database, settings, at + timedelta(days=days))
    rows, findings = await kept(database)
    assert [(row.cause, row.state, row.measures) for row in rows] == [
        ("line", "worsening", ["down_mbps"])
    ]
    assert (rows[0].tier, rows[0].at_risk, rows[0].lines_on_box) == ("gold", 7, 1)
    (finding,) = findings
    assert (finding.id, finding.feature_id) == (rows[0].finding_id, plant.drop.id)
    assert (finding.state, finding.severity) == ("open", "low")
    assert "download 98, 90, 80 Mbit/s" in finding.text
    await read(database, world, scene, at + timedelta(days=4), 70)
    await night(database, settings, at + timedelta(days=4.5))
    rows, findings = await kept(database)
    assert (len(rows), len(findings), rows[0].readings[-1]["down_mbps"]) == (1, 1, 70)


async def test_hr_04_a_line_that_recovered_is_off_the_list_and_its_finding_closed(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    (scene,), _plant = await make_lines(database, world, 1)
    await read(database, world, scene, at, 98, 90, 80)
    await night(database, settings, at + timedelta(days=2.5))
    await read(database, world, scene, at + timedelta(days=3), 85)
    await night(database, settings, at + timedelta(days=3.5))
    rows, findings = await kept(database)
    assert [(rows[0].state, findings[0].state)] == [("worsening", "open")]
    await read(database, world, scene, at + timedelta(days=4), 97)
    await night(database, settings, at + timedelta(days=4.5))
    rows, findings = await kept(database)
    assert [(rows[0].state, findings[0].state)] == [("recovered", "closed")]


async def test_hr_04_what_a_person_closed_comes_back_only_with_a_newer_reading(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    (scene,), _plant = await make_lines(database, world, 1)
    await read(database, world, scene, at, 98, 90, 80)
    await night(database, settings, at + timedelta(days=2.5))
    (row,), (finding,) = await kept(database)
    await run(
        database, world.sam, "network.close_finding",
        finding_id=str(finding.id), reason="The drop was replaced.",
    )  # fmt: skip
    (row,), _findings = await kept(database)
    assert row.state == "closed"
    await night(database, settings, at + timedelta(days=3.5))
    assert [len(rows) for rows in await kept(database)] == [1, 1]
    await read(database, world, scene, at + timedelta(days=4), 70)
    await night(database, settings, at + timedelta(days=4.5))
    rows, findings = await kept(database)
    assert sorted(one.state for one in rows) == ["closed", "worsening"]
    assert [one.state for one in findings] == ["closed", "open"]


async def test_hr_04_a_box_whose_lines_decay_together_is_one_finding_and_takes_over_its_lines(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    scenes, plant = await make_lines(database, world, 3)
    await read(database, world, scenes[0], at, 98, 90, 80)
    await night(database, settings, at + timedelta(days=2.5))
    for scene in scenes[1:]:
        await read(database, world, scene, at + timedelta(days=3), 98, 90)
    await night(database, settings, at + timedelta(days=4.5))
    await night(database, settings, at + timedelta(days=5.5))
    rows, findings = await kept(database)
    assert [(row.cause, row.box_id) for row in rows] == [("box", plant.box.id)] * 3
    assert {row.at_risk for row in rows} == {7 + 1 + 9}
    assert [(one.state, one.feature_id, one.severity) for one in findings] == [
        ("closed", plant.drop.id, "low"), ("open", plant.box.id, "medium"),
    ]  # fmt: skip
    assert {row.finding_id for row in rows} == {findings[1].id}
    assert "3 lines of this box" in findings[1].text


async def test_hr_04_the_list_puts_the_customers_most_at_risk_first_and_only_own_centres(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    lines = [await make_lines(database, world, 2) for _ in range(2)]
    scenes = [lines[0][0][1], lines[1][0][0]]  # a basic customer, and a gold one on another box
    for scene in scenes:
        await read(database, world, scene, at, 98, 90, 80)
    await night(database, settings, at + timedelta(days=2.5))
    with clock.frozen(at + timedelta(days=3)):
        dora, dan = bearer(settings, world.dora), bearer(settings, world.dan)
        asked = "/v1/health-declines?sort=-at_risk&limit=1"
        first = (await client.get(asked, headers=dora)).json()
        then = (await client.get(f"{asked}&after={first['next']}", headers=dora)).json()
        assert [page["items"][0]["tier"] for page in (first, then)] == ["gold", "basic"]
        only = (await client.get("/v1/health-declines?tier=basic", headers=dora)).json()
        assert [item["tier"] for item in only["items"]] == ["basic"]
        assert (await client.get("/v1/health-declines", headers=dan)).json()["items"] == []


async def test_hr_04_an_office_may_look_at_once_and_a_technician_may_not(
    database: Database, world: World, at: datetime
) -> None:
    (scene,), _plant = await make_lines(database, world, 1)
    await read(database, world, scene, at, 98, 90, 80)
    with pytest.raises(Forbidden):
        await run(database, world.alice, "health.look_for_decline")
    with clock.frozen(at + timedelta(days=3)):
        result = await run(database, world.sam, "health.look_for_decline")
    assert [ref["type"] for ref in result["refs"]] == ["health_decline"]
