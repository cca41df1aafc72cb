"""What is planned, moved, cancelled and sent to customers (AP-03, AP-05, AP-09, AP-10)."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fieldops.appointments.models import CallTask
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import channels_of, listen, send_due
from fieldops.notifications.models import DeliveryAttempt, Message, Receipt
from fieldops.notifications.wording import language_of
from tests.support import mailbox, smsc
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    book,
    local,
    planned_visit,
    window,
)
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def outbox(database: Database, settings: Settings, tmp_path: Path) -> Path:
    """A worker of this process that writes to a folder."""
    jobs.use(jobs.Machine(database, settings.model_copy(update={"outbox_path": tmp_path / "out"})))
    return tmp_path / "out"


def files(outbox: Path) -> list[dict[str, Any]]:
    if not outbox.exists():
        return []
    return [json.loads(path.read_text()) for path in sorted(outbox.glob("*.json"))]


async def send_at(moment: datetime) -> None:
    with clock.frozen(moment):
        await send_due()


async def kinds(database: Database, state: str) -> dict[str, datetime]:
    return {m.kind: m.due_at for m in await every(database, Message, state=state)}


async def reschedule(database: Database, world: World, appointment_id: Any, at: datetime) -> None:
    await run(
        database,
        world.dora,
        "appointment.reschedule",
        **window(at),
        appointment_id=str(appointment_id),
        technician_ids=[str(id_of("alice"))],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Later, please.",
    )


async def test_ap_03_and_05_a_booking_plans_both_messages_once_for_all_jobs_of_the_visit(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, items=(FIXED, BROADBAND))
    await book(database, world.dora, planned.visit_id, local(25, 13))
    assert await kinds(database, "planned") == {
        "reconfirmation": local(24, 13),
        "half_hour_notice": local(25, 12, 30),
    }
    assert len(await every(database, Message)) == 2


async def test_a_refused_booking_leaves_no_message(database: Database, world: World) -> None:
    first = await planned_visit(database, world.dora)
    second = await planned_visit(database, world.dora)
    at = local(25, 13)
    await book(database, world.dora, first.visit_id, at, **window(at, 1))
    with pytest.raises(Exception, match="slot_taken"):
        await book(database, world.dora, second.visit_id, at, **window(at, 1))
    assert len(await every(database, Message)) == 2


async def test_ap_03_the_reminder_goes_out_once_with_window_and_link(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await send_at(local(24, 12, 59))
    assert files(outbox) == []
    await send_at(local(24, 13))
    await send_at(local(24, 13, 1))
    (sent,) = files(outbox)
    assert "Wednesday, November 25, 2026 between 13:00 and 15:00" in sent["text"]
    assert "/a/" in sent["text"]
    assert len(await every(database, DeliveryAttempt)) == 1


async def test_ap_05_the_notice_names_technician_certificate_and_time_in_the_customers_language(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora, locale="zh_CN")
    await book(database, world.dora, planned.visit_id, local(23, 13))
    await send_at(local(23, 12, 30))
    notice = next(f for f in files(outbox) if "C-ALICE" in f["text"])
    assert "技术人员Alice" in notice["text"]
    assert "13:00" in notice["text"]
    assert notice["locale"] == "zh_CN"


async def test_ap_04_high_tiers_get_no_reminder_by_machine_but_the_notice(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora, tier="gold")
    await book(database, world.dora, planned.visit_id, local(25, 13))
    assert set(await kinds(database, "planned")) == {"half_hour_notice"}


async def test_an_answer_that_came_first_cancels_the_reminder(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await run(
        database,
        world.dora,
        "appointment.record_reconfirmation",
        visit_id=str(planned.visit_id),
        answer="confirmed",
    )
    assert set(await kinds(database, "planned")) == {"half_hour_notice"}
    (cancelled,) = await every(database, Message, state="cancelled")
    assert cancelled.ended_reason == "the customer answered"


async def test_a_moved_visit_has_its_messages_planned_anew(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    await reschedule(database, world, appointment_id, local(26, 13))
    assert await kinds(database, "planned") == {
        "reconfirmation": local(25, 13),
        "half_hour_notice": local(26, 12, 30),
    }
    assert len(await every(database, Message, state="cancelled")) == 2


async def test_ap_10_a_window_that_moves_away_and_back_is_not_announced_twice(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    await send_at(local(24, 13))
    await reschedule(database, world, appointment_id, local(26, 13))
    await reschedule(database, world, appointment_id, local(25, 13))
    await send_at(local(24, 14))
    assert len(await every(database, DeliveryAttempt)) == 1


async def test_a_window_that_moves_away_and_back_unsent_is_planned_once(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    await reschedule(database, world, appointment_id, local(26, 13))
    await reschedule(database, world, appointment_id, local(25, 13))
    assert len(await every(database, Message, state="planned")) == 2


async def test_another_technician_takes_the_place_in_the_notice(
    database: Database, world: World
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13), "alice")
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(planned.visit_id),
        technician_ids=[str(id_of("bob"))],
        reason="Alice is ill",
    )
    (notice,) = await every(database, Message, state="planned", kind="half_hour_notice")
    assert (notice.technician_name, notice.certificate_number) == ("Bob", "C-BOB")


async def test_a_cancelled_visit_is_not_announced(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await run(
        database, world.dora, "visit.cancel", visit_id=str(planned.visit_id), reason="planning"
    )
    assert await kinds(database, "planned") == {}


async def test_an_arrived_technician_is_not_announced(database: Database, world: World) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(23, 13))
    with clock.frozen(local(23, 12, 20)):
        await run(database, world.alice, "visit.depart", visit_id=str(planned.visit_id))
        await run(database, world.alice, "visit.arrive", visit_id=str(planned.visit_id))
    assert "half_hour_notice" not in await kinds(database, "planned")


async def test_ap_09_a_worker_that_stood_still_does_not_write_in_the_night(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await send_at(local(24, 21))
    assert files(outbox) == []
    assert (await kinds(database, "planned"))["reconfirmation"] == local(25, 8)
    await send_at(local(25, 8))
    assert len(files(outbox)) == 1


async def test_ap_09_a_wanted_night_visit_is_announced_in_the_night(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(
        database,
        world.dora,
        planned.visit_id,
        local(24, 22),
        night_visit_wanted=True,
        override_reason="the shop is open by day",
    )
    await send_at(local(24, 21, 29))
    assert [f for f in files(outbox) if "C-ALICE" in f["text"]] == []
    await send_at(local(24, 21, 30))
    assert len([f for f in files(outbox) if "C-ALICE" in f["text"]]) == 1


async def test_what_is_of_no_use_any_more_is_not_sent(
    database: Database, world: World, outbox: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await send_at(local(25, 13))
    assert files(outbox) == []
    assert set(await kinds(database, "expired")) == {"reconfirmation", "half_hour_notice"}


async def with_channels(database: Database, settings: Settings, **values: Any) -> dict[str, Any]:
    changed = settings.model_copy(update=values)
    jobs.use(jobs.Machine(database, changed))
    return dict(channels_of(changed))


async def test_a_channel_that_refuses_for_good_hands_over_to_the_next(
    database: Database, world: World, settings: Settings, tmp_path: Path
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    async with mailbox.running(refuse_recipient="550 no such mailbox") as box:
        await with_channels(
            database,
            settings,
            message_channels=["email", "file"],
            smtp_port=box.port,
            outbox_path=tmp_path,
        )
        await send_at(local(24, 13))
    assert len(files(tmp_path)) == 1
    log = await every(database, DeliveryAttempt)
    assert [(a.channel, a.outcome) for a in log] == [("email", "refused"), ("file", "sent")]


async def test_a_peer_that_is_away_is_tried_again_later_and_in_the_end_a_person_calls(
    database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    await with_channels(database, settings, message_channels=["email"], smtp_port=1)
    moment = local(24, 13)
    for _ in range(5):
        await send_at(moment)
        await send_at(moment)
        moment += timedelta(minutes=15)
    (message,) = await every(database, Message, state="failed")
    assert message.attempts == 5
    assert [t.kind for t in await every(database, CallTask)] == ["message_uncertain"]


async def test_a_text_message_is_receipted_in_the_log(
    database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    async with smsc.running() as centre:
        channels = await with_channels(
            database,
            settings,
            message_channels=["sms"],
            smpp_port=centre.port,
            smpp_password=SecretStr("secret"),
        )
        await send_at(local(24, 13))
        await listen(database, jobs.machine().settings)
        await channels["sms"].close()
    assert len(centre.submissions) == 2
    (attempt,) = await every(database, DeliveryAttempt)
    assert (attempt.reference, attempt.receipt) == ("m1", "DELIVRD")
    assert [r.state for r in await every(database, Receipt)] == ["DELIVRD", "DELIVRD"]


@pytest.mark.parametrize(
    ("asked", "got"),
    [("zh_CN", "zh_CN"), ("zh-TW", "zh_CN"), ("en-GB", "en"), ("fi", "en"), (None, "en")],
)
def test_a_customers_language_is_the_nearest_we_have(asked: str | None, got: str) -> None:
    assert language_of(asked) == got
