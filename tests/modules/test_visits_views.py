"""What a technician's device holds of own visits (SY-01), and how long (CU-05, CU-04)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from fieldops.customers import policy as customers
from fieldops.customers import queries as customer_queries
from fieldops.kernel import clock, views
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.views import BACKGROUND, LATER, TODAY, DeviceScope
from tests.support.factories.network import make_feature, make_plant, make_service, point
from tests.support.factories.orders import REPAIR, MadeOrder
from tests.support.factories.visits import assigned_visit, begun_visit, from_phone
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


def scope(name: str, now: datetime | None = None) -> DeviceScope:
    return DeviceScope(
        region_id=1,
        person_id=id_of(name),
        device_id=uuid4(),
        centre_ids=frozenset(),
        now=now or clock.now(),
        zone=ZoneInfo("Europe/Helsinki"),
    )


async def held(
    database: Database, name: str, kind: str, now: datetime | None = None
) -> dict[UUID, Any]:
    """The rows of one type a technician's device may hold at a moment, by id."""
    async with database.transaction() as session:
        found = await session.execute(views.REGISTRY[kind].build(scope(name, now)))
        return {row.id: row for row in found}


ALL = ("order", "customer", "premises", "customer_contact", "work_order", "visit", "assignment")


async def fail(database: Database, world: World, made: MadeOrder, at: datetime) -> None:
    await from_phone(
        database,
        world.alice,
        "visit.fail",
        at,
        visit_id=str(made.visit_id),
        reason="site_not_ready",
        told_customer="We come back.",
        next_step="suspend",
        resume_on="2026-12-20",
    )


async def test_sy_01_a_device_holds_all_of_own_visits_and_nothing_of_others(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world, REPAIR)
    expected = {
        "order": made.id,
        "customer": made.customer.id,
        "premises": made.premises.id,
        "customer_contact": made.customer.id,
        "work_order": made.work[0],
        "visit": made.visit_id,
    }
    for kind, id_ in expected.items():
        assert set(await held(database, "alice", kind)) == {id_}, kind
    assert len(await held(database, "alice", "assignment")) == 1
    for kind in ALL:
        assert await held(database, "kim", kind) == {}, kind


async def test_sy_01_every_body_has_the_fields_its_schema_promises(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        await make_service(session, premises=made.premises, customer=made.customer)
    for kind in (*ALL, "visit_work", "visit_fact", "reason", "service", "feature", "path_element"):
        rows = await held(database, "alice", kind)
        assert rows, kind
        for row in rows.values():
            views.REGISTRY[kind].schema.model_validate(row.body)
            assert set(row.body) == set(views.REGISTRY[kind].schema.model_fields), kind


@pytest.mark.parametrize(("days", "there"), [(-2, True), (-3, False), (14, True), (15, False)])
async def test_sy_01_own_visits_from_two_days_back_to_fourteen_ahead(
    database: Database, world: World, at: datetime, days: int, there: bool
) -> None:
    made = await assigned_visit(database, world, start=at + timedelta(hours=1))
    seen_from = at - timedelta(days=days)
    assert (made.visit_id in await held(database, "alice", "visit", seen_from)) is there
    assert (made.id in await held(database, "alice", "order", seen_from)) is there


async def test_sy_01_today_comes_first_and_the_past_last(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world, start=at + timedelta(hours=1))
    for days, tier in ((0, TODAY), (1, LATER), (-1, BACKGROUND)):
        row = (await held(database, "alice", "visit", at - timedelta(days=days)))[made.visit_id]
        assert row.tier == tier
    order = (await held(database, "alice", "order"))[made.id]
    assert order.tier == TODAY


async def test_sy_01_a_parent_is_never_later_than_its_children(
    database: Database, world: World, at: datetime
) -> None:
    await assigned_visit(database, world, start=at + timedelta(hours=1))
    later = await assigned_visit(database, world, start=at + timedelta(days=1, hours=1))
    await assigned_visit(
        database,
        world,
        start=at + timedelta(hours=5),
        customer=later.customer,
        premises=later.premises,
    )
    for kind, parent, key in (
        ("visit", "order", "order_id"),
        ("visit", "customer", "customer_id"),
        ("visit", "premises", "premises_id"),
        ("work_order", "order", "order_id"),
        ("assignment", "visit", "visit_id"),
        ("visit_work", "work_order", "work_order_id"),
    ):
        parents = await held(database, "alice", parent)
        for row in (await held(database, "alice", kind)).values():
            above = parents[UUID(row.body[key])]
            assert above.tier <= row.tier, kind
            assert views.REGISTRY[parent].rank < views.REGISTRY[kind].rank


async def test_reassigned_visits_leave_the_device(database: Database, world: World) -> None:
    made = await assigned_visit(database, world)
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(made.visit_id),
        technician_ids=[str(id_of("kim"))],
    )
    for kind in ALL:
        assert await held(database, "alice", kind) == {}, kind
        assert await held(database, "kim", kind) != {}, kind


