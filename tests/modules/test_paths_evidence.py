"""Evidence says what happened in the end: baselines, photos, services after every path."""

from typing import Any

import pytest

from fieldops.checklists import queries as checklists
from fieldops.health.models import HealthReading
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders.commands.catalogue import lay_out_reasons
from tests.support.factories.checklists import bind, make_scene
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.health import take_reading
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import make_order
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")


async def test_hr_01_a_reading_of_an_install_that_failed_is_no_baseline_of_the_next(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await lay_out_reasons(session)
    first = await make_scene(database, [world.alice], INSTALL)
    poor, _record = await take_reading(database, world.alice, first, down_mbps=3, up_mbps=1)
    await run(
        database,
        world.alice,
        "visit.fail",
        visit_id=first.visit,
        reason="plant_fault",
        told_customer="We come back when the fibre is mended.",
        next_step="new_appointment",
    )
    second = await make_scene(database, [world.alice], INSTALL, at=first)
    good, record = await take_reading(database, world.alice, second)
    assert (record.baseline_reading_id, record.baseline_down_mbps) == (good.id, 98.0)
    async with database.transaction() as session:
        former = await session.get_one(HealthReading, (1, poor.id))
    assert (former.is_baseline, good.is_baseline, good.flags) == (False, True, [])


async def test_hr_01_a_reading_of_who_lost_the_visit_gives_way_to_the_one_of_who_has_it(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=scene.visit,
        technician_ids=[str(world.kim.id)],
        override="Kim is nearby.",
    )
    late, record = await take_reading(database, world.alice, scene, down_mbps=40, up_mbps=9)
    assert (late.by_other_technician, record.baseline_reading_id) == (True, late.id)
    good, record = await take_reading(database, world.kim, scene)
    assert record.baseline_reading_id == good.id


async def test_ch_02_a_photo_from_outside_the_visit_does_not_complete_its_list(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    (checklist,) = await bind(database, world.alice, scene)
    link: dict[str, Any] = {
        "sha256": "a" * 64,
        "bytes": 10,
        "mime": "image/jpeg",
        "purpose": "photo",
        "subject_type": "checklist",
        "subject_id": str(checklist.id),
        "item_key": "modem_label",
    }
    with pytest.raises(NotFound):
        await run(database, world.bob, "file.link", **link, visit_id=scene.visit)
    await run(database, world.bob, "file.link", **link)
    async with database.transaction() as session:
        found = await checklists.photographed(session, 1, [checklist.id])
    assert found == {checklist.id: set()}
    await run(database, world.alice, "file.link", **link, visit_id=scene.visit)
    async with database.transaction() as session:
        found = await checklists.photographed(session, 1, [checklist.id])
    assert found == {checklist.id: {"modem_label"}}


async def test_re_02_work_another_department_completed_brings_its_service_along(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        plant = await make_plant(session)
        premises, customer = await make_premises(session), await make_customer(session)
        service = await make_service(
            session, plant, premises=premises, customer=customer, state="planned"
        )
    item: dict[str, Any] = {
        "kind": "install",
        "service": "broadband",
        "technology": "copper",
        "service_id": str(service.id),
    }
    made = await make_order(database, world.dora, item, premises=premises, customer=customer)
    order: dict[str, Any] = {"order_id": str(made.id)}
    await run(
        database,
        world.dora,
        "order.transfer",
        **order,
        reason="cable_fault",
        department="cable",
    )
    await run(database, world.dora, "order.complete", **order)
    async with database.transaction() as session:
        row = await session.get_one(NetworkService, (1, service.id))
        pair = await session.get_one(NetworkFeature, (1, plant.pairs[0].id))
    assert (row.state, pair.state) == ("active", "occupied")
