"""VI-06, CH-04: patrols and inspections are visits to plant, without a customer."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment, CallTask
from fieldops.checklists import queries as checklists
from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.models import Checklist
from fieldops.customers.models import Customer, Premises
from fieldops.dispatch.queries import days
from fieldops.kernel import clock, views
from fieldops.kernel.db import Database
from fieldops.kernel.errors import InvalidArguments, NotFound
from fieldops.kernel.settings import Settings
from fieldops.kernel.views import DeviceScope
from fieldops.network.models import Finding
from fieldops.notifications.models import Message
from fieldops.orders.commands.catalogue import lay_out_reasons
from fieldops.orders.errors import FindingSettled, FindingWithoutPlant
from fieldops.orders.models import WorkOrder
from fieldops.upkeep.errors import NoPlaceKnown
from fieldops.upkeep.models import Round
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import local, window
from tests.support.factories.checklists import PHOTO
from tests.support.factories.customers import make_premises
from tests.support.factories.network import make_feature, point
from tests.support.factories.visits import from_phone
from tests.support.run import first_id, run
from tests.support.world import NORTH, World, id_of

pytestmark = pytest.mark.anyio


async def every(session: AsyncSession, model: Any) -> list[Any]:
    return list(await session.scalars(select(model).where(model.region_id == 1)))


async def make_route(database: Database, world: World) -> tuple[str, list[str]]:
    """A patrol plan of three poles, the last of them 30 km away; returns its id and the poles."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        await ensure_standard_templates(session)
        poles = [
            await make_feature(session, "pole", name=f"Pole {n}", shape=point(lon, 60.17))
            for n, lon in enumerate((24.941, 24.942, 25.5), start=1)
        ]
    stops = [str(pole.id) for pole in poles]
    made = await run(database, world.sam, "patrol.define", centre_id=str(NORTH), name="Ridge",
                     every_days=30, feature_ids=stops)  # fmt: skip
    return str(first_id(made, "patrol_plan")), stops


async def held(database: Database, name: str, kind: str) -> dict[UUID, Any]:
    """What a technician's phone may hold of one type, by id."""
    zone = ZoneInfo("Europe/Helsinki")
    scope = DeviceScope(1, id_of(name), uuid4(), frozenset(), clock.now(), zone)
    async with database.transaction() as session:
        found = await session.execute(views.REGISTRY[kind].build(scope))
        rows = {row.id: row.body for row in found}
    for body in rows.values():
        views.REGISTRY[kind].schema.model_validate(body)
    return rows


async def given_out(database: Database, world: World, visit_id: UUID) -> None:
    args = {**window(local(23, 10)), "visit_id": str(visit_id), "channel": "agent"}
    await run(database, world.dora, "appointment.book", **args,
              technician_ids=[str(world.alice.id)])  # fmt: skip


