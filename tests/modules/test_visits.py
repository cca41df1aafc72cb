"""Visits from planning to their end, by their commands (WO-02, VI-01 to VI-06)."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.events import Event, _reactions
from fieldops.orders.errors import UnknownReason
from fieldops.orders.models import WorkOrder
from fieldops.visits.errors import (
    ContactOnly,
    CustomerNotTold,
    IdentityMissing,
    IllegalVisitChange,
    InvalidWindow,
    NextStepIncomplete,
    NotArrived,
    NothingLeftOnVisit,
    NoticeIncomplete,
    NotQualified,
    NoWindow,
    OutsideCalendar,
    ResourceElsewhere,
    SignatureMissing,
    WindowFixed,
)
from fieldops.visits.events import NobodyHome, VisitCompleted, VisitCompleting, VisitFailed
from fieldops.visits.models import Assignment, VisitFact, VisitWork
from tests.support.factories.customers import make_premises
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import BROADBAND, FIXED_LINE, REPAIR, MadeOrder, make_order
from tests.support.factories.visits import (
    PHONE,
    arrive,
    assigned_visit,
    begun_visit,
    captured,
    complete,
    confirm_identity,
    from_phone,
    get_visit,
)
from tests.support.run import first_id, run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

SUNDAY = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events of visits as they are emitted, in order."""
    events: list[Event] = []

    async def note(ctx: Any, event: Event) -> None:
        events.append(event)

    for kind in (NobodyHome, VisitCompleted, VisitFailed):
        monkeypatch.setitem(_reactions, kind, [*_reactions[kind], note])
    return events


async def rows(database: Database, model: Any, visit_id: UUID) -> list[Any]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(model).where(model.region_id == 1, model.visit_id == visit_id).order_by(model.id)
        )
        return list(found)


async def states(database: Database, made: MadeOrder) -> list[str]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(WorkOrder.state)
            .where(WorkOrder.region_id == 1, WorkOrder.order_id == made.id)
            .order_by(WorkOrder.number)
        )
        return list(found)


async def assign(database: Database, world: World, visit_id: UUID, *names: str, **more: Any) -> Any:
    return await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(visit_id),
        technician_ids=[str(id_of(name)) for name in names],
        **more,
    )


def window(start: datetime, hours: float = 2) -> dict[str, str]:
    return {
        "window_start": start.isoformat(),
        "window_end": (start + timedelta(hours=hours)).isoformat(),
    }


async def fail(database: Database, world: World, visit_id: UUID, **changes: Any) -> dict[str, Any]:
    args: dict[str, Any] = {
        "visit_id": str(visit_id),
        "reason": "plant_fault",
        "told_customer": "A colleague comes tomorrow.",
        "next_step": "new_appointment",
        **changes,
    }
    return await from_phone(database, world.alice, "visit.fail", **args)


# Who goes, and when


async def test_vi_01_several_technicians_are_due_at_one_time_and_one_is_the_contact(
    database: Database, world: World
) -> None:
    made = await assigned_visit(
        database, world, BROADBAND, FIXED_LINE, technicians=("alice", "bob")
    )
    found = await rows(database, Assignment, made.visit_id)
    assert {row.technician_id: row.is_contact for row in found} == {
        id_of("alice"): True,
        id_of("bob"): False,
    }
    visit = await get_visit(database, made.visit_id)
    assert visit.expected_arrival == visit.window_start
    assert visit.state == "dispatched"
    assert await states(database, made) == ["dispatched", "dispatched"]


async def test_vi_01_the_contact_changes_without_there_ever_being_two(
    database: Database, world: World
) -> None:
    made = await assigned_visit(
        database, world, BROADBAND, FIXED_LINE, technicians=("alice", "bob")
    )
    await assign(database, world, made.visit_id, "alice", "bob", contact_id=str(id_of("bob")))
    found = await rows(database, Assignment, made.visit_id)
    assert [row.technician_id for row in found if row.is_contact] == [id_of("bob")]
    assert len(found) == 2  # nobody was taken off and put on again


