"""FO-02, FO-04, ORG-06: the call list: who may call, one person a customer, when to try again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.followups.errors import CallAgainPast, NotTaken, OwnWork, TakenByOther
from fieldops.followups.models import AskedMatter, FollowUp
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Role
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import make_order
from tests.support.run import run
from tests.support.world import FIRM, NORTH, World, build_world, id_of

pytestmark = pytest.mark.anyio

FIXED = {"kind": "install", "service": "fixed_line"}


async def to_call(database: Database, world: World, number: int = 1, **values: Any) -> list[str]:
    """Follow-ups of one customer that a person is to make."""
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=NORTH, tier="gold")
    now = clock.now()
    made = [await make_order(database, world.dora, FIXED, customer=customer) for _ in range(number)]
    found = [
        FollowUp(
            region_id=1, customer_id=customer.id, centre_id=NORTH, order_id=order.id,
            matter="install", channel="person", state="to_call", finished_at=now, ask_at=now,
            call_at=now, due_at=now + timedelta(hours=16), latest_at=now + timedelta(days=3),
            tries=0, **values,
        )
        for order in made
    ]  # fmt: skip
    async with database.transaction() as session:
        session.add_all(found)
        await session.flush()
        session.add_all(
            AskedMatter(region_id=1, follow_up_id=row.id, centre_id=NORTH, order_id=row.order_id)
            for row in found
        )
    return [str(row.id) for row in found]


async def rows(database: Database) -> list[FollowUp]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(FollowUp).where(FollowUp.region_id == 1).order_by(FollowUp.id)
        )
        return list(found)


async def test_fo_04_who_takes_a_call_takes_all_that_this_customer_is_to_be_asked(
    database: Database, world: World
) -> None:
    first, second = await to_call(database, world, 2)
    await run(database, world.ann, "follow_up.take", follow_up_id=first)
    assert [row.taken_by for row in await rows(database)] == [world.ann.id] * 2
    with pytest.raises(TakenByOther):
        await run(database, world.sam, "follow_up.take", follow_up_id=second)
    await run(
        database, world.ann, "follow_up.answer", follow_up_id=second, satisfaction="satisfied"
    )
    assert [row.state for row in await rows(database)] == ["to_call", "answered"]


async def test_fo_04_two_people_who_reach_for_the_same_customer_get_one_call(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    first, second = await to_call(database, world, 2)
    said = await asyncio.gather(
        run(database, world.ann, "follow_up.take", follow_up_id=first),
        run(database, world.sam, "follow_up.take", follow_up_id=second),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in said) == ["TakenByOther", "dict"]
    assert len({row.taken_by for row in await rows(database)}) == 1


async def test_fo_04_a_call_that_is_not_made_is_free_again_after_a_while(
    database: Database, world: World, at: datetime
) -> None:
    (call,) = await to_call(database, world)
    await run(database, world.ann, "follow_up.take", follow_up_id=call)
    with clock.frozen(at + timedelta(minutes=29)), pytest.raises(TakenByOther):
        await run(database, world.sam, "follow_up.take", follow_up_id=call)
    with clock.frozen(at + timedelta(minutes=30)):
        await run(database, world.sam, "follow_up.take", follow_up_id=call)
        with pytest.raises(TakenByOther):
            await run(
                database, world.ann, "follow_up.answer", follow_up_id=call, satisfaction="satisfied"
            )


async def test_fo_02_the_next_try_has_its_time_and_never_lies_in_quiet_hours(
    database: Database, world: World, at: datetime
) -> None:
    first, second = await to_call(database, world, 2)
    with pytest.raises(NotTaken):
        await run(database, world.ann, "follow_up.note_try", follow_up_id=first)
    await run(database, world.ann, "follow_up.take", follow_up_id=first)
    await run(database, world.ann, "follow_up.note_try", follow_up_id=first)
    seen = [(row.tries, row.call_at, row.taken_by) for row in await rows(database)]
    assert seen == [(1, at + timedelta(hours=2), None)] * 2  # nobody was there for either
    await run(database, world.ann, "follow_up.take", follow_up_id=second)
    for wrong in (at - timedelta(minutes=1), at + timedelta(days=4)):
        with pytest.raises(CallAgainPast):
            await run(
                database, world.ann, "follow_up.note_try", follow_up_id=second,
                again_at=wrong.isoformat(),
            )  # fmt: skip
    night = at + timedelta(hours=13, minutes=30)  # 21:30
    await run(
        database, world.ann, "follow_up.note_try", follow_up_id=second, again_at=night.isoformat()
    )
    seen = [(row.tries, row.call_at, row.taken_by) for row in await rows(database)]
    assert seen == [(1, at + timedelta(days=1), None)] * 2  # who named a time was reached


async def test_fo_02_the_list_shows_the_calls_that_can_be_made_now(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    (first,), (second,), (third,) = [await to_call(database, world) for _ in range(3)]
    await run(database, world.ann, "follow_up.take", follow_up_id=first)
    await run(database, world.ann, "follow_up.note_try", follow_up_id=first)
    await run(database, world.ann, "follow_up.take", follow_up_id=second)

    async def listed(**params: Any) -> list[str]:
        answer = await client.get(
            "/v1/follow-ups", headers=bearer(settings, world.sam), params=params
        )
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    assert await listed(free=True) == [third]
    with clock.frozen(at + timedelta(hours=2)):
        latest, *others = await listed(free=True, sort="-call_at")
        assert (latest, sorted(others)) == (first, sorted([second, third]))
    assert await listed(sort="-tries", limit=1) == [first]
    assert await listed(centre_id=str(id_of("south"))) == []


async def test_org_06_the_operators_own_people_ask_and_not_who_did_the_work(
    database: Database, world: World
) -> None:
    (call,) = await to_call(database, world, technician_id=world.kim.id, firm_id=FIRM)
    for nobody in (world.kim, world.mia, world.dora):
        with pytest.raises(Forbidden):
            await run(database, nobody, "follow_up.take", follow_up_id=call)
    at_the_firm = Actor(id_of("mia"), 1, grants=(Grant(Role.AGENT, firm_id=FIRM),))
    with pytest.raises(NotFound):
        await run(database, at_the_firm, "follow_up.take", follow_up_id=call)
    # A contractor's technician who helps out in the call centre still asks nobody.
    helping = Actor(id_of("kim"), 1, grants=(Grant(Role.AGENT, whole_region=True),))
    with pytest.raises(OwnWork):
        await run(database, helping, "follow_up.take", follow_up_id=call)
    (other,) = await to_call(database, world, technician_id=world.alice.id)
    alice = Actor(id_of("alice"), 1, grants=(Grant(Role.AGENT, whole_region=True),))
    with pytest.raises(OwnWork):
        await run(database, alice, "follow_up.take", follow_up_id=other)
    await run(database, alice, "follow_up.take", follow_up_id=call)
