"""Text messages against a short message centre that others wrote: npm's smpp (AP-04, AP-10)."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from fieldops.appointments.models import Appointment
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import channels_of, listen, send_due
from fieldops.notifications.models import Receipt
from tests.support import node
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.world import World

pytestmark = pytest.mark.anyio
SECONDS = 30


class Centre:
    """The centre's process: what it says, and what it is told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def hears(self, key: str) -> dict[str, Any]:
        """Wait for a line that has a key."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while True:
                line = json.loads(await self.process.stdout.readline())
                self.said.append(line)
                if key in line:
                    return dict(line)

    def tell(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def answered(self, database: Database, settings: Settings) -> int:
        """Let the worker listen until the centre has its answer."""
        waiting = asyncio.create_task(self.hears("answered"))
        while not waiting.done():
            await listen(database, settings)
            await asyncio.sleep(0.02)
        return int((await waiting)["answered"])


async def test_ap_04_receipts_and_a_chinese_reply_of_a_centre_made_with_npm(
    database: Database, world: World, settings: Settings
) -> None:
    reason = node.missing()
    if reason:
        pytest.skip(reason)
    await asyncio.to_thread(node.prepare)
    process = await asyncio.create_subprocess_exec(
        "node",
        "smsc.mjs",
        cwd=node.PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        centre = Centre(process)
        changed = settings.model_copy(
            update={
                "message_channels": ["sms"],
                "smpp_port": (await centre.hears("port"))["port"],
                "smpp_password": SecretStr("secret"),
                "smpp_source": "358123456",
            }
        )
        jobs.use(jobs.Machine(database, changed))
        visit = await planned_visit(database, world.dora, phone="+9990888001", locale="zh_CN")
        await book(database, world.dora, visit.visit_id, local(25, 13))
        with clock.frozen(local(24, 13)):
            await send_due()
        with clock.frozen(local(24, 13, 5)):
            async with database.transaction() as session:
                parts = list(await session.scalars(select(Receipt).where(Receipt.region_id == 1)))
            sent = [await centre.hears("id") for _ in parts]
            assert {line["to"] for line in sent} == {"9990888001"}
            assert "回复1确认" in "".join(line["message"] for line in sent)
            for part in parts:
                centre.tell(
                    receipt=part.reference, state="DELIVRD", name="DELIVERED", **{"from": "1"}
                )
                assert await centre.answered(database, changed) == 0
            centre.tell(words="确认", **{"from": "9990888001"})
            assert await centre.answered(database, changed) == 0
        await channels_of(changed)["sms"].close()
    finally:
        process.kill()
        await process.wait()
    async with database.transaction() as session:
        states = set(await session.scalars(select(Receipt.state).where(Receipt.region_id == 1)))
        said = await session.scalar(select(Appointment.state).where(Appointment.region_id == 1))
    assert (states, said) == ({"DELIVRD"}, "confirmed")
