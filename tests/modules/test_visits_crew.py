"""Who goes and when they leave, as visits come, go and change hands: VI-01 and VI-02."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, select

from fieldops.kernel import clock, commands
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.visits.commands import set_window
from fieldops.visits.errors import NotOnVisit
from fieldops.visits.models import Assignment, Notice, Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.factories.customers import make_premises
from tests.support.factories.orders import BROADBAND, FIXED_LINE, MadeOrder, make_order
from tests.support.factories.visits import assigned_visit, from_phone, get_visit
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


async def assignment(database: Database, visit_id: UUID, name: str = "alice") -> Assignment:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Assignment).where(
                Assignment.region_id == 1,
                Assignment.visit_id == visit_id,
                Assignment.technician_id == id_of(name),
                Assignment.ended_at.is_(None),
            )
        )
        return found.one()


async def departure(database: Database, made: MadeOrder) -> tuple[int | None, datetime | None]:
    row = await assignment(database, made.visit_id)
    return row.travel_seconds, row.latest_departure_at


async def far_visit(
    database: Database, world: World, start: datetime, east: float, **args: Any
) -> MadeOrder:
    async with database.transaction() as session:
        premises = await make_premises(session, longitude=24.94 + east)
    return await assigned_visit(database, world, start=start, premises=premises, **args)


async def cancel(database: Database, world: World, made: MadeOrder) -> None:
    await run(database, world.dora, "visit.cancel", visit_id=str(made.visit_id), reason="planning")


async def test_vi_02_the_next_departure_follows_a_visit_that_comes_before_it_and_goes_again(
    database: Database, world: World, at: datetime
) -> None:
    later = await far_visit(database, world, at + timedelta(hours=7), 0.0)
    last = await far_visit(database, world, at + timedelta(hours=8), 0.05)
    before, untouched = await departure(database, later), await departure(database, last)
    between = await far_visit(database, world, at + timedelta(hours=5), 0.30)
    during = await departure(database, later)
    assert before[0] is not None
    assert during[0] is not None
    assert during[0] > before[0] + 600  # from the other end of the city now
    assert during[1] is not None
    assert before[1] is not None
    earlier = (before[1] - during[1]).total_seconds()
    assert abs(earlier - (during[0] - before[0])) <= 1  # both are whole seconds
    assert await departure(database, last) == untouched  # only the visit right after it
    await cancel(database, world, between)
    assert await departure(database, later) == before


async def test_vi_02_the_next_departure_follows_a_visit_given_to_somebody_else_and_back(
    database: Database, world: World, at: datetime
) -> None:
    later = await far_visit(database, world, at + timedelta(hours=7), 0.0)
    before = await departure(database, later)
    start = at + timedelta(hours=5)
    async with database.transaction() as session:
        premises = await make_premises(session, longitude=25.24)
    made = await assigned_visit(database, world, FIXED_LINE, start=start, premises=premises)

    async def give(name: str) -> None:
        await run(
            database, world.dora, "visit.assign", visit_id=str(made.visit_id),
            technician_ids=[str(id_of(name))], reason="another day of theirs",
        )  # fmt: skip

    during = await departure(database, later)
    assert during != before
    await give("bob")
    assert await departure(database, later) == before
    await give("alice")
    assert await departure(database, later) == during


async def test_vi_02_the_next_departure_follows_a_visit_whose_technicians_are_taken_off(
    database: Database, world: World, at: datetime
) -> None:
    later = await far_visit(database, world, at + timedelta(hours=7), 0.0)
    before = await departure(database, later)
    start = at + timedelta(hours=5)
    made = await far_visit(database, world, start, 0.3)
    assert await departure(database, later) != before
    spec = commands.REGISTRY["visit.assign", 1]
    async with database.transaction() as session:
        envelope = Envelope(new_id(), "visit.assign", {})
        ctx = commands.Context(session, world.dora, clock.now(), envelope, spec)
        session.info["context"] = ctx
        visit = await session.get_one(Visit, (1, made.visit_id))
        window = (visit.window_start, visit.window_end)
        # As a published plan does with a promise that it cannot keep: the window stays.
        await set_window(ctx, visit, *window, (), expected_arrival=visit.expected_arrival)
    assert await departure(database, later) == before


async def test_vi_02_the_visits_after_are_looked_at_only_when_somebody_comes_goes_or_is_due_later(
    database: Database, world: World, at: datetime
) -> None:
    later = await far_visit(database, world, at + timedelta(hours=7), 0.0)
    async with database.transaction() as session:
        premises = await make_premises(session, longitude=25.24)
    start = at + timedelta(hours=5)
    made = await assigned_visit(database, world, FIXED_LINE, start=start, premises=premises)
    known = await departure(database, later)
    looked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "SKIP LOCKED" in statement and "visits_assignment" in statement:
            looked.append(statement)

    async def give(*names: str) -> int:
        looked.clear()
        await run(
            database, world.dora, "visit.assign", visit_id=str(made.visit_id),
            technician_ids=[str(id_of(name)) for name in names], reason="as it is best",
        )  # fmt: skip
        return len(looked)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        assert await give("alice") == 0
        assert await departure(database, later) == known
        assert await give("bob") == 1
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_vi_02_a_departure_that_has_happened_is_not_worked_out_again(
    database: Database, world: World, at: datetime
) -> None:
    later = await far_visit(database, world, at + timedelta(hours=7), 0.0)
    await from_phone(database, world.alice, "visit.depart", visit_id=str(later.visit_id))
    before = await departure(database, later)
    await far_visit(database, world, at + timedelta(hours=5), 0.30)
    assert await departure(database, later) == before


async def test_vi_02_two_visits_in_one_window_each_have_their_own_latest_departure(
    database: Database, world: World
) -> None:
    opens, step = local(24, 13), timedelta(seconds=1)
    first = await planned_visit(database, world.dora)
    second = await planned_visit(database, world.dora, longitude=24.99)
    await book(database, world.dora, first.visit_id, opens)
    await book(database, world.dora, second.visit_id, opens)
    visit = await get_visit(database, second.visit_id)
    assert visit.window_start == opens
    assert visit.expected_arrival is not None
    earlier = await assignment(database, first.visit_id)
    later = await assignment(database, second.visit_id)
    for row, due in ((earlier, opens - timedelta(minutes=5)), (later, visit.expected_arrival)):
        assert row.latest_departure_at is not None
        assert row.travel_seconds is not None
        left = due - row.latest_departure_at - timedelta(seconds=row.travel_seconds)
        assert -step <= left <= step  # whole seconds are rounded up
    assert later.latest_departure_at is not None
    assert later.latest_departure_at >= opens + timedelta(hours=1)  # the first is done by then


async def test_vi_02_the_kit_check_counts_only_for_the_list_it_was_made_by(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world, BROADBAND)
    kit = {"tools": True, "materials": True, "spares": True, "papers": True}
    await from_phone(database, world.alice, "visit.confirm_kit", visit_id=str(made.visit_id), **kit)
    add = {"order_id": str(made.id), "reason": "the customer called"}
    checked = await get_visit(database, made.visit_id)
    assert checked.kit_confirmed_at is not None
    await run(database, world.dora, "order.add_items", items=[FIXED_LINE], **add)
    fresh = await get_visit(database, made.visit_id)
    assert "test telephone" in fresh.kit["tools"]
    assert fresh.kit_confirmed_at is None


async def set_contact(
    database: Database, world: World, made: MadeOrder, name: str, who: str = "dora"
) -> None:
    await run(
        database, world.actors[who], "visit.set_contact", visit_id=str(made.visit_id),
        contact_id=str(id_of(name)), reason="speaks the customer's language",
    )  # fmt: skip


async def test_vi_01_another_of_the_crew_becomes_the_one_contact_and_everybody_is_told(
    database: Database, world: World
) -> None:
    made = await assigned_visit(
        database, world, BROADBAND, FIXED_LINE, technicians=("alice", "bob")
    )
    for _twice in range(2):
        await set_contact(database, world, made, "bob")
        assert not (await assignment(database, made.visit_id, "alice")).is_contact
        assert (await assignment(database, made.visit_id, "bob")).is_contact
    async with database.transaction() as session:
        told = await session.scalars(
            select(Notice.technician_id).where(
                Notice.region_id == 1,
                Notice.visit_id == made.visit_id,
                Notice.kind == "work_changed",
            )
        )
        assert sorted(told) == sorted([id_of("alice"), id_of("bob")])  # once: nothing was new


async def test_vi_01_only_one_of_the_crew_is_made_the_contact_and_only_by_its_dispatcher(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    with pytest.raises(NotOnVisit):
        await set_contact(database, world, made, "bob")
    with pytest.raises(NotFound):
        await set_contact(database, world, made, "alice", who="dan")
    with pytest.raises(Forbidden):
        await set_contact(database, world, made, "alice", who="alice")
    assert (await assignment(database, made.visit_id)).is_contact


async def test_vi_01_an_order_has_one_named_contact_for_all_its_trades_though_it_is_split(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)

    async def contact() -> Any:
        answer = await client.get(
            f"/v1/orders/{made.id}/contact", headers=bearer(settings, world.ann)
        )
        return answer.json()

    assert await contact() is None
    result = await run(
        database, world.dora, "visit.split", visit_id=str(made.visit_id),
        work_order_ids=[str(made.work[1])], reason="two days",
    )  # fmt: skip
    other = next(UUID(r["id"]) for r in result["refs"] if UUID(r["id"]) != made.visit_id)

    async def assign(visit_id: UUID, start: datetime, *names: str) -> None:
        await run(
            database, world.dora, "visit.assign", visit_id=str(visit_id),
            technician_ids=[str(id_of(name)) for name in names],
            window_start=start.isoformat(), window_end=(start + timedelta(hours=2)).isoformat(),
        )  # fmt: skip

    await assign(made.visit_id, at + timedelta(hours=1), "alice")
    await assign(other, at + timedelta(days=1, hours=1), "bob", "alice")
    assert (await assignment(database, other, "alice")).is_contact  # not Bob, who is named first
    assert await contact() == {
        "visit_id": str(made.visit_id),
        "technician_id": str(id_of("alice")),
        "technician_name": "Alice",
    }
    assert (await assignment(database, other, "bob")).technician_name == "Bob"
