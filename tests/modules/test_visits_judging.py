"""Every row of the table of SYNC section 2: reassigned, cancelled, moved meanwhile."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from fieldops.kernel import clock, commands
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.orders.models import WorkOrder
from fieldops.visits.commands import set_window
from fieldops.visits.errors import (
    CancelledAfterWork,
    NotYourVisit,
    Reassigned,
    Superseded,
    VisitCancelled,
)
from fieldops.visits.models import Assignment, Visit, VisitFact
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import BROADBAND, REPAIR, MadeOrder
from tests.support.factories.visits import (
    PHONE,
    arrive,
    assigned_visit,
    begun_visit,
    captured,
    confirm_identity,
    from_phone,
    get_visit,
)
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

TOLD = {
    "reason": "plant_fault",
    "told_customer": "A colleague comes tomorrow.",
    "next_step": "new_appointment",
}


async def give_to(database: Database, world: World, visit_id: UUID, name: str) -> None:
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(visit_id),
        technician_ids=[str(id_of(name))],
        reason="Alice is held up.",
    )


async def cancel(database: Database, world: World, visit_id: UUID) -> None:
    await run(database, world.dora, "visit.cancel", visit_id=str(visit_id), reason="planning")


async def accepted_at_desk(
    database: Database, actor: Actor, name: str, at: datetime, **args: Any
) -> None:
    """Run a held command again as the technician's, accepted by a dispatcher."""
    envelope = Envelope(new_id(), name, args, device_id=PHONE, captured=captured(at))
    async with database.transaction() as session:
        await commands.run(session, actor, envelope, clock.now(), accepted=True)


async def facts(database: Database, visit_id: UUID) -> list[VisitFact]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(VisitFact)
            .where(VisitFact.region_id == 1, VisitFact.visit_id == visit_id)
            .order_by(VisitFact.id)
        )
        return list(found)


async def on_visit(database: Database, visit_id: UUID) -> list[tuple[UUID, bool, str]]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Assignment).where(
                Assignment.region_id == 1,
                Assignment.visit_id == visit_id,
                Assignment.ended_at.is_(None),
            )
        )
        return [(row.technician_id, row.is_contact, row.state) for row in found]


async def states(database: Database, made: MadeOrder) -> list[str]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(WorkOrder.state).where(WorkOrder.region_id == 1, WorkOrder.order_id == made.id)
        )
        return list(found)


async def visits(database: Database, made: MadeOrder) -> list[str]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Visit.state)
            .where(Visit.region_id == 1, Visit.order_id == made.id)
            .order_by(Visit.id)
        )
        return list(found)


# Reassigned, new technician not started


