"""What upsets a day is offered for a replan by itself, once; a person decides (AP-07, FA-02)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.dispatch import watching
from fieldops.dispatch.commands.disturbances import is_news
from fieldops.dispatch.delays import Delay, delays
from fieldops.dispatch.errors import DisturbanceSettled
from fieldops.dispatch.models import Disturbance, LateWarning, Plan
from fieldops.dispatch.prediction import Arrival, Part
from fieldops.dispatch.prediction import Cause as LateCause
from fieldops.dispatch.rules import is_urgent
from fieldops.faults.models import HeldWork
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.settings import Settings
from fieldops.orders.rules import priority
from tests.support.clients import bearer
from tests.support.factories.appointments import BROADBAND, local, planned_visit, window
from tests.support.factories.faults import make_street, report
from tests.support.factories.plans import booked_visit, person
from tests.support.factories.visits import arrive
from tests.support.run import first_id, run
from tests.support.world import NORTH, World

NOW = local(23, 9, 20)
TONIGHT = "2026-11-23T18:00:00+02:00"
REPAIR = {**BROADBAND, "kind": "repair"}
TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
ANNA, BEN = UUID(int=1), UUID(int=2)
VISITS = [UUID(int=number) for number in range(11, 16)]


def late(*names: UUID) -> dict[UUID, tuple[Part, Arrival]]:
    """So many visits that are late, each by an hour more, by who comes to them."""
    found = {}
    for number, (visit_id, who) in enumerate(zip(VISITS, names, strict=False)):
        at = TEN + timedelta(hours=number)
        found[visit_id] = (
            Part(who, "accepted"),
            Arrival(at, at, known=False, cause=LateCause.BEHIND),
        )
    return found


def test_ap_07_a_delay_of_more_visits_than_the_number_calls_for_a_replan() -> None:
    three, two = late(ANNA, ANNA, ANNA), late(ANNA, ANNA, BEN)
    assert delays(three, unmended=(), movable=VISITS, most=2) == [
        Delay(ANNA, tuple(VISITS[:3]), TEN + timedelta(hours=2))
    ]
    assert delays(two, unmended=(), movable=VISITS, most=2) == []
    assert delays(two, unmended=(), movable=VISITS, most=1) != []


def test_ap_07_so_does_one_late_visit_that_no_single_way_out_keeps() -> None:
    two = late(ANNA, BEN)
    [delay] = delays(two, unmended={VISITS[1]}, movable=VISITS, most=2)
    assert (delay.technician_id, delay.visit_ids) == (BEN, (VISITS[1],))


def test_ap_07_no_replan_for_what_a_replan_cannot_move() -> None:
    two = late(ANNA, ANNA)
    assert delays(two, unmended={VISITS[1]}, movable={VISITS[0]}, most=2) == []
    assert delays(two, unmended=(), movable=(), most=1) == []
    assert delays(two, unmended=(), movable={VISITS[0]}, most=1) != []


def test_wo_06_urgent_are_complaints_major_faults_and_faults_of_who_is_spoken_to() -> None:
    """WO-06, AP-04: an ordinary fault and an important customer's install are not."""

    def urgent(kind: str, tier: str, urgency: str = "normal") -> bool:
        return is_urgent(priority(kind, "broadband", tier, urgency), tier)

    assert urgent("install", "basic", "complaint")
    assert urgent("repair", "basic", "major_fault")
    assert urgent("repair", "diamond")
    assert not urgent("repair", "silver")
    assert not urgent("install", "diamond")


async def look(database: Database, at: datetime) -> None:
    with clock.frozen(at):
        await watching.look(database, 1, NORTH, at)


async def upset(database: Database) -> list[Disturbance]:
    async with database.transaction() as session:
        statement = select(Disturbance).where(Disturbance.region_id == 1)
        return list(await session.scalars(statement.order_by(Disturbance.id)))


async def nobody_else(database: Database, world: World) -> None:
    for name in ("bob", "kim"):
        await run(database, world.ada, "leave.add", technician_id=person(name), kind="leave",
                  starts_at=local(23, 0).isoformat(), ends_at=local(24, 0).isoformat())  # fmt: skip


async def delay(database: Database, world: World) -> tuple[UUID, UUID]:
    """Alice, alone today, is an hour late for one visit; what comes before it is locked."""
    await nobody_else(database, world)
    first = await booked_visit(database, world, local(23, 8), "alice")
    locked = await booked_visit(database, world, local(23, 9, 55), "alice", hours=6)
    visit_id = await booked_visit(database, world, local(23, 9, 45), "alice", hours=1.25)
    await run(database, world.dora, "visit.lock", visit_id=str(locked), reason="Key at ten")
    await arrive(database, world.alice, first, local(23, 9, 10))
    return visit_id, locked


