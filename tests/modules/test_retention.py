"""CU-08: the three-colour list, and the tasks that repair the relationship."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from fieldops.appointments.models import Appointment
from fieldops.followups.models import CareTask, FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.retention import queries
from fieldops.retention.errors import NothingToRepair, NotYourRepairTask, RepairTaskClosed
from fieldops.retention.jobs import open_repair_tasks
from fieldops.retention.models import RepairTask
from fieldops.retention.rules import Colour
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.factories.complaints import complain, step
from tests.support.factories.customers import make_customer
from tests.support.factories.faults import make_street, report
from tests.support.factories.orders import make_order
from tests.support.rows import every
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


async def colour(database: Database, customer_id: UUID, at: datetime) -> Colour:
    async with database.transaction() as session:
        return (await queries.colours(session, 1, [customer_id], at))[customer_id]


async def justified(database: Database, world: World, *, is_so: bool = True) -> UUID:
    """Return a customer whose complaint was decided."""
    async with database.transaction() as session:
        customer = await make_customer(session)
    id_ = await complain(database, world.ann, customer.id)
    named = {"department": "field"} if is_so else {}
    await step(database, world.sam, id_, "decide", justified=is_so, words="seen", **named)
    return customer.id


async def dissatisfied(database: Database, world: World, at: datetime) -> UUID:
    """Return a customer who said in a follow-up that it went badly."""
    order = await make_order(database, world.dora)
    async with database.transaction() as session:
        row = FollowUp(
            region_id=1, customer_id=order.customer.id, centre_id=NORTH, order_id=order.id,
            matter="install", channel="person", state="to_call", finished_at=at, ask_at=at,
            call_at=at, due_at=at, latest_at=at + 3 * DAY, tries=0,
        )  # fmt: skip
        session.add(row)
    said = {"satisfaction": "dissatisfied", "reason": "not_solved"}
    await run(database, world.ann, "follow_up.take", follow_up_id=str(row.id))
    await run(database, world.ann, "follow_up.answer", follow_up_id=str(row.id), **said)
    return order.customer.id


async def all_tasks(database: Database) -> list[RepairTask]:
    async with database.transaction() as session:
        return list(
            await session.scalars(
                select(RepairTask).where(RepairTask.region_id == 1).order_by(RepairTask.id)
            )
        )


async def test_cu_08_a_justified_complaint_makes_red_for_ninety_days_and_an_unjustified_one_not(
    database: Database, world: World, at: datetime
) -> None:
    red, green = await justified(database, world), await justified(database, world, is_so=False)
    assert await colour(database, red, at) is Colour.RED
    assert await colour(database, red, at + 90 * DAY) is Colour.RED
    assert await colour(database, red, at + 90 * DAY + timedelta(seconds=1)) is Colour.GREEN
    assert await colour(database, green, at) is Colour.GREEN


async def test_cu_08_dissatisfied_in_a_follow_up_makes_red_for_ninety_days(
    database: Database, world: World, at: datetime
) -> None:
    customer = await dissatisfied(database, world, at)
    assert await colour(database, customer, at) is Colour.RED
    assert await colour(database, customer, at + 90 * DAY) is Colour.RED
    assert await colour(database, customer, at + 91 * DAY) is Colour.GREEN


async def test_cu_08_a_complaint_justified_after_the_repair_opens_another_task(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    """CU-08: what was not known when the task was closed is not repaired by it."""
    jobs.use(jobs.Machine(database, settings))
    customer = await dissatisfied(database, world, at)
    complaint = await complain(database, world.ann, customer)
    with clock.frozen(at + DAY):
        await open_repair_tasks()
        [task] = await all_tasks(database)
        assert (task.sign, task.colour) == ("dissatisfied", "red")
        await run(database, world.ann, "repair_task.close", repair_task_id=str(task.id),
                  customer_said="Fine now.", settled=True)  # fmt: skip
        await open_repair_tasks()
    assert len(await all_tasks(database)) == 1
    with clock.frozen(at + 2 * DAY):
        await step(database, world.sam, complaint, "decide", justified=True, words="seen",
                   department="field")  # fmt: skip
        await open_repair_tasks()
    [_, second] = await all_tasks(database)
    assert second.sign == "justified_complaint"


async def test_cu_08_a_repeated_fault_makes_yellow(
    database: Database, world: World, at: datetime
) -> None:
    street = await make_street(database)
    service = street.homes[0]
    said = await report(database, world.ann, service)
    await report(database, world.ann, service)  # pressed for while it is open: the same fault
    assert service.customer_id is not None
    assert await colour(database, service.customer_id, at + DAY) is Colour.GREEN
    first = {"report_id": str(first_id(said, "fault_report"))}
    await run(database, world.ann, "fault.settle", **first, works=True)
    with clock.frozen(at + 30 * DAY):
        await report(database, world.ann, service)
    assert await colour(database, service.customer_id, at + 31 * DAY) is Colour.YELLOW
    once = street.homes[1]
    await report(database, world.ann, once)
    assert once.customer_id is not None
    assert await colour(database, once.customer_id, at + DAY) is Colour.GREEN


@pytest.mark.parametrize(
    ("arrived", "cause", "expected"),
    [
        (timedelta(hours=1), None, Colour.GREEN),
        (timedelta(hours=2), None, Colour.GREEN),  # the end of the window is still in it
        (timedelta(hours=2, seconds=1), None, Colour.YELLOW),
        (None, None, Colour.YELLOW),
        (None, "customer", Colour.GREEN),
    ],
)
async def test_cu_08_an_appointment_missed_by_operator_cause_makes_yellow(
    database: Database,
    world: World,
    arrived: timedelta | None,
    cause: str | None,
    expected: Colour,
) -> None:
    made = await planned_visit(database, world.dora)
    await book(database, world.dora, made.visit_id, local(24, 9))
    async with database.transaction() as session:
        await session.execute(
            update(Visit)
            .where(Visit.region_id == 1, Visit.id == made.visit_id)
            .values(arrived_at=None if arrived is None else local(24, 9) + arrived, end_cause=cause)
        )
    assert await colour(database, made.customer_id, local(24, 9)) is Colour.GREEN
    assert await colour(database, made.customer_id, local(25, 9)) is expected


@pytest.mark.parametrize(("times", "expected"), [(1, Colour.GREEN), (2, Colour.YELLOW)])
async def test_cu_08_a_second_reschedule_by_our_cause_makes_yellow(
    database: Database, world: World, at: datetime, times: int, expected: Colour
) -> None:
    made = await planned_visit(database, world.dora)
    await book(database, world.dora, made.visit_id, local(24, 9))
    async with database.transaction() as session:
        await session.execute(
            update(Appointment)
            .where(Appointment.region_id == 1, Appointment.visit_id == made.visit_id)
            .values(operator_reschedules=times)
        )
    assert await colour(database, made.customer_id, at) is expected


async def test_cu_08_red_and_yellow_open_one_task_with_an_owner_closed_with_the_customers_say(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    jobs.use(jobs.Machine(database, settings))
    customer = await justified(database, world)
    await justified(database, world, is_so=False)
    with clock.frozen(at + timedelta(minutes=10)):
        await open_repair_tasks()
        await open_repair_tasks()
    [task] = await all_tasks(database)
    assert (task.customer_id, task.colour, task.sign) == (customer, "red", "justified_complaint")
    assert task.due_at == at + timedelta(minutes=10) + 3 * DAY
    assert task.owner_id == world.ann.id
    with pytest.raises(NothingToRepair):
        await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    said = {"repair_task_id": str(task.id), "customer_said": "All is well.", "settled": True}
    with pytest.raises(NotYourRepairTask):
        await run(database, world.sam, "repair_task.close", **said)
    await run(database, world.sam, "repair_task.take", repair_task_id=str(task.id))
    with clock.frozen(at + DAY):
        await run(database, world.sam, "repair_task.close", **said)
        with pytest.raises(RepairTaskClosed):
            await run(database, world.sam, "repair_task.close", **said)
    with clock.frozen(at + 2 * DAY):
        await open_repair_tasks()  # what happened is repaired
        again = await complain(database, world.ann, customer)
        await step(database, world.sam, again, "decide", justified=True, words="seen",
                   department="field")  # fmt: skip
        with clock.frozen(at + 2 * DAY + timedelta(minutes=10)):
            await open_repair_tasks()
    assert [row.closed_at is None for row in await all_tasks(database)] == [False, True]


async def test_cu_08_care_and_repair_of_a_customer_have_one_owner_whoever_takes_which(
    database: Database, world: World, at: datetime
) -> None:
    customer = await dissatisfied(database, world, at)

    async def owners() -> set[UUID | None]:
        (repair,), (care,) = await all_tasks(database), await every(database, CareTask)
        return {repair.owner_id, care.taken_by}

    await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    assert await owners() == {world.ann.id}
    (repair,), (care,) = await all_tasks(database), await every(database, CareTask)
    await run(database, world.sam, "care_task.take", care_task_id=str(care.id), instead=True)
    assert await owners() == {world.sam.id}
    await run(database, world.ann, "repair_task.take", repair_task_id=str(repair.id))
    assert await owners() == {world.ann.id}


async def test_cu_08_who_cares_already_gets_the_repair(
    database: Database, world: World, at: datetime
) -> None:
    customer = await dissatisfied(database, world, at)
    (care,) = await every(database, CareTask)
    await run(database, world.sam, "care_task.take", care_task_id=str(care.id))
    await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    (repair,) = await all_tasks(database)
    assert repair.owner_id == world.sam.id


async def test_cu_08_the_list_shows_why_and_only_to_who_works_there(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    red = await justified(database, world)
    await justified(database, world, is_so=False)
    await run(database, world.ann, "repair_task.open", customer_id=str(red))

    async def listed(path: str, actor: Any, **query: Any) -> list[Any]:
        found = await client.get(path, params=query, headers=bearer(settings, actor))
        assert found.status_code == 200, found.text
        return list(found.json()["items"])

    [one] = await listed("/v1/coloured-customers", world.sam)
    assert (one["id"], one["colour"], one["signs"], one["times"]) == (
        str(red), "red", ["justified_complaint"], 1,
    )  # fmt: skip
    assert None not in (one["repair_task_id"], one["owner_id"], one["due_at"])
    for asked in ({"colour": "yellow"}, {"sign": "repeated_fault"}, {"tasked": False},
                  {"centre_id": str(SOUTH)}):  # fmt: skip
        assert await listed("/v1/coloured-customers", world.sam, **asked) == [], asked
    for sort in ("last_at", "-times", "tier", "-due_at"):
        assert len(await listed("/v1/coloured-customers", world.sam, sort=sort)) == 1
    found = await client.get(f"/v1/customers/{red}/colour", headers=bearer(settings, world.sam))
    shown = found.json()
    assert (shown["colour"], shown["signs"][0]["record_type"]) == ("red", "complaint")
    assert await listed("/v1/coloured-customers", world.dan) == []
    assert len(await listed("/v1/repair-tasks", world.ann, mine=True)) == 1
    assert await listed("/v1/repair-tasks", world.ann, overdue=True) == []
    assert await listed("/v1/repair-tasks", world.dan) == []
    with clock.frozen(at + 4 * DAY):
        assert len(await listed("/v1/repair-tasks", world.sam, overdue=True)) == 1


async def test_cu_08_without_a_task_are_those_to_whom_one_is_owed(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    """A task that was closed with the customer's say was for what happened before it."""
    customer, erased = await justified(database, world), await justified(database, world)

    async def listed(*, tasked: bool) -> set[str]:
        found = await client.get(
            "/v1/coloured-customers", params={"colour": "red", "tasked": tasked},
            headers=bearer(settings, world.sam),
        )  # fmt: skip
        return {row["id"] for row in found.json()["items"]}

    assert await listed(tasked=False) == {str(customer), str(erased)}
    assert await listed(tasked=True) == set()
    await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    await run(database, world.ada, "customer.erase", customer_id=str(erased),
              ground="customer_request")  # fmt: skip
    assert await listed(tasked=False) == set()
    [task] = await all_tasks(database)
    owner = next(actor for actor in world.actors.values() if actor.id == task.owner_id)
    with clock.frozen(at + timedelta(minutes=5)):
        await run(database, owner, "repair_task.close", repair_task_id=str(task.id),
                  customer_said="All is well again", settled=True)  # fmt: skip
        assert await listed(tasked=False) == set()
        assert str(customer) in await listed(tasked=True)
    with clock.frozen(at + timedelta(minutes=10)):
        again = await complain(database, world.ann, customer)
        await step(database, world.sam, again, "decide", justified=True, words="seen",
                   department="field")  # fmt: skip
        assert await listed(tasked=False) == {str(customer)}


