"""FO-01, FO-04: every finished matter is asked about, and each of them once.

Complaints and the orders they are about, split orders, events that come twice or not at all.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.complaints.events import ComplaintClosed
from fieldops.followups.jobs import follow_clock
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Context
from fieldops.kernel.db import Database
from fieldops.kernel.events import _reactions
from fieldops.kernel.settings import Settings
from fieldops.visits.events import VisitCompleted
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.complaints import complain, step
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import MadeOrder, make_order
from tests.support.factories.visits import (
    arrive,
    begun_visit,
    complete,
    confirm_identity,
    from_phone,
)
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import NORTH, World, build_world

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("evidence_is_complete")]

FIXED = {"kind": "install", "service": "fixed_line"}
REPLY = {"reply": "We have moved the socket.", "channel": "phone"}


async def begun(database: Database, world: World, *, tier: str = "basic") -> MadeOrder:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH, tier=tier)
    return await begun_visit(database, world, FIXED, customer=customer)


async def asked(database: Database) -> list[tuple[str, str, int]]:
    """Each follow-up with what it is about, how it stands, and how many matters it asks for."""
    matters = await every(database, AskedMatter)
    return [
        (row.matter, row.state, sum(one.follow_up_id == row.id for one in matters))
        for row in await every(database, FollowUp)
    ]


async def closed(database: Database, world: World, made: MadeOrder, **args: Any) -> UUID:
    """A complaint about an order that is taken and answered."""
    id_ = await complain(database, world.ann, made.customer.id, order_id=str(made.id), **args)
    await step(database, world.ann, id_, "reply", **REPLY)
    return id_


async def clocked(database: Database, settings: Settings) -> None:
    jobs.use(jobs.Machine(database, settings))
    await follow_clock()


async def test_fo_01_a_complaint_is_followed_up_with_the_reply_that_closes_it(
    database: Database, world: World, at: datetime
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    id_ = await complain(database, world.ann, customer.id, centre_id=str(NORTH))
    assert await asked(database) == []
    await step(database, world.ann, id_, "reply", **REPLY)
    (row,) = await every(database, FollowUp)
    assert (row.matter, row.customer_id, row.finished_at) == ("complaint", customer.id, at)
    assert (row.state, row.latest_at) == ("to_call", at + timedelta(days=3))  # about no visit


async def test_fo_02_a_complaint_about_a_visit_can_be_asked_by_message(
    database: Database, world: World
) -> None:
    made = await begun(database, world)
    await closed(database, world, made)
    assert await asked(database) == [("complaint", "to_call", 1)]  # the visit is not done
    await complete(database, world.alice, made.visit_id)
    assert await asked(database) == [("complaint", "to_call", 2)]  # one question for both
    other = await begun(database, world)
    await complete(database, world.alice, other.visit_id)
    (_, second) = await every(database, FollowUp)
    await run(
        database, system(1), "follow_up.answer_automatic", follow_up_id=str(second.id),
        satisfaction="satisfied", channel="link",
    )  # fmt: skip
    await closed(database, world, other)
    assert (await asked(database))[2] == ("complaint", "waiting", 1)


async def test_fo_04_who_complains_before_being_asked_is_asked_once_about_both_by_a_person(
    database: Database, world: World, settings: Settings
) -> None:
    made = await begun(database, world)
    await complete(database, world.alice, made.visit_id)
    assert await asked(database) == [("install", "waiting", 1)]
    id_ = await complain(database, world.ann, made.customer.id, order_id=str(made.id))
    assert await asked(database) == [("install", "to_call", 1)]  # no message to who complains
    await step(database, world.ann, id_, "reply", **REPLY)
    await clocked(database, settings)
    assert await asked(database) == [("install", "to_call", 2)]


async def test_fo_04_a_complaint_is_not_asked_about_while_its_answer_is_being_settled(
    database: Database, world: World
) -> None:
    made = await begun(database, world)
    await complete(database, world.alice, made.visit_id)
    (row,) = await every(database, FollowUp)
    await run(
        database, system(1), "follow_up.answer_automatic", follow_up_id=str(row.id),
        satisfaction="dissatisfied", channel="reply",
    )  # fmt: skip
    await closed(database, world, made)
    assert await asked(database) == [("install", "answered", 2)]
    (task,) = await every(database, CareTask)
    assert task.closed_at is None


async def test_fo_04_a_repeated_complaint_joins_the_question_about_the_first(
    database: Database, world: World
) -> None:
    made = await begun(database, world)
    await closed(database, world, made)
    await closed(database, world, made)
    await closed(database, world, made, topic="billing")
    assert await asked(database) == [("complaint", "to_call", 3)]


async def test_fo_04_a_split_order_is_asked_about_once_with_its_last_visit(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH)
    made = await make_order(database, world.dora, FIXED, FIXED, customer=customer)
    await run(
        database, world.dora, "visit.split", visit_id=str(made.visit_id),
        work_order_ids=[str(made.work[1])], reason="no technician for both this week",
    )  # fmt: skip
    for count, visit in enumerate(await every(database, Visit)):
        opens = at + timedelta(hours=1 + 2 * count)
        await run(
            database, world.dora, "visit.assign", visit_id=str(visit.id),
            technician_ids=[str(world.alice.id)], window_start=opens.isoformat(),
            window_end=(opens + timedelta(hours=2)).isoformat(),
        )  # fmt: skip
        with clock.frozen(opens):
            await arrive(database, world.alice, visit.id)
            await confirm_identity(database, world.alice, visit.id)
            one = {"visit_id": str(visit.id)}
            await from_phone(database, world.alice, "visit.start", **one)
            await complete(database, world.alice, visit.id)
            await clocked(database, settings)
        assert len(await every(database, FollowUp)) == count
    assert await asked(database) == [("install", "waiting", 1)]
    assert (await every(database, FollowUp))[0].visit_id == visit.id


async def test_fo_01_an_event_that_comes_twice_plans_once(
    database: Database, world: World, settings: Settings
) -> None:
    made = await begun(database, world)
    double = [*_reactions[VisitCompleted], *_reactions[VisitCompleted]]
    twice = [*_reactions[ComplaintClosed], *_reactions[ComplaintClosed]]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(_reactions, VisitCompleted, double)
        patched.setitem(_reactions, ComplaintClosed, twice)
        await complete(database, world.alice, made.visit_id)
        async with database.transaction() as session:
            customer = await make_customer(session, centre_id=NORTH)
        id_ = await complain(database, world.ann, customer.id, centre_id=str(NORTH))
        await step(database, world.ann, id_, "reply", **REPLY)
    await clocked(database, settings)
    assert [(one[0], one[2]) for one in await asked(database)] == [("install", 1), ("complaint", 1)]


async def test_fo_01_what_died_in_between_left_nothing_and_what_was_lost_is_found(
    database: Database, world: World, settings: Settings
) -> None:
    made = await begun(database, world)

    async def dies(_ctx: Context, _event: VisitCompleted) -> None:
        raise ConnectionError

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(_reactions, VisitCompleted, [*_reactions[VisitCompleted], dies])
        with pytest.raises(ConnectionError):
            await complete(database, world.alice, made.visit_id)
        assert await asked(database) == []  # neither completed nor planned
        patched.setitem(_reactions, VisitCompleted, [])
        patched.setitem(_reactions, ComplaintClosed, [])
        await complete(database, world.alice, made.visit_id)
        async with database.transaction() as session:
            customer = await make_customer(session, centre_id=NORTH)
        id_ = await complain(database, world.ann, customer.id, centre_id=str(NORTH))
        await step(database, world.ann, id_, "reply", **REPLY)
    assert await asked(database) == []
    await clocked(database, settings)
    await clocked(database, settings)
    assert [(one[0], one[2]) for one in await asked(database)] == [("install", 1), ("complaint", 1)]


async def test_fo_04_two_who_plan_at_the_same_moment_plan_once(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    made = await make_order(database, world.dora, FIXED)
    id_ = await complain(database, world.ann, made.customer.id, order_id=str(made.id))
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(_reactions, ComplaintClosed, [])
        await step(database, world.ann, id_, "reply", **REPLY)
    plan = {"complaint_id": str(id_)}
    await asyncio.gather(
        *(run(database, system(1), "follow_up.plan_complaint", **plan) for _ in range(4))
    )
    assert await asked(database) == [("complaint", "to_call", 1)]


async def test_fo_02_the_script_speaks_of_the_complaint_and_of_what_was_said_before(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    made = await begun(database, world, tier="gold")
    await complete(database, world.alice, made.visit_id)
    (first,) = await every(database, FollowUp)
    call = {"follow_up_id": str(first.id)}
    await run(database, world.ann, "follow_up.take", **call)
    await run(database, world.ann, "follow_up.answer", **call, satisfaction="satisfied")
    with clock.frozen(at + timedelta(days=1)):
        await closed(database, world, made, topic="speed")
        await complain(database, world.ann, made.customer.id, topic="billing")
    _, row = await every(database, FollowUp)
    url = f"/v1/follow-ups/{row.id}/script"
    answer = await client.get(url, headers=bearer(settings, world.ann))
    lines = {one["key"]: one for one in answer.json()}
    assert lines["complained"]["en"].startswith("The customer complained about the speed on 2026")
    assert "网速" in lines["complained"]["zh_cn"]
    assert "satisfied. Do not ask about that again" in lines["asked_before"]["en"]
    assert "the bill" in lines["complaint_open"]["en"]
    assert not {"kept", "not_kept", "measured"} & lines.keys()  # the work is not asked about