@pytest.mark.anyio
async def test_ap_07_a_delay_that_no_way_out_mends_is_offered_once_and_a_person_decides(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    visit_id, _ = await delay(database, world)
    for minute in (0, 1, 3):
        await look(database, NOW + timedelta(minutes=minute))
    dora = bearer(settings, world.dora)
    answer = await client.get("/v1/dispatch/disturbances", headers=dora)
    [item] = answer.json()["items"]
    assert (item["cause"], item["day"], item["version"]) == ("delay", "2026-11-23", 1)
    assert (item["technician_id"], item["visit_ids"]) == (person("alice"), [str(visit_id)])
    async with database.transaction() as session:
        assert not list(await session.scalars(select(Plan).where(Plan.region_id == 1)))
    with clock.frozen(NOW):
        asked = {"centre_id": str(NORTH), "day": item["day"], "cause": item["cause"]}
        result = await run(database, world.dora, "plan.replan", **asked)
    [row] = await upset(database)
    assert (row.plan_id, row.settled_at) == (first_id(result, "day_plan"), None)


@pytest.mark.anyio
async def test_ap_07_a_delay_that_is_made_up_is_no_longer_offered(
    database: Database, world: World
) -> None:
    visit_id, _ = await delay(database, world)
    await look(database, NOW)
    await arrive(database, world.alice, visit_id, local(23, 9, 50))
    await look(database, local(23, 9, 51))
    [row] = await upset(database)
    assert (row.outcome, row.settled_at) == ("over", local(23, 9, 51))


@pytest.mark.anyio
async def test_ap_07_a_late_visit_that_was_decided_about_is_offered_no_replan(
    database: Database, world: World
) -> None:
    await delay(database, world)
    await look(database, NOW)
    async with database.transaction() as session:
        [warning] = await session.scalars(select(LateWarning).where(LateWarning.region_id == 1))
    decided = {"late_warning_id": str(warning.id), "reason": "They wait"}
    await run(database, world.dora, "lateness.let_be", **decided)
    await look(database, NOW)
    assert [row.outcome for row in await upset(database)] == ["over"]


def test_ap_07_a_known_cause_is_news_with_another_visit_or_when_it_comes_back_by_itself() -> None:
    row = Disturbance(visit_ids=[str(VISITS[0])], outcome=None)
    assert not is_news(row, VISITS[:1])
    assert is_news(row, VISITS[:2])
    for outcome, again in (("mended", False), ("let_be", False), ("over", True)):
        row.outcome = outcome
        assert is_news(row, VISITS[:1]) is again


@pytest.mark.anyio
async def test_ap_07_what_a_dispatcher_lets_be_is_not_offered_again(
    database: Database, world: World
) -> None:
    await delay(database, world)
    await look(database, NOW)
    [row] = await upset(database)
    let_be = {"disturbance_id": str(row.id), "reason": "We catch up"}
    with pytest.raises(NotFound):
        await run(database, world.dan, "disturbance.let_be", **let_be)
    with pytest.raises(Forbidden):
        await run(database, world.dora, "disturbance.settle", disturbance_id=str(row.id))
    await run(database, world.dora, "disturbance.let_be", **let_be)
    with pytest.raises(DisturbanceSettled):
        await run(database, world.dora, "disturbance.let_be", **let_be)
    await look(database, NOW + timedelta(minutes=1))
    [row] = await upset(database)
    assert row.outcome == "let_be"


@pytest.mark.anyio
async def test_ap_07_a_day_that_is_over_is_no_longer_offered(
    database: Database, world: World
) -> None:
    await delay(database, world)
    await look(database, NOW)
    tomorrow = local(24, 0, 1)
    with clock.frozen(tomorrow):
        await watching.watch(database)
    assert {row.outcome for row in await upset(database)} == {"over"}


async def held_street(database: Database, world: World) -> tuple[UUID, list[UUID]]:
    """Three homes without a line, two of which were promised the afternoon; not confirmed yet."""
    street = await make_street(database, homes=3)
    results = [await report(database, world.ann, home) for home in street.homes]
    ids = [first_id(result, "visit") for result in results]
    for visit_id, hour in zip(ids[:2], (13, 15), strict=True):
        await run(
            database, world.dora, "appointment.book", visit_id=str(visit_id),
            **window(local(23, hour)), technician_ids=[person("alice")], channel="phone",
            customer_said="Yes.",
        )  # fmt: skip
    return first_id(results[-1], "area_fault"), ids


@pytest.mark.anyio
async def test_fa_02_the_time_of_held_visits_and_then_the_repairs_are_offered_for_a_replan(
    database: Database, world: World
) -> None:
    """FA-02: told to who confirms and who ends, once; another expected time is no news."""
    fault_id, ids = await held_street(database, world)
    fault = {"area_fault_id": str(fault_id)}
    cause = {"cause": "Cable cut", "expected_repair_at": TONIGHT}
    done = await run(database, world.dora, "area_fault.confirm", **fault, **cause)
    [told] = [w for w in done["warnings"] if w["code"].startswith("replan")]
    assert (told["code"], told["details"]["count"]) == ("replan_offered_free_time", 2)
    assert told["details"]["days"] == ["2026-11-23"]
    [row] = await upset(database)
    assert (row.cause, row.subject_id, row.version) == ("area_fault", fault_id, 2)
    assert row.visit_ids == sorted(str(id_) for id_ in ids[:2])
    assert (row.starts_at, row.ends_at) == (local(23, 13), local(23, 17))

    late_one = {"cause": "Cable cut", "expected_repair_at": "2026-11-23T20:00:00+02:00"}
    again = await run(
        database, world.dora, "area_fault.change", **fault, **late_one, reason="No crew"
    )
    assert not [w for w in again.get("warnings", ()) if w["code"].startswith("replan")]

    over = await run(database, world.dora, "area_fault.end", **fault, reason="Spliced")
    [told] = [w for w in over["warnings"] if w["code"].startswith("replan")]
    assert (told["code"], told["details"]["count"]) == ("replan_offered_held_work", 3)
    [row] = await upset(database)
    assert len(row.visit_ids) == 5
    async with database.transaction() as session:
        assert not list(await session.scalars(select(Plan).where(Plan.region_id == 1)))


@pytest.mark.anyio
async def test_fa_02_one_released_repair_upsets_no_day_and_at_night_the_next_one_is_offered(
    database: Database, world: World
) -> None:
    fault_id, _ = await held_street(database, world)
    fault = {"area_fault_id": str(fault_id)}
    await run(
        database, world.dora, "area_fault.confirm", **fault, cause="Cut", expected_repair_at=TONIGHT
    )
    [row] = await upset(database)
    await run(
        database, world.dora, "disturbance.let_be", disturbance_id=str(row.id), reason="Too late"
    )
    async with database.transaction() as session:
        held = list(await session.scalars(select(HeldWork).where(HeldWork.region_id == 1)))
    alone = await run(
        database, world.dora, "area_fault.release", **fault,
        work_order_id=str(held[0].work_order_id), reason="Router is dead",
    )  # fmt: skip
    assert not [w for w in alone.get("warnings", ()) if w["code"].startswith("replan")]
    with clock.frozen(local(23, 22)):
        await run(database, world.dora, "area_fault.end", **fault, reason="Spliced")
    let_be, offered = await upset(database)
    assert (let_be.outcome, offered.settled_at) == ("let_be", None)
    assert (str(offered.day), len(offered.visit_ids)) == ("2026-11-24", 2)


async def full_day(database: Database, world: World) -> None:
    """Alice alone, with work from eight to five."""
    await nobody_else(database, world)
    for hour in (8, 9, 10, 11, 13, 14, 15, 16):
        await booked_visit(database, world, local(23, hour), "alice", hours=0.25)


@pytest.mark.anyio
async def test_wo_06_an_urgent_fault_into_a_full_day_is_offered_a_replan_until_it_has_a_time(
    database: Database, world: World
) -> None:
    """WO-06: at once, to who takes it in and to the desk; a replan without it is not its own."""
    await full_day(database, world)
    await planned_visit(database, world.dora, items=(REPAIR,), tier="silver")
    assert not await upset(database)
    fault = await planned_visit(database, world.dora, items=(REPAIR,), tier="diamond")
    [row] = await upset(database)
    assert (row.cause, row.subject_id, str(row.day)) == ("urgent", fault.visit_id, "2026-11-23")
    assert row.visit_ids == [str(fault.visit_id)]
    asked = {"centre_id": str(NORTH), "day": "2026-11-23"}
    await run(database, world.dora, "plan.replan", **asked, cause="absence")
    [row] = await upset(database)
    assert row.plan_id is None
    await watching.watch(database)
    assert [r.settled_at for r in await upset(database)] == [None]
    await run(
        database, world.dora, "appointment.book", visit_id=str(fault.visit_id),
        **window(local(24, 8)), technician_ids=[person("alice")], channel="phone",
        customer_said="Tomorrow, then.",
    )  # fmt: skip
    await watching.watch(database)
    assert [r.outcome for r in await upset(database)] == ["over"]


@pytest.mark.anyio
async def test_wo_06_an_urgent_fault_that_finds_a_free_time_upsets_no_day(
    database: Database, world: World
) -> None:
    await planned_visit(database, world.dora, items=(REPAIR,), tier="diamond")
    assert not await upset(database)
