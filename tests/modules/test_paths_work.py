"""Work that joins and leaves a promised visit takes its time and its lists along."""

from typing import Any
from uuid import UUID

import pytest

from fieldops.appointments.models import Reservation
from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.models import Checklist
from fieldops.kernel.db import Database
from fieldops.orders import queries as orders
from fieldops.visits.models import Visit
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.rows import every, one
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_wo_02_work_that_joins_a_promised_visit_takes_time_and_a_checklist(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    async with database.transaction() as session:
        work = await orders.work_orders(session, 1, [planned.order_id])
    broadband = next(row for row in work if row.service == "broadband")
    aside: dict[str, Any] = {
        "order_id": str(planned.order_id),
        "work_order_ids": [str(broadband.id)],
    }
    await run(
        database,
        world.dora,
        "order.suspend",
        **aside,
        reason="waiting_material",
        resume_on="2026-11-24",
    )
    await book(database, world.dora, planned.visit_id, local(24, 10), **window(local(24, 10), 1))
    await run(database, world.dora, "order.resume", **aside)
    assert (await one(database, Visit)).duration_minutes == 120
    reserved = await one(database, Reservation)
    assert (reserved.during.lower, reserved.during.upper) == (local(24, 10), local(24, 12))
    lists = await every(database, Checklist, visit_id=planned.visit_id)
    assert broadband.id in {row.work_order_id for row in lists}


async def test_wo_02_work_that_finds_no_time_on_the_promised_visit_gets_its_own(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    async with database.transaction() as session:
        work = await orders.work_orders(session, 1, [planned.order_id])
    aside: dict[str, Any] = {
        "order_id": str(planned.order_id),
        "work_order_ids": [str(row.id) for row in work if row.service == "broadband"],
    }
    await run(
        database,
        world.dora,
        "order.suspend",
        **aside,
        reason="waiting_material",
        resume_on="2026-11-24",
    )
    await book(database, world.dora, planned.visit_id, local(24, 9), **window(local(24, 9), 1))
    other = await planned_visit(database, world.dora)
    await book(database, world.dora, other.visit_id, local(24, 10), **window(local(24, 10), 1))
    await run(database, world.dora, "order.resume", **aside)
    first = await one(database, Visit, id=planned.visit_id)
    assert first.duration_minutes == 60


async def test_split_work_leaves_its_checklist_and_time_with_the_visit_it_left(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_standard_templates(session)
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    async with database.transaction() as session:
        work = await orders.work_orders(session, 1, [planned.order_id])
    broadband = next(row for row in work if row.service == "broadband")
    await book(database, world.dora, planned.visit_id, local(24, 10), **window(local(24, 10), 1))
    result = await run(
        database,
        world.dora,
        "visit.split",
        visit_id=str(planned.visit_id),
        work_order_ids=[str(broadband.id)],
        reason="The fibre is not there yet.",
    )
    other = [UUID(r["id"]) for r in result["refs"] if r["type"] == "visit"][1]
    reserved = await one(database, Reservation)
    assert reserved.during.upper == local(24, 11)
    await book(database, world.dora, other, local(24, 13), "alice")
    lists = await every(database, Checklist, work_order_id=broadband.id)
    assert other in {row.visit_id for row in lists}
