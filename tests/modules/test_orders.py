"""Orders and their work orders, by their commands."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from fieldops.kernel import audit, clock, events, jobs
from fieldops.kernel.commands import Context
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature
from fieldops.orders.errors import (
    IllegalChange,
    NotCableWork,
    NothingOpen,
    OrderDiffers,
    ReceivedAtUnlikely,
    ResumeDateMissing,
    UnknownReason,
    UnknownReference,
    WorkOrdersElsewhere,
)
from fieldops.orders.events import WorkOrdersResumed
from fieldops.orders.jobs import resume_suspended_work, warn_of_late_work
from fieldops.orders.models import LateWarning, ServiceOrder, WorkOrder
from fieldops.visits.models import Visit, VisitWork
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.network import make_service
from tests.support.factories.orders import BROADBAND, FIXED_LINE, REPAIR, MadeOrder, make_order
from tests.support.factories.visits import begun_visit
from tests.support.run import run
from tests.support.world import SOUTH, World, build_world

pytestmark = pytest.mark.anyio


async def work(database: Database, made: MadeOrder, number: int = 0) -> WorkOrder:
    async with database.transaction() as session:
        row = await session.get(WorkOrder, (1, made.work[number]))
        assert row is not None
        return row


async def order(database: Database, made: MadeOrder) -> ServiceOrder:
    async with database.transaction() as session:
        row = await session.get(ServiceOrder, (1, made.id))
        assert row is not None
        return row


async def visits_of(database: Database, order_id: UUID) -> list[Visit]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Visit).where(Visit.region_id == 1, Visit.order_id == order_id).order_by(Visit.id)
        )
        return list(found)


async def suspend(database: Database, world: World, made: MadeOrder, **changes: Any) -> None:
    args: dict[str, Any] = {
        "order_id": str(made.id),
        "reason": "customer_asked_later",
        "resume_on": "2026-11-30",
        **changes,
    }
    await run(database, world.dora, "order.suspend", **args)


async def test_wo_01_each_item_gives_one_work_order_with_skill_due_time_and_priority(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    first, second = await work(database, made), await work(database, made, 1)
    assert [first.skill, second.skill] == ["copper_broadband", "fixed_line"]
    assert first.due_at == first.received_at + timedelta(seconds=first.limit_seconds)
    assert first.limit_seconds <= second.limit_seconds  # broadband is stricter (CU-02)
    assert first.priority > second.priority


async def test_wo_01_time_on_site_is_planned_by_kind_of_work_and_customer(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        firm = await make_customer(session, segment="enterprise", tier="5B")
    told = {**FIXED_LINE, "duration_minutes": 40}
    made = await make_order(database, world.dora, BROADBAND, told, customer=firm)
    rows = [await work(database, made, n) for n in (0, 1)]
    assert [row.duration_minutes for row in rows] == [75, 40]  # 125 percent of 60, and as told
    (visit,) = await visits_of(database, made.id)
    assert visit.duration_minutes == 115  # what windows are looked for with (AP-01)
    await run(
        database,
        world.ada,
        "rule.set_number",
        name="work_time_household",
        value=50,
        reason="They prepare the rooms for us.",
    )
    ours = await make_order(database, world.dora, BROADBAND)
    assert (await work(database, ours)).duration_minutes == 30


async def test_wo_02_all_open_work_of_an_order_goes_on_one_visit(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    (visit,) = await visits_of(database, made.id)
    async with database.transaction() as session:
        on_it = await session.scalars(
            select(VisitWork.work_order_id).where(
                VisitWork.region_id == 1, VisitWork.visit_id == visit.id
            )
        )
        assert set(on_it) == set(made.work)
    assert (visit.state, visit.duration_minutes) == ("planned", 120)


async def test_the_same_order_again_changes_nothing_and_other_content_is_refused(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    known = await order(database, made)
    args: dict[str, Any] = {
        "external_ref": known.external_ref,
        "customer": {"id": str(made.customer.id)},
        "premises": {"id": str(made.premises.id)},
        "items": [BROADBAND],
    }
    again = await run(database, world.ivan, "order.receive", **args)
    assert [ref["id"] for ref in again["refs"]] == [str(made.id)]
    assert again["refs"][0]["version"] == known.version
    with pytest.raises(OrderDiffers):
        await run(database, world.ivan, "order.receive", **{**args, "items": [FIXED_LINE]})
    assert len(await visits_of(database, made.id)) == 1


async def test_customers_and_premises_come_along_inline_once(
    database: Database, world: World
) -> None:
    def content(ref: str) -> dict[str, Any]:
        return {
            "external_ref": ref,
            "customer": {
                "external_ref": "CRM-7",
                "details": {
                    "segment": "household",
                    "tier": "gold",
                    "contact": {"name": "Aino Example", "phone": "+999 0 000042"},
                },
            },
            "premises": {
                "external_ref": "GIS-7",
                "details": {
                    "centre_id": str(made.premises.centre_id),
                    "street": "Esimerkkikatu",
                    "house_number": "7",
                    "postcode": "00100",
                    "city": "Helsinki",
                    "point": {"type": "Point", "coordinates": [24.94, 60.17]},
                },
            },
            "items": [BROADBAND],
        }

    made = await make_order(database, world.dora)
    first = await run(database, world.ivan, "order.receive", **content("IN-1"))
    second = await run(database, world.ivan, "order.receive", **content("IN-2"))
    async with database.transaction() as session:
        rows = await session.scalars(
            select(ServiceOrder).where(
                ServiceOrder.region_id == 1,
                ServiceOrder.id.in_(r["refs"][0]["id"] for r in (first, second)),
            )
        )
        assert len({(row.customer_id, row.premises_id) for row in rows}) == 1


async def test_an_unknown_reference_is_refused_with_what_is_missing(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(UnknownReference) as caught:
        await run(
            database,
            world.ivan,
            "order.receive",
            external_ref="IN-3",
            customer={"external_ref": "nobody"},
            premises={"id": str(made.premises.id)},
            items=[BROADBAND],
        )
    assert caught.value.details == {"thing": "customer", "external_ref": "nobody"}


async def test_a_service_that_is_not_at_the_premises_is_refused(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        service = await make_service(session)
    with pytest.raises(UnknownReference):
        await make_order(database, world.dora, {**REPAIR, "service_id": str(service.id)})


async def test_a_dispatcher_receives_no_order_for_another_centre(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        premises = await make_premises(session, centre_id=SOUTH)
        customer = await make_customer(session)
    with pytest.raises(NotFound):
        await make_order(database, world.dora, premises=premises, customer=customer)


@pytest.mark.parametrize("days", [2, -400])
async def test_a_receipt_ahead_or_long_ago_is_refused(
    database: Database, world: World, days: int
) -> None:
    when = clock.now() + timedelta(days=days)
    with pytest.raises(ReceivedAtUnlikely):
        await make_order(database, world.dora, received_at=when.isoformat())


async def test_wo_03_an_illegal_change_names_the_legal_ones(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(IllegalChange) as caught:
        await run(
            database,
            world.dora,
            "order.close",
            order_id=str(made.id),
            work_order_ids=[str(made.work[0])],
        )
    legal = "cancelled, dispatched, returned, scheduled, suspended, transferred"
    assert caught.value.details["legal"] == legal
    assert "order.cancel" in caught.value.next_steps


async def test_wo_03_returned_needs_a_reason_of_its_list(database: Database, world: World) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(UnknownReason):
        await run(database, world.dora, "order.return", order_id=str(made.id), reason="nobody_home")
    await run(database, world.dora, "order.return", order_id=str(made.id), reason="wrong_data")
    assert (await work(database, made)).state_reason == "wrong_data"
    assert (await order(database, made)).closed_at is not None
    (visit,) = await visits_of(database, made.id)
    assert (visit.state, visit.next_step) == ("cancelled", "work_ended")


async def test_wo_03_every_change_keeps_who_when_and_why(database: Database, world: World) -> None:
    made = await make_order(database, world.dora)
    await suspend(database, world, made, note="after the move")
    async with database.transaction() as session:
        rows = (await session.scalars(audit.history(1, "orders_work_order", made.work[0]))).all()
    last = rows[-1]
    assert (last.before["state"], last.after["state"]) == ("received", "suspended")
    assert (last.actor_id, last.at) == (world.dora.id, clock.now())
    assert last.reason == "customer_asked_later: after the move"


@pytest.mark.parametrize("resume_on", ["2026-11-23", "2020-01-01", "2028-01-01"])
async def test_wo_03_suspending_needs_a_resume_date_ahead(
    database: Database, world: World, resume_on: str
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(ResumeDateMissing):
        await suspend(database, world, made, resume_on=resume_on)


async def test_wo_03_an_orders_step_does_not_reach_the_work_of_another_order(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    other = await make_order(database, world.dora)
    with pytest.raises(WorkOrdersElsewhere):
        await suspend(database, world, made, work_order_ids=[str((await work(database, other)).id)])


@pytest.mark.parametrize(
    ("reason", "moved"), [("customer_asked_later", 48), ("waiting_material", 0)]
)
async def test_wo_04_the_clock_stops_while_suspended_by_customer_cause_only(
    database: Database, world: World, at: datetime, reason: str, moved: int
) -> None:
    made = await make_order(database, world.dora)
    due = (await work(database, made)).due_at
    await suspend(database, world, made, reason=reason)
    with clock.frozen(at + timedelta(hours=48)):
        await run(database, world.dora, "order.resume", order_id=str(made.id))
    row = await work(database, made)
    assert row.due_at - due == timedelta(hours=moved)
    assert (row.state, row.clock_stopped_at, row.resume_on) == ("received", None, None)


async def test_wo_02_resumed_work_gets_a_visit_again(database: Database, world: World) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    await suspend(database, world, made, work_order_ids=[str(made.work[0])])
    (visit,) = await visits_of(database, made.id)
    assert (visit.state, visit.duration_minutes) == ("planned", 60)
    await run(database, world.dora, "order.resume", order_id=str(made.id))
    (visit,) = await visits_of(database, made.id)  # it joined the one that was there
    assert (visit.state, visit.duration_minutes) == ("planned", 120)


async def test_wo_02_work_that_is_on_a_visit_is_not_taken_up_again(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(IllegalChange):
        await run(
            database,
            world.dora,
            "order.resume",
            order_id=str(made.id),
            work_order_ids=[str(made.work[0])],
        )
    assert len(await visits_of(database, made.id)) == 1


async def test_wo_03_suspended_work_is_taken_up_on_its_resume_date(
    committed: tuple[Database, Settings], at: datetime
) -> None:
    database, settings = committed
    world = await build_world(database)
    made = await make_order(database, world.dora)
    await suspend(database, world, made)
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(at + timedelta(days=6)):
        await resume_suspended_work()
        assert (await work(database, made)).state == "suspended"
    with clock.frozen(at + timedelta(days=7)):
        await resume_suspended_work()
    assert (await work(database, made)).state == "received"
    assert [v.state for v in await visits_of(database, made.id)] == ["cancelled", "planned"]


async def test_wo_03_an_order_that_cannot_be_taken_up_does_not_keep_the_others_waiting(
    committed: tuple[Database, Settings], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, settings = committed
    world = await build_world(database)
    made = [await make_order(database, world.dora) for _ in range(3)]
    for order in made:
        await suspend(database, world, order)
    jobs.use(jobs.Machine(database, settings))

    async def refuse_the_second(_ctx: Context, event: WorkOrdersResumed) -> None:
        if event.order_id == made[1].id:
            raise NotFound(thing="visit")

    monkeypatch.setitem(
        events._reactions,
        WorkOrdersResumed,
        [refuse_the_second, *events.reactions_to(WorkOrdersResumed)],
    )
    with clock.frozen(at + timedelta(days=7)):
        await resume_suspended_work()
    states = [(await work(database, order)).state for order in made]
    assert states == ["received", "suspended", "received"]


async def test_wo_04_late_work_warns_dispatcher_supervisor_and_unit_above_once_each(
    database: Database, settings: Settings, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    limit = (await work(database, made)).limit_seconds
    jobs.use(jobs.Machine(database, settings))

    async def warned_at(share: float) -> list[str]:
        with clock.frozen(at + timedelta(seconds=limit * share)):
            await warn_of_late_work()
            await warn_of_late_work()
        async with database.transaction() as session:
            rows = await session.scalars(
                select(LateWarning.audience)
                .where(LateWarning.region_id == 1, LateWarning.work_order_id == made.work[0])
                .order_by(LateWarning.id)
            )
            return list(rows)

    assert await warned_at(0.79) == []
    assert await warned_at(0.8) == ["dispatcher"]
    assert await warned_at(1.0) == ["dispatcher", "supervisor"]
    assert await warned_at(2.0) == ["dispatcher", "supervisor", "unit_above"]


async def test_wo_04_work_whose_clock_is_stopped_warns_nobody(
    database: Database, settings: Settings, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    await suspend(database, world, made)
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(at + timedelta(days=5)):
        await warn_of_late_work()
    async with database.transaction() as session:
        rows = await session.scalars(select(LateWarning.id).where(LateWarning.region_id == 1))
        assert rows.all() == []


async def test_wo_03_a_cancelled_order_takes_its_visit_with_it(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    await run(database, world.ann, "order.cancel", order_id=str(made.id), reason="withdrawn")
    (visit,) = await visits_of(database, made.id)
    assert (visit.state, visit.end_reason, visit.end_cause) == (
        "cancelled",
        "withdrawn",
        "customer",
    )
    with pytest.raises(NothingOpen):
        await run(database, world.ann, "order.cancel", order_id=str(made.id), reason="withdrawn")


async def test_re_03_a_pair_found_bad_opens_one_cable_work_order(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        service = await make_service(session)
        pair = await session.scalar(
            select(NetworkFeature.id).where(
                NetworkFeature.region_id == 1,
                NetworkFeature.service_id == service.id,
                NetworkFeature.kind == "pair",
            )
        )
    args = {"feature_id": str(pair), "reason": "noise", "visit_id": str(made.visit_id)}
    await run(database, world.alice, "network.mark_pair_bad", **args)
    async with database.transaction() as session:
        rows = (
            await session.scalars(
                select(WorkOrder).where(WorkOrder.region_id == 1, WorkOrder.department == "cable")
            )
        ).all()
    assert [(r.feature_id, r.kind, r.state) for r in rows] == [(pair, "repair", "received")]
    assert (await order(database, made)).state == "in_progress"  # the customer's own goes on


async def test_re_03_the_cable_department_completes_its_work_without_a_visit(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    with pytest.raises(NotCableWork):
        await run(database, world.dora, "order.complete", order_id=str(made.id))
    await run(
        database,
        world.dora,
        "order.transfer",
        order_id=str(made.id),
        reason="cable_fault",
        department="cable",
        untested="the cable is cut in the street",
    )
    await run(database, world.dora, "order.complete", order_id=str(made.id))
    await run(database, world.dora, "order.close", order_id=str(made.id))
    assert (await order(database, made)).state == "closed"


async def test_a_technician_may_not_cancel_an_order(database: Database, world: World) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(Forbidden):
        await run(database, world.alice, "order.cancel", order_id=str(made.id), reason="withdrawn")


async def test_an_order_of_another_centre_or_region_is_not_found(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    for stranger in (world.dan, world.tess, world.alice):
        with pytest.raises(NotFound):
            await run(
                database,
                stranger,
                "order.suspend",
                order_id=str(made.id),
                reason="customer_asked_later",
                resume_on=str(date(2026, 11, 30)),
            )
