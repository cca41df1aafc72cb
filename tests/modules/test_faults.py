"""FA-02: reports on one box or cable propose an area fault; visits are held until it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest
from sqlalchemy import select

from fieldops.appointments.models import Appointment, CallTask
from fieldops.faults.errors import (
    AreaFaultKnown,
    AreaFaultOpen,
    AreaFaultOver,
    NotBoxOrCable,
    NotHeld,
    RepairUnderWay,
    ReportWithoutOrder,
    ServiceNotKnown,
)
from fieldops.faults.models import AreaFault, FaultReport, HeldWork
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature, NetworkService, PathElement
from fieldops.orders.jobs import resume_suspended_work
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits.errors import IllegalVisitChange
from fieldops.visits.models import Notice, Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import local, window
from tests.support.factories.faults import (
    Street,
    confirmed_fault,
    make_street,
    next_box,
    report,
)
from tests.support.factories.network import make_feature, make_service, tie
from tests.support.factories.visits import assigned_visit
from tests.support.rows import every
from tests.support.run import first_id, run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

TONIGHT = "2026-11-23T18:00:00+02:00"


async def faults(database: Database) -> list[AreaFault]:
    return await every(database, AreaFault)


async def decide(database: Database, actor: Any, verb: str, fault_id: UUID, **args: Any) -> Any:
    return await run(database, actor, f"area_fault.{verb}", area_fault_id=str(fault_id), **args)


async def confirm(database: Database, actor: Any, fault_id: UUID, **args: Any) -> None:
    await decide(
        database, actor, "confirm", fault_id,
        **{"cause": "Excavator cut the cable", "expected_repair_at": TONIGHT, **args},
    )  # fmt: skip


async def promised(
    database: Database, world: World, home: NetworkService, hour: int = 14
) -> dict[str, Any]:
    """A home's fault is reported and its repair promised to it for this afternoon, with Alice."""
    result = await report(database, world.ann, home)
    await run(
        database, world.dora, "appointment.book",
        visit_id=str(first_id(result, "visit")), **window(local(23, hour)),
        technician_ids=[str(id_of("alice"))], channel="phone", customer_said="Good.",
    )  # fmt: skip
    return result