async def test_cu_05_contact_data_leaves_48_hours_after_the_end_and_the_history_stays(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    ended = at + timedelta(hours=2)
    with clock.frozen(ended):
        await fail(database, world, made, ended)
    leaves = ended + timedelta(hours=48)
    for kind in ("premises", "customer_contact"):
        (row,) = (await held(database, "alice", kind, leaves - timedelta(seconds=1))).values()
        assert row.until == leaves
        assert await held(database, "alice", kind, leaves) == {}
    for kind in ("order", "customer", "work_order", "visit"):
        assert await held(database, "alice", kind, leaves) != {}, kind


async def test_cu_05_a_region_may_keep_contact_data_shorter(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    await fail(database, world, made, at)
    await run(
        database, world.ada, "rule.set_number", name="contact_data_kept", value=1, reason="strict"
    )
    (row,) = (await held(database, "alice", "premises")).values()
    assert row.until == at + timedelta(hours=1)


async def test_cu_05_contact_data_stays_while_another_visit_of_the_customer_is_open(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    await fail(database, world, made, at)
    await assigned_visit(
        database,
        world,
        start=at + timedelta(days=7, hours=1),
        customer=made.customer,
        premises=made.premises,
    )
    (row,) = (await held(database, "alice", "customer_contact", at + timedelta(days=3))).values()
    assert row.until is None


async def test_cu_05_no_other_type_holds_contact_data(database: Database, world: World) -> None:
    await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        contacts = await session.execute(views.REGISTRY["customer_contact"].build(scope("alice")))
        contact = contacts.one().body
    for kind in views.REGISTRY:
        if kind in {"customer_contact", "case"}:
            continue
        for row in (await held(database, "alice", kind)).values():
            for secret in (contact["name"], contact["phone"], contact["email"]):
                assert secret not in str(row.body), kind


async def test_cu_05_the_address_leaves_the_api_with_the_device(
    database: Database, world: World, at: datetime
) -> None:
    made = await begun_visit(database, world)
    await fail(database, world, made, at)
    own = world.alice.scope(Permission.CUSTOMER_READ)
    async with database.transaction() as session:
        with clock.frozen(at + timedelta(hours=47)):
            assert await customer_queries.premises(session, own, made.premises.id)
        with clock.frozen(at + timedelta(hours=48)), pytest.raises(NotFound):
            await customer_queries.premises(session, own, made.premises.id)


@pytest.mark.parametrize(
    ("name", "days", "free"),
    [("alice", 0, True), ("alice", -1, True), ("alice", 1, True), ("alice", 2, False),
     ("alice", -2, False), ("kim", 0, False), ("dora", 0, False)],
)  # fmt: skip
async def test_cu_04_a_visit_from_the_day_before_to_the_day_after_frees_from_the_register(
    database: Database, world: World, at: datetime, name: str, days: int, free: bool
) -> None:
    made = await assigned_visit(database, world, start=at + timedelta(hours=1))
    async with database.transaction() as session:
        now = at + timedelta(days=days)
        found = await customers.exempt(session, world.actors[name], made.customer.id, now)
    assert found is free


async def test_sy_01_the_access_path_and_what_lies_within_300_m_go_along(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
        near = await make_feature(session, "pole", shape=point(24.945, 60.17))  # 221 m
        far = await make_feature(session, "pole", shape=point(24.947, 60.17))  # 332 m
    held_features = await held(database, "alice", "feature")
    assert near.id in held_features
    assert far.id not in held_features
    # The pair in use and the free ones beside it, of which one may be swapped in.
    assert {pair.id for pair in plant.pairs} <= set(held_features)
    assert set(await held(database, "alice", "service")) == {service.id}
    assert len(await held(database, "alice", "path_element")) == 10


async def test_vi_06_open_findings_on_the_plant_nearby_go_along(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        pole = await make_feature(session, "pole", shape=point(24.945, 60.17))
    result = await from_phone(
        database,
        world.alice,
        "network.report_finding",
        visit_id=str(made.visit_id),
        feature_id=str(pole.id),
        kind="pole",
        severity="medium",
        text="Leans over the road.",
    )
    assert {str(id_) for id_ in await held(database, "alice", "finding")} == {
        result["refs"][0]["id"]
    }
