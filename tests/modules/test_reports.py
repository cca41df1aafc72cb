"""The board and the kept appointments: KP-01, AP-06, ORG-06, WO-04, EM-01, FA-02."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.orders.commands import catalogue
from fieldops.orders.models import LateWarning, ServiceOrder, WorkOrder
from fieldops.reports import queries
from fieldops.sync.models import Case, Device, HeldRow
from fieldops.visits.models import Assignment, Visit, VisitWork
from tests.support.clients import bearer
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.emergencies import STORM, make_plan, put_in_force
from tests.support.factories.faults import confirmed_fault, make_street, report
from tests.support.run import run
from tests.support.world import FIRM, NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

DAY = date(2026, 11, 23)
WINDOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 10:00 in Helsinki
ENDED = frozenset({"completed", "failed", "cancelled"})
BOARD = "/v1/board"
KEPT = "/v1/indicators/kept-appointments"


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@dataclass
class Made:
    """One visit with everything around it, as the modules below would have left it."""

    visit: Visit
    order: ServiceOrder
    work: WorkOrder
    appointment: Appointment
    assignment: Assignment


@dataclass
class Plan:
    """What a visit of these tests is like; a scheduled install of Alice's by default."""

    window: datetime = WINDOW
    technician: str = "alice"
    centre: UUID = NORTH
    kind: str = "install"
    state: str = "dispatched"
    appointment: str = "confirmed"
    visit: dict[str, Any] = field(default_factory=dict)
    way: dict[str, Any] = field(default_factory=dict)
    promise: dict[str, Any] = field(default_factory=dict)


def completed(arrived: float = 0.1, done: float = 1.5, **more: Any) -> Plan:
    """A completed visit: hours after the window opened to the door, and to the end."""
    window = more.get("window", WINDOW)
    return Plan(
        state="completed",
        appointment="kept",
        visit={
            "arrived_at": window + hours(arrived),
            "ended_at": window + hours(done),
            "signature_refused_reason": "in a hurry",
        },
        **more,
    )


async def order_at(
    session: Any,
    premises_id: UUID,
    customer_id: UUID | None,
    plan: Plan,
    received: datetime,
    *,
    main: UUID | None = None,
) -> tuple[ServiceOrder, WorkOrder]:
    """An order with work at premises; `main` are the order's own when the item named others."""
    order = ServiceOrder(
        region_id=1,
        external_ref=f"T-{new_id()}",
        customer_id=customer_id,
        premises_id=main or premises_id,
        centre_id=plan.centre,
        state="dispatched",
        received_at=received,
    )
    session.add(order)
    await session.flush()
    work = WorkOrder(
        region_id=1,
        order_id=order.id,
        premises_id=premises_id,
        centre_id=plan.centre,
        number=1,
        kind=plan.kind,
        service="broadband",
        skill="fibre",
        department="field" if customer_id else "cable",
        state="completed" if plan.state == "completed" else "dispatched",
        state_since=received,
        received_at=received,
        limit_seconds=86_400,
        due_at=received + timedelta(days=1),
        duration_minutes=60,
        priority=2201,
    )
    session.add(work)
    await session.flush()
    return order, work


async def make(database: Database, plan: Plan) -> Made:
    async with database.transaction() as session:
        customer = await make_customer(session, centre_id=plan.centre)
        premises = await make_premises(session, centre_id=plan.centre)
        received = plan.window - timedelta(days=3)
        order, work = await order_at(session, premises.id, customer.id, plan, received)
        end = {"ended_at": plan.window} if plan.state in ENDED else {}
        visit = Visit(
            region_id=1,
            order_id=order.id,
            premises_id=premises.id,
            customer_id=customer.id,
            centre_id=plan.centre,
            state=plan.state,
            window_start=plan.window,
            window_end=plan.window + hours(2),
            expected_arrival=plan.window,
            duration_minutes=60,
            kit={},
            **{**end, **plan.visit},
        )
        session.add(visit)
        await session.flush()
        appointment = Appointment(
            region_id=1,
            visit_id=visit.id,
            customer_id=customer.id,
            centre_id=plan.centre,
            state=plan.appointment,
            window_start=plan.window,
            window_end=plan.window + hours(2),
            channel="phone",
            customer_said="yes",
            needs_person=False,
            booked_at=received,
            confirmed_at=received if plan.appointment == "confirmed" else None,
            **plan.promise,
        )
        assignment = Assignment(
            region_id=1,
            visit_id=visit.id,
            technician_id=id_of(plan.technician),
            centre_id=plan.centre,
            is_contact=True,
            state="done" if plan.state == "completed" else "accepted",
            assigned_at=received,
            **plan.way,
        )
        work_on = VisitWork(
            region_id=1, visit_id=visit.id, work_order_id=work.id, centre_id=plan.centre
        )
        session.add_all([appointment, assignment, work_on])
    return Made(visit, order, work, appointment, assignment)