async def test_vi_01_the_contact_must_be_one_of_the_technicians(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(InvalidArguments):
        await assign(database, world, made.visit_id, "alice", contact_id=str(id_of("bob")))


async def test_org_03_assigning_without_the_skill_is_refused_with_its_name(
    database: Database, world: World
) -> None:
    with pytest.raises(NotQualified) as caught:
        await assigned_visit(database, world, BROADBAND, technicians=("bob",))
    assert caught.value.details["skills"] == "copper_broadband"


async def test_org_03_the_qualification_must_be_valid_on_the_day_of_the_visit(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    after_the_last_day = datetime(2028, 1, 3, 8, tzinfo=UTC)
    with clock.frozen(datetime(2027, 12, 20, 8, tzinfo=UTC)), pytest.raises(NotQualified):
        await assign(database, world, made.visit_id, "alice", **window(after_the_last_day))


async def test_org_03_a_technician_with_none_of_the_skills_does_not_go_along(
    database: Database, world: World
) -> None:
    with pytest.raises(NotQualified):
        await assigned_visit(database, world, BROADBAND, technicians=("alice", "bob"))


async def test_org_07_nothing_is_assigned_outside_the_calendar_without_a_reason(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(OutsideCalendar):
        await assign(database, world, made.visit_id, "alice", **window(SUNDAY))
    await assign(
        database, world, made.visit_id, "alice", override="Hospital line.", **window(SUNDAY)
    )
    visit = await get_visit(database, made.visit_id)
    assert visit.override_reason == "Hospital line."


async def test_org_07_lunch_is_not_worked_through(database: Database, world: World) -> None:
    made = await make_order(database, world.dora)  # an hour of work
    lunch = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)  # 11:30 in Helsinki
    with pytest.raises(OutsideCalendar):
        await assign(database, world, made.visit_id, "alice", **window(lunch))


async def test_a_visit_without_a_window_is_not_assigned(database: Database, world: World) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(NoWindow):
        await assign(database, world, made.visit_id, "alice")


async def test_assigning_does_not_move_a_window_that_was_agreed(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    with pytest.raises(WindowFixed):
        await assign(database, world, made.visit_id, "alice", **window(at + timedelta(hours=3)))


@pytest.mark.parametrize(("hours", "length"), [(-30, 2), (2, -1), (2, 25), (24 * 400, 2)])
async def test_a_window_in_the_past_turned_round_too_long_or_too_far_is_refused(
    database: Database, world: World, at: datetime, hours: float, length: float
) -> None:
    made = await make_order(database, world.dora)
    start = at + timedelta(hours=hours)
    with pytest.raises(InvalidWindow):
        await assign(database, world, made.visit_id, "alice", **window(start, length))


async def test_vi_02_the_latest_departure_follows_from_the_travel_time(
    database: Database, world: World
) -> None:
    far = await assigned_visit(database, world)
    (row,) = await rows(database, Assignment, far.visit_id)
    visit = await get_visit(database, far.visit_id)
    assert visit.window_start is not None
    slack = visit.window_start - row.latest_departure_at
    # Arrival is five minutes before the window, whole seconds rounded up.
    assert slack - timedelta(minutes=5) - timedelta(seconds=row.travel_seconds) <= timedelta(
        seconds=1
    )


async def test_vi_02_travel_starts_at_the_visit_before(
    database: Database, world: World, at: datetime
) -> None:
    async with database.transaction() as session:
        there = await make_premises(session, longitude=25.10)
    await assigned_visit(database, world, premises=there, start=at + timedelta(hours=1))
    near = await assigned_visit(database, world, start=at + timedelta(hours=5))
    (row,) = await rows(database, Assignment, near.visit_id)
    assert row.travel_seconds > 1000  # not from Alice's own door, which is next to it


async def test_wo_02_splitting_needs_a_dispatchers_reason(database: Database, world: World) -> None:
    made = await assigned_visit(database, world, BROADBAND, FIXED_LINE)
    args = {"visit_id": str(made.visit_id), "work_order_ids": [str(made.work[1])]}
    with pytest.raises(InvalidArguments):
        await run(database, world.dora, "visit.split", **args)
    with pytest.raises(Forbidden):
        await run(database, world.ann, "visit.split", reason="The line waits for a pair.", **args)
    result = await run(
        database, world.dora, "visit.split", reason="The line waits for a pair.", **args
    )
    assert await states(database, made) == ["dispatched", "received"]
    other = UUID(result["refs"][1]["id"])
    assert [row.work_order_id for row in await rows(database, VisitWork, other)] == [made.work[1]]
    assert (await get_visit(database, other)).split_reason == "The line waits for a pair."
    assert (await get_visit(database, made.visit_id)).duration_minutes == 60


async def test_wo_02_splitting_leaves_something_on_the_visit(
    database: Database, world: World
) -> None:
    made = await make_order(database, world.dora)
    with pytest.raises(NothingLeftOnVisit):
        await run(
            database,
            world.dora,
            "visit.split",
            visit_id=str(made.visit_id),
            work_order_ids=[str(made.work[0])],
            reason="no reason at all",
        )


# On the way and at the door


async def test_wo_03_a_visit_is_accepted_when_all_its_technicians_have(
    database: Database, world: World
) -> None:
    made = await assigned_visit(
        database, world, BROADBAND, FIXED_LINE, technicians=("alice", "bob")
    )
    await from_phone(database, world.alice, "visit.accept", visit_id=str(made.visit_id))
    assert (await get_visit(database, made.visit_id)).state == "dispatched"
    await from_phone(database, world.bob, "visit.accept", visit_id=str(made.visit_id))
    assert (await get_visit(database, made.visit_id)).state == "accepted"
    assert await states(database, made) == ["accepted", "accepted"]


async def test_vi_02_the_kit_list_follows_the_work_and_its_check_is_kept(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world, BROADBAND, FIXED_LINE)
    visit = await get_visit(database, made.visit_id)
    assert "line tester" in visit.kit["tools"]
    assert "test telephone" in visit.kit["tools"]
    check = {"tools": True, "materials": True, "spares": False, "papers": True}
    await from_phone(
        database,
        world.alice,
        "visit.confirm_kit",
        visit_id=str(made.visit_id),
        missing=["modem"],
        **check,
    )
    assert (await get_visit(database, made.visit_id)).kit_confirmed_at is None
    await from_phone(
        database,
        world.alice,
        "visit.confirm_kit",
        visit_id=str(made.visit_id),
        **{**check, "spares": True},
    )
    assert (await get_visit(database, made.visit_id)).kit_confirmed_at == clock.now()
    assert len(await rows(database, VisitFact, made.visit_id)) == 2


async def test_vi_02_leaving_without_the_kit_checked_or_too_late_is_kept_with_that(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    await from_phone(
        database,
        world.alice,
        "visit.depart",
        clock.now() + timedelta(minutes=58),
        visit_id=str(made.visit_id),
    )
    (fact,) = await rows(database, VisitFact, made.visit_id)
    assert (fact.body["kit_checked"], fact.body["after_latest_departure"]) == (False, True)
    assert (await get_visit(database, made.visit_id)).state == "en_route"


async def test_vi_03_arrival_keeps_device_time_estimate_position_and_window(
    database: Database, world: World, at: datetime
) -> None:
    made = await assigned_visit(database, world)
    when, wall = at + timedelta(minutes=70), at + timedelta(minutes=95)
    await run(
        database,
        world.alice,
        "visit.arrive",
        device=PHONE,
        captured=captured(when, wall=wall),
        visit_id=str(made.visit_id),
        point={"type": "Point", "coordinates": [24.942, 60.17]},
        accuracy_m=12,
    )
    (fact,) = await rows(database, VisitFact, made.visit_id)
    assert (fact.captured_at, fact.estimated_at, fact.clock_far_off) == (wall, when, True)
    assert fact.body["in_window"] is True
    assert 50 < fact.body["distance_m"] < 60
    visit = await get_visit(database, made.visit_id)
    assert (visit.state, visit.arrived_at) == ("on_site", when)


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_03_an_introduction_left_undone_is_kept_and_completes_nothing(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    visit_id = str(made.visit_id)
    await arrive(database, world.alice, made.visit_id)
    await from_phone(database, world.alice, "visit.start", visit_id=visit_id)
    done = {"certificate_shown": True, "customer_confirmed": True, "work_explained": True}
    around = {"covers_used": False, "others_undisturbed": False}
    for left_out in done:
        said = {**done, **around, left_out: False}
        await from_phone(database, world.alice, "visit.confirm_identity", visit_id=visit_id, **said)
        with pytest.raises(IdentityMissing):
            await complete(database, world.alice, made.visit_id)
    await from_phone(
        database, world.alice, "visit.confirm_identity", visit_id=visit_id, **done, **around
    )
    await complete(database, world.alice, made.visit_id)
    kept = [r for r in await rows(database, VisitFact, made.visit_id) if r.kind == "identity"]
    assert [row.body["complete"] for row in kept] == [False, False, False, True]
    assert {(r.body["covers_used"], r.body["others_undisturbed"]) for r in kept} == {(False, False)}


async def test_vi_03_work_starts_after_the_arrival(database: Database, world: World) -> None:
    made = await assigned_visit(database, world)
    with pytest.raises(NotArrived) as caught:
        await from_phone(database, world.alice, "visit.start", visit_id=str(made.visit_id))
    assert caught.value.next_steps == ("visit.arrive",)
    await arrive(database, world.alice, made.visit_id)
    await from_phone(database, world.alice, "visit.start", visit_id=str(made.visit_id))
    assert (await get_visit(database, made.visit_id)).state == "in_progress"
    assert await states(database, made) == ["in_progress"]


async def test_a_late_departure_never_takes_a_visit_back(database: Database, world: World) -> None:
    made = await begun_visit(database, world)
    await from_phone(database, world.alice, "visit.depart", visit_id=str(made.visit_id))
    assert (await get_visit(database, made.visit_id)).state == "in_progress"


async def test_an_illegal_step_is_refused_with_the_legal_ones_named(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    with pytest.raises(IllegalVisitChange) as caught:
        await complete(database, world.alice, made.visit_id)
    assert "visit.arrive" in caught.value.next_steps
    assert caught.value.details["state"] == "dispatched"


# The end


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_04_completion_needs_identity_and_signature_or_its_refusal(
    database: Database, world: World
) -> None:
    made = await assigned_visit(database, world)
    args: dict[str, Any] = {"visit_id": str(made.visit_id)}
    await arrive(database, world.alice, made.visit_id)
    await from_phone(database, world.alice, "visit.start", **args)
    with pytest.raises(IdentityMissing):
        await complete(database, world.alice, made.visit_id)
    await confirm_identity(database, world.alice, made.visit_id)
    with pytest.raises(SignatureMissing):
        await from_phone(database, world.alice, "visit.complete", **args)
    with pytest.raises(SignatureMissing):  # both is as wrong as none
        await from_phone(
            database,
            world.alice,
            "visit.complete",
            signature_sha256="a" * 64,
            signature_refused_reason="The customer was in a hurry.",
            **args,
        )
    with pytest.raises(SignatureMissing):  # nobody promised this one
        await from_phone(database, world.alice, "visit.complete", signature_sha256="a" * 64, **args)
    await complete(database, world.alice, made.visit_id)
    assert (await get_visit(database, made.visit_id)).state == "completed"
    assert await states(database, made) == ["completed"]


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_04_a_signature_counts_when_a_file_link_promises_it(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world)
    digest = sha256(b"signed").hexdigest()
    await from_phone(
        database,
        world.alice,
        "file.link",
        sha256=digest,
        bytes=6,
        mime="image/png",
        purpose="signature",
        subject_type="visit",
        subject_id=str(made.visit_id),
        visit_id=str(made.visit_id),
    )
    await from_phone(
        database,
        world.alice,
        "visit.complete",
        visit_id=str(made.visit_id),
        signature_sha256=digest,
    )
    assert (await get_visit(database, made.visit_id)).signature_sha256 == digest


async def test_vi_04_what_the_evidence_modules_miss_refuses_the_completion(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class MissingError(Exception):
        pass

    async def refuse(ctx: Any, event: VisitCompleting) -> None:
        assert event.work_order_ids == made.work
        raise MissingError

    made = await begun_visit(database, world)
    monkeypatch.setitem(_reactions, VisitCompleting, [refuse])
    with pytest.raises(MissingError):
        await complete(database, world.alice, made.visit_id)
    assert (await get_visit(database, made.visit_id)).state == "in_progress"


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_01_only_the_contact_ends_the_visit(database: Database, world: World) -> None:
    made = await begun_visit(database, world, BROADBAND, FIXED_LINE, technicians=("alice", "bob"))
    with pytest.raises(ContactOnly) as caught:
        await complete(database, world.bob, made.visit_id)
    assert caught.value.details["contact"] == "Alice"


async def test_vi_05_a_failed_visit_with_a_new_appointment_leaves_its_work_on_a_new_visit(
    database: Database, world: World, heard: list[Event]
) -> None:
    made = await begun_visit(database, world, BROADBAND, FIXED_LINE)
    result = await fail(database, world, made.visit_id)
    new = first_id({"refs": [r for r in result["refs"] if r["id"] != str(made.visit_id)]}, "visit")
    old, planned = await get_visit(database, made.visit_id), await get_visit(database, new)
    assert (old.state, old.next_step, old.end_cause) == ("failed", "new_appointment", "operator")
    assert old.told_customer == "A colleague comes tomorrow."
    assert (planned.state, planned.former_visit_id) == ("planned", made.visit_id)
    assert {row.work_order_id for row in await rows(database, VisitWork, new)} == set(made.work)
    assert await states(database, made) == ["received", "received"]
    assert heard == [VisitFailed(made.visit_id, "plant_fault", "new_appointment", "operator", new)]


async def test_vi_05_a_failed_visit_suspends_its_work_until_a_day(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world)
    with pytest.raises(NextStepIncomplete):
        await fail(database, world, made.visit_id, next_step="suspend", reason="site_not_ready")
    await fail(
        database,
        world,
        made.visit_id,
        next_step="suspend",
        reason="site_not_ready",
        resume_on="2026-12-01",
    )
    assert await states(database, made) == ["suspended"]


async def test_vi_05_a_failed_visit_transfers_its_work_to_a_department(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world)
    with pytest.raises(NextStepIncomplete):
        await fail(database, world, made.visit_id, next_step="transfer")
    await fail(database, world, made.visit_id, next_step="transfer", department="cable")
    assert await states(database, made) == ["transferred"]


@pytest.mark.parametrize("missing", ["reason", "told_customer", "next_step"])
async def test_vi_05_reason_what_was_told_and_next_step_are_all_needed(
    database: Database, world: World, missing: str
) -> None:
    made = await begun_visit(database, world)
    args = {
        "visit_id": str(made.visit_id),
        "reason": "unsafe",
        "told_customer": "We come back.",
        "next_step": "new_appointment",
    }
    del args[missing]
    refused = CustomerNotTold if missing == "told_customer" else InvalidArguments
    with pytest.raises(refused) as caught:
        await from_phone(database, world.alice, "visit.fail", **args)
    if refused is InvalidArguments:
        assert caught.value.details["errors"][0]["field"] == missing


async def test_vi_05_the_reason_is_one_of_the_list(database: Database, world: World) -> None:
    made = await begun_visit(database, world)
    with pytest.raises(UnknownReason):
        await fail(database, world, made.visit_id, reason="withdrawn")


async def test_ap_08_nobody_home_is_said_once_with_a_notice_or_another_way_of_telling(
    database: Database, world: World, heard: list[Event]
) -> None:
    made = await assigned_visit(database, world)
    await arrive(database, world.alice, made.visit_id)
    args = {"visit_id": str(made.visit_id)}
    with pytest.raises(NoticeIncomplete):
        await from_phone(database, world.alice, "visit.leave_notice", **args)
    for _ in range(2):
        await from_phone(database, world.alice, "visit.leave_notice", photo_sha256="b" * 64, **args)
    await fail(database, world, made.visit_id, reason="nobody_home")
    assert [type(event) for event in heard] == [NobodyHome, VisitFailed]


async def test_vi_05_taking_the_last_work_off_on_site_needs_what_the_customer_was_told(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world)
    args = {
        "order_id": str(made.id),
        "work_order_ids": [str(made.work[0])],
        "reason": "cable_fault",
        "department": "cable",
    }
    with pytest.raises(CustomerNotTold):
        await from_phone(database, world.alice, "order.transfer", **args)
    told = "The cable department repairs it today."
    await from_phone(database, world.alice, "order.transfer", told_customer=told, **args)
    visit = await get_visit(database, made.visit_id)
    assert (visit.state, visit.next_step, visit.told_customer) == ("failed", "transfer", told)


async def test_vi_05_the_rest_of_a_visit_goes_on_when_one_work_order_is_suspended(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world, BROADBAND, FIXED_LINE)
    await from_phone(
        database,
        world.alice,
        "order.suspend",
        order_id=str(made.id),
        work_order_ids=[str(made.work[1])],
        reason="no_free_resource",
        resume_on="2026-12-01",
    )
    visit = await get_visit(database, made.visit_id)
    assert (visit.state, visit.duration_minutes) == ("in_progress", 60)
    assert await states(database, made) == ["in_progress", "suspended"]


async def test_a_cancelled_visit_gives_its_work_a_new_one(database: Database, world: World) -> None:
    made = await assigned_visit(database, world)
    result = await run(
        database, world.dora, "visit.cancel", visit_id=str(made.visit_id), reason="planning"
    )
    visits = [UUID(ref["id"]) for ref in result["refs"] if ref["type"] == "visit"]
    assert [(await get_visit(database, v)).state for v in visits] == ["cancelled", "planned"]
    assert await states(database, made) == ["received"]


async def test_re_03_a_technician_moves_only_services_at_the_premises_of_the_visit(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant)
    with pytest.raises(ResourceElsewhere):
        await from_phone(
            database,
            world.alice,
            "network.swap_pair",
            visit_id=str(made.visit_id),
            service_id=str(service.id),
            from_id=str(plant.pairs[0].id),
            to_id=str(plant.pairs[1].id),
            reason="noise",
        )


async def test_a_stranger_does_not_find_the_visit(database: Database, world: World) -> None:
    made = await assigned_visit(database, world)
    for name in ("kim", "carol", "tom"):
        with pytest.raises(NotFound):
            await from_phone(
                database, world.actors[name], "note.add", visit_id=str(made.visit_id), text="?"
            )
