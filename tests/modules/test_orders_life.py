"""The life of work at the desk: every pair of states, transfers, dates, limits: WO-02 to WO-04."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.standards import ensure_defaults
from fieldops.kernel import clock, commands, jobs
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Context, Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.orders import rules
from fieldops.orders.commands import handling
from fieldops.orders.commands.states import change
from fieldops.orders.errors import (
    IllegalChange,
    NotSuspended,
    OrderNotOpen,
    ResumeDateMissing,
    TransferAnswered,
    UnknownReason,
)
from fieldops.orders.jobs import follow_standards, warn_of_late_work
from fieldops.orders.models import LateWarning, WorkOrder
from fieldops.orders.rules import Kind, State
from fieldops.visits.errors import CannotJoin
from fieldops.visits.models import Visit, VisitWork
from tests.support.clients import bearer
from tests.support.factories.orders import BROADBAND, FIXED_LINE, REPAIR, MadeOrder, make_order
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
from tests.support.run import first_id, run
from tests.support.world import SOUTH, World, build_world, id_of

pytestmark = pytest.mark.anyio

# WO-03 as the rule book tells it, written down a second time: what may follow what.
MAIN = ["received", "scheduled", "dispatched", "accepted", "in_progress", "completed", "closed"]
ASIDE = {"suspended", "returned", "transferred", "cancelled"}
MAY = {
    "received": ASIDE | {"scheduled", "dispatched"},
    "scheduled": ASIDE | {"received", "dispatched"},
    "dispatched": ASIDE | {"received", "scheduled", "accepted"},
    "accepted": ASIDE | {"received", "scheduled", "dispatched", "in_progress"},
    "in_progress": ASIDE | {"received", "scheduled", "dispatched", "accepted", "completed"},
    "completed": {"closed"},
    "closed": set[str](),
    "suspended": {"received", "returned", "transferred", "cancelled"},
    "returned": {"received", "cancelled"},
    "transferred": {"received", "returned", "cancelled"},
    "cancelled": set[str](),
}


async def work(database: Database, made: MadeOrder, number: int = 0) -> WorkOrder:
    async with database.transaction() as session:
        return await session.get_one(WorkOrder, (1, made.work[number]))


async def order_step(
    database: Database, world: World, name: str, made: MadeOrder, who: str = "dora", **args: Any
) -> dict[str, Any]:
    return await run(database, world.actors[who], f"order.{name}", order_id=str(made.id), **args)


async def visits_of(database: Database, made: MadeOrder) -> list[Visit]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Visit).where(Visit.region_id == 1, Visit.order_id == made.id).order_by(Visit.id)
        )
        return list(found)


def bare_context() -> Context:
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    envelope = Envelope(new_id(), "order.close", {})
    session = cast("AsyncSession", None)
    return Context(session, system(1), now, envelope, commands.spec_of(handling.close))


@pytest.mark.parametrize(("state", "wanted"), [*product(State, State)])
def test_wo_03_every_pair_of_states_is_legal_or_refused_with_the_legal_ones_named(
    state: State, wanted: State
) -> None:
    row = WorkOrder(id=new_id(), state=state.value, clock_stopped_at=None)
    if wanted.value in MAY[state.value]:
        change(bare_context(), row, wanted, "because")
        assert (row.state, row.state_reason) == (wanted.value, "because")
        return
    with pytest.raises(IllegalChange) as caught:
        change(bare_context(), row, wanted)
    assert row.state == state.value
    named = caught.value.details["legal"]
    assert named == (", ".join(sorted(MAY[state.value])) or "nothing")
    assert caught.value.next_steps == rules.NEXT_STEPS[state]


def test_wo_03_the_commands_named_as_next_steps_exist() -> None:
    known = {name for name, _version in commands.REGISTRY}
    assert {step for steps in rules.NEXT_STEPS.values() for step in steps} <= known


@pytest.mark.parametrize("kind", [*Kind])
async def test_wo_01_work_of_every_kind_is_received_and_put_on_a_visit(
    database: Database, world: World, kind: Kind
) -> None:
    made = await make_order(database, world.dora, {"kind": kind.value, "service": "fixed_line"})
    row = await work(database, made)
    visit = await get_visit(database, made.visit_id)
    assert (row.kind, visit.state) == (kind.value, "planned")
    assert (visit.duration_minutes, bool(visit.kit["papers"])) == (row.duration_minutes, True)


async def test_wo_02_items_that_come_later_go_on_the_one_visit_with_limits_from_now(
    database: Database, world: World, at: datetime
) -> None:
    made = await make_order(
        database, world.dora, BROADBAND, received_at=(at - timedelta(days=1)).isoformat()
    )
    args = {"items": [FIXED_LINE], "reason": "the customer called"}
    result = await order_step(database, world, "add_items", made, "ann", **args)
    (visit,) = await visits_of(database, made)
    assert visit.duration_minutes == 120
    async with database.transaction() as session:
        row = await session.get_one(WorkOrder, (1, first_id(result, "work_order")))
    assert (row.number, row.received_at) == (2, at)
    await order_step(database, world, "cancel", made, reason="withdrawn")
    with pytest.raises(OrderNotOpen):
        await order_step(database, world, "add_items", made, **args)
    with pytest.raises(NotFound):
        await order_step(database, world, "add_items", made, "dan", **args)


async def test_wo_02_items_that_come_later_rise_with_the_urges_of_their_order(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND)
    await order_step(database, world, "urge", made, channel="phone")
    await order_step(database, world, "add_items", made, items=[BROADBAND], reason="a second line")
    async with database.transaction() as session:
        found = await session.scalars(
            select(WorkOrder.priority).where(
                WorkOrder.region_id == 1, WorkOrder.order_id == made.id
            )
        )
        assert len(set(found)) == 1


async def split(database: Database, world: World, made: MadeOrder) -> UUID:
    await run(
        database,
        world.dora,
        "visit.split",
        visit_id=str(made.visit_id),
        work_order_ids=[str(made.work[1])],
        reason="no technician for both this week",
    )
    other = next(v for v in await visits_of(database, made) if v.id != made.visit_id)
    return other.id


async def join(database: Database, world: World, visit: UUID, other: UUID) -> None:
    await run(
        database,
        world.dora,
        "visit.join",
        visit_id=str(visit),
        from_visit_id=str(other),
        reason="Alice can do both",
    )


async def test_wo_02_a_split_is_undone_by_joining_the_visits(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, BROADBAND, FIXED_LINE)
    other = await split(database, world, made)
    assert (await get_visit(database, made.visit_id)).duration_minutes == 60
    await join(database, world, made.visit_id, other)
    visit, left = await get_visit(database, made.visit_id), await get_visit(database, other)
    assert (visit.duration_minutes, visit.split_reason) == (120, None)
    assert (left.state, left.end_reason, left.next_step) == ("cancelled", "joined", "work_ended")
    async with database.transaction() as session:
        rows = await session.scalars(
            select(VisitWork.visit_id).where(
                VisitWork.region_id == 1,
                VisitWork.work_order_id.in_(made.work),
                VisitWork.ended_at.is_(None),
            )
        )
        assert list(rows) == [made.visit_id, made.visit_id]


async def test_wo_02_work_joins_no_visit_of_another_order_or_without_the_skill(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, FIXED_LINE, BROADBAND)
    other = await split(database, world, made)
    start = clock.now() + timedelta(hours=1)
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(made.visit_id),
        technician_ids=[str(id_of("bob"))],
        window_start=start.isoformat(),
        window_end=(start + timedelta(hours=2)).isoformat(),
    )
    with pytest.raises(CannotJoin):  # Bob does fixed lines only
        await join(database, world, made.visit_id, other)
    stranger = await make_order(database, world.dora)
    for wrong in (stranger.visit_id, made.visit_id):
        with pytest.raises(CannotJoin):
            await join(database, world, made.visit_id, wrong)
    assert (await get_visit(database, other)).state == "planned"


async def transfer(database: Database, world: World, made: MadeOrder) -> None:
    await order_step(
        database, world, "transfer", made,
        reason="cable_fault", department="cable", untested="the cable is cut in the street",
    )  # fmt: skip


async def test_wo_03_a_transfer_is_accepted_once_and_the_total_limit_stays(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    due = (await work(database, made)).due_at
    await transfer(database, world, made)
    assert (await work(database, made)).transfer_accepted_at is None
    await order_step(database, world, "accept_transfer", made, "ivan", note="crew 4")
    row = await work(database, made)
    assert (row.state, row.transfer_accepted_by, row.due_at) == ("transferred", world.ivan.id, due)
    for name, args in (("accept_transfer", {}), ("refuse_transfer", {"reason": "not_ours"})):
        with pytest.raises(TransferAnswered) as caught:
            await order_step(database, world, name, made, **args)
        assert caught.value.details["department"] == "cable"
    await order_step(database, world, "complete", made)
    assert (await work(database, made)).state == "completed"


async def test_wo_03_a_refused_transfer_comes_back_to_the_field_with_a_visit_and_the_reason(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    await transfer(database, world, made)
    with pytest.raises(UnknownReason):
        await order_step(database, world, "refuse_transfer", made, reason="cable_fault")
    await order_step(
        database, world, "refuse_transfer", made, reason="tests_missing", note="no line test"
    )
    row = await work(database, made)
    assert (row.state, row.state_reason, row.state_note) == (
        "received", "tests_missing", "no line test",
    )  # fmt: skip
    assert [visit.state for visit in await visits_of(database, made)] == ["cancelled", "planned"]
    await transfer(database, world, made)  # with the tests now; it is to be answered anew
    assert (await work(database, made)).transfer_accepted_at is None


async def test_wo_03_only_transferred_work_is_accepted_or_refused(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    named = {"work_order_ids": [str(made.work[0])]}
    with pytest.raises(IllegalChange) as caught:
        await order_step(database, world, "accept_transfer", made, **named)
    assert "order.transfer" in caught.value.next_steps
    headers, params = bearer(settings, world.dora), {"unanswered": True}
    await transfer(database, world, made)
    page = (await client.get("/v1/work-list", headers=headers, params=params)).json()
    assert [item["id"] for item in page["items"]] == [str(made.work[0])]
    await order_step(database, world, "accept_transfer", made)
    page = (await client.get("/v1/work-list", headers=headers, params=params)).json()
    assert page["items"] == []


async def suspend(database: Database, world: World, made: MadeOrder, reason: str) -> None:
    await order_step(database, world, "suspend", made, reason=reason, resume_on="2026-11-30")


@pytest.mark.parametrize(
    ("first", "then", "moved"),
    [
        ("customer_asked_later", "customer_asked_later", 48),
        ("customer_asked_later", "waiting_material", 24),
        ("waiting_material", "customer_asked_later", 24),
        ("waiting_material", "waiting_material", 0),
    ],
)
async def test_wo_04_the_resume_date_moves_and_the_new_cause_decides_about_the_clock(
    database: Database, world: World, at: datetime, first: str, then: str, moved: int
) -> None:
    made = await make_order(database, world.dora)
    due = (await work(database, made)).due_at
    await suspend(database, world, made, first)
    with clock.frozen(at + timedelta(hours=24)):
        await order_step(database, world, "postpone", made, reason=then, resume_on="2026-12-07")
        assert (await work(database, made)).resume_on == date(2026, 12, 7)
    with clock.frozen(at + timedelta(hours=48)):
        await order_step(database, world, "resume", made)
    assert (await work(database, made)).due_at - due == timedelta(hours=moved)


async def test_wo_03_only_suspended_work_has_a_date_to_move_and_the_date_lies_ahead(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    named = {"work_order_ids": [str(made.work[0])], "reason": "waiting_material"}
    with pytest.raises(NotSuspended):
        await order_step(database, world, "postpone", made, **named, resume_on="2026-12-07")
    await suspend(database, world, made, "waiting_material")
    with pytest.raises(ResumeDateMissing):
        await order_step(database, world, "postpone", made, **named, resume_on="2026-11-23")


async def test_wo_04_the_clock_stops_when_the_customer_said_so_not_when_the_phone_came_back(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    due = (await work(database, made)).due_at
    with clock.frozen(at + timedelta(hours=5)):
        await run(
            database, world.alice, "order.suspend", device=PHONE,
            captured=captured(at + timedelta(hours=1)), order_id=str(made.id),
            reason="premises_not_ready", resume_on="2026-11-30",
            told_customer="We come back next Monday.",
        )  # fmt: skip
        await order_step(database, world, "resume", made)
    assert (await work(database, made)).due_at - due == timedelta(hours=4)


async def change_tier(database: Database, world: World, made: MadeOrder, tier: str) -> None:
    await run(
        database,
        world.dora,
        "customer.change_tier",
        customer_id=str(made.customer.id),
        tier=tier,
        reason="a new contract",
    )


async def test_wo_04_open_work_follows_a_changed_tier_and_what_has_ended_does_not(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)
    made = await make_order(database, world.dora, REPAIR, FIXED_LINE)
    await order_step(
        database, world, "cancel", made, reason="withdrawn", work_order_ids=[str(made.work[1])]
    )
    before = [await work(database, made, n) for n in (0, 1)]
    await change_tier(database, world, made, "diamond")
    after = [await work(database, made, n) for n in (0, 1)]
    assert after[0].limit_seconds < before[0].limit_seconds
    assert after[0].due_at == after[0].received_at + timedelta(seconds=after[0].limit_seconds)
    assert after[0].priority > before[0].priority
    assert (after[1].due_at, after[1].priority) == (before[1].due_at, before[1].priority)


async def warned(database: Database, made: MadeOrder) -> list[str]:
    async with database.transaction() as session:
        rows = await session.scalars(
            select(LateWarning.audience)
            .where(LateWarning.region_id == 1, LateWarning.work_order_id == made.work[0])
            .order_by(LateWarning.id)
        )
        return list(rows)


async def test_wo_04_a_longer_limit_takes_back_the_warnings_it_makes_untrue_and_they_come_again(
    database: Database, settings: Settings, world: World, at: datetime
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)
    made = await make_order(database, world.dora, REPAIR)
    await change_tier(database, world, made, "diamond")
    jobs.use(jobs.Machine(database, settings))
    strict = (await work(database, made)).limit_seconds
    with clock.frozen(at + timedelta(seconds=strict)):
        await warn_of_late_work()
        assert await warned(database, made) == ["dispatcher", "supervisor"]
        await change_tier(database, world, made, "basic")
        assert await warned(database, made) == []
    relaxed = (await work(database, made)).limit_seconds
    with clock.frozen(at + timedelta(seconds=0.8 * relaxed)):
        await warn_of_late_work()
        await warn_of_late_work()
    assert await warned(database, made) == ["dispatcher"]


async def test_wo_04_open_work_follows_a_changed_standard_behind_the_command(
    committed: tuple[Database, Settings],
) -> None:
    database, settings = committed
    world = await build_world(database)
    async with database.transaction() as session:
        await ensure_defaults(session)
    made = [await make_order(database, world.dora, REPAIR) for _ in range(3)]
    segment = made[0].customer.segment
    await run(
        database, world.ada, "standard.set", task="repair", segment=segment,
        service="broadband", tier=made[0].customer.tier, minutes=1100, upper_minutes=2200,
        reason="a promise of the region",
    )  # fmt: skip
    jobs.use(jobs.Machine(database, settings))
    async with database.transaction() as session:
        queued = await session.connection()
        found = await queued.exec_driver_sql(
            "select args from procrastinate_jobs where task_name = 'orders.follow_standards'"
        )
        assert [row[0] for row in found] == [{"region_id": 1}]
    await follow_standards(region_id=1)
    assert {(await work(database, one)).limit_seconds for one in made} == {66000}


async def test_wo_04_each_finds_the_warnings_that_are_for_the_own_role(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, at: datetime
) -> None:
    made = await make_order(database, world.dora, REPAIR)
    limit = (await work(database, made)).limit_seconds
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(at + timedelta(seconds=2 * limit)):
        await warn_of_late_work()

        async def mine(name: str) -> list[str]:
            answer = await client.get(
                "/v1/orders/warnings",
                headers=bearer(settings, world.actors[name]),
                params={"mine": True},
            )
            return sorted(item["audience"] for item in answer.json()["items"])

        assert await mine("dora") == ["dispatcher"]
        assert await mine("dan") == []  # another centre's
        assert await mine("sam") == ["supervisor", "unit_above"]
        assert await mine("ada") == ["unit_above"]
        assert await mine("ann") == []


async def complete(database: Database, world: World, made: MadeOrder) -> None:
    await run(
        database, world.alice, "visit.complete", visit_id=str(made.visit_id),
        signature_refused_reason="in a hurry",
    )  # fmt: skip


async def test_wo_02_the_share_of_orders_served_in_one_visit_and_the_orders_behind_it(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World, at: datetime
) -> None:
    patrol = {"kind": "patrol", "service": "fixed_line"}
    once = await begun_visit(database, world, patrol)
    await complete(database, world, once)
    twice = await begun_visit(database, world, patrol, start=at + timedelta(hours=5))
    await run(
        database, world.alice, "visit.fail", visit_id=str(twice.visit_id), reason="unsafe",
        told_customer="We come again tomorrow.", next_step="new_appointment",
    )  # fmt: skip
    again = (await visits_of(database, twice))[-1]
    with clock.frozen(at + timedelta(days=1)):
        start = clock.now() + timedelta(hours=1)
        await run(
            database, world.dora, "visit.assign", visit_id=str(again.id),
            technician_ids=[str(id_of("alice"))], window_start=start.isoformat(),
            window_end=(start + timedelta(hours=2)).isoformat(),
        )  # fmt: skip
        await arrive(database, world.alice, again.id)
        await confirm_identity(database, world.alice, again.id)
        await from_phone(database, world.alice, "visit.start", visit_id=str(again.id))
        await run(
            database, world.alice, "visit.complete", visit_id=str(again.id),
            signature_refused_reason="in a hurry",
        )  # fmt: skip
    start = at + timedelta(days=2, hours=3)
    await assigned_visit(database, world, patrol, start=start)  # still open: it does not count
    gone = await make_order(database, world.dora)
    await order_step(database, world, "cancel", gone, reason="withdrawn")
    params: dict[str, Any] = {"from": "2026-11-23", "to": "2026-11-24", "by": "day"}

    async def ask(name: str, path: str = "", **more: Any) -> Any:
        answer = await client.get(
            f"/v1/indicators/one-visit{path}",
            headers=bearer(settings, world.actors[name]),
            params={**params, **more},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    found = await ask("sam")
    assert found["total"] == {
        "first_day": None, "orders": 2, "in_one_visit": 1, "share_percent": 50.0,
    }  # fmt: skip
    assert (found["target_percent"], found["by_trips"]) == (100, {"1": 1, "2": 1})
    assert [(p["first_day"], p["share_percent"]) for p in found["periods"]] == [
        ("2026-11-23", 100.0), ("2026-11-24", 0.0),
    ]  # fmt: skip
    assert (await ask("dan"))["total"]["orders"] == 0
    assert (await ask("mia"))["total"]["orders"] == 0
    (record,) = (await ask("sam", "/records", one_visit=False))["items"]
    assert record["id"] == str(twice.id)
    assert [(t["state"], t["end_reason"], t["end_cause"]) for t in record["trips"]] == [
        ("failed", "unsafe", "operator"), ("completed", None, None),
    ]  # fmt: skip
    assert len((await ask("sam", "/records"))["items"]) == 2
    answer = await client.get(
        "/v1/indicators/one-visit",
        headers=bearer(settings, world.dora),
        params={**params, "centre_id": str(SOUTH)},
    )
    assert answer.status_code == 404


async def test_wo_02_a_visit_that_was_cancelled_before_is_no_trip_of_an_order_that_is_done(
    database: Database, client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    patrol = {"kind": "patrol", "service": "fixed_line"}
    made = await assigned_visit(database, world, patrol)
    await run(
        database, world.dora, "visit.cancel", visit_id=str(made.visit_id), reason="planning",
        next_step="new_appointment",
    )  # fmt: skip
    again = (await visits_of(database, made))[-1]
    start = clock.now() + timedelta(hours=1)
    await run(
        database, world.dora, "visit.assign", visit_id=str(again.id),
        technician_ids=[str(id_of("alice"))], window_start=start.isoformat(),
        window_end=(start + timedelta(hours=2)).isoformat(),
    )  # fmt: skip
    await arrive(database, world.alice, again.id)
    await confirm_identity(database, world.alice, again.id)
    await from_phone(database, world.alice, "visit.start", visit_id=str(again.id))
    await run(
        database, world.alice, "visit.complete", visit_id=str(again.id),
        signature_refused_reason="in a hurry",
    )  # fmt: skip
    assert [v.state for v in await visits_of(database, made)] == ["cancelled", "completed"]

    async def ask(path: str = "", **more: Any) -> Any:
        answer = await client.get(
            f"/v1/indicators/one-visit{path}",
            headers=bearer(settings, world.sam),
            params={"from": "2026-11-23", "to": "2026-11-23", **more},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    found = await ask()
    assert (found["total"]["orders"], found["total"]["in_one_visit"]) == (1, 1)
    assert found["by_trips"] == {"1": 1}
    assert (await ask("/records", one_visit=False))["items"] == []
    (record,) = (await ask("/records", one_visit=True))["items"]
    assert [trip["id"] for trip in record["trips"]] == [str(again.id)]
