"""AP-10: a worker process is killed (SIGKILL) around the sending; nobody gets a message twice.

The peers are real: an SMSC and a mail server on loopback, a folder. Each test lets one process
reach a point, kills it by its id, lets the lease pass, and starts another.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from fieldops.appointments.models import CallTask
from fieldops.kernel import clock, jobs, points
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import channels_of, send_due
from fieldops.notifications.models import DeliveryAttempt, Message
from tests.support import mailbox, smsc
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.world import build_world

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
DUE = local(24, 13)


@dataclass
class Stage:
    """A database with one due reminder, the peers, and the settings of workers."""

    database: Database
    settings: Settings
    centre: smsc.Smsc
    box: mailbox.Mailbox
    outbox: Path

    async def killed(self, channel: str, point: str) -> None:
        """Run a worker process to the point and kill it there."""
        clock_file = self.outbox.with_name("clock")
        clock_file.write_text(str((DUE - datetime.now(UTC)).total_seconds()))
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.sender",
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "FIELDOPS_ENVIRONMENT": "test",
                "FIELDOPS_DATABASE_URL": self.settings.database_url,
                "FIELDOPS_SECRET": self.settings.secret.get_secret_value(),
                "FIELDOPS_CLOCK_FILE": str(clock_file),
                "FIELDOPS_OUTBOX_PATH": str(self.outbox),
                "FIELDOPS_SMPP_PORT": str(self.centre.port),
                "FIELDOPS_SMPP_PASSWORD": "secret",
                "FIELDOPS_SMTP_PORT": str(self.box.port),
                "FIELDOPS_MESSAGE_CHANNELS": f'["{channel}"]',
                "FIELDOPS_FAIL_POINT": point,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        assert worker.stdout is not None
        assert (await worker.stdout.readline()).decode().strip() == point
        os.kill(worker.pid, signal.SIGKILL)
        await worker.wait()

    async def next_worker(self, channel: str, moment: datetime, times: int = 1) -> None:
        """Send what is due by workers of this process, so many at the same time."""
        settings = self.settings.model_copy(
            update={
                "message_channels": [channel],
                "outbox_path": self.outbox,
                "smpp_port": self.centre.port,
                "smpp_password": SecretStr("secret"),
                "smtp_port": self.box.port,
            }
        )
        jobs.use(jobs.Machine(self.database, settings))
        with clock.frozen(moment):
            await asyncio.gather(*(send_due() for _ in range(times)))
        await channels_of(settings)["sms"].close()

    async def rows(self, model: Any) -> list[Any]:
        async with self.database.transaction() as session:
            found = await session.scalars(
                select(model).where(model.region_id == 1).order_by(model.id)
            )
            return list(found)

    async def reminder(self) -> Message:
        return next(m for m in await self.rows(Message) if m.kind == "reconfirmation")


@pytest.fixture
async def stage(committed: tuple[Database, Settings], tmp_path: Path) -> AsyncIterator[Stage]:
    database, settings = committed
    world = await build_world(database)
    planned = await planned_visit(database, world.dora)
    await book(database, world.dora, planned.visit_id, local(25, 13))
    async with smsc.running() as centre, mailbox.running() as box:
        yield Stage(database, settings, centre, box, tmp_path / "outbox")


def parts_sent(stage: Stage, channel: str) -> int:
    """How much the peer got: parts of text messages, mails, files."""
    counts = {
        "sms": len(stage.centre.submissions),
        "email": len(stage.box.mails),
        "file": len(list(stage.outbox.iterdir())) if stage.outbox.exists() else 0,
    }
    return counts[channel]


LATER = DUE + timedelta(minutes=3)  # the lease of two minutes has passed


@pytest.mark.parametrize("channel", ["sms", "email"])
async def test_ap_10_killed_between_send_and_record_the_peer_has_one_message_and_a_person_is_asked(
    stage: Stage, channel: str
) -> None:
    await stage.killed(channel, points.MESSAGE_SENT)
    sent = parts_sent(stage, channel)
    assert sent > 0
    assert (await stage.reminder()).state == "sending"
    await stage.next_worker(channel, LATER)
    await stage.next_worker(channel, LATER)
    assert parts_sent(stage, channel) == sent
    assert (await stage.reminder()).state == "uncertain"
    assert [t.kind for t in await stage.rows(CallTask)] == ["message_uncertain"]
    assert [a.outcome for a in await stage.rows(DeliveryAttempt)] == ["unknown"]


async def test_ap_10_killed_before_the_send_it_is_not_sent_later_and_a_person_is_asked(
    stage: Stage,
) -> None:
    await stage.killed("sms", points.MESSAGE_CLAIMED)
    await stage.next_worker("sms", LATER)
    assert parts_sent(stage, "sms") == 0
    assert (await stage.reminder()).state == "uncertain"
    assert [t.kind for t in await stage.rows(CallTask)] == ["message_uncertain"]


@pytest.mark.parametrize("point", [points.MESSAGE_CLAIMED, points.MESSAGE_SENT])
async def test_ap_10_the_file_channel_repeats_after_the_lease_and_there_is_still_one_message(
    stage: Stage, point: str
) -> None:
    await stage.killed("file", point)
    await stage.next_worker("file", DUE + timedelta(seconds=90))
    assert (await stage.reminder()).state == "sending"
    await stage.next_worker("file", LATER)
    assert [f.name for f in stage.outbox.iterdir()] == [f"{(await stage.reminder()).id}.json"]
    assert (await stage.reminder()).state == "sent"
    assert await stage.rows(CallTask) == []


async def test_ap_10_workers_at_the_same_time_send_one_message(stage: Stage) -> None:
    await stage.next_worker("sms", DUE, times=4)
    assert len(await stage.rows(DeliveryAttempt)) == 1
    numbers = [s.content[5] for s in stage.centre.submissions]
    assert numbers == list(range(1, len(numbers) + 1))
