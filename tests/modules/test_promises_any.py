"""Any sequence of commands: a window a customer was promised is never moved silently.

AP-02, AP-06, VI-01, SYNC section 1: whatever is done in whatever order, a promised window that
changes or ends leaves a line in the history with who, what and why, a notice to each technician
who had it, and a word of the customer, a call to them, or a cause that they gave themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fieldops.appointments import queries
from fieldops.appointments.models import Appointment, CallTask
from fieldops.appointments.rules import OPEN_STATES
from fieldops.kernel import audit, clock
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits.models import Assignment, Notice, Visit
from tests.modules import test_paths_any as paths
from tests.modules.test_paths_any import Walk
from tests.support import databases
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.rows import every
from tests.support.world import build_world

pytestmark = pytest.mark.anyio

Window = tuple[datetime, datetime]
Act = Callable[[Walk], Any]


async def choosing(walk: Walk) -> None:
    """The customer takes a free window by the link."""
    for appointment in await every(walk.database, Appointment):
        visit = next(v for v in await every(walk.database, Visit) if v.id == appointment.visit_id)
        async with walk.database.transaction() as session:
            choice = await queries.other_windows(session, visit, appointment, walk.now)
        if choice.offers:
            offer = walk.chance.choice(choice.offers)
            await walk.do(
                system(1),
                "appointment.move_by_link",
                appointment_id=str(appointment.id),
                window_start=appointment.window_start.isoformat(),
                new_start=offer.start.isoformat(),
                new_end=offer.end.isoformat(),
            )


ACTS: tuple[Act, ...] = (
    paths.booking,
    paths.booking,
    paths.moving,
    paths.moving,
    choosing,
    choosing,
    paths.taking_back,
    paths.answering,
    paths.assigning,
    paths.splitting,
    paths.working,
    paths.calling,
    paths.accepting_at_the_desk,
    paths.failing("new_appointment"),
    paths.cancelling("new_appointment"),
    paths.cancelling("suspend"),
    paths.on_order("order.suspend", reason="customer_asked_later", resume_on="2026-11-27"),
    paths.on_order("order.cancel", reason="withdrawn"),
    paths.on_order("order.resume"),
    paths.on_visit("appointment.request_reschedule", reason="customer_asked"),
)


@dataclass(frozen=True)
class Promised:
    """An open promise as it stood before a step, and whom it concerned."""

    window: Window
    version: int
    visit_id: UUID
    technicians: frozenset[UUID]


async def promised(database: Database) -> dict[UUID, Promised]:
    present = await every(database, Assignment, ended_at=None)
    return {
        row.id: Promised(
            (row.window_start, row.window_end),
            row.version,
            row.visit_id,
            frozenset(a.technician_id for a in present if a.visit_id == row.visit_id),
        )
        for row in await every(database, Appointment)
        if row.state in OPEN_STATES
    }


async def silences(database: Database, before: dict[UUID, Promised], now: datetime) -> list[str]:
    """Return what a step took from somebody without a word."""
    wrong: list[str] = []
    visits = {row.id: row for row in await every(database, Visit)}
    for row in await every(database, Appointment):
        was = before.get(row.id)
        if was is None:
            continue
        moved = (row.window_start, row.window_end) != was.window
        if moved:
            wrong += await _unrecorded(database, row, was)
            wrong += _untold_customer(row)
        if row.state == "cancelled":
            wrong += await _unexplained(database, row, visits[row.visit_id])
        if moved or row.state == "cancelled":
            wrong += await _untold_technicians(database, row, was, now)
    return wrong


async def _unrecorded(database: Database, row: Any, was: Promised) -> list[str]:
    async with database.transaction() as session:
        lines = list(await session.scalars(audit.history(1, Appointment.__tablename__, row.id)))
    told = [
        line
        for line in lines
        if "window_start" in line.after
        and datetime.fromisoformat(line.before["window_start"]) == was.window[0]
        and datetime.fromisoformat(line.after["window_start"]) == row.window_start
        and line.command
        and line.reason
    ]
    return [] if told else ["a moved window has no line with a reason in its history"]


def _untold_customer(row: Any) -> list[str]:
    if row.moved_cause is None or row.moved_reason is None or not row.customer_said:
        return ["a window was moved without cause, reason or the customer's say"]
    if row.moved_cause == "operator" and row.customer_contacted_at is None:
        return ["the operator moved a window and did not tell the customer"]
    return []


async def _unexplained(database: Database, row: Any, visit: Any) -> list[str]:
    """A promise that ended: by the customer's word, their cause, or with a call to them."""
    if visit.state == "cancelled" and visit.end_cause == "customer":
        return []
    answers = {"web_link", "phone"}
    if visit.state != "cancelled" and row.channel in answers and row.customer_said:
        return []
    calls = [t for t in await every(database, CallTask) if t.customer_id == row.customer_id]
    return [] if calls else [f"a promise ended with a {visit.state} visit and nobody calls"]


async def _untold_technicians(
    database: Database, row: Any, was: Promised, now: datetime
) -> list[str]:
    """Who had the visit and did not do it themselves has a notice of this moment."""
    told = {n.technician_id for n in await every(database, Notice, visit_id=was.visit_id, at=now)}
    async with database.transaction() as session:
        lines = list(await session.scalars(audit.history(1, Appointment.__tablename__, row.id)))
    lost = was.technicians - told - {line.actor_id for line in lines if line.at == now}
    return [f"{len(lost)} technicians were not told"] if lost else []


@settings(
    max_examples=7,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(acts=st.lists(st.sampled_from(ACTS), min_size=8, max_size=16), seed=st.integers(0, 2**32))
async def test_ap_06_no_sequence_moves_a_promised_window_without_a_word(
    worker_database: tuple[Database, Settings], acts: list[Act], seed: int
) -> None:
    async with databases.savepoint_database(worker_database[0]) as database:
        world = await build_world(database)
        for items, day in ((paths.ITEMS, 24), (paths.ITEMS[:1], 25)):
            planned = await planned_visit(database, world.dora, items=items)
            await book(database, world.dora, planned.visit_id, local(day, 10), "alice", "kim")
        walk = Walk(database, world, seed)
        for act in acts:
            before = await promised(database)
            walk.now += timedelta(minutes=walk.chance.choice((1, 5, 40)))
            with clock.frozen(walk.now):
                await act(walk)
            wrong = await silences(database, before, walk.now)
            assert not wrong, "\n".join([*walk.log, *wrong])