async def test_vi_06_a_patrol_goes_to_plant_without_a_customer_from_the_slot_to_the_end(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient, at: datetime
) -> None:
    """VI-06: nobody is invented, asked, told or called; whatever the visit needs works."""
    plan, stops = await make_route(database, world)
    opened = await run(database, world.dora, "patrol.open", patrol_plan_id=plan)
    visit_id, round_id = first_id(opened, "visit"), first_id(opened, "round")
    headers = bearer(settings, world.dora)
    slots = (await client.get(f"/v1/visits/{visit_id}/slots", headers=headers)).json()["items"]
    assert slots
    await given_out(database, world, visit_id)
    async with database.transaction() as session:
        visit = await session.get_one(Visit, (1, visit_id))
        place = await session.get_one(Premises, (1, visit.premises_id))
        promise = (await every(session, Appointment))[0]
        assert (visit.customer_id, place.street, place.external_ref) == (
            None, "Pole 1", f"PLANT-{stops[0]}",
        )  # fmt: skip
        assert (promise.state, promise.reconfirm_at, promise.customer_said) == (
            "confirmed", None, None,
        )  # fmt: skip
        day = await days.read(session, 1, NORTH, at.date(), at)
        assert [stop.id for stop in day.stops] == [visit_id]
        for empty in (Customer, CallTask, Message):
            assert await every(session, empty) == []
    board = (await client.get(f"/v1/board?centre_id={NORTH}", headers=headers)).json()
    assert [(row["visit_id"], row["customer_id"]) for row in board["rows"]] == [
        (str(visit_id), None)
    ]

    route = (await held(database, "alice", "round"))[round_id]
    assert route["feature_ids"] == stops  # the way, and its points with their places, offline
    assert {UUID(one) for one in stops} <= set(await held(database, "alice", "feature"))
    assert (await held(database, "alice", "visit"))[visit_id]["customer_id"] is None
    assert len(await held(database, "alice", "premises")) == 1
    assert await held(database, "bob", "round") == await held(database, "bob", "feature") == {}

    phone = {"visit_id": str(visit_id)}
    for verb in ("visit.accept", "visit.depart", "visit.arrive", "visit.start"):
        await from_phone(database, world.alice, verb, at, **phone)
    for stop in (stops[2], stops[2]):
        await from_phone(
            database, world.alice, "network.report_finding", at, **phone, feature_id=stop,
            kind="pole", severity="medium", text="It leans.",
        )  # fmt: skip
    await fill(database, world, at, visit_id)
    await from_phone(database, world.alice, "visit.complete", at, **phone)
    walked = (await client.get(f"/v1/rounds/{round_id}/stops", headers=headers)).json()
    assert [(s["position"], s["name"], len(s["finding_ids"])) for s in walked] == [
        (1, "Pole 1", 0), (2, "Pole 2", 0), (3, "Pole 3", 2),
    ]  # fmt: skip
    async with database.transaction() as session:
        assert (await session.get_one(Round, (1, round_id))).done_at == at
        visit = await session.get_one(Visit, (1, visit_id))
        assert (visit.state, visit.signature_sha256) == ("completed", None)
    (finding, _other) = walked[2]["finding_ids"]
    work = await run(database, world.dora, "finding.open_work", finding_id=finding)
    again = await run(database, world.dora, "finding.open_work", finding_id=_other)
    assert first_id(work, "work_order") == first_id(again, "work_order")
    async with database.transaction() as session:
        row = await session.get_one(WorkOrder, (1, first_id(work, "work_order")))
        assert (row.department, row.feature_id, row.symptom) == (
            "cable", UUID(stops[2]), "It leans.",
        )  # fmt: skip
    walked = (await client.get(f"/v1/rounds/{round_id}/stops", headers=headers)).json()
    assert walked[2]["work_order_ids"] == [str(row.id)]


async def fill(database: Database, world: World, at: datetime, visit_id: UUID) -> None:
    """Answer what the visit's list demands: it is bound by kind of work, no customer needed."""
    async with database.transaction() as session:
        [checklist] = await session.scalars(
            select(Checklist).where(Checklist.region_id == 1, Checklist.visit_id == visit_id)
        )
        version = checklist.template_version_id
        body = (await checklists.bodies(session, [version]))[version]
    said: dict[str, Any] = {"works_nearby": "none", "findings_reported": 2, "patrol_photo": [PHOTO]}
    said["patrol_start"] = {"type": "Point", "coordinates": [24.941, 60.17]}
    seen = {item.key: said.get(item.key, True) for item in body.items if item.when is None}
    await from_phone(
        database, world.alice, "checklist.answer", at, visit_id=str(visit_id),
        checklist_id=str(checklist.id),
        answers=[{"item_key": key, "value": value} for key, value in seen.items()],
    )  # fmt: skip