async def test_fa_02_three_reports_on_one_box_in_an_hour_propose_an_area_fault_of_the_box(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    first = await report(database, world.ann, street.homes[0])
    assert {ref["type"] for ref in first["refs"]} >= {
        "order",
        "work_order",
        "visit",
        "fault_report",
    }
    await report(database, world.ann, street.homes[1])
    assert await faults(database) == []
    third = await report(database, world.ann, street.homes[2])
    (fault,) = await faults(database)
    assert (fault.state, fault.feature_id) == ("proposed", street.plant.box.id)
    assert first_id(third, "area_fault") == fault.id
    belonging = await every(database, FaultReport, FaultReport.area_fault_id == fault.id)
    assert len(belonging) == 3


async def test_fa_02_reports_at_different_boxes_of_one_cable_propose_the_cable(
    database: Database, world: World
) -> None:
    street = await make_street(database, homes=2)
    other = await next_box(database, street)
    for home in (street.homes[0], other.homes[0], other.homes[1]):
        await report(database, world.ann, home)
    (fault,) = await faults(database)
    assert fault.feature_id == street.plant.feeder.id


@pytest.mark.parametrize(("minutes", "proposed"), [(60, 1), (61, 0)])
async def test_fa_02_the_third_report_in_the_sixtieth_minute_counts_in_the_next_not(
    database: Database, world: World, at: datetime, minutes: int, proposed: int
) -> None:
    street = await make_street(database)
    for home, after in zip(street.homes, (0, 30, minutes), strict=False):
        with clock.frozen(at + timedelta(minutes=after)):
            await report(database, world.ann, home)
    assert len(await faults(database)) == proposed


async def test_fa_02_the_numbers_are_the_regions_own(database: Database, world: World) -> None:
    street = await make_street(database)
    await run(
        database, world.ada, "rule.set_number",
        name="area_fault_reports", value=2, reason="Small boxes",
    )  # fmt: skip
    for home in street.homes[:2]:
        await report(database, world.ann, home)
    assert len(await faults(database)) == 1


async def test_fa_02_one_home_that_calls_three_times_proposes_nothing(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    for _ in range(3):
        await report(database, world.ann, street.homes[0])
    assert await faults(database) == []


async def test_fa_02_a_repair_order_from_elsewhere_is_a_report_too(
    database: Database, world: World
) -> None:
    """By the order API without a service named: the record says what is at the premises."""
    street = await make_street(database)
    for number, home in enumerate(street.homes[:3]):
        await run(
            database, world.ivan, "order.receive",
            external_ref=f"CRM-{number}", customer={"id": str(home.customer_id)},
            premises={"id": str(home.premises_id)},
            items=[{"kind": "repair", "service": "broadband", "symptom": "Slow"}],
        )  # fmt: skip
    (fault,) = await faults(database)
    assert fault.feature_id == street.plant.box.id
    taken = await every(database, FaultReport)
    assert [(row.channel, row.symptom) for row in taken] == [("order", "Slow")] * 3


async def test_fa_02_an_install_is_no_report(database: Database, world: World) -> None:
    street = await make_street(database)
    home = street.homes[0]
    await run(
        database, world.ivan, "order.receive",
        external_ref="CRM-1", customer={"id": str(home.customer_id)},
        premises={"id": str(home.premises_id)},
        items=[{"kind": "install", "service": "fixed_line"}],
    )  # fmt: skip
    assert await every(database, FaultReport) == []


async def test_fa_02_a_machine_reports_a_box_and_a_technician_a_grave_finding_at_it(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    box = str(street.plant.box.id)
    await report(database, world.ann, street.homes[0])
    await run(
        database, world.ivan, "fault.report",
        feature_id=box, symptom="No answer", channel="monitoring",
    )  # fmt: skip
    visit = await assigned_visit(database, world)
    for severity in ("low", "high"):
        assert await faults(database) == []
        await run(
            database,
            world.alice,
            "network.report_finding",
            visit_id=str(visit.visit_id),
            feature_id=box,
            kind="distribution_box",
            severity=severity,
            text="Burnt out.",
        )
    (fault,) = await faults(database)
    assert fault.feature_id == street.plant.box.id
    assert {row.channel for row in await every(database, FaultReport)} == {
        "phone", "monitoring", "technician",
    }  # fmt: skip


async def test_fa_02_a_proposal_holds_nothing_until_a_person_confirms(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    made = await promised(database, world, street.homes[0])
    for home in street.homes[1:3]:
        await report(database, world.ann, home)
    (fault,) = await faults(database)
    (visit,) = await every(database, Visit, Visit.id == first_id(made, "visit"))
    assert visit.state == "dispatched"
    await decide(database, world.dora, "dismiss", fault.id, reason="A power cut in the house")
    (fault,) = await faults(database)
    assert (fault.state, fault.end_reason) == ("dismissed", "A power cut in the house")
    await report(database, world.ann, street.homes[3])
    assert len(await faults(database)) == 1  # what was dismissed proposes no other
    with pytest.raises(AreaFaultOver):
        await confirm(database, world.dora, fault.id)


async def test_fa_02_a_confirmed_area_fault_holds_single_visits_and_tells_everybody(
    database: Database, world: World
) -> None:
    """The promise is off, the time is free, the technician is told, the work waits."""
    street = await make_street(database)
    made = await promised(database, world, street.homes[0])
    for home in street.homes[1:3]:
        await report(database, world.ann, home)
    (fault,) = await faults(database)
    await confirm(database, world.dora, fault.id)
    (visit,) = await every(database, Visit, Visit.id == first_id(made, "visit"))
    assert (visit.state, visit.end_reason, visit.next_step) == (
        "cancelled", "area_fault", "suspend",
    )  # fmt: skip
    work = await every(
        database, WorkOrder, WorkOrder.kind == "repair", WorkOrder.department == "field"
    )
    assert [(row.state, row.state_reason) for row in work] == [("suspended", "area_fault")] * 3
    assert {str(row.resume_on) for row in work} == {"2026-11-24"}
    (appointment,) = await every(database, Appointment)
    assert appointment.state == "cancelled"
    told = await every(database, Notice, Notice.technician_id == world.alice.id)
    assert [(row.kind, row.reason) for row in told if row.kind == "cancelled"] == [
        ("cancelled", "area_fault")
    ]
    held = await every(database, HeldWork)
    assert len(held) == 3
    assert {row.window_start for row in held if row.visit_id == visit.id} == {local(23, 14)}


async def test_fa_02_the_cable_department_gets_one_urgent_work_order(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    (work,) = await every(database, WorkOrder, WorkOrder.department == "cable")
    (fault,) = await faults(database)
    assert fault.cable_work_id == work.id
    assert (work.feature_id, work.symptom) == (street.plant.box.id, "Excavator cut the cable")
    assert work.priority // 1000 == 4  # as urgent as a major fault (WO-06)
    assert fault.id == fault_id


async def test_fa_02_a_new_report_joins_and_is_not_offered_a_window(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    street = await make_street(database)
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    fourth = await report(database, world.ann, street.homes[3])
    visit_id = first_id(fourth, "visit")
    (taken,) = await every(
        database, FaultReport, FaultReport.id == first_id(fourth, "fault_report")
    )
    assert taken.area_fault_id == fault_id
    headers = bearer(settings, world.ann)
    slots = await client.get(f"/v1/visits/{visit_id}/slots", headers=headers)
    assert slots.status_code != 200 or slots.json()["items"] == []
    with pytest.raises(IllegalVisitChange):
        await run(
            database, world.dora, "appointment.book",
            visit_id=str(visit_id), **window(local(24, 9)),
            technician_ids=[str(id_of("alice"))], channel="phone", customer_said="Please.",
        )  # fmt: skip
    answer = await client.get(
        "/v1/hotline/area-fault", params={"account": street.homes[3].account}, headers=headers
    )
    told = answer.json()["area_fault"]
    assert told["cause"] == "Excavator cut the cable"
    assert datetime.fromisoformat(told["expected_repair_at"]) == datetime.fromisoformat(TONIGHT)
    assert len(await faults(database)) == 1


async def test_fa_02_an_area_fault_touches_and_holds_whom_the_trace_says_also_far_below_it(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """The home's path names its box alone; a cable without recorded pairs feeds that box."""
    street = await make_street(database, homes=1)
    async with database.transaction() as session:
        trunk = await make_feature(session, "cable")
        cabinet = await make_feature(session, "cross_connect_cabinet")
        box = await make_feature(session, "distribution_box", parent=cabinet)
        await tie(session, "feeds", trunk, cabinet)
        await tie(session, "feeds", cabinet, box)
        home = await make_service(session, street.plant, number=1)
        for step in await session.scalars(
            select(PathElement).where(PathElement.region_id == 1, PathElement.service_id == home.id)
        ):
            await session.delete(step)
        await session.flush()
        session.add(
            PathElement(
                region_id=1, centre_id=box.centre_id, service_id=home.id, position=1,
                feature_id=box.id,
            )
        )  # fmt: skip
    await promised(database, world, home)
    await run(
        database, world.dora, "area_fault.declare",
        feature_id=str(trunk.id), cause="Excavator cut the cable", expected_repair_at=TONIGHT,
    )  # fmt: skip
    headers = bearer(settings, world.ann)
    (listed,) = (await client.get("/v1/area-faults", headers=headers)).json()["items"]
    assert (listed["services"], listed["customers"], listed["held"]) == (1, 1, 1)
    assert (sum(listed["tiers"].values()), listed["cut"]) == (1, False)
    told = await client.get(f"/v1/hotline/area-fault?account={home.account}", headers=headers)
    assert told.json()["area_fault"]["id"] == listed["id"]
    neighbour = street.homes[0].account
    other = await client.get(f"/v1/hotline/area-fault?account={neighbour}", headers=headers)
    assert other.json()["area_fault"] is None


async def test_fa_02_the_hotline_sees_whom_an_area_fault_touches(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    street = await make_street(database, homes=4)
    elsewhere = await make_street(database, homes=1)
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    headers = bearer(settings, world.ann)
    listed = (await client.get("/v1/area-faults", headers=headers)).json()["items"]
    assert [
        (row["id"], row["reports"], row["services"], row["premises"], row["held"]) for row in listed
    ] == [(str(fault_id), 3, 4, 4, 3)]
    assert listed[0]["feature_kind"] == "distribution_box"
    page = await client.get(f"/v1/area-faults/{fault_id}/premises", headers=headers)
    touched = {row["id"]: row["reported"] for row in page.json()["items"]}
    assert touched == {str(home.premises_id): home is not street.homes[3] for home in street.homes}
    two = await client.get(
        f"/v1/area-faults/{fault_id}/premises", params={"limit": 3}, headers=headers
    )
    rest = await client.get(
        f"/v1/area-faults/{fault_id}/premises",
        params={"after": two.json()["next"]}, headers=headers,
    )  # fmt: skip
    assert len(two.json()["items"]) + len(rest.json()["items"]) == 4
    answer = await client.get(
        "/v1/hotline/area-fault",
        params={"service_id": str(elsewhere.homes[0].id)}, headers=headers,
    )  # fmt: skip
    assert answer.json() == {"area_fault": None}


async def test_fa_02_when_it_is_over_held_visits_are_planned_again_and_customers_called(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    await decide(database, world.dora, "end", fault_id, reason="Cable spliced")
    held = await every(database, HeldWork)
    assert all(row.back_at is not None and row.new_visit_id is not None for row in held)
    planned = await every(database, Visit, Visit.state == "planned")
    assert {row.id for row in planned} == {row.new_visit_id for row in held}
    calls = await every(database, CallTask, CallTask.done_at.is_(None))
    assert [(row.kind, row.subject) for row in calls] == [("new_appointment", "area_fault")] * 3
    (fault,) = await faults(database)
    assert (fault.state, fault.end_reason) == ("over", "Cable spliced")
    with pytest.raises(AreaFaultOver):
        await decide(database, world.dora, "end", fault_id, reason="Again")
    assert len(results) == 3


async def test_fa_02_who_is_served_again_needs_no_visit_and_who_is_not_is_urgent(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    works, fails = (first_id(result, "fault_report") for result in results[:2])
    with pytest.raises(AreaFaultOpen):
        await run(database, world.ann, "fault.settle", report_id=str(fails), works=False)
    await decide(database, world.dora, "end", fault_id, reason="Cable spliced")
    await run(database, world.ann, "fault.settle", report_id=str(works), works=True)
    await run(database, world.ann, "fault.settle", report_id=str(fails), works=False)
    (ended,) = await every(database, WorkOrder, WorkOrder.order_id == works)
    assert (ended.state, ended.state_reason) == ("cancelled", "solved_remotely")
    assert await every(database, Visit, Visit.order_id == works, Visit.state == "planned") == []
    assert await every(
        database, CallTask, CallTask.done_at.is_(None),
        CallTask.customer_id == street.homes[0].customer_id,
    ) == []  # fmt: skip
    (going_on,) = await every(database, WorkOrder, WorkOrder.order_id == fails)
    assert (going_on.state, going_on.priority // 1000) == ("received", 4)
    assert len(await every(database, Visit, Visit.order_id == fails, Visit.state == "planned")) == 1


async def test_fa_02_whose_service_comes_back_early_is_let_go(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    works = first_id(results[0], "fault_report")
    await run(database, world.ann, "fault.settle", report_id=str(works), works=True)
    await decide(database, world.dora, "end", fault_id, reason="Cable spliced")
    assert len(await every(database, Visit, Visit.state == "planned")) == 2
    (ended,) = await every(database, WorkOrder, WorkOrder.order_id == works)
    assert ended.state == "cancelled"


async def test_fa_02_held_work_is_not_resumed_by_hand_or_by_its_date(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    order_id = first_id(results[0], "order")
    with pytest.raises(AreaFaultOpen):
        await run(database, world.dora, "order.resume", order_id=str(order_id))
    jobs.use(jobs.Machine(database, settings))
    with clock.frozen(at + timedelta(days=2)):
        await resume_suspended_work()
        (work,) = await every(database, WorkOrder, WorkOrder.order_id == order_id)
        assert work.state == "suspended"
        await decide(
            database, world.dora, "change", fault_id, cause="Two cables",
            expected_repair_at="2026-11-27T18:00:00+02:00", reason="Worse than thought",
        )  # fmt: skip
    (work,) = await every(database, WorkOrder, WorkOrder.order_id == order_id)
    assert str(work.resume_on) == "2026-11-28"


async def test_fa_02_a_repair_with_another_cause_is_released_with_a_reason(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    fault_id, results = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    work_id = str(first_id(results[0], "work_order"))
    await decide(
        database, world.dora, "release", fault_id, work_order_id=work_id, reason="Socket broken"
    )
    (work,) = await every(database, WorkOrder, WorkOrder.id == UUID(work_id))
    assert work.state == "received"
    assert len(await every(database, HeldWork, HeldWork.back_at.is_(None))) == 2
    with pytest.raises(NotHeld):
        await decide(
            database, world.dora, "release", fault_id, work_order_id=work_id, reason="Again"
        )


async def test_fa_02_a_technician_at_the_customers_goes_on(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    made = await promised(database, world, street.homes[0], hour=8)
    visit = {"visit_id": str(first_id(made, "visit"))}
    for verb in ("accept", "depart", "arrive"):
        await run(database, world.alice, f"visit.{verb}", **visit)
    for home in street.homes[1:3]:
        await report(database, world.ann, home)
    (fault,) = await faults(database)
    await confirm(database, world.dora, fault.id)
    (row,) = await every(database, Visit, Visit.id == UUID(visit["visit_id"]))
    assert row.state == "on_site"
    assert len(await every(database, HeldWork)) == 2


async def test_fa_02_other_work_of_a_held_visit_stays_on_it(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    home = street.homes[0]
    made = await run(
        database, world.ivan, "order.receive",
        external_ref="CRM-2", customer={"id": str(home.customer_id)},
        premises={"id": str(home.premises_id)},
        items=[
            {"kind": "repair", "service": "broadband", "service_id": str(home.id)},
            {"kind": "inspect", "service": "indoor_network"},
        ],
    )  # fmt: skip
    for other in street.homes[1:3]:
        await report(database, world.ann, other)
    (fault,) = await faults(database)
    await confirm(database, world.dora, fault.id)
    (visit,) = await every(database, Visit, Visit.id == first_id(made, "visit"))
    assert visit.state == "planned"
    await decide(database, world.dora, "end", fault.id, reason="Spliced")
    work = await every(database, WorkOrder, WorkOrder.order_id == first_id(made, "order"))
    assert {row.state for row in work} == {"received"}
    assert len(await every(database, Visit, Visit.order_id == visit.order_id)) == 1


async def test_fa_02_a_person_names_another_cable_or_declares_one_that_was_seen(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    other = await next_box(database, street)
    for home in street.homes[:3]:
        await report(database, world.ann, home)
    await report(database, world.ann, other.homes[0])
    (fault,) = await faults(database)
    await confirm(database, world.dora, fault.id, feature_id=str(street.plant.feeder.id))
    assert len(await every(database, HeldWork)) == 4  # the other box hangs on the same feeder
    declared = {"cause": "Seen burning", "expected_repair_at": TONIGHT}
    with pytest.raises(AreaFaultKnown):
        await run(
            database, world.dora, "area_fault.declare",
            feature_id=str(street.plant.feeder.id), **declared,
        )  # fmt: skip
    with pytest.raises(NotBoxOrCable):
        await run(
            database, world.dora, "area_fault.declare",
            feature_id=str(street.plant.pairs[0].id), **declared,
        )  # fmt: skip
    third = await make_street(database, homes=2)
    await report(database, world.ann, third.homes[0])
    await run(
        database, world.dora, "area_fault.declare",
        feature_id=str(third.plant.cable.id), **declared,
    )  # fmt: skip
    (held,) = await every(database, HeldWork, HeldWork.order_id.in_(
        select(ServiceOrder.id).where(
            ServiceOrder.region_id == 1, ServiceOrder.premises_id == third.homes[0].premises_id
        )
    ))  # fmt: skip
    assert held.back_at is None


async def test_fa_02_the_hotline_is_answered_about_the_service_it_names_and_no_other(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """A fixed line has no account number: asked about nothing, it must not answer about that."""
    street = await make_street(database)
    await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    async with database.transaction() as session:
        home = await session.get(NetworkService, (1, street.homes[0].id))
        assert home is not None
        home.account = None
    both = {"service_id": str(street.homes[1].id), "account": "A1"}
    for asked in ({}, both):
        answer = await client.get(
            "/v1/hotline/area-fault", params=asked, headers=bearer(settings, world.ann)
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "service_not_named")


async def test_fa_02_a_fault_of_another_centres_plant_is_known_to_the_customers_centre(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    """The box belongs to the south, its homes to the north: their dispatcher knows and settles."""
    street = await make_street(database)
    async with database.transaction() as session:
        box = await session.get(NetworkFeature, (1, street.plant.box.id))
        assert box is not None
        box.centre_id = id_of("south")
    fault_id, results = await confirmed_fault(database, world.ann, world.dan, street, TONIGHT)
    answer = await client.get(
        "/v1/hotline/area-fault",
        params={"service_id": str(street.homes[3].id)}, headers=bearer(settings, world.dora),
    )  # fmt: skip
    assert answer.json()["area_fault"]["id"] == str(fault_id)
    settled = {"report_id": str(first_id(results[0], "fault_report")), "works": False}
    with pytest.raises(AreaFaultOpen):
        await run(database, world.dora, "fault.settle", **settled)
    await decide(database, world.dan, "end", fault_id, reason="Spliced")
    await run(database, world.dora, "fault.settle", **settled)
    (report_,) = await every(database, FaultReport, FaultReport.id == UUID(settled["report_id"]))
    assert report_.service_works is False


async def test_fa_02_reports_are_settled_only_where_there_is_something_to_settle(
    database: Database, world: World
) -> None:
    street = await make_street(database)
    of_box = await run(
        database, world.ivan, "fault.report", feature_id=str(street.plant.box.id), symptom="Dark"
    )
    with pytest.raises(ReportWithoutOrder):
        await run(
            database, world.ann, "fault.settle",
            report_id=str(first_id(of_box, "fault_report")), works=True,
        )  # fmt: skip
    made = await promised(database, world, street.homes[0], hour=8)
    visit = {"visit_id": str(first_id(made, "visit"))}
    for verb in ("accept", "depart", "arrive", "start"):
        await run(database, world.alice, f"visit.{verb}", **visit)
    with pytest.raises(RepairUnderWay):
        await run(
            database, world.ann, "fault.settle",
            report_id=str(first_id(made, "fault_report")), works=True,
        )  # fmt: skip


async def test_fa_02_only_who_may_reports_and_decides(database: Database, world: World) -> None:
    street = await make_street(database)
    with pytest.raises(Forbidden):
        await report(database, world.alice, street.homes[0])
    with pytest.raises(ServiceNotKnown):
        await report(database, world.dan, street.homes[0])  # another centre's
    with pytest.raises(ServiceNotKnown):
        await run(database, world.ann, "fault.report", account="nobody", symptom="No line")
    with pytest.raises(NotBoxOrCable):
        await run(
            database, world.ann, "fault.report",
            feature_id=str(street.plant.drop.id), symptom="Hangs low",
        )  # fmt: skip
    for home in street.homes[:3]:
        await report(database, world.ann, home)
    (fault,) = await faults(database)
    with pytest.raises(Forbidden):
        await confirm(database, world.ann, fault.id)
    with pytest.raises(NotFound):
        await confirm(database, world.dan, fault.id)


async def _at_once(database: Database, world: World, street: Street, count: int) -> None:
    async with anyio.create_task_group() as group:
        for home in street.homes[:count]:
            group.start_soon(report, database, world.ann, home)


async def test_fa_02_reports_at_once_make_one_proposal(
    committed: tuple[Database, Settings],
) -> None:
    """On real connections: each waits for the other at their box, and the last one counts."""
    database, _ = committed
    with clock.frozen(datetime(2026, 11, 23, 6, tzinfo=UTC)):
        world = await build_world(database)
        street = await make_street(database, homes=5)
        await report(database, world.ann, street.homes[4])
        await _at_once(database, world, street, 4)
        (fault,) = await faults(database)
        belonging = await every(database, FaultReport, FaultReport.area_fault_id == fault.id)
        assert len(belonging) == 5


async def test_fa_02_a_report_that_meets_the_confirmation_is_held_whoever_is_first(
    committed: tuple[Database, Settings],
) -> None:
    """On real connections: a report is before the confirmation or after it, never between."""
    database, _ = committed
    with clock.frozen(datetime(2026, 11, 23, 6, tzinfo=UTC)):
        world = await build_world(database)
        street = await make_street(database, homes=6)
        for home in street.homes[:3]:
            await report(database, world.ann, home)
        (fault,) = await faults(database)
        async with anyio.create_task_group() as group:
            group.start_soon(confirm, database, world.dora, fault.id)
            for home in street.homes[3:]:
                group.start_soon(report, database, world.ann, home)
        held = await every(database, HeldWork, HeldWork.back_at.is_(None))
        assert len(held) == 6
        work = await every(database, WorkOrder, WorkOrder.department == "field")
        assert {row.state for row in work} == {"suspended"}


async def test_fa_02_a_report_that_meets_a_declaration_is_held_whoever_is_first(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    with clock.frozen(datetime(2026, 11, 23, 6, tzinfo=UTC)):
        world = await build_world(database)
        street = await make_street(database, homes=4)

        async def declare() -> None:
            await run(
                database,
                world.dora,
                "area_fault.declare",
                feature_id=str(street.plant.box.id),
                cause="Seen burning",
                expected_repair_at=TONIGHT,
            )

        async with anyio.create_task_group() as group:
            for home in street.homes[:2]:
                group.start_soon(report, database, world.ann, home)
            group.start_soon(declare)
            for home in street.homes[2:]:
                group.start_soon(report, database, world.ann, home)
        work = await every(database, WorkOrder, WorkOrder.department == "field")
        assert [row.state for row in work] == ["suspended"] * 4


async def test_fa_02_a_report_that_meets_the_end_is_not_left_behind(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    with clock.frozen(datetime(2026, 11, 23, 6, tzinfo=UTC)):
        world = await build_world(database)
        street = await make_street(database, homes=5)
        fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)

        async def end() -> None:
            await decide(database, world.dora, "end", fault_id, reason="Spliced")

        async with anyio.create_task_group() as group:
            group.start_soon(end)
            for home in street.homes[3:]:
                group.start_soon(report, database, world.ann, home)
        assert await every(database, HeldWork, HeldWork.back_at.is_(None)) == []
        work = await every(database, WorkOrder, WorkOrder.department == "field")
        assert {row.state for row in work} == {"received"}
