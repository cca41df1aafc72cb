"""Any path of a day: whatever people do in whatever order, the rows agree with each other."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from fieldops.appointments.models import Appointment, CallTask, Reservation
from fieldops.appointments.rules import OPEN_STATES
from fieldops.kernel import clock, commands
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.notifications.models import Message
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import FOR_A_VISIT, state_of_order
from fieldops.visits.models import Assignment, Visit, VisitWork
from fieldops.visits.rules import ENDED, UNDER_WAY, WORK_STATE, State
from tests.support.factories.appointments import local, planned_visit, window
from tests.support.factories.visits import PHONE, captured
from tests.support.rows import every
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

CALLED = ("confirmed", "change_wanted", "cancelled", "unreachable", "done")
ITEMS = (
    {"kind": "care", "service": "fixed_line"},
    {"kind": "care", "service": "broadband", "technology": "copper"},
)
AHEAD = (timedelta(minutes=20), timedelta(hours=3), timedelta(hours=26))
REASONS = {"suspend": "waiting_material", "transfer": "cable_fault", "new_appointment": "planning"}


class Walk:
    """One person after the other does something about two orders, chosen by a seed."""

    def __init__(self, database: Database, world: World, seed: int) -> None:
        self.database, self.world = database, world
        self.chance = random.Random(seed)
        self.now = local(23, 8)
        self.held: list[tuple[Any, Envelope]] = []
        self.log: list[str] = []

    async def step(self) -> None:
        """Let somebody do something; refusals are fine, anything else is not."""
        self.now += timedelta(minutes=self.chance.choice((1, 1, 5, 40)))
        (act,) = self.chance.choices([*ACTS], weights=[*ACTS.values()])
        with clock.frozen(self.now):
            await act(self)

    async def pick(self, model: Any) -> Any:
        """One of the rows, mostly of those that can still change."""
        rows = await every(self.database, model)
        if self.chance.random() < 0.85:
            rows = [row for row in rows if getattr(row, "ended_at", None) is None] or rows
        return self.chance.choice(rows)

    async def technician(self, visit: Any) -> Any:
        """Who has the visit, mostly; now and then who has it no more, or never had it."""
        rows = await every(self.database, Assignment, visit_id=visit.id)
        here = [row.technician_id for row in rows if row.ended_at is None]
        if self.chance.random() < 0.3:
            here = [row.technician_id for row in rows]
        known = {id_of("alice"): self.world.alice, id_of("kim"): self.world.kim}
        return known[self.chance.choice(here or [id_of("alice")])]

    def window(self) -> dict[str, Any]:
        return window(self.now + self.chance.choice(AHEAD), self.chance.choice((1, 1, 2)))

    async def do(self, actor: Any, name: str, *, accepted: Any = None, **args: Any) -> None:
        phone = actor.is_technician
        at = self.now - timedelta(minutes=self.chance.choice((0, 0, 30))) if phone else self.now
        envelope = accepted or Envelope(
            new_id(),
            name,
            args,
            device_id=PHONE if phone else None,
            captured=captured(at) if phone else None,
        )
        outcome = "done"
        try:
            async with self.database.transaction() as session:
                await commands.run(
                    session, actor, envelope, self.now, accepted=accepted is not None
                )
        except Coded as exc:
            outcome = exc.code
            if exc.code in {"reassigned", "cancelled_after_work"} and accepted is None:
                self.held.append((actor, envelope))
        self.log.append(f"{self.now:%d %H:%M} {name} {outcome}{' at the desk' if accepted else ''}")

    def team(self) -> list[str]:
        names = self.chance.choice((("alice",), ("kim",), ("alice", "kim")))
        return [str(id_of(name)) for name in names]


def on_visit(name: str, **args: Any) -> Callable[[Walk], Any]:
    async def act(walk: Walk) -> None:
        visit = await walk.pick(Visit)
        await walk.do(await walk.technician(visit), name, visit_id=str(visit.id), **args)

    return act


def on_order(name: str, *, some: bool = True, **args: Any) -> Callable[[Walk], Any]:
    async def act(walk: Walk) -> None:
        work = await walk.pick(WorkOrder)
        chosen = {"work_order_ids": [str(work.id)]} if some and walk.chance.random() < 0.6 else {}
        actor = walk.world.dora
        if name in {"order.suspend", "order.transfer"} and walk.chance.random() < 0.4:
            actor = walk.chance.choice((walk.world.alice, walk.world.kim))
        await walk.do(actor, name, order_id=str(work.order_id), **chosen, **args)

    return act


def failing(next_step: str) -> Callable[[Walk], Any]:
    return on_visit(
        "visit.fail",
        reason="plant_fault",
        told_customer="We come back.",
        next_step=next_step,
        resume_on="2026-11-27",
        department="cable",
    )


def cancelling(next_step: str) -> Callable[[Walk], Any]:
    async def act(walk: Walk) -> None:
        visit = await walk.pick(Visit)
        await walk.do(
            walk.world.dora,
            "visit.cancel",
            visit_id=str(visit.id),
            reason="planning",
            next_step=next_step,
            resume_on="2026-11-27",
            department="cable",
        )

    return act


async def booking(walk: Walk) -> None:
    visit = await walk.pick(Visit)
    await walk.do(
        walk.world.dora,
        "appointment.book",
        visit_id=str(visit.id),
        technician_ids=walk.team(),
        channel="phone",
        customer_said="Yes.",
        override_reason="It is agreed.",
        **walk.window(),
    )


async def moving(walk: Walk) -> None:
    for appointment in await every(walk.database, Appointment):
        cause = walk.chance.choice(("customer", "operator"))
        await walk.do(
            walk.world.dora,
            "appointment.reschedule",
            appointment_id=str(appointment.id),
            technician_ids=walk.team(),
            channel="phone",
            customer_said="Yes.",
            cause=cause,
            reason={"customer": "customer_asked", "operator": "capacity"}[cause],
            customer_contacted_at=walk.now.isoformat(),
            override_reason="It is agreed.",
            **walk.window(),
        )


async def taking_back(walk: Walk) -> None:
    for appointment in await every(walk.database, Appointment):
        await walk.do(
            walk.world.dora,
            "appointment.cancel",
            appointment_id=str(appointment.id),
            channel="phone",
            customer_said="No.",
        )


async def answering(walk: Walk) -> None:
    for appointment in await every(walk.database, Appointment):
        await walk.do(
            system(1),
            "appointment.answer_by_link",
            appointment_id=str(appointment.id),
            window_start=appointment.window_start.isoformat(),
            answer=walk.chance.choice(("confirmed", "change_wanted", "cancelled")),
        )


async def calling(walk: Walk) -> None:
    for task in await every(walk.database, CallTask, done_at=None):
        await walk.do(
            walk.world.dora,
            "call_task.complete",
            call_task_id=str(task.id),
            outcome=walk.chance.choice(CALLED),
        )


async def assigning(walk: Walk) -> None:
    visit = await walk.pick(Visit)
    when = walk.window() if walk.chance.random() < 0.3 else {}
    await walk.do(
        walk.world.dora,
        "visit.assign",
        visit_id=str(visit.id),
        technician_ids=walk.team(),
        override="It is agreed.",
        **when,
    )


async def splitting(walk: Walk) -> None:
    entry = await walk.pick(VisitWork)
    await walk.do(
        walk.world.dora,
        "visit.split",
        visit_id=str(entry.visit_id),
        work_order_ids=[str(entry.work_order_id)],
        reason="Only half of it is possible.",
    )


WORDS: dict[str, dict[str, Any]] = {
    "confirm_identity": {
        "certificate_shown": True,
        "customer_confirmed": True,
        "work_explained": True,
        "covers_used": True,
    },
    "complete": {"signature_refused_reason": "In a hurry."},
}


async def working(walk: Walk) -> None:
    """One technician goes through a visit up to somewhere, as the day should go."""
    visit = await walk.pick(Visit)
    technician, steps = await walk.technician(visit), ("accept", "depart", "arrive")
    for step in (*steps, "confirm_identity", "start", "complete")[: walk.chance.randint(2, 6)]:
        more = WORDS.get(step, {})
        await walk.do(technician, f"visit.{step}", visit_id=str(visit.id), **more)


async def accepting_at_the_desk(walk: Walk) -> None:
    if walk.held:
        actor, envelope = walk.held.pop()
        await walk.do(actor, envelope.name, accepted=envelope)


ACTS: dict[Callable[[Walk], Any], int] = {
    booking: 9,
    working: 6,
    moving: 2,
    taking_back: 1,
    answering: 2,
    calling: 2,
    assigning: 6,
    splitting: 1,
    accepting_at_the_desk: 5,
    on_visit("visit.accept"): 4,
    on_visit("visit.depart"): 4,
    on_visit("visit.arrive"): 6,
    on_visit("visit.confirm_identity", **WORDS["confirm_identity"]): 6,
    on_visit("visit.start"): 9,
    on_visit("visit.complete", **WORDS["complete"]): 6,
    on_visit("visit.leave_notice", told_otherwise="By phone."): 1,
    on_visit("appointment.request_reschedule", reason="customer_asked"): 1,
    on_visit("appointment.record_reconfirmation", answer="confirmed"): 1,
    failing("suspend"): 1,
    failing("transfer"): 1,
    failing("new_appointment"): 2,
    cancelling("suspend"): 1,
    cancelling("transfer"): 1,
    cancelling("new_appointment"): 3,
    on_order("order.suspend", reason="customer_asked_later", resume_on="2026-11-27"): 2,
    on_order("order.transfer", reason="cable_fault", department="cable"): 2,
    on_order("order.resume"): 6,
    on_order("order.return", reason="wrong_data"): 1,
    on_order("order.cancel", reason="withdrawn"): 1,
    on_order("order.complete"): 1,
}


async def contradictions(database: Database) -> list[str]:
    """Return what the rows of visits, work, promises, reserved time and messages disagree in."""
    visits = {row.id: row for row in await every(database, Visit)}
    wrong: list[str] = []
    entries = await every(database, VisitWork)
    orders = {row.id: row for row in await every(database, ServiceOrder)}
    work = {row.id: row for row in await every(database, WorkOrder)}
    on = {entry.work_order_id: entry.visit_id for entry in entries if entry.ended_at is None}
    for row in work.values():
        if row.state in FOR_A_VISIT and row.id not in on:
            wrong.append(f"work {row.number} is {row.state} and on no visit")
        if row.id in on:
            visit = visits[on[row.id]]
            if visit.state in ENDED:
                wrong.append(f"work {row.number} is open on a visit that is {visit.state}")
            elif row.state != WORK_STATE[State(visit.state)]:
                wrong.append(f"work {row.number} is {row.state}, its visit {visit.state}")
    for order in orders.values():
        states = [row.state for row in work.values() if row.order_id == order.id]
        if order.state != state_of_order(states):
            wrong.append(f"an order is {order.state}, its work {states}")
    wrong += await _of_visits(database, visits, set(on.values()))
    return wrong


async def _of_visits(
    database: Database, visits: dict[UUID, Any], with_work: set[UUID]
) -> list[str]:
    promised = [a for a in await every(database, Appointment) if a.state in OPEN_STATES]
    reserved = await every(database, Reservation)
    present = await every(database, Assignment, ended_at=None)
    messages = await every(database, Message, state="planned")
    tasks = await every(database, CallTask, done_at=None)
    wrong: list[str] = []
    for id_, visit in visits.items():
        if visit.state not in ENDED and id_ not in with_work:
            wrong.append(f"a visit is {visit.state} without work")
        wrong += _of_people(visit, [row for row in present if row.visit_id == id_])
        wrong += _of_time(
            visit,
            {row.technician_id for row in present if row.visit_id == id_},
            {row.technician_id: row.during for row in reserved if row.visit_id == id_},
        )
        wrong += _of_promises(visit, [row for row in promised if row.visit_id == id_])
        wrong += [
            f"a {row.kind} is planned for a visit that is {visit.state}"
            for row in messages
            if row.visit_id == id_
            and (visit.state in ENDED or row.window_start != visit.window_start)
        ]
        wrong += [
            f"a {row.kind} call is open for a visit that is {visit.state}"
            for row in tasks
            if row.visit_id == id_ and visit.state in ENDED and row.kind != "reschedule"
        ]
    return wrong


def _of_people(visit: Any, present: list[Any]) -> list[str]:
    wrong = []
    if visit.state not in ENDED and present and sum(row.is_contact for row in present) != 1:
        wrong.append("a visit has not one contact")
    arrived = any(row.arrived_at for row in present)
    if visit.state != State.CANCELLED and (visit.arrived_at is not None) != arrived:
        wrong.append(f"arrival of a {visit.state} visit and its technicians differ")
    return wrong


def _of_time(visit: Any, who: set[UUID], reserved: dict[UUID, Any]) -> list[str]:
    wrong = []
    if visit.state in {State.CANCELLED, State.FAILED, State.PLANNED} and reserved:
        wrong.append(f"time is reserved for a visit that is {visit.state}")
    if visit.state in ENDED | UNDER_WAY or visit.window_start is None:
        return wrong
    if visit.window_start > clock.now() and set(reserved) != who:
        wrong.append(f"{len(reserved)} times are reserved for {len(who)} technicians")
    if any(during.lower != visit.expected_arrival for during in reserved.values()):
        wrong.append("another time is reserved than the visit's")
    return wrong


def _of_promises(visit: Any, promised: list[Any]) -> list[str]:
    window = (visit.window_start, visit.window_end)
    return [
        f"a window is promised that is not the one of its {visit.state} visit"
        for row in promised
        if visit.state in ENDED or (row.window_start, row.window_end) != window
    ]


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_in_whatever_order_the_rows_agree(
    database: Database, world: World, seed: int
) -> None:
    """VI-01, VI-05, WO-02, WO-03, AP-01, AP-06, AP-10, SYNC section 2."""
    await planned_visit(database, world.dora, items=ITEMS)
    await planned_visit(database, world.dora, items=ITEMS[:1])
    walk = Walk(database, world, seed)
    for _ in range(40):
        await walk.step()
        with clock.frozen(walk.now):
            wrong = await contradictions(database)
        assert not wrong, "\n".join([*walk.log, *wrong])
