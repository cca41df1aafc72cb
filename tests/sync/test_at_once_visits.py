"""A phone's work and the dispatcher's meet at one visit, in both orders (SYNC section 2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from fieldops.kernel import points
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits import queries
from tests.support.clients import application, bearer
from tests.support.device import Phone
from tests.support.factories.orders import MadeOrder
from tests.support.factories.visits import assigned_visit, get_visit
from tests.support.run import run
from tests.support.world import World, build_world, id_of
from tests.sync import stage

pytestmark = pytest.mark.anyio


@dataclass
class Morning:
    """Alice's visit, and her phone with what she decided and saw in its queue."""

    database: Database
    world: World
    made: MadeOrder
    phone: Phone

    @property
    def assigning(self) -> tuple[str, dict[str, Any]]:
        """The dispatcher's command that gives the visit to Kim."""
        args = {"visit_id": str(self.made.visit_id), "technician_ids": [str(id_of("kim"))]}
        return "visit.assign", args

    @property
    def cancelling(self) -> tuple[str, dict[str, Any]]:
        return "order.cancel", {"order_id": str(self.made.id), "reason": "withdrawn"}

    async def technicians(self) -> list[str]:
        async with self.database.transaction() as session:
            present = await queries.present(session, 1, [self.made.visit_id])
        names = {id_of(name): name for name in ("alice", "kim")}
        return [names[row.technician_id] for row in present]


@pytest.fixture
async def morning(committed: tuple[Database, Settings]) -> AsyncIterator[Morning]:
    database, settings = committed
    world = await build_world(database)
    made = await assigned_visit(database, world)
    async with application(database, settings) as client:
        phone = Phone(client)
        phone.use_token(bearer(settings, world.alice)["Authorization"].removeprefix("Bearer "))
        await phone.register()
        await phone.pull()
        phone.capture("visit.accept", visit_id=made.visit_id)
        phone.capture("note.add", visit_id=made.visit_id, text="The gate code is 4711.")
        with stage.armed():
            yield Morning(database, world, made, phone)
        phone.db.close()


def ends(results: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(r["status"], r.get("code")) for r in results]


@pytest.mark.parametrize("point", [points.PUSH_COMMAND, points.PUSH_WRITTEN])
async def test_a_visit_is_given_to_another_after_the_push_that_was_under_way(
    morning: Morning, point: str
) -> None:
    """I4. Naive: without locks and versions of records the acceptance of a lost visit stays."""
    name, args = morning.assigning
    pushing = await stage.hold(point, morning.phone.push())
    giving = await stage.meet(
        morning.database, run(morning.database, morning.world.dora, name, **args)
    )
    assert ends(await pushing.goes_on()) == [("applied", None)] * 2
    await giving
    assert await morning.technicians() == ["kim"]
    assert (await get_visit(morning.database, morning.made.visit_id)).state == "dispatched"


async def test_a_push_that_meets_its_visit_being_given_to_another_is_held_and_its_facts_stay(
    morning: Morning,
) -> None:
    """I4, I1. Naive: without locks and versions of records the acceptance takes effect."""
    name, args = morning.assigning
    async with morning.database.transaction() as session:
        await stage.under_way(session, morning.world.dora, name, **args)
        pushing = await stage.meet(morning.database, morning.phone.push())
    assert ends(await pushing) == [("held", "reassigned"), ("applied", None)]
    assert await morning.technicians() == ["kim"]
    await morning.phone.pull()
    assert morning.phone.row("visit", morning.made.visit_id) is None
    assert len(morning.phone.rows("case")) == 1


@pytest.mark.parametrize("point", [points.PUSH_COMMAND, points.PUSH_WRITTEN])
async def test_an_order_is_cancelled_after_the_push_that_was_under_way(
    morning: Morning, point: str
) -> None:
    """I4. Naive: without locks and versions of records a cancelled visit is accepted."""
    name, args = morning.cancelling
    pushing = await stage.hold(point, morning.phone.push())
    cancelling = await stage.meet(
        morning.database, run(morning.database, morning.world.ann, name, **args)
    )
    assert ends(await pushing.goes_on()) == [("applied", None)] * 2
    await cancelling
    assert (await get_visit(morning.database, morning.made.visit_id)).state == "cancelled"


async def test_a_push_that_meets_its_order_being_cancelled_is_judged_after_it(
    morning: Morning,
) -> None:
    """I4, I1. Naive: without locks and versions of records a cancelled visit is accepted."""
    name, args = morning.cancelling
    async with morning.database.transaction() as session:
        await stage.under_way(session, morning.world.ann, name, **args)
        pushing = await stage.meet(morning.database, morning.phone.push())
    assert ends(await pushing) == [("held", "cancelled_after_work"), ("applied", None)]
    assert (await get_visit(morning.database, morning.made.visit_id)).state == "cancelled"
