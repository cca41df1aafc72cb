"""What customers are told agrees with what will happen, after every path."""

from typing import Any

import pytest

from fieldops.kernel import clock
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.commands import delivery
from fieldops.notifications.models import Message
from tests.support.factories.appointments import (
    book,
    local,
    planned_visit,
)
from tests.support.factories.paths import move
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_a_message_the_peer_did_not_take_is_not_tried_again_for_a_cancelled_visit(
    database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    with clock.frozen(local(24, 13)):
        async with database.transaction() as session:
            taken = await delivery.claim(session, settings, 1, clock.now())
        assert isinstance(taken, delivery.Claim)
        await run(
            database, world.dora, "visit.cancel", visit_id=str(planned.visit_id), reason="planning"
        )
        async with database.transaction() as session:
            await delivery.record(session, 1, taken.message_id, "not_sent", clock.now())
    with clock.frozen(local(24, 14)):
        async with database.transaction() as session:
            again = await delivery.claim(session, settings, 1, clock.now())
        assert isinstance(again, delivery.PutOff)
    found = await every(database, Message, visit_id=planned.visit_id)
    assert {m.kind: m.state for m in found} == {
        "reconfirmation": "cancelled",
        "half_hour_notice": "cancelled",
    }


async def test_a_message_whose_worker_died_is_not_repeated_for_a_window_that_moved(
    database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    with clock.frozen(local(24, 13)):
        async with database.transaction() as session:
            taken = await delivery.claim(session, settings, 1, clock.now())
        assert isinstance(taken, delivery.Claim)
        await move(database, world, appointment_id, local(26, 13))
    with clock.frozen(local(24, 14)):
        async with database.transaction() as session:
            await delivery.recover(session, 1, clock.now())
        async with database.transaction() as session:
            again = await delivery.claim(session, settings, 1, clock.now())
        assert isinstance(again, delivery.PutOff)
    planned_for = {
        (m.kind, m.window_start) for m in await every(database, Message, state="planned")
    }
    assert planned_for == {
        ("reconfirmation", local(26, 13)),
        ("half_hour_notice", local(26, 13)),
    }


async def test_ap_05_a_customer_who_took_the_promise_back_is_not_told_that_somebody_comes(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    args: dict[str, Any] = {
        "appointment_id": str(appointment_id),
        "window_start": local(25, 13).isoformat(),
    }
    await run(database, system(1), "appointment.answer_by_link", **args, answer="cancelled")
    assert await every(database, Message, state="planned") == []
