"""AP-10: nothing goes out for a visit that is cancelled or moved while a sender is at work.

Both orders, each made to happen: the change commits between the claim and the sending, and the
change comes while the message is being sent. Real commits on connections of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from fieldops.appointments import queries as appointments
from fieldops.appointments.jobs import open_calls
from fieldops.appointments.models import CallTask
from fieldops.kernel import clock, jobs, points
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.notifications.models import DeliveryAttempt, Message
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit
from tests.support.factories.appointments import Planned, book, local, planned_visit, window
from tests.support.run import run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

DUE = local(24, 13)
Change = Callable[["Stage"], Awaitable[Any]]


class Stage:
    """A due question on a database of its own, and a worker that writes files."""

    def __init__(self, database: Database, world: World, planned: Planned, out: Path) -> None:
        self.database, self.world, self.planned, self.out = database, world, planned, out
        self.appointment_id = ""

    async def rows(self, model: Any, **values: Any) -> list[Any]:
        async with self.database.transaction() as session:
            statement = select(model).where(model.region_id == 1).filter_by(**values)
            return list(await session.scalars(statement.order_by(model.id)))

    async def question(self) -> Message:
        return (await self.rows(Message, kind="reconfirmation", window_start=local(25, 13)))[0]

    def sent(self) -> int:
        return len(list(self.out.glob("*.json"))) if self.out.exists() else 0

    async def someone_waits(self) -> bool:
        async with self.database.transaction() as session:
            waiting = await session.scalar(
                text(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
            )
        return bool(waiting)


@pytest.fixture
async def stage(committed: tuple[Database, Settings], tmp_path: Path) -> AsyncIterator[Stage]:
    database, settings = committed
    world = await build_world(database)
    made = Stage(database, world, await planned_visit(database, world.dora), tmp_path / "out")
    made.appointment_id = str(
        await book(database, world.dora, made.planned.visit_id, local(25, 13))
    )
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": made.out})))
    with clock.frozen(DUE):
        yield made


async def cancel(stage: Stage) -> None:
    await run(
        stage.database,
        stage.world.dora,
        "visit.cancel",
        visit_id=str(stage.planned.visit_id),
        reason="planning",
    )


async def move(stage: Stage) -> None:
    await run(
        stage.database,
        stage.world.dora,
        "appointment.reschedule",
        **window(local(26, 13)),
        appointment_id=stage.appointment_id,
        technician_ids=[str(id_of("alice"))],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Later, please.",
    )


async def answer(stage: Stage) -> None:
    await run(
        stage.database,
        stage.world.dora,
        "appointment.record_reconfirmation",
        visit_id=str(stage.planned.visit_id),
        answer="confirmed",
    )


async def stop(stage: Stage) -> None:
    await run(
        stage.database,
        stage.world.ann,
        "customer.stop_messages",
        customer_id=str(stage.planned.customer_id),
    )


async def send_due_while(change: Callable[[], Awaitable[Any]]) -> None:
    """Send what is due; what changes commits between the first claim and its sending."""
    done: list[str] = []

    async def at_point(name: str) -> None:
        if name == points.MESSAGE_CLAIMED and not done:
            done.append(name)
            await change()

    with points.armed(at_point):
        await send_due()
    assert done


@pytest.mark.parametrize("change", [cancel, move, answer])
async def test_ap_10_what_changes_between_claim_and_sending_is_not_sent(
    stage: Stage, change: Change
) -> None:
    await send_due_while(lambda: change(stage))
    assert stage.sent() == 0
    question = await stage.question()
    assert (question.state, question.ended_reason) == ("cancelled", "the visit has changed")
    (attempt,) = await stage.rows(DeliveryAttempt)
    assert attempt.outcome == "not_sent"
    with clock.frozen(local(24, 14)):
        await send_due()
    assert stage.sent() == 0


@pytest.mark.parametrize("change", [cancel, move])
async def test_ap_10_a_change_while_a_message_is_being_sent_waits_until_it_is_recorded(
    stage: Stage, change: Change
) -> None:
    changing: list[asyncio.Task[Any]] = []

    async def at_point(name: str) -> None:
        if name == points.MESSAGE_HELD and not changing:
            changing.append(asyncio.create_task(change(stage)))  # type: ignore[arg-type]
            while not await stage.someone_waits():
                assert not changing[0].done()
                await asyncio.sleep(0.01)
        if name == points.MESSAGE_SENT:
            assert not changing[0].done()

    with points.armed(at_point):
        await send_due()
    await changing[0]
    assert stage.sent() == 1
    assert (await stage.question()).state == "sent"
    (attempt,) = await stage.rows(DeliveryAttempt)
    assert attempt.outcome == "sent"


async def test_ap_06_who_was_just_told_of_a_visit_that_is_then_cancelled_is_called_by_a_person(
    stage: Stage,
) -> None:
    await send_due()
    await cancel(stage)
    (visit,) = await stage.rows(Visit, id=stage.planned.visit_id)
    assert visit.state == "cancelled"
    assert [t.kind for t in await stage.rows(CallTask, done_at=None)] == ["new_appointment"]


async def test_ap_10_a_stop_between_claim_and_sending_leaves_it_to_a_person(stage: Stage) -> None:
    await send_due_while(lambda: stop(stage))
    await send_due()
    assert stage.sent() == 0
    assert (await stage.question()).state == "by_person"
    assert [t.kind for t in await stage.rows(CallTask)] == ["reconfirm"]


async def test_ap_09_what_is_claimed_before_the_quiet_hours_is_not_sent_in_them(
    stage: Stage,
) -> None:
    frozen: list[Any] = []

    async def at_point(name: str) -> None:
        if name == points.MESSAGE_CLAIMED and not frozen:
            frozen.append(clock.frozen(local(24, 21)))
            frozen[0].__enter__()

    with points.armed(at_point), clock.frozen(local(24, 20, 59)):
        await send_due()
        frozen[0].__exit__(None, None, None)
    assert stage.sent() == 0
    question = await stage.question()
    assert (question.state, question.due_at) == ("planned", local(25, 8))


async def test_ap_04_no_call_is_opened_about_a_window_that_is_being_confirmed(
    stage: Stage,
) -> None:
    """Whoever answers locks the visit, then the promise; so do the calls by the clock."""
    scope = system(1).scope(Permission.APPOINTMENT_BOOK)
    with clock.frozen(local(25, 10)):
        async with stage.database.transaction() as session:
            await visits.lock_visit(session, scope, stage.planned.visit_id)
            opening = asyncio.create_task(open_calls(stage.database, 1))
            while not await stage.someone_waits():
                assert not opening.done()
                await asyncio.sleep(0.01)
            promise = await appointments.lock_open(session, 1, stage.planned.visit_id)
            assert promise is not None
            promise.state, promise.confirmed_at = "confirmed", clock.now()
        await opening
    assert await stage.rows(CallTask) == []