async def test_cu_07_an_erasure_takes_what_the_customer_said_of_a_repair(
    database: Database, world: World
) -> None:
    customer = await justified(database, world)
    result = await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    task_id = first_id(result, "repair_task")
    task = await all_tasks(database)
    owner = world.actors[next(n for n, a in world.actors.items() if a.id == task[0].owner_id)]
    await run(database, owner, "repair_task.close", repair_task_id=str(task_id),
              customer_said="Marmalade", settled=False)  # fmt: skip
    await run(database, world.ada, "customer.erase", customer_id=str(customer),
              ground="customer_request")  # fmt: skip
    [row] = await all_tasks(database)
    assert "Marmalade" not in (row.customer_said or "")
    assert row.settled is False


async def test_cu_07_an_open_repair_task_of_an_erased_customer_is_over(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    jobs.use(jobs.Machine(database, settings))
    customer = await justified(database, world)
    await run(database, world.ann, "repair_task.open", customer_id=str(customer))
    with clock.frozen(at + timedelta(hours=1)):
        await run(database, world.ada, "customer.erase", customer_id=str(customer),
                  ground="customer_request")  # fmt: skip
        await open_repair_tasks()
    [row] = await all_tasks(database)
    assert (row.closed_at, row.settled) == (at + timedelta(hours=1), False)