async def test_ch_04_a_building_is_inspected_at_premises_without_a_customer_or_at_its_cabling(
    database: Database, world: World
) -> None:
    """CH-04: opened twice in its life, the place is one; plant without a place is refused."""
    async with database.transaction() as session:
        await lay_out_reasons(session)
        cabling = await make_feature(session, "building_cabling", name="House 1")
        home = await make_premises(session)
    asked: dict[str, Any] = {"feature_id": str(cabling.id)}
    with pytest.raises(InvalidArguments):
        await run(database, world.dora, "building_inspection.open", **asked,
                  customer_id=str(home.id))  # fmt: skip
    places = []
    named: tuple[dict[str, Any], ...] = ({}, {}, {"premises_id": str(home.id)})
    for where in named:
        made = await run(database, world.dora, "building_inspection.open", **asked, **where)
        async with database.transaction() as session:
            visit = await session.get_one(Visit, (1, first_id(made, "visit")))
            places.append(visit.premises_id)
        await run(database, world.dora, "order.cancel", order_id=str(first_id(made, "order")),
                  reason="withdrawn")  # fmt: skip
    assert places[0] == places[1] != places[2] == home.id
    async with database.transaction() as session:
        cabinet = await make_feature(session, "distribution_box")
        pair = await make_feature(session, "port", parent=cabinet)
    plan = await run(database, world.sam, "patrol.define", centre_id=str(NORTH), name="Ports",
                     every_days=30, feature_ids=[str(pair.id)])  # fmt: skip
    with pytest.raises(NoPlaceKnown):
        await run(database, world.dora, "patrol.open",
                  patrol_plan_id=str(first_id(plan, "patrol_plan")))  # fmt: skip


async def test_vi_05_a_patrol_that_fails_tells_nobody_and_gets_its_next_visit(
    database: Database, world: World, at: datetime
) -> None:
    plan, _stops = await make_route(database, world)
    opened = await run(database, world.dora, "patrol.open", patrol_plan_id=plan)
    visit_id = first_id(opened, "visit")
    await given_out(database, world, visit_id)
    phone = {"visit_id": str(visit_id)}
    for verb in ("visit.accept", "visit.depart", "visit.arrive"):
        await from_phone(database, world.alice, verb, at, **phone)
    await from_phone(database, world.alice, "visit.fail", at, **phone, reason="site_not_ready",
                     next_step="new_appointment")  # fmt: skip
    async with database.transaction() as session:
        former = Visit.former_visit_id == visit_id
        another = (await session.scalars(select(Visit).where(Visit.region_id == 1, former))).one()
        assert (another.customer_id, another.state) == (None, "planned")
        assert await every(session, CallTask) == []


async def test_ap_06_a_patrols_window_is_moved_without_calling_anybody(
    database: Database, world: World
) -> None:
    plan, _stops = await make_route(database, world)
    opened = await run(database, world.dora, "patrol.open", patrol_plan_id=plan)
    await given_out(database, world, first_id(opened, "visit"))
    async with database.transaction() as session:
        promise = (await every(session, Appointment))[0]
    await run(database, world.dora, "appointment.reschedule", appointment_id=str(promise.id),
              **window(local(24, 10)), technician_ids=[str(world.alice.id)], cause="operator",
              reason="technician_ill", channel="agent")  # fmt: skip
    async with database.transaction() as session:
        moved = (await every(session, Appointment))[0]
        assert (moved.window_start, moved.state) == (local(24, 10), "confirmed")
    with pytest.raises(NotFound):
        await run(
            database, world.dora, "call_task.open", visit_id=str(promise.visit_id),
            kind="reconfirm", due_at=(clock.now() + timedelta(hours=1)).isoformat(),
        )  # fmt: skip


async def test_vi_06_work_is_opened_for_a_finding_that_is_open_and_names_its_plant(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        pole = await make_feature(session, "pole")
        found = [
            Finding(
                region_id=1, centre_id=NORTH, reporter_id=world.alice.id, kind="pole",
                severity="high", text="Struck by a lorry.", captured_at=clock.now(), **about,
            )
            for about in (
                {"point": point(24.94, 60.17), "state": "open"},
                {"feature_id": pole.id, "state": "fixed"},
            )
        ]  # fmt: skip
        session.add_all(found)
    for row, refused in zip(found, (FindingWithoutPlant, FindingSettled), strict=True):
        with pytest.raises(refused):
            await run(database, world.dora, "finding.open_work", finding_id=str(row.id))
