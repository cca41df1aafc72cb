"""EM-01: emergency plans, what is in force, and who decides about it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.standards import ensure_defaults
from fieldops.dispatch.day import Stop
from fieldops.dispatch.queries import days
from fieldops.dispatch.rules import Class
from fieldops.emergencies import queries, rules
from fieldops.emergencies.errors import (
    ActivationOver,
    OwnerUnknown,
    PlanInForce,
    PlanRetired,
    ReserveUnknown,
    UntilInvalid,
)
from fieldops.emergencies.jobs import end_overdue
from fieldops.emergencies.models import Activation, EmergencyPlan
from fieldops.emergencies.rules import ActivePlan, Load
from fieldops.faults.jobs import measure_load
from fieldops.kernel import audit, clock, jobs, ledger
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Kind as WorkOrderKind
from fieldops.visits.errors import OfAnotherCentre
from tests.support.clients import bearer
from tests.support.factories.appointments import planned_visit
from tests.support.factories.customers import make_premises
from tests.support.factories.emergencies import STORM, make_plan, put_in_force
from tests.support.factories.faults import make_street
from tests.support.factories.orders import REPAIR, MadeOrder, make_order
from tests.support.factories.visits import assigned_visit
from tests.support.run import first_id, run
from tests.support.world import NORTH, SOUTH, World, build_world, id_of

pytestmark = pytest.mark.anyio


async def active(
    database: Database, centre_id: UUID = NORTH, at: datetime | None = None
) -> ActivePlan | None:
    async with database.transaction() as session:
        return await queries.active(session, 1, centre_id, at or clock.now())


async def activation(database: Database, activation_id: UUID) -> Activation:
    async with database.transaction() as session:
        row = await session.get(Activation, (1, activation_id))
        assert row is not None
        return row


async def decide(database: Database, actor: Any, verb: str, id_: UUID, **args: Any) -> None:
    await run(database, actor, f"emergency.{verb}", activation_id=str(id_), reason="For it", **args)


def test_em_01_the_kinds_a_plan_names_are_the_kinds_of_work() -> None:
    """EM-01: the plan stands below the orders and spells their kinds itself."""
    assert set(rules.WorkKind.__args__) == set(WorkOrderKind)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("load", "work", "faults", "due"),
    [
        (Load(149, 0), 150, None, False),
        (Load(150, 0), 150, None, True),
        (Load(0, 2), 150, 3, False),
        (Load(0, 3), 150, 3, True),
        (Load(9999, 99), None, None, False),
    ],
)
def test_em_01_a_trigger_is_reached_by_either_number(
    load: Load, work: int | None, faults: int | None, *, due: bool
) -> None:
    assert rules.is_triggered(load, work, faults) is due


def test_em_01_open_work_is_told_in_percent_of_working_time() -> None:
    assert rules.load(900, 600, 0) == Load(150, 0)
    assert rules.load(0, 0, 2) == Load(0, 2)
    assert rules.load(30, 0, 0) == Load(rules.MOST_PERCENT, 0)


async def test_em_01_an_activated_plan_is_in_force_at_once_and_ending_restores(
    database: Database, world: World
) -> None:
    plan_id = await make_plan(
        database,
        world.sam,
        put_off_kinds=["install"],
        put_off_days=5,
        raised_kinds=["repair"],
        raised_classes=1,
        window_minutes=240,
        reserve_technician_ids=[str(id_of("carol"))],
    )
    assert await active(database) is None
    opened = await put_in_force(database, world.dora, plan_id)
    found = await active(database)
    assert found is not None
    assert [(plan.plan_id, plan.activation_id) for plan in found.plans] == [(plan_id, opened)]
    assert found.reserve == {id_of("carol")}
    assert found.window_minutes == 240
    assert found.days_put_off(frozenset({"install"})) == 5
    assert found.days_put_off(frozenset({"install", "repair"})) == 0
    assert (found.classes_raised("repair"), found.classes_raised("install")) == (1, 0)
    assert await active(database, SOUTH) is None
    await decide(database, world.dora, "end", opened)
    assert await active(database) is None
    row = await activation(database, opened)
    assert (row.activated_by, row.ended_by) == (world.dora.id, world.dora.id)
    assert (row.reason, row.end_reason) == ("Storm since six", "For it")


async def test_em_01_a_change_counts_while_the_plan_is_in_force(
    database: Database, world: World
) -> None:
    plan_id = await make_plan(database, world.sam, reserve_technician_ids=[str(id_of("carol"))])
    await put_in_force(database, world.dora, plan_id)
    await run(
        database,
        world.sam,
        "emergency.change_plan",
        plan_id=str(plan_id),
        **{**STORM, "limit_percent": 200},
        reason="Roads are blocked",
    )
    found = await active(database)
    assert found is not None
    assert (found.limit_percent, found.reserve) == (200, frozenset())
    async with database.transaction() as session:
        history = await session.scalars(audit.history(1, EmergencyPlan.__tablename__, plan_id))
        assert [row.reason for row in history] == [None, "Roads are blocked"]


async def test_em_01_a_proposal_is_answered_by_the_owner(database: Database, world: World) -> None:
    plan_id = await make_plan(database, world.sam)
    args = {"plan_id": str(plan_id), "reason": "Forty calls", "area_faults": 4}
    opened = first_id(await run(database, world.dora, "emergency.propose", **args))
    assert await active(database) is None
    with pytest.raises(PlanInForce):
        await run(database, world.dora, "emergency.propose", **args)
    assert await put_in_force(database, world.sam, plan_id) == opened
    row = await activation(database, opened)
    assert (row.proposed_by, row.activated_by) == (world.dora.id, world.sam.id)
    assert (row.area_faults, row.owner_id) == (4, world.sam.id)
    with pytest.raises(PlanInForce):
        await put_in_force(database, world.sam, plan_id)
    with pytest.raises(ActivationOver):
        await decide(database, world.sam, "dismiss", opened)


async def test_em_01_a_dismissed_proposal_changes_nothing(database: Database, world: World) -> None:
    plan_id = await make_plan(database, world.sam)
    opened = first_id(
        await run(
            database, world.dora, "emergency.propose", plan_id=str(plan_id), reason="Many calls"
        )
    )
    await decide(database, world.sam, "dismiss", opened)
    assert await active(database) is None
    with pytest.raises(ActivationOver):
        await decide(database, world.sam, "end", opened)


async def test_em_01_a_plan_ends_when_its_time_is_over(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    plan_id = await make_plan(database, world.sam)
    until = at + timedelta(hours=6)
    opened = await put_in_force(database, world.dora, plan_id, until=until.isoformat())
    assert await active(database, at=until - timedelta(seconds=1)) is not None
    assert await active(database, at=until) is None  # even before the job has looked
    await decide(
        database, world.dora, "prolong", opened, until=(until + timedelta(hours=1)).isoformat()
    )
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(until + timedelta(minutes=30)):
        await end_overdue()
        assert (await activation(database, opened)).state == "active"
    with clock.frozen(until + timedelta(minutes=61)):
        await end_overdue()
        await end_overdue()
    row = await activation(database, opened)
    assert (row.state, row.end_reason) == ("ended", "Its time is over.")


async def test_em_01_an_end_lies_ahead_and_within_a_month(
    database: Database, world: World, at: datetime
) -> None:
    plan_id = await make_plan(database, world.sam)
    for until in (at, at + timedelta(days=32)):
        with pytest.raises(UntilInvalid):
            await put_in_force(database, world.dora, plan_id, until=until.isoformat())


async def test_em_01_a_retired_plan_is_not_put_in_force_and_one_in_force_not_retired(
    database: Database, world: World
) -> None:
    plan_id = await make_plan(database, world.sam)
    change = {"plan_id": str(plan_id), **STORM, "retired": True, "reason": "Old"}
    opened = await put_in_force(database, world.dora, plan_id)
    with pytest.raises(PlanInForce):
        await run(database, world.sam, "emergency.change_plan", **change)
    await decide(database, world.dora, "end", opened)
    await run(database, world.sam, "emergency.change_plan", **change)
    with pytest.raises(PlanRetired):
        await put_in_force(database, world.dora, plan_id)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"owner_id": str(id_of("tess"))}, OwnerUnknown),  # of another region
        ({"owner_id": str(id_of("ivan"))}, OwnerUnknown),  # a machine
        ({"reserve_technician_ids": [str(id_of("tom"))]}, ReserveUnknown),
        ({"reserve_technician_ids": [str(id_of("alice"))]}, ReserveUnknown),  # is at home there
    ],
)
async def test_em_01_owner_and_helpers_are_people_of_the_region(
    database: Database, world: World, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await make_plan(database, world.sam, **changes)


async def test_em_01_only_who_works_for_the_whole_region_decides_about_its_plan(
    database: Database, world: World
) -> None:
    plan_id = await make_plan(database, world.sam, centre_id=None)
    with pytest.raises(NotFound):
        await put_in_force(database, world.dora, plan_id)
    with pytest.raises(Forbidden):
        await make_plan(database, world.dora)
    with pytest.raises(NotFound):
        await put_in_force(database, world.dan, await make_plan(database, world.sam))


async def test_em_01_helpers_are_seen_by_the_centre_while_the_plan_is_in_force_and_only_then(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    async def seen(name: str) -> set[str]:
        answer = await client.get("/v1/technicians", headers=bearer(settings, world.actors[name]))
        assert answer.status_code == 200, answer.text
        return {row["name"] for row in answer.json()["items"]}

    plan_id = await make_plan(database, world.sam, reserve_technician_ids=[str(id_of("carol"))])
    assert "Carol" not in await seen("dora")
    opened = await put_in_force(database, world.dora, plan_id)
    assert await seen("dora") == {"Alice", "Bob", "Kim", "Carol"}
    assert await seen("dan") == {"Carol"}  # nobody of North comes along
    await decide(database, world.dora, "end", opened)
    assert "Carol" not in await seen("dora")


async def test_em_01_two_who_put_a_plan_in_force_at_once_make_one_activation(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    plan_id = await make_plan(database, world.sam)
    outcomes: list[str] = []

    async def attempt(name: str) -> None:
        try:
            await put_in_force(database, world.actors[name], plan_id)
            outcomes.append("in force")
        except PlanInForce:
            outcomes.append("refused")

    with clock.frozen(datetime(2026, 11, 23, 6, tzinfo=UTC)):
        async with anyio.create_task_group() as group:
            for name in ("dora", "sam", "ada"):
                group.start_soon(attempt, name)
    assert sorted(outcomes) == ["in force", "refused", "refused"]
    async with database.transaction() as session:
        rows = list(await session.scalars(select(Activation).where(Activation.region_id == 1)))
    assert len(rows) == 1


async def test_em_01_the_hotline_reads_what_is_in_force(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    headers = bearer(settings, world.ann)
    ask = {"centre_id": str(NORTH)}
    answer = await client.get("/v1/emergencies", params=ask, headers=headers)
    assert answer.json() == {"plan": None}
    plan_id = await make_plan(database, world.sam)
    await put_in_force(database, world.dora, plan_id)
    answer = await client.get("/v1/emergencies", params=ask, headers=headers)
    assert answer.json()["plan"]["text_en"] == STORM["text_en"]
    listed = await client.get("/v1/emergency-plans", headers=headers)
    assert [row["id"] for row in listed.json()["items"]] == [str(plan_id)]
    detail = await client.get(f"/v1/emergency-plans/{plan_id}", headers=headers)
    assert detail.json()["reserve_technician_ids"] == []
    opened = await client.get(
        "/v1/emergency-activations",
        params={"state": "active", "owner_id": str(world.sam.id)},
        headers=headers,
    )
    assert [row["plan_id"] for row in opened.json()["items"]] == [str(plan_id)]
    hidden = await client.get(
        "/v1/emergencies", params=ask, headers=bearer(settings, world.actors["dan"])
    )
    assert hidden.status_code == 404


async def priorities(database: Database, *orders: MadeOrder) -> list[int]:
    async with database.transaction() as session:
        return await priorities_in(session, *orders)


async def priorities_in(session: AsyncSession, *orders: MadeOrder) -> list[int]:
    rows = [await session.get(WorkOrder, (1, made.work[0])) for made in orders]
    return [row.priority for row in rows if row is not None]


async def until_waiting(database: Database) -> None:
    """Return when a transaction waits for a lock of another."""
    waiting = text(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    with anyio.fail_after(20):
        while True:
            async with database.transaction() as session:
                if await session.scalar(waiting):
                    return
            await anyio.sleep(0.02)


async def test_em_01_priorities_follow_the_plan_at_once_and_are_as_before_when_it_ends(
    database: Database, world: World
) -> None:
    repair = await make_order(database, world.dora, REPAIR)
    install = await make_order(database, world.dora)
    complaint = await make_order(database, world.dora, REPAIR, urgency="complaint")
    async with database.transaction() as session:
        elsewhere = await make_premises(session, centre_id=SOUTH)
    south = await make_order(database, world.dan, REPAIR, premises=elsewhere)
    before = await priorities(database, repair, install, complaint, south)
    raised = {"raised_kinds": ["repair"], "raised_classes": 1}
    plan_id = await make_plan(database, world.sam, **raised)
    opened = await put_in_force(database, world.dora, plan_id)
    late = await make_order(database, world.dora, REPAIR)
    assert await priorities(database, repair, install, complaint, south) == [
        before[0] + 1000,
        before[1],
        before[2],  # nothing is more urgent than a complaint
        before[3],  # another centre's
    ]
    assert await priorities(database, late) == [before[0] + 1000]
    await run(
        database,
        world.sam,
        "emergency.change_plan",
        plan_id=str(plan_id),
        **{**STORM, "raised_kinds": ["install"], "raised_classes": 2},
        reason="Lines first",
    )
    assert await priorities(database, repair, install) == [before[0], before[1] + 2000]
    await decide(database, world.dora, "end", opened)
    assert await priorities(database, repair, install, complaint, south) == before
    assert await priorities(database, late) == [before[0]]


async def test_em_01_the_list_of_work_is_in_the_order_of_the_plan(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    repair = await make_order(database, world.dora, REPAIR)
    install = await make_order(database, world.dora)

    async def first() -> str:
        answer = await client.get("/v1/work-list", headers=bearer(settings, world.dora))
        return str(answer.json()["items"][0]["id"])

    assert await first() == str(repair.work[0])
    plan_id = await make_plan(database, world.sam, raised_kinds=["install"], raised_classes=2)
    await put_in_force(database, world.dora, plan_id)
    assert await first() == str(install.work[0])


async def test_em_01_an_urge_keeps_what_the_plan_raised(database: Database, world: World) -> None:
    repair = await make_order(database, world.dora, REPAIR)
    plan_id = await make_plan(database, world.sam, raised_kinds=["repair"], raised_classes=1)
    await put_in_force(database, world.dora, plan_id)
    before = await priorities(database, repair)
    await run(database, world.ann, "order.urge", order_id=str(repair.id), channel="phone")
    after = await priorities(database, repair)
    assert after[0] > before[0]
    assert after[0] // 1000 == before[0] // 1000 == 4


async def test_em_01_work_that_comes_in_meanwhile_gets_a_stretched_limit(
    database: Database, world: World
) -> None:
    async def limit(made: MadeOrder) -> int:
        async with database.transaction() as session:
            row = await session.get(WorkOrder, (1, made.work[0]))
            assert row is not None
            assert row.due_at == row.received_at + timedelta(seconds=row.limit_seconds)
            return row.limit_seconds

    usual = await make_order(database, world.dora)
    plan_id = await make_plan(database, world.sam, limit_percent=150)
    await put_in_force(database, world.dora, plan_id)
    stretched = await make_order(database, world.dora)
    assert await limit(stretched) == await limit(usual) * 3 // 2


async def test_em_01_a_limit_the_plan_stretched_follows_a_tier_and_stays_stretched_when_it_ends(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)

    async def after_change(made: MadeOrder) -> int:
        await run(
            database, world.dora, "customer.change_tier", customer_id=str(made.customer.id),
            tier="diamond", reason="a new contract",
        )  # fmt: skip
        async with database.transaction() as session:
            row = await session.get(WorkOrder, (1, made.work[0]))
            assert row is not None
            return row.limit_seconds

    now = clock.now()
    with clock.frozen(now):
        plan_id = await make_plan(database, world.sam, limit_percent=150)
        opened = await put_in_force(database, world.dora, plan_id)
        stretched = await make_order(database, world.dora, REPAIR)
    with clock.frozen(now + timedelta(minutes=5)):
        # It came in before the plan was in force and was only written down now.
        earlier = (now - timedelta(hours=1)).isoformat()
        before = await make_order(database, world.dora, REPAIR, received_at=earlier)
        async with database.transaction() as session:
            row = await session.get(WorkOrder, (1, before.work[0]))
            assert row is not None
            unstretched = row.limit_seconds
    with clock.frozen(now + timedelta(minutes=10)):
        await decide(database, world.dora, "end", opened)
        usual = await make_order(database, world.dora, REPAIR)
        async with database.transaction() as session:
            row = await session.get(WorkOrder, (1, usual.work[0]))
            assert row is not None
            assert unstretched == row.limit_seconds
    with clock.frozen(now + timedelta(minutes=20)):
        limit = await after_change(usual)
        assert await after_change(before) == limit
        assert await after_change(stretched) == limit * 3 // 2


async def test_em_01_an_urge_made_while_a_plan_comes_into_force_is_not_lost(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    repair = await make_order(database, world.dora, REPAIR)
    plan_id = await make_plan(database, world.sam, raised_kinds=["repair"], raised_classes=1)
    urge = Envelope(new_id(), "order.urge", {"order_id": str(repair.id), "channel": "phone"})
    async with anyio.create_task_group() as group, database.transaction() as session:
        await ledger.once(session, world.ann, urge, clock.now())
        await session.flush()
        urged = (await priorities_in(session, repair))[0]
        group.start_soon(put_in_force, database, world.dora, plan_id)
        await until_waiting(database)
    assert await priorities(database, repair) == [urged + 1000]


async def test_em_01_a_reserve_technician_is_given_work_while_the_plan_is_in_force_and_only_then(
    database: Database, world: World
) -> None:
    with pytest.raises(OfAnotherCentre):
        await assigned_visit(database, world, technicians=("carol",))
    plan_id = await make_plan(database, world.sam, reserve_technician_ids=[str(id_of("carol"))])
    opened = await put_in_force(database, world.dora, plan_id)
    made = await assigned_visit(database, world, technicians=("carol",))
    await decide(database, world.dora, "end", opened)
    with pytest.raises(OfAnotherCentre):
        await assigned_visit(database, world, technicians=("carol",))
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(made.visit_id),
        technician_ids=[str(id_of("carol")), str(id_of("alice"))],
    )  # who has it keeps it


async def offers(
    client: httpx.AsyncClient, settings: Settings, world: World, made: MadeOrder
) -> dict[str, Any]:
    """The free windows of a visit, for an agent on the phone."""
    answer = await client.get(
        f"/v1/visits/{made.visit_id}/slots",
        params={"limit": 100},
        headers=bearer(settings, world.ann),
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def opens(offered: dict[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(item["start"]) for item in offered["items"]]


async def test_em_01_offers_follow_the_plan_at_once_and_are_as_before_when_it_ends(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World, at: datetime
) -> None:
    """Installs are put off, repairs are not; windows are longer; customers are told why."""
    install = await make_order(database, world.dora)
    repair = await make_order(database, world.dora, REPAIR)
    before = [await offers(client, settings, world, made) for made in (install, repair)]
    assert min(opens(before[0])) - at < timedelta(days=1)
    plan_id = await make_plan(
        database,
        world.sam,
        put_off_kinds=["install"],
        put_off_days=3,
        window_minutes=240,
    )
    opened = await put_in_force(database, world.dora, plan_id)
    later, urgent = [await offers(client, settings, world, made) for made in (install, repair)]
    assert min(opens(later)) >= datetime(2026, 11, 25, 22, tzinfo=UTC)  # the 26th in Helsinki
    assert min(opens(urgent)) == min(opens(before[1]))
    ends = [datetime.fromisoformat(item["end"]) for item in urgent["items"]]
    assert {end - start for start, end in zip(opens(urgent), ends, strict=True)} == {
        timedelta(hours=4)
    }
    assert urgent["emergency"] == {"en": STORM["text_en"], "zh_CN": STORM["text_zh"]}
    await decide(database, world.dora, "end", opened)
    after = [await offers(client, settings, world, made) for made in (install, repair)]
    assert after == before
    assert after[0]["emergency"] is None


async def test_em_01_days_ahead_and_the_reserve_are_the_plans(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World, at: datetime
) -> None:
    install = await make_order(database, world.dora)
    repair = await make_order(database, world.dora, REPAIR)
    plan_id = await make_plan(database, world.sam, offer_days=2, reserve_percent=90)
    await put_in_force(database, world.dora, plan_id)
    kept, urgent = [await offers(client, settings, world, made) for made in (install, repair)]
    assert max(opens(urgent)) <= at + timedelta(days=2)
    assert len(kept["items"]) < len(urgent["items"])


async def test_em_01_helpers_are_offered_while_the_plan_is_in_force(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    made = await make_order(database, world.dora)

    async def who() -> set[str]:
        found = await offers(client, settings, world, made)
        return {id_ for item in found["items"] for id_ in item["technician_ids"]}

    for name in ("alice", "kim"):  # nobody of North has time this week
        await run(
            database,
            world.ada,
            "leave.add",
            technician_id=str(id_of(name)),
            kind="leave",
            starts_at="2026-11-23T00:00:00Z",
            ends_at="2026-12-20T00:00:00Z",
        )
    assert await who() == set()
    plan_id = await make_plan(database, world.sam, reserve_technician_ids=[str(id_of("carol"))])
    opened = await put_in_force(database, world.dora, plan_id)
    assert await who() == {str(id_of("carol"))}
    await decide(database, world.dora, "end", opened)
    assert await who() == set()


async def activations(database: Database) -> list[Activation]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Activation).where(Activation.region_id == 1).order_by(Activation.id)
        )
        return list(found)


async def test_em_01_open_work_over_capacity_proposes_the_plan_to_its_owner(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    """Three technicians of North have 8.5 hours a day: 51 hours in two days, 30.6 are 60 %."""
    await make_plan(database, world.sam, kind="backlog", open_work_percent=60)
    jobs.use(jobs.Machine(database, settings))
    for _ in range(2):
        await make_order(database, world.dora, {**REPAIR, "duration_minutes": 720})
    await measure_load()
    assert await activations(database) == []
    await make_order(database, world.dora, {**REPAIR, "duration_minutes": 400})
    await measure_load()
    await measure_load()  # it is proposed once
    (proposed,) = await activations(database)
    assert (proposed.state, proposed.open_work_percent) == ("proposed", 60)
    assert (proposed.owner_id, proposed.reason) == (
        world.sam.id,
        "Open work is 60 % of capacity, 0 area faults are open.",
    )
    assert await active(database) is None
    await decide(database, world.sam, "dismiss", proposed.id)
    with clock.frozen(at + timedelta(hours=11)):
        await measure_load()
        assert len(await activations(database)) == 1
    with clock.frozen(at + timedelta(hours=13)):
        await measure_load()
    assert len(await activations(database)) == 2


async def test_em_01_area_faults_put_an_automatic_plan_in_force(
    database: Database, world: World, settings: Settings
) -> None:
    """A person confirms an area fault; the plan that says so needs nobody more."""
    plan_id = await make_plan(database, world.sam, area_faults=2, automatic=True)
    region = await make_plan(database, world.sam, centre_id=None, area_faults=3, name="City")
    jobs.use(jobs.Machine(database, settings))
    for count in (1, 2):
        street = await make_street(database, homes=1)
        await run(
            database,
            world.dora,
            "area_fault.declare",
            feature_id=str(street.plant.box.id),
            cause="Storm",
            expected_repair_at="2026-11-23T18:00:00+02:00",
        )
        await measure_load()
        found = await active(database)
        assert (found is not None) is (count == 2)
    (row,) = await activations(database)
    assert (row.plan_id, row.state) == (plan_id, "active")
    assert row.plan_id != region


async def test_em_01_the_day_plan_counts_on_helpers_while_the_plan_is_in_force(
    database: Database, world: World, at: datetime
) -> None:
    async def own() -> set[str]:
        async with database.transaction() as session:
            day = await days.read(session, 1, NORTH, at.date(), at)
        return {hand.name for hand in day.hands if hand.own}

    plan_id = await make_plan(database, world.sam, reserve_technician_ids=[str(id_of("carol"))])
    assert await own() == {"Alice", "Bob", "Kim"}
    opened = await put_in_force(database, world.dora, plan_id)
    assert await own() == {"Alice", "Bob", "Kim", "Carol"}
    await decide(database, world.dora, "end", opened)
    assert await own() == {"Alice", "Bob", "Kim"}


async def test_em_01_wo_05_the_day_plan_ranks_visits_by_what_was_raised_and_urged(
    database: Database, world: World, at: datetime
) -> None:
    install, urged = [await planned_visit(database, world.dora) for _ in range(2)]
    important = await planned_visit(database, world.dora, tier="diamond")

    async def stops() -> list[Stop]:
        async with database.transaction() as session:
            day = await days.read(session, 1, NORTH, at.date(), at)
        return [day.by_stop[made.visit_id] for made in (install, urged, important)]

    async def classes() -> list[Class]:
        return [stop.priority for stop in await stops()]

    assert await classes() == [Class.INSTALL, Class.INSTALL, Class.VIP]
    plan_id = await make_plan(database, world.sam, raised_kinds=["install"], raised_classes=1)
    opened = await put_in_force(database, world.dora, plan_id)
    assert await classes() == [Class.FAULT, Class.FAULT, Class.VIP]
    await run(database, world.ann, "order.urge", order_id=str(urged.order_id), channel="phone")
    one, other, _ = await stops()
    assert (other.priority, other.score > one.score) == (Class.FAULT, True)
    await decide(database, world.dora, "end", opened)
    assert await classes() == [Class.INSTALL, Class.INSTALL, Class.VIP]
