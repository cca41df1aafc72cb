"""EM-01: several plans in force for a centre hold together, and each ends by itself."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldops.emergencies import queries
from fieldops.emergencies.rules import ActivePlan, Kind, PlanInForce
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.models import WorkOrder
from tests.support.clients import bearer
from tests.support.factories.emergencies import STORM, make_plan, put_in_force
from tests.support.factories.orders import REPAIR, MadeOrder, make_order
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
NAMES = [UUID(int=n) for n in range(4)]
DAYS = st.dictionaries(st.sampled_from(["install", "move", "repair"]), st.integers(1, 4))
MAYBE = st.none() | st.integers(0, 5)

BACKLOG: dict[str, Any] = {
    "name": "Too much work",
    "kind": "backlog",
    "text_en": "New lines take longer.",
    "text_zh": "新装时间顺延。",
}


def said(name: UUID) -> PlanInForce:
    """What the plan of a name says of itself: the same name, the same words."""
    n = name.int
    return PlanInForce(
        activation_id=name,
        plan_id=name,
        kind=[Kind.DISASTER, Kind.BACKLOG][n % 2],
        name=str(n),
        centre_id=NORTH if n < 2 else None,
        since=MONDAY + timedelta(hours=n // 3),
        until=None,
        text_en=["Wait.", "Later."][n % 2],
        text_zh="等",
    )


@st.composite
def plans(draw: st.DrawFn) -> ActivePlan:
    return ActivePlan(
        plans=(said(draw(st.sampled_from(NAMES))),),
        put_off=draw(DAYS),
        window_minutes=draw(MAYBE),
        offer_days=draw(MAYBE),
        limit_percent=draw(st.integers(100, 103)),
        raised=draw(DAYS),
        reserve_percent=draw(MAYBE),
        reserve=draw(st.frozensets(st.sampled_from(NAMES))),
    )


SOME = st.lists(plans(), min_size=1, max_size=5)


def together(some: list[ActivePlan]) -> ActivePlan:
    return reduce(ActivePlan.with_another, some)


@given(SOME, st.randoms(use_true_random=False))
def test_em_01_the_order_in_which_plans_come_does_not_matter(
    some: list[ActivePlan], chance: Any
) -> None:
    other = chance.sample(some, len(some))
    cut = chance.randint(1, len(some))
    parts = [together(part) for part in (other[:cut], other[cut:]) if part]
    assert together(some) == together(other) == together(parts)


@given(SOME)
def test_em_01_a_plan_that_holds_already_changes_nothing_by_coming_again(
    some: list[ActivePlan],
) -> None:
    all_ = together(some)
    assert all(all_.with_another(one) == all_ for one in [*some, all_])


@given(SOME, st.frozensets(st.sampled_from(["install", "move", "repair", "care"]), min_size=1))
def test_em_01_no_plan_loses_anything_by_another(
    some: list[ActivePlan], kinds: frozenset[str]
) -> None:
    all_ = together(some)
    for one in some:
        assert all_.reserve >= one.reserve
        assert all_.stretched(1000) >= one.stretched(1000)
        assert all_.days_put_off(kinds) >= one.days_put_off(kinds)
        assert all(all_.classes_raised(kind) >= one.classes_raised(kind) for kind in kinds)
        assert one.plans[0].text_en in all_.text_en.split("\n")
        for name in ("window_minutes", "offer_days", "reserve_percent"):
            its, theirs = getattr(one, name), getattr(all_, name)
            assert its is None or its <= theirs
    assert all_.days_put_off(kinds) == min(max(p.put_off.get(k, 0) for p in some) for k in kinds)


async def active(database: Database, centre_id: UUID = NORTH) -> ActivePlan | None:
    async with database.transaction() as session:
        return await queries.active(session, 1, centre_id, clock.now())


async def end(database: Database, world: World, activation_id: UUID) -> None:
    about = {"activation_id": str(activation_id), "reason": "It is over"}
    await run(database, world.sam, "emergency.end", **about)


async def test_em_01_all_plans_in_force_hold_and_the_others_still_when_one_ends(
    database: Database, world: World
) -> None:
    """Each kind waits as long as its own plan says; what no other plan says is gone at the end."""
    backlog = {
        "put_off_kinds": ["install"], "put_off_days": 3, "offer_days": 30, "limit_percent": 150,
        "reserve_technician_ids": [str(id_of("carol"))],
    }  # fmt: skip
    storm = {
        "put_off_kinds": ["move"], "put_off_days": 9, "window_minutes": 240,
        "raised_kinds": ["repair"], "raised_classes": 1, "reserve_percent": 60,
    }  # fmt: skip
    work = await make_plan(database, world.sam, **{**BACKLOG, **backlog})
    opened = await put_in_force(database, world.sam, work)
    alone = await active(database)
    region = await make_plan(database, world.sam, centre_id=None, **storm)
    whole = await put_in_force(database, world.sam, region)
    both, south = await active(database), await active(database, SOUTH)
    assert both is not None
    assert (both.put_off, both.raised) == ({"install": 3, "move": 9}, {"repair": 1})
    assert (both.window_minutes, both.offer_days) == (240, 30)
    assert (both.limit_percent, both.reserve_percent) == (150, 60)
    assert both.reserve == {id_of("carol")}
    assert both.text_en == f"{STORM['text_en']}\n{BACKLOG['text_en']}"
    await end(database, world, whole)
    assert await active(database) == alone
    assert await active(database, SOUTH) is None
    await put_in_force(database, world.sam, region)
    await end(database, world, opened)
    left, again = await active(database), await active(database, SOUTH)
    assert left == again
    assert left is not None
    assert south is not None
    assert (left.put_off, left.text_en) == (south.put_off, south.text_en)


async def test_em_01_a_disaster_is_named_first_then_the_centres_own_plan_then_the_newer(
    database: Database, world: World
) -> None:
    order: list[tuple[str, dict[str, Any]]] = [
        ("The North", {}),
        ("Whole city", {"centre_id": None}),
        ("The river", {}),
        ("Backlog", {"kind": "backlog"}),
    ]
    for minutes, (name, changes) in enumerate(order):
        plan_id = await make_plan(database, world.sam, name=name, **changes)
        with clock.frozen(clock.now() + timedelta(minutes=minutes)):
            await put_in_force(database, world.sam, plan_id)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        found = await active(database)
    assert found is not None
    names = [plan.name for plan in found.plans]
    assert names == ["The river", "The North", "Whole city", "Backlog"]
    assert found.text_en == STORM["text_en"], "what all of them say is said once"


async def test_em_01_work_is_raised_by_every_plan_in_force_and_falls_with_its_own(
    database: Database, world: World
) -> None:
    async def classes() -> list[int]:
        async with database.transaction() as session:
            found = [await session.get(WorkOrder, (1, made.work[0])) for made in made_orders]
        return [row.priority // 1000 for row in found if row is not None]

    made_orders: list[MadeOrder] = [
        await make_order(database, world.dora),
        await make_order(database, world.dora, REPAIR),
    ]
    install, repair = await classes()
    storm = await make_plan(database, world.sam, raised_kinds=["repair"], raised_classes=1)
    lines = await make_plan(
        database, world.sam, **BACKLOG, raised_kinds=["install"], raised_classes=2
    )
    first = await put_in_force(database, world.sam, storm)
    await put_in_force(database, world.sam, lines)
    assert await classes() == [install + 2, repair + 1]
    await end(database, world, first)
    assert await classes() == [install + 2, repair]


async def test_em_01_the_hotline_reads_every_plan_and_what_they_say_together(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    for changes in (BACKLOG, {"put_off_kinds": ["install"], "put_off_days": 3}):
        plan_id = await make_plan(database, world.sam, **changes)
        await put_in_force(database, world.dora, plan_id)
    answer = await client.get(
        "/v1/emergencies", params={"centre_id": str(NORTH)}, headers=bearer(settings, world.ann)
    )
    found = answer.json()["plan"]
    assert [plan["name"] for plan in found["plans"]] == [STORM["name"], BACKLOG["name"]]
    assert found["put_off"] == {"install": 3}
    assert found["text_zh"] == f"{STORM['text_zh']}\n{BACKLOG['text_zh']}"