@pytest.mark.parametrize(
    ("name", "args"),
    [("visit.accept", {}), ("visit.start", {}), ("visit.fail", TOLD), ("visit.complete", {})],
)
async def test_reassigned_and_not_started_a_decision_is_held(
    database: Database, world: World, name: str, args: dict[str, str]
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    with pytest.raises(Reassigned) as caught:
        await from_phone(database, world.alice, name, visit_id=str(made.visit_id), **args)
    assert caught.value.details["technicians"] == "Kim"
    assert (await get_visit(database, made.visit_id)).state == "dispatched"


async def test_reassigned_facts_are_stored_as_another_technicians_and_move_nothing(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    await arrive(database, world.alice, made.visit_id)
    await from_phone(database, world.alice, "note.add", visit_id=str(made.visit_id), text="Dog.")
    assert [(f.kind, f.by_other_technician) for f in await facts(database, made.visit_id)] == [
        ("arrival", True),
        ("note", True),
    ]
    visit = await get_visit(database, made.visit_id)
    assert (visit.state, visit.arrived_at) == ("dispatched", None)


async def test_reassigned_accepting_gives_the_visit_back_where_the_facts_say_it_was(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    arrived = at + timedelta(minutes=65)
    await arrive(database, world.alice, made.visit_id, arrived)
    await confirm_identity(database, world.alice, made.visit_id, arrived)
    start = arrived + timedelta(minutes=5)
    await accepted_at_desk(database, world.alice, "visit.start", start, visit_id=str(made.visit_id))
    assert await on_visit(database, made.visit_id) == [(id_of("alice"), True, "working")]
    visit = await get_visit(database, made.visit_id)
    assert (visit.state, visit.arrived_at, visit.started_at) == ("in_progress", arrived, start)
    assert visit.identity_confirmed_at == arrived
    assert await states(database, made) == ["in_progress"]
    stored = await facts(database, made.visit_id)
    assert not next(f for f in stored if f.kind == "arrival").by_other_technician


async def test_reassigned_a_technician_online_is_told_at_once(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    with pytest.raises(NotYourVisit):
        await run(database, world.alice, "visit.accept", visit_id=str(made.visit_id))


async def test_reassigned_an_order_is_not_suspended_by_who_lost_it(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    with pytest.raises(Reassigned):
        await from_phone(
            database,
            world.alice,
            "order.suspend",
            order_id=str(made.id),
            reason="no_access",
            resume_on="2026-12-01",
        )
    assert await states(database, made) == ["dispatched"]


@pytest.mark.parametrize("name", ["network.swap_pair", "network.mark_pair_bad"])
async def test_reassigned_the_plant_follows_the_same_table(
    database: Database, world: World, name: str
) -> None:
    """Master data is a decision and held; an observed bad pair is a fact and stored."""
    made = await assigned_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
    await give_to(database, world, made.visit_id, "kim")
    visit = {"visit_id": str(made.visit_id), "reason": "noise"}
    pair = str(plant.pairs[0].id)
    if name == "network.mark_pair_bad":
        await from_phone(database, world.alice, name, feature_id=pair, **visit)
        return
    with pytest.raises(Reassigned):
        await from_phone(
            database,
            world.alice,
            name,
            service_id=str(service.id),
            from_id=pair,
            to_id=str(plant.pairs[1].id),
            **visit,
        )


# Reassigned, new one started


async def test_reassigned_and_started_a_decision_is_rejected_with_both_shown(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    await arrive(database, world.kim, made.visit_id)
    await from_phone(database, world.kim, "visit.start", visit_id=str(made.visit_id))
    with pytest.raises(Superseded) as caught:
        await from_phone(database, world.alice, "visit.accept", visit_id=str(made.visit_id))
    assert caught.value.details == {"technicians": "Kim", "state": "in_progress"}
    assert caught.value.next_steps == ("note.add",)


async def test_reassigned_and_started_facts_are_stored_as_another_technicians(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    await arrive(database, world.kim, made.visit_id)
    await from_phone(database, world.kim, "visit.start", visit_id=str(made.visit_id))
    before = await get_visit(database, made.visit_id)
    await arrive(database, world.alice, made.visit_id)
    assert (await facts(database, made.visit_id))[-1].by_other_technician
    assert (await get_visit(database, made.visit_id)).version == before.version


async def test_reassigned_and_started_not_even_the_desk_takes_the_visit_back(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    await give_to(database, world, made.visit_id, "kim")
    await arrive(database, world.kim, made.visit_id)
    await from_phone(database, world.kim, "visit.start", visit_id=str(made.visit_id))
    with pytest.raises(Superseded):
        await accepted_at_desk(
            database, world.alice, "visit.accept", at, visit_id=str(made.visit_id)
        )


# Cancelled before the capture


async def test_cancelled_before_the_capture_a_decision_is_rejected(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    await cancel(database, world, made.visit_id)
    with pytest.raises(VisitCancelled):
        await from_phone(
            database,
            world.alice,
            "visit.accept",
            at + timedelta(minutes=1),
            visit_id=str(made.visit_id),
        )


async def test_cancelled_facts_are_stored_and_move_nothing(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    await cancel(database, world, made.visit_id)
    await arrive(database, world.alice, made.visit_id, at + timedelta(minutes=1))
    (fact,) = await facts(database, made.visit_id)
    assert (fact.kind, fact.by_other_technician) == ("arrival", False)
    assert (await get_visit(database, made.visit_id)).state == "cancelled"


# Cancelled after the capture


async def test_cancelled_after_the_capture_a_decision_is_held(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    with clock.frozen(at + timedelta(hours=3)):
        await cancel(database, world, made.visit_id)
        with pytest.raises(CancelledAfterWork):
            await from_phone(
                database,
                world.alice,
                "visit.fail",
                at + timedelta(hours=2),
                visit_id=str(made.visit_id),
                **TOLD,
            )
        assert await states(database, made) == ["received"]


async def test_cancelled_after_the_capture_accepting_lets_the_visit_take_place_after_all(
    database: Database, world: World, at: datetime
) -> None:
    """The visit planned instead ends, and its work comes back to where it was done."""
    made = await begun_visit(database, world, BROADBAND)
    with clock.frozen(at + timedelta(hours=3)):
        await cancel(database, world, made.visit_id)
        assert await visits(database, made) == ["cancelled", "planned"]
        await accepted_at_desk(
            database,
            world.alice,
            "visit.fail",
            at + timedelta(hours=2),
            visit_id=str(made.visit_id),
            reason="site_not_ready",
            told_customer="We come back when the duct is dry.",
            next_step="suspend",
            resume_on="2026-12-01",
        )
    assert await visits(database, made) == ["failed", "cancelled"]
    assert await states(database, made) == ["suspended"]


async def test_cancelled_with_its_order_accepting_brings_the_work_back(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    with clock.frozen(at + timedelta(hours=3)):
        await run(database, world.ann, "order.cancel", order_id=str(made.id), reason="withdrawn")
        await arrive(database, world.alice, made.visit_id, at + timedelta(hours=1))
        await accepted_at_desk(
            database,
            world.alice,
            "visit.start",
            at + timedelta(hours=2),
            visit_id=str(made.visit_id),
        )
    assert await states(database, made) == ["in_progress"]
    assert (await get_visit(database, made.visit_id)).cancelled_at is None


async def test_cancelled_and_planned_again_the_desk_does_not_stop_who_is_on_the_way(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    with clock.frozen(at + timedelta(hours=1)):
        await cancel(database, world, made.visit_id)
        async with database.transaction() as session:
            other = await session.scalar(
                select(Visit.id).where(
                    Visit.region_id == 1,
                    Visit.order_id == made.id,
                    Visit.state == "planned",
                )
            )
        opens = at + timedelta(hours=5)
        await run(
            database,
            world.dora,
            "visit.assign",
            visit_id=str(other),
            technician_ids=[str(id_of("kim"))],
            window_start=opens.isoformat(),
            window_end=(opens + timedelta(hours=2)).isoformat(),
        )
        await from_phone(database, world.kim, "visit.depart", visit_id=str(other))
        with pytest.raises(Superseded):
            await accepted_at_desk(
                database, world.alice, "visit.fail", at, visit_id=str(made.visit_id), **TOLD
            )


# Only moved in time


async def test_only_moved_a_decision_is_applied_and_both_times_are_kept(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    await from_phone(database, world.alice, "visit.accept", visit_id=str(made.visit_id))
    old = await get_visit(database, made.visit_id)
    await moved(database, world, made.visit_id, at + timedelta(hours=5))
    await arrive(database, world.alice, made.visit_id, at + timedelta(minutes=65))
    result = await from_phone(
        database,
        world.alice,
        "visit.start",
        at + timedelta(minutes=70),
        visit_id=str(made.visit_id),
    )
    visit = await get_visit(database, made.visit_id)
    assert (result["status"], visit.state) == ("applied", "in_progress")
    assert visit.window_start == at + timedelta(hours=5)
    assert visit.started_at == at + timedelta(minutes=70)
    assert old.window_start == at + timedelta(hours=1)
    start = (await facts(database, made.visit_id))[-1]
    assert start.body["window"][0] == (at + timedelta(hours=5)).isoformat()


async def test_a_technician_who_never_had_the_visit_is_not_judged_but_not_found(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    with pytest.raises(NotFound):
        await from_phone(database, world.kim, "visit.accept", visit_id=str(made.visit_id))


async def moved(database: Database, world: World, visit_id: UUID, start: datetime) -> None:
    """Move a visit as a reschedule of its appointment does."""
    envelope = Envelope(new_id(), "visit.assign", {})
    async with database.transaction() as session:
        spec = commands.REGISTRY["visit.assign", 1]
        ctx = commands.Context(session, world.dora, clock.now(), envelope, spec)
        session.info["context"] = ctx
        visit = await session.get(Visit, (1, visit_id))
        assert visit is not None
        await set_window(ctx, visit, start, start + timedelta(hours=2))
