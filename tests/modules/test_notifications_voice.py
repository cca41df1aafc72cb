"""Automatic calls by a voice platform: asked for over HTTP, reported back (AP-03, AP-04, AP-10)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fieldops.appointments.models import Appointment, CallTask, Reconfirmation, Reservation
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.notifications.models import DeliveryAttempt, Message
from fieldops.visits.models import Notice, Visit
from tests.support import mailbox
from tests.support.clients import application, bearer
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.pushing import Peer, Request, serving
from tests.support.rows import every
from tests.support.world import World

pytestmark = pytest.mark.anyio


class Line:
    """A voice platform, a mail server, and the customer's question that is due."""

    def __init__(self, database: Database, world: World, settings: Settings) -> None:
        self.database, self.world, self.settings = database, world, settings
        self.status, self.content = 202, {"call": "call-1"}
        self.platform: Peer
        self.box: mailbox.Mailbox

    def answer(self, _request: Request) -> tuple[int, Any]:
        return self.status, self.content

    async def ask(self) -> Message:
        visit = await planned_visit(self.database, self.world.dora, phone="+999 0 555", locale="en")
        await book(self.database, self.world.dora, visit.visit_id, local(25, 13))
        await self.send()
        return (await every(self.database, Message, kind="reconfirmation"))[0]

    async def send(self, minute: int = 0) -> None:
        jobs.use(jobs.Machine(self.database, self.settings))
        with clock.frozen(local(24, 13, minute)):
            await send_due()

    async def report(self, message: Message, **result: Any) -> httpx.Response:
        async with application(self.database, self.settings) as client:
            with clock.frozen(local(24, 13, 2)):
                return await client.post(
                    f"/v1/messages/{message.id}/voice-results",
                    json={"call": "call-1", **result},
                    headers=bearer(self.settings, self.world.ivan),
                )

    async def log(self) -> list[tuple[str, str | None, str | None]]:
        found = await every(self.database, DeliveryAttempt)
        return [(a.channel, a.outcome, a.receipt) for a in found]


@pytest.fixture
async def line(database: Database, world: World, settings: Settings) -> AsyncIterator[Line]:
    made = Line(database, world, settings)
    async with serving(made.answer) as platform, mailbox.running() as box:
        made.platform, made.box = platform, box
        made.settings = settings.model_copy(
            update={
                "message_channels": ["voice", "email"],
                "voice_url": f"http://127.0.0.1:{platform.port}/calls",
                "voice_key": SecretStr("a-key"),
                "smtp_port": box.port,
            }
        )
        yield made


async def test_a_call_is_asked_for_once_with_its_words_and_id(line: Line) -> None:
    message = await line.ask()
    await line.send(1)
    (request,) = line.platform.requests
    body = json.loads(request.body)
    assert (body["id"], body["to"], body["asks"]) == (str(message.id), "+999 0 555", True)
    assert "Press 1 to confirm" in body["text"]
    assert request.headers["authorization"] == "Bearer a-key"
    assert request.headers["idempotency-key"] == str(message.id)
    assert (message.state, message.channel) == ("sent", "voice")


@pytest.mark.parametrize(
    ("key", "state"), [("1", "confirmed"), ("2", "change_wanted"), ("3", "cancelled")]
)
async def test_ap_04_a_pressed_key_is_the_customers_answer_and_counts_once(
    line: Line, key: str, state: str
) -> None:
    message = await line.ask()
    for _ in range(2):
        answer = await line.report(message, outcome="answered", key=key)
        assert answer.status_code == 200
    (promise,) = await every(line.database, Appointment)
    assert promise.state == state
    (said,) = await every(line.database, Reconfirmation)
    assert (said.channel, said.by_id) == ("voice", None)
    assert await line.log() == [("voice", "sent", "ANSWERED")]


async def test_ap_04_a_key_that_cancels_frees_the_time_and_nothing_is_sent_afterwards(
    line: Line,
) -> None:
    """AP-04, AP-10: as by the link; the technician is told and a person sees to the order."""
    await line.report(await line.ask(), outcome="answered", key="3")
    (promise,) = await every(line.database, Appointment)
    assert (promise.channel, promise.customer_said) == ("phone", "By a key in an automatic call.")
    (visit,) = await every(line.database, Visit)
    assert (visit.state, visit.window_start) == ("planned", None)
    assert await every(line.database, Reservation) == []
    assert "unscheduled" in {n.kind for n in await every(line.database, Notice)}
    tasks = await every(line.database, CallTask, done_at=None)
    assert [task.kind for task in tasks] == ["withdrawn"]
    assert "planned" not in {m.state for m in await every(line.database, Message)}


async def test_ap_04_another_key_goes_to_a_person(line: Line) -> None:
    await line.report(await line.ask(), outcome="answered", key="9")
    assert [(t.kind, t.subject) for t in await every(line.database, CallTask)] == [
        ("reply", "key 9")
    ]


@pytest.mark.parametrize("outcome", ["no_answer", "busy", "failed"])
async def test_a_call_that_reached_nobody_is_followed_by_a_mail_once(
    line: Line, outcome: str
) -> None:
    message = await line.ask()
    for minute in (3, 4):
        await line.report(message, outcome=outcome)
        await line.send(minute)
    assert len(line.box.mails) == 1
    assert await line.log() == [("voice", "sent", outcome.upper()), ("email", "sent", None)]


@pytest.mark.parametrize(
    ("status", "content", "log"),
    [
        (422, {}, [("voice", "refused", None), ("email", "sent", None)]),
        (503, {}, [("voice", "not_sent", None)]),
        (500, {}, [("voice", "unknown", None)]),
        (200, {"no": "call"}, [("voice", "unknown", None)]),
        (0, {}, [("voice", "unknown", None)]),
    ],
)
async def test_ap_10_what_a_platform_answers_decides_whether_a_call_was_made(
    line: Line, status: int, content: dict[str, str], log: list[Any]
) -> None:
    line.status, line.content = status, content
    message = await line.ask()
    assert await line.log() == log
    if log[0][1] == "unknown":
        assert message.state == "uncertain"
        assert [t.kind for t in await every(line.database, CallTask)] == ["message_uncertain"]


async def test_a_result_of_a_call_that_was_not_made_is_refused(line: Line) -> None:
    message = await line.ask()
    assert (await line.report(message, call="other", outcome="busy")).status_code == 404