class Reader:
    """Reads as one of the named people; counts the statements of the last request."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, database: Database) -> None:
        self.client = client
        self.settings = settings
        self.statements = 0
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.statements += not statement.upper().startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))

    async def get(self, actor: Actor, path: str, **params: Any) -> Any:
        self.statements = 0
        query = {name.rstrip("_"): str(value) for name, value in params.items()}
        answer = await self.client.get(path, params=query, headers=bearer(self.settings, actor))
        return answer.json() if answer.is_success else answer.json()["code"]

    async def kept(self, actor: Actor, path: str = KEPT, **params: Any) -> Any:
        return await self.get(actor, path, **{"from_": DAY, "to": DAY, **params})

    async def records(self, actor: Actor, **params: Any) -> list[dict[str, Any]]:
        page = await self.kept(actor, f"{KEPT}/records", **params)
        items: list[dict[str, Any]] = page["items"]
        return items


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


# The board


async def test_the_board_counts_the_visits_of_the_centres_local_day_by_state(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan())
    await make(database, completed())
    await make(database, Plan(window=datetime(2026, 11, 23, 21, 30, tzinfo=UTC)))  # 23:30
    await make(database, Plan(window=datetime(2026, 11, 23, 22, 0, tzinfo=UTC)))  # the next day
    await make(database, Plan(centre=SOUTH, technician="carol"))
    board = await reader.get(world.dora, BOARD, centre_id=NORTH, day=DAY)
    assert board["counts"]["by_state"] == {"completed": 1, "dispatched": 2}
    assert (board["centre_name"], board["zone"]) == ("North", "Europe/Helsinki")
    today = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert today["rows"] == board["rows"]


async def test_the_board_still_shows_a_visit_under_way_since_yesterday(
    database: Database, world: World, reader: Reader
) -> None:
    yesterday = WINDOW - timedelta(days=1)
    begun = {"arrived_at": yesterday, "started_at": yesterday, "departed_at": yesterday}
    await make(database, Plan(window=yesterday, state="in_progress", way=begun))
    await make(database, Plan(window=yesterday))
    board = await reader.get(world.dora, BOARD, centre_id=NORTH, day=DAY)
    assert [row["late_risks"] for row in board["rows"]] == [["running_over"]]


async def test_ap_07_the_board_says_who_is_late_and_why_while_it_can_be_helped(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan(way={"latest_departure_at": WINDOW - hours(0.5)}))
    await make(database, completed())
    before = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert before["counts"]["late_risk"] == 0
    with clock.frozen(WINDOW - hours(0.4)):
        late = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert [row["late_risks"] for row in late["rows"]] == [["not_departed"], []]
    with clock.frozen(WINDOW + hours(2.1)):
        missed = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert missed["rows"][0]["late_risks"] == ["not_departed", "arrival_after_window"]


async def test_ap_04_the_board_lists_what_the_customer_has_not_confirmed_with_the_hours_left(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    await make(database, Plan(appointment="booked"))
    await make(database, Plan(appointment="confirmed"))
    board = await reader.get(world.dora, BOARD, centre_id=NORTH)
    states = [row["unconfirmed"] and row["unconfirmed"]["state"] for row in board["rows"]]
    assert states == ["booked", None]
    left = (WINDOW - at).total_seconds() / 3600
    assert board["rows"][0]["unconfirmed"]["hours_to_window"] == left


async def give_device(database: Database, at: datetime, **changes: Any) -> Device:
    async with database.transaction() as session:
        device = Device(
            region_id=1,
            person_id=id_of("alice"),
            centre_id=NORTH,
            name="phone",
            key_hash=b"-",
            registered_at=at,
            app_version="1.0",
            schema=1,
            last_seen_at=at,
            grants_since=at,
            **{"gen_sent": 5, "gen_confirmed": 5, **changes},
        )
        session.add(device)
    return device


async def hold(database: Database, device: Device, visit: Visit, added: int, version: int) -> None:
    async with database.transaction() as session:
        session.add(
            HeldRow(
                region_id=1,
                device_id=device.id,
                type="visit",
                row_id=visit.id,
                added_gen=added,
                version=version,
            )
        )


async def test_the_board_shows_whose_phone_has_not_pulled_the_visit_or_still_queues_work(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    made = await make(database, Plan())

    async def sync_of_the_row() -> Any:
        board = await reader.get(world.dora, BOARD, centre_id=NORTH)
        assert board["counts"]["unsynced"] == bool(
            board["rows"][0]["technicians"][0]["device"]["unsynced"]
        )
        return board["rows"][0]["technicians"][0]["device"]

    assert (await sync_of_the_row())["unsynced"] == ["no_device"]
    device = await give_device(database, at)
    await hold(database, device, made.visit, added=6, version=1)  # sent, not yet confirmed
    assert (await sync_of_the_row())["unsynced"] == ["never_pulled"]
    await hold(database, device, made.visit, added=5, version=1)
    assert (await sync_of_the_row())["unsynced"] == []
    async with database.transaction() as session:
        visit = await session.get(Visit, (1, made.visit.id))
        phone = await session.get(Device, (1, device.id))
        assert visit is not None
        assert phone is not None
        visit.duration_minutes, phone.queued = 90, 3
    found = await sync_of_the_row()
    assert (found["unsynced"], found["queued"]) == (["older_version", "queued_work"], 3)


async def test_the_board_counts_the_open_cases_and_lists_the_warnings_of_open_work_wo_04(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    made = await make(database, Plan())
    ended = await make(database, completed())
    device = await give_device(database, at)
    async with database.transaction() as session:
        for work, audience in ((made.work, "dispatcher"), (ended.work, "supervisor")):
            warning = LateWarning(
                region_id=1,
                work_order_id=work.id,
                centre_id=NORTH,
                audience=audience,
                percent=80,
                due_at=work.due_at,
                warned_at=at,
            )
            session.add(warning)
        for state, centre in (("open", NORTH), ("open", SOUTH), ("discarded", NORTH)):
            case = Case(
                region_id=1,
                device_id=device.id,
                person_id=device.person_id,
                centre_id=centre,
                first_command_id=new_id(),
                name="visit.complete",
                status="held",
                blocks=True,
                code="reassigned",
                message="-",
                advice="-",
                next_steps=[],
                details={},
                state=state,
                opened_at=at,
                decided_at=None if state == "open" else at,
            )
            session.add(case)
    board = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert board["open_cases"] == 1
    assert [warning["work_order_id"] for warning in board["warnings"]] == [str(made.work.id)]


async def test_em_01_the_board_shows_the_emergency_plans_in_force_for_its_centre(
    database: Database, world: World, reader: Reader
) -> None:
    until = (WINDOW + hours(8)).isoformat()
    region = await make_plan(database, world.sam, centre_id=None, name="Whole city")
    await put_in_force(database, world.sam, region, until=until)
    own = await make_plan(database, world.sam, name="The North")
    opened = await put_in_force(database, world.dora, own)
    await make_plan(database, world.sam, name="Not in force")
    board = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert [plan["name"] for plan in board["emergencies"]] == ["The North", "Whole city"]
    first, second = board["emergencies"]
    assert (first["activation_id"], first["kind"]) == (str(opened), "disaster")
    assert (first["text_en"], first["text_zh"]) == (STORM["text_en"], STORM["text_zh"])
    assert datetime.fromisoformat(first["since"]) == clock.now()
    assert (first["until"], first["centre_id"]) == (None, str(NORTH))
    assert datetime.fromisoformat(second["until"]) == WINDOW + hours(8)
    south = await reader.get(world.dan, BOARD, centre_id=SOUTH)
    assert [plan["name"] for plan in south["emergencies"]] == ["Whole city"]
    assert (await reader.get(world.mia, BOARD, centre_id=NORTH))["emergencies"] == []
    with clock.frozen(WINDOW + hours(9)):  # the region's time is over
        later = await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert [plan["name"] for plan in later["emergencies"]] == ["The North"]


async def test_fa_02_the_board_shows_the_area_faults_of_its_centre_until_they_are_over(
    database: Database, world: World, reader: Reader
) -> None:
    async def shown(name: str = "dora", centre: UUID = NORTH) -> list[dict[str, Any]]:
        found = await reader.get(world.actors[name], BOARD, centre_id=centre)
        faults: list[dict[str, Any]] = found["area_faults"]
        return faults

    waiting = await make_street(database)
    for home in waiting.homes[:3]:
        await report(database, world.ann, home)
    street = await make_street(database)
    expected = (WINDOW + hours(8)).isoformat()
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, expected)
    confirmed, proposed = await shown()
    assert (confirmed["id"], confirmed["state"]) == (str(fault_id), "confirmed")
    assert confirmed["cause"] == "Excavator cut the cable"
    assert confirmed["feature_kind"] == "distribution_box"
    assert datetime.fromisoformat(confirmed["since"]) == clock.now()
    assert datetime.fromisoformat(confirmed["expected_repair_at"]) == WINDOW + hours(8)
    assert (proposed["state"], proposed["cause"]) == ("proposed", None)
    assert datetime.fromisoformat(proposed["since"]) == clock.now()
    assert (await shown("sam", SOUTH), await shown("mia")) == ([], [])  # not South's
    await run(database, world.dora, "area_fault.end", area_fault_id=str(fault_id), reason="Spliced")
    assert [fault["id"] for fault in await shown()] == [proposed["id"]]


async def test_org_02_the_board_keeps_to_centres_and_a_manager_sees_the_own_firms_visits_only(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan())
    kims = await make(database, Plan(technician="kim"))
    assert await reader.get(world.dan, BOARD, centre_id=NORTH) == "not_found"
    assert await reader.get(world.tess, BOARD, centre_id=NORTH) == "not_found"
    assert await reader.get(world.alice, BOARD, centre_id=NORTH) == "forbidden"
    whole = await reader.get(world.sam, BOARD, centre_id=NORTH)
    assert whole["counts"]["visits"] == 2
    own = await reader.get(world.mia, BOARD, centre_id=NORTH)
    assert [row["visit_id"] for row in own["rows"]] == [str(kims.visit.id)]
    assert (own["open_cases"], own["warnings"]) == (None, [])


async def test_the_board_asks_as_many_statements_for_many_visits_as_for_one(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, Plan())
    await reader.get(world.dora, BOARD, centre_id=NORTH)
    for_one = reader.statements
    for _ in range(5):
        await make(database, Plan())
    await reader.get(world.dora, BOARD, centre_id=NORTH)
    assert reader.statements == for_one <= 20


# KP-01


async def test_kp_01_the_indicator_divides_the_kept_by_the_due_and_names_its_target(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed(kind="change"))
    await make(database, completed(kind="change", arrived=3))
    await make(database, completed(kind="change", window=WINDOW - timedelta(days=1)))
    tomorrow = WINDOW + timedelta(days=1)
    with clock.frozen(tomorrow):
        found = await reader.kept(world.sam)
    assert found["total"] == {
        "first_day": None,
        "due": 2,
        "kept": 1,
        "share_percent": 50.0,
        "open": 0,
        "provisional": 0,
    }
    assert (found["target_percent"], found["misses"]) == (93.0, {"arrived_after_window": 1})


async def test_kp_01_the_target_and_the_days_are_the_regions_own_numbers(
    database: Database, world: World, reader: Reader
) -> None:
    made = await make(database, completed())
    await make_fault(database, made, after=timedelta(days=3))
    assert (await reader.kept(world.sam))["total"]["kept"] == 0
    number = {"name": "install_fault_within", "value": 2, "reason": "trial"}
    await run(database, world.ada, "rule.set_number", **number)
    aim = {"name": "kept_appointments", "value": 95, "month": "2026-11-01", "reason": "trial"}
    await run(database, world.ada, "indicator.set_target", **aim)
    found = await reader.kept(world.sam)
    assert (found["target_percent"], found["total"]["kept"]) == (95.0, 1)


async def make_fault(
    database: Database, made: Made, after: timedelta, *, of_a_customer: bool = True
) -> None:
    """A repair order for the premises of a visit, received some time after its end."""
    assert made.visit.ended_at is not None
    customer_id = made.visit.customer_id if of_a_customer else None
    async with database.transaction() as session:
        await order_at(
            session,
            made.visit.premises_id,
            customer_id,
            Plan(kind="repair"),
            made.visit.ended_at + after,
        )


async def test_kp_01_only_a_customers_fault_at_the_same_premises_after_an_install_counts(
    database: Database, world: World, reader: Reader
) -> None:
    faulty = await make(database, completed())
    await make_fault(database, faulty, timedelta(days=14))
    earlier = await make(database, completed())
    await make_fault(database, earlier, -hours(5))
    plant = await make(database, completed())
    await make_fault(database, plant, hours(1), of_a_customer=False)
    changed = await make(database, completed(kind="change"))
    await make_fault(database, changed, hours(1))
    left, moved_to = await make(database, completed()), await make(database, completed())
    assert left.visit.ended_at is not None
    async with database.transaction() as session:  # one order of who moved: the new home's fault
        await order_at(
            session,
            moved_to.visit.premises_id,
            left.visit.customer_id,
            Plan(kind="repair"),
            left.visit.ended_at + hours(1),
            main=left.visit.premises_id,
        )
    missed = await reader.records(world.sam, standing="not_kept")
    assert {r["visit_id"]: r["misses"] for r in missed} == {
        str(faulty.visit.id): ["fault_after_install"],
        str(moved_to.visit.id): ["fault_after_install"],
    }


async def test_ap_06_the_second_operator_cause_reschedule_is_not_tolerated(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed(promise={"operator_reschedules": 1}))
    twice = await make(database, completed(promise={"operator_reschedules": 2}))
    missed = await reader.records(world.sam, standing="not_kept")
    assert [r["visit_id"] for r in missed] == [str(twice.visit.id)]
    assert missed[0]["misses"] == ["rescheduled_again"]


async def test_kp_01_a_customers_cancellation_is_not_due_an_operators_is_missed(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    end = {"next_step": "work_ended", "end_reason": "withdrawn", "cancelled_at": at}
    for cause in ("customer", "operator"):
        await make(
            database,
            Plan(state="cancelled", appointment="cancelled", visit={**end, "end_cause": cause}),
        )
    found = await reader.kept(world.sam)
    assert (found["total"]["due"], found["misses"]) == (1, {"cancelled_by_operator": 1})


async def test_kp_01_a_promise_taken_back_on_the_customers_say_is_not_due_though_the_visit_stays(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    made = await make(database, Plan())
    async with database.transaction() as session:
        await catalogue.lay_out_reasons(session)
    await run(
        database,
        world.dora,
        "appointment.cancel",
        appointment_id=str(made.appointment.id),
        customer_said="another time, I will call",
        channel="phone",
    )
    assert (await reader.records(world.sam))[0]["standing"] == "not_due"
    with clock.frozen(at + hours(1)):
        await run(
            database,
            world.dora,
            "visit.cancel",
            visit_id=str(made.visit.id),
            reason="planning",
        )
        assert (await reader.records(world.sam))[0]["standing"] == "not_due"


async def test_org_06_the_indicator_splits_own_and_contractors_work_and_firms(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed())
    await make(database, completed(technician="kim", arrived=3))
    assert (await reader.kept(world.sam))["total"]["due"] == 2
    own = (await reader.kept(world.sam, staff="own"))["total"]
    assert (own["due"], own["kept"]) == (1, 1)
    contractor = await reader.kept(world.sam, staff="contractor")
    assert contractor == await reader.kept(world.sam, firm_id=FIRM)
    assert contractor == await reader.kept(world.mia)
    assert (contractor["total"]["due"], contractor["total"]["kept"]) == (1, 0)
    alice = await reader.kept(world.sam, technician_id=id_of("alice"))
    assert alice["total"] == own


async def test_org_06_who_replaced_the_first_technician_owns_the_appointment(
    database: Database, world: World, reader: Reader
) -> None:
    made = await make(database, completed())
    async with database.transaction() as session:
        first = await session.get(Assignment, (1, made.assignment.id))
        assert first is not None
        first.ended_at, first.ended_reason = WINDOW, "given to another"
        await session.flush()
        second = Assignment(
            region_id=1,
            visit_id=made.visit.id,
            technician_id=id_of("kim"),
            centre_id=NORTH,
            is_contact=True,
            state="done",
            assigned_at=WINDOW - hours(9),
        )
        session.add(second)
    assert (await reader.records(world.sam))[0]["firm_id"] == str(FIRM)


async def test_org_02_the_indicator_answers_404_for_what_lies_outside_the_scope(
    world: World, reader: Reader
) -> None:
    assert await reader.kept(world.dan, centre_id=NORTH) == "not_found"
    assert await reader.kept(world.dan, technician_id=id_of("alice")) == "not_found"
    assert await reader.kept(world.sam, technician_id=id_of("tom")) == "not_found"
    assert await reader.kept(world.sam, firm_id=NORTH) == "not_found"
    assert await reader.kept(world.mia, firm_id=new_id()) == "not_found"
    assert await reader.kept(world.alice) == "forbidden"


async def test_org_02_a_dispatcher_counts_the_own_centres_only(
    database: Database, world: World, reader: Reader
) -> None:
    await make(database, completed())
    await make(database, completed(centre=SOUTH, technician="carol"))
    assert (await reader.kept(world.dan))["total"]["due"] == 1
    assert (await reader.kept(world.tess))["total"]["due"] == 0
    assert (await reader.kept(world.sam, centre_id=SOUTH))["total"]["due"] == 1


async def test_kp_01_is_cut_by_the_regions_local_days(
    database: Database, world: World, reader: Reader
) -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)  # 00:30 on Tuesday in Helsinki
    await make(database, completed(window=late))
    await make(database, completed())
    found = await reader.kept(world.sam, to="2026-11-29", by="day")
    days = [(period["first_day"], period["due"]) for period in found["periods"]]
    assert days == [("2026-11-23", 1), ("2026-11-24", 1)]
    week = await reader.kept(world.sam, to="2026-11-29", by="week")
    assert [(p["first_day"], p["due"]) for p in week["periods"]] == [("2026-11-23", 2)]


async def test_kp_01_the_records_behind_it_come_in_pages_and_add_up_to_the_counts(
    database: Database, world: World, reader: Reader
) -> None:
    for arrived in (0.1, 3, 0.2, 3, 0.3):
        await make(database, completed(arrived=arrived))
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = await reader.kept(world.sam, f"{KEPT}/records", limit=2, **after)
        found += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    total = (await reader.kept(world.sam))["total"]
    assert len({r["id"] for r in found}) == len(found) == total["due"] == 5
    assert sum(r["kept"] for r in found) == total["kept"] == 3


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-11-24", "2026-11-23"),
        ("2023-01-01", "2026-12-31"),
        ("0001-01-01", "0001-01-02"),
        ("9999-12-30", "9999-12-31"),
    ],
)
async def test_days_in_the_wrong_order_too_many_or_off_the_calendar_are_refused(
    world: World, reader: Reader, first: str, last: str
) -> None:
    assert await reader.kept(world.sam, from_=first, to=last) == "invalid_request"


async def test_a_year_is_counted_and_its_records_are_listed_by_the_quarter(
    world: World, reader: Reader
) -> None:
    year = {"from_": "2026-01-01", "to": "2026-12-31"}
    assert (await reader.kept(world.sam, **year))["total"]["due"] == 0
    assert await reader.kept(world.sam, f"{KEPT}/records", **year) == "invalid_request"
    one_visit = "/v1/indicators/one-visit"
    assert (await reader.get(world.sam, one_visit, **year))["total"]["orders"] == 0
    assert await reader.get(world.sam, f"{one_visit}/records", **year) == "invalid_request"


async def fill_with_past(session: AsyncSession) -> None:
    """Give the planner years to think of: many rows of no visit, foreign keys looking away."""
    await session.execute(text("set local session_replication_role = replica"))
    made = "1, " + 4 * "gen_random_uuid(), " + "1, :now, :now"
    common = "region_id, id, visit_id, centre_id"
    for table, columns, more in (
        ("visits_visit_work", f"{common}, work_order_id", ""),
        ("visits_assignment", f"{common}, technician_id", ", is_contact, state, assigned_at"),
    ):
        rest = ", true, 'done', :now" if more else ""
        await session.execute(
            text(
                f"insert into {table} ({columns}, version, created_at, updated_at{more}) "
                f"select {made}{rest} from generate_series(1, 5000)"
            ),
            {"now": clock.now()},
        )
        await session.execute(text(f"analyze {table}"))
    await session.execute(text("set local session_replication_role = origin"))


async def test_the_indicator_reaches_what_an_appointment_brings_along_by_its_indexes(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        scope = world.sam.scope(Permission.INDICATOR_READ)
        cut = queries.cut_for(await queries.places(session, 1), scope, DAY, DAY)
        statement = queries.promises(1, cut).compile(
            dialect=session.get_bind().dialect, compile_kwargs={"render_postcompile": True}
        )
        await fill_with_past(session)
        connection = await session.connection()
        found = await connection.exec_driver_sql(f"explain {statement}", statement.params)
        plan = "\n".join(row[0] for row in found)
    for table in ("visits_assignment", "visits_visit_work"):
        # Which of its indexes the planner takes depends on what it knows of the empty table.
        reached = (
            rf"Index (?:Only )?Scan using \w+ on {table}\b[^\n]*\n\s+Index Cond: [^\n]*visit_id"
        )
        assert re.search(reached, plan), plan
    assert "hashed SubPlan" not in plan  # a pass over all work ever done
