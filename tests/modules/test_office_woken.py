"""WO-05, CO-02: who is asked to take something over hears of it, by day."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.notifications.models import PushSubscription
from tests.support.factories.complaints import complain, step
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import make_order
from tests.support.run import first_id, run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def browsers_of(database: Database, *people: Actor) -> dict[str, str]:
    """Give people a browser each; returns whose each is."""
    rows = {
        person.id: PushSubscription(
            region_id=1, id=new_id(), person_id=person.id, p256dh="k", auth="s",
            endpoint=f"https://push.example/{person.id}",
        )
        for person in people
    }  # fmt: skip
    async with database.transaction() as session:
        session.add_all(rows.values())
    return {str(row.id): str(person_id) for person_id, row in rows.items()}


async def woken(database: Database, notice: str, of: dict[str, str]) -> set[str]:
    async with database.transaction() as session:
        found: Any = await session.scalars(
            text("select args from procrastinate_jobs where task_name = :task").bindparams(
                task="notifications.wake_browser"
            )
        )
        return {of[args["browser_id"]] for args in found if args["kind"] == notice}


async def test_wo_05_the_person_who_is_offered_a_matter_is_woken_and_nobody_else(
    database: Database, world: World, at: datetime
) -> None:
    of = await browsers_of(database, world.ann, world.sam, world.dora)
    order = await make_order(database, world.dora)
    urged = await run(database, world.dora, "order.urge", order_id=str(order.id), channel="phone")
    offer = {"matter_id": str(first_id(urged, "matter")), "note": "Please call."}
    await run(database, world.dora, "matter.hand_over", **offer, to=str(world.ann.id))
    assert await woken(database, "matter_offered", of) == {str(world.ann.id)}
    with clock.frozen(at + timedelta(hours=16)):  # midnight: the list shows it
        await run(database, world.ann, "matter.accept", matter_id=offer["matter_id"])
        await run(database, world.ann, "matter.hand_over", **offer, to=str(world.sam.id))
    assert await woken(database, "matter_offered", of) == {str(world.ann.id)}


async def test_co_02_an_offered_complaint_wakes_those_who_may_accept_it_in_its_centre(
    database: Database, world: World
) -> None:
    of = await browsers_of(database, world.ann, world.sam, world.dora, world.dan, world.alice)
    async with database.transaction() as session:
        customer = await make_customer(session)
    id_ = await complain(database, world.ann, customer.id)
    await step(database, world.ann, id_, "transfer", department="field", words="Please look.")
    known = {str(world.sam.id), str(world.dora.id)}  # not who asks, not South, no technician
    assert await woken(database, "complaint_offered", of) == known
