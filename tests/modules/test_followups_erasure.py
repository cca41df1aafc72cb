"""CU-07: who is erased is asked no more, and nobody is late for it (FO-01, FO-03, AP-03)."""

from datetime import datetime, timedelta

import httpx
import pytest

from fieldops.appointments.jobs import open_due_calls
from fieldops.appointments.models import Appointment, CallTask
from fieldops.followups.errors import AlreadyAsked, CareTaskClosed
from fieldops.followups.jobs import follow_clock
from fieldops.followups.models import CareTask, FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder, WorkOrder
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import make_order
from tests.support.factories.visits import begun_visit, complete
from tests.support.rows import every
from tests.support.run import run
from tests.support.warned import warned
from tests.support.world import NORTH, World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("evidence_is_complete")]

FIXED = {"kind": "install", "service": "fixed_line"}
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def erase(database: Database, world: World, customer_id: object) -> None:
    await run(database, world.ada, "customer.erase", customer_id=str(customer_id),
              ground="customer_request")  # fmt: skip


async def answered(database: Database, world: World, satisfaction: str) -> None:
    (call,) = await every(database, FollowUp, state="to_call")
    args = {"follow_up_id": str(call.id)}
    await run(database, world.ann, "follow_up.take", **args)
    await run(database, world.ann, "follow_up.answer", **args, satisfaction=satisfaction,
              reason="cost")  # fmt: skip


async def test_cu_07_fo_01_an_erased_customer_leaves_every_list_and_is_late_for_nobody(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH, tier="gold")
    first = await begun_visit(database, world, FIXED, customer=customer)
    await complete(database, world.alice, first.visit_id)
    await answered(database, world, "dissatisfied")
    second = await begun_visit(database, world, FIXED, customer=customer)
    await complete(database, world.alice, second.visit_id)
    with clock.frozen(at + HOUR):
        await erase(database, world, customer.id)
    call, said = await every(database, FollowUp, order_id=second.id) + await every(
        database, FollowUp, order_id=first.id
    )
    assert (call.state, said.state, said.satisfaction) == ("withdrawn", "answered", "dissatisfied")
    (task,) = await every(database, CareTask)
    assert (task.closed_at, task.closed_by, task.customer_agreed) == (at + HOUR, None, None)
    with pytest.raises(AlreadyAsked):
        await run(database, world.ann, "follow_up.take", follow_up_id=str(call.id))
    with pytest.raises(CareTaskClosed):
        await run(database, world.ann, "care_task.take", care_task_id=str(task.id))
    with clock.frozen(at + 7 * DAY):
        headers = bearer(settings, world.sam)
        jobs.use(Machine(database, settings))
        await follow_clock()
        abouts = ("follow_up", "follow_up_latest", "care_task")
        assert await warned(database, settings, world, *abouts) == []
        for url in ("/v1/follow-ups?free=true", "/v1/follow-ups?overdue=true",
                    "/v1/follow-ups?escalated=true", "/v1/care-tasks?open=true",
                    "/v1/care-tasks?escalated=true"):  # fmt: skip
            assert (await client.get(url, headers=headers)).json()["items"] == [], url
        span = {"from": "2026-11-01", "until": "2026-12-01", "period": "month"}
        counted = await client.get("/v1/follow-ups/statistics", headers=headers, params=span)
    (month,) = counted.json()["items"]
    assert (month["planned"], month["in_time"]) == (1, 1)


async def test_cu_07_fo_01_work_that_ends_after_the_erasure_asks_nobody(
    database: Database, world: World, settings: Settings
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    visited = await begun_visit(database, world, FIXED, customer=customer)
    without = await make_order(database, world.dora, FIXED, customer=customer)
    await erase(database, world, customer.id)
    await complete(database, world.alice, visited.visit_id)
    async with database.transaction() as session:
        order = await session.get_one(ServiceOrder, (1, without.id))
        work = await session.get_one(WorkOrder, (1, without.work[0]))
        order.state = work.state = "completed"
        order.closed_at = clock.now()
    jobs.use(Machine(database, settings))
    await follow_clock()
    assert await every(database, FollowUp) == []


async def test_cu_07_ap_04_a_call_to_an_erased_customer_is_withdrawn_and_no_other_opened(
    database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    made = await book(database, world.dora, planned.visit_id, local(25, 10))
    jobs.use(Machine(database, settings))
    with clock.frozen(local(25, 8)):
        await open_due_calls()
    (task,) = await every(database, CallTask, done_at=None)
    with clock.frozen(local(25, 8, 5)):
        await erase(database, world, task.customer_id)
    (over,) = await every(database, CallTask)
    assert (over.done_at, over.outcome, over.done_by) == (local(25, 8, 5), "withdrawn", None)
    async with database.transaction() as session:
        row = await session.get_one(Appointment, (1, made))
        row.window_start += HOUR  # what a new window would bring on the ladder
        row.window_end += HOUR
    with clock.frozen(local(25, 9)):
        await open_due_calls()
    assert await every(database, CallTask, done_at=None) == []
