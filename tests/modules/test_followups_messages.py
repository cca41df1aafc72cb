"""FO-02, FO-03: customers are asked how it went by text, voice and link; AP-09, AP-10 hold.

The short message centre and the voice platform are real peers over TCP.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from fieldops.appointments.models import Appointment, CallTask
from fieldops.followups.models import CareTask, FollowUp
from fieldops.kernel import clock, jobs
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.events import _reactions
from fieldops.kernel.settings import Settings
from fieldops.notifications import replies
from fieldops.notifications.jobs import channels_of, listen, send_due
from fieldops.notifications.models import Message
from fieldops.notifications.segments import hear
from fieldops.visits.events import VisitCompleting
from tests.support import smsc
from tests.support.clients import application, bearer
from tests.support.factories.appointments import book, planned_visit
from tests.support.factories.customers import make_customer
from tests.support.factories.visits import begun_visit, complete
from tests.support.pushing import Request, serving
from tests.support.rows import every
from tests.support.run import run
from tests.support.smsc import UDH_CLASS
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

PHONE = "+999 0 777 001"
NUMBER = "9990777001"
FIXED = {"kind": "install", "service": "fixed_line"}


@dataclass
class Asking:
    """A worker with its peers, and customers whose work is done."""

    database: Database
    world: World
    settings: Settings
    centre: smsc.Smsc
    at: datetime

    async def done(self, *, late: timedelta = timedelta(0), **customer: Any) -> FollowUp:
        """Complete the only work of a customer, some time after eight."""
        async with self.database.transaction() as session:
            given = {"phone": PHONE, "locale": "en", **customer}
            who = await make_customer(session, centre_id=NORTH, **given)
        made = await begun_visit(self.database, self.world, FIXED, customer=who)
        with clock.frozen(self.at + late):
            await complete(self.database, self.world.alice, made.visit_id)
        return (await every(self.database, FollowUp, order_id=made.id))[0]  # type: ignore[no-any-return]

    async def send(self, after: timedelta = timedelta(0)) -> None:
        jobs.use(jobs.Machine(self.database, self.settings))
        with clock.frozen(self.at + after):
            await send_due()
            await listen(self.database, self.settings)

    async def says(self, words: str, after: timedelta = timedelta(minutes=1)) -> None:
        self.centre.deliver(NUMBER, words.encode("utf-16-be"), data_coding=8)
        with clock.frozen(self.at + after):
            for _ in range(100):
                await listen(self.database, self.settings)
                if len(self.centre.answers) >= self.centre.delivered:
                    return
                await asyncio.sleep(0.01)
        raise AssertionError("the centre got no answer")

    def sent(self) -> str:
        parts = self.centre.submissions
        return "".join(
            hear(p.content, p.data_coding, udh=bool(p.esm_class & UDH_CLASS)).words for p in parts
        )

    async def row(self, which: FollowUp) -> FollowUp:
        return (await every(self.database, FollowUp, id=which.id))[0]  # type: ignore[no-any-return]


@pytest.fixture
async def asking(
    database: Database,
    world: World,
    settings: Settings,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Asking]:
    monkeypatch.setitem(_reactions, VisitCompleting, [])
    async with smsc.running() as centre:
        changed = settings.model_copy(
            update={
                "message_channels": ["sms"],
                "smpp_port": centre.port,
                "smpp_password": SecretStr("secret"),
                "smpp_source": "358123456",
            }
        )
        jobs.use(jobs.Machine(database, changed))
        yield Asking(database, world, changed, centre, at)
        await channels_of(changed)["sms"].close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("1", "very_satisfied"), ("2", "satisfied"), ("3", "dissatisfied"), ("满意", "satisfied"),
        ("不满意！", "dissatisfied"), ("Very good.", "very_satisfied"), ("很好", "very_satisfied"),
        ("非常满意", "very_satisfied"), ("not satisfied", "dissatisfied"), ("4", None),
        ("not bad", None), ("满意，但是", None),
    ],
)  # fmt: skip
def test_fo_03_plain_words_of_both_languages_are_understood(words: str, said: str | None) -> None:
    assert replies.satisfaction(words) == said


async def test_fo_02_the_customer_is_asked_once_by_text_and_a_reply_answers(
    asking: Asking,
) -> None:
    """AP-10 too: a worker that looks twice sends once."""
    asked = await asking.done()
    await asking.send()
    await asking.send(timedelta(minutes=5))
    assert "installation of Monday, November 23, 2026" in asking.sent()
    assert "Or reply 1 very satisfied" in asking.sent()
    assert asking.sent().count("/f/") == 1
    await asking.says("2")
    row = await asking.row(asked)
    assert (row.state, row.satisfaction, row.answer_channel) == ("answered", "satisfied", "reply")
    await asking.says("2", timedelta(minutes=30))  # the same again is the same answer
    assert await every(asking.database, CallTask) == []


async def test_fo_03_a_dissatisfied_reply_opens_care_and_other_words_go_to_a_person(
    asking: Asking,
) -> None:
    asked = await asking.done()
    await asking.send()
    await asking.says("It works, but your man has broken my lamp")
    row = await asking.row(asked)
    assert (row.state, row.words) == ("to_call", "It works, but your man has broken my lamp")
    await asking.says("3", timedelta(minutes=20))  # meanwhile the customer answers after all
    row = await asking.row(asked)
    assert (row.satisfaction, row.reason) == ("dissatisfied", None)
    (task,) = await every(asking.database, CareTask)
    assert task.follow_up_id == asked.id


async def test_fo_02_a_reply_reaches_the_matter_it_can_only_mean(asking: Asking) -> None:
    """Open are a reminder of tomorrow's visit and the question about today's."""
    asked = await asking.done()
    planned = await planned_visit(asking.database, asking.world.dora, phone=PHONE, locale="en")
    await book(
        asking.database, asking.world.dora, planned.visit_id, asking.at + timedelta(hours=29)
    )
    async with asking.database.transaction() as session:
        # One number of one customer, as in the field.
        row = await session.get_one(FollowUp, (1, asked.id))
        (promise,) = await session.scalars(select(Appointment).where(Appointment.region_id == 1))
        row.customer_id = promise.customer_id
    await asking.send()
    assert "Or reply 1" in asking.sent()
    await asking.send(timedelta(hours=5))
    assert asking.sent().count("Reply 1 to confirm") == 0  # a second 1 would answer both
    hour = timedelta(hours=5)
    await asking.says("1", hour)
    (promise,) = await every(asking.database, Appointment)
    assert (promise.state, (await asking.row(asked)).satisfaction) == ("booked", None)
    assert [task.kind for task in await every(asking.database, CallTask, done_at=None)] == ["reply"]
    await asking.says("satisfied", hour + timedelta(minutes=1))
    assert (await asking.row(asked)).satisfaction == "satisfied"
    (promise,) = await every(asking.database, Appointment)
    assert promise.state == "booked"
    await asking.says("yes", hour + timedelta(minutes=2))
    (promise,) = await every(asking.database, Appointment)
    assert promise.state == "confirmed"


async def test_ap_09_nobody_is_asked_by_message_at_night(asking: Asking) -> None:
    await asking.done(late=timedelta(hours=13, minutes=30))  # 21:30
    await asking.send(timedelta(hours=14))
    assert asking.sent() == ""
    await asking.send(timedelta(days=1))
    assert "/f/" in asking.sent()


async def test_fo_02_whom_no_message_reaches_is_asked_by_a_person(asking: Asking) -> None:
    stopped = await asking.done(phone="+999 0 777 002")
    async with asking.database.transaction() as session:
        customer_id = (await session.get_one(FollowUp, (1, stopped.id))).customer_id
    await run(
        asking.database, asking.world.ann, "customer.stop_messages",
        customer_id=str(customer_id), reason="wants no texts",
    )  # fmt: skip
    await asking.send()
    assert asking.sent() == ""
    assert (await asking.row(stopped)).state == "to_call"
    assert await every(asking.database, CallTask) == []  # the call list is enough


async def test_ap_10_what_a_person_asks_meanwhile_is_not_sent(asking: Asking) -> None:
    asked = await asking.done()
    await run(asking.database, system(1), "follow_up.hand_over", follow_up_id=str(asked.id))
    await asking.send()
    assert asking.sent() == ""
    (message,) = await every(asking.database, Message, kind="follow_up")
    assert message.state == "cancelled"


@pytest.mark.parametrize(
    ("report", "state", "satisfaction"),
    [
        ({"outcome": "answered", "key": "1"}, "answered", "very_satisfied"),
        ({"outcome": "answered", "key": "3"}, "answered", "dissatisfied"),
        ({"outcome": "answered"}, "to_call", None),
        ({"outcome": "answered", "key": "7"}, "to_call", None),
        ({"outcome": "no_answer"}, "to_call", None),
    ],
)
async def test_fo_02_a_call_by_machine_asks_by_keys_and_else_a_person_does(
    asking: Asking, report: dict[str, str], state: str, satisfaction: str | None
) -> None:
    def taken(_request: Request) -> tuple[int, Any]:
        return 202, {"call": "call-1"}

    async with serving(taken) as platform:
        asking.settings = asking.settings.model_copy(
            update={
                "message_channels": ["voice"],
                "voice_url": f"http://127.0.0.1:{platform.port}/calls",
            }
        )
        asked = await asking.done()
        await asking.send()
        assert b"Press 1 if you were very satisfied" in platform.requests[0].body
        (message,) = await every(asking.database, Message, kind="follow_up")
        async with application(asking.database, asking.settings) as client:
            for _ in range(2):
                answer = await client.post(
                    f"/v1/messages/{message.id}/voice-results",
                    json={"call": "call-1", **report},
                    headers=bearer(asking.settings, asking.world.ivan),
                )
                assert answer.status_code == 200
        await asking.send(timedelta(minutes=1))  # no other channel is left
    row = await asking.row(asked)
    assert (row.state, row.satisfaction) == (state, satisfaction)
    assert len(platform.requests) == 1


async def test_fo_02_the_link_asks_by_a_page_without_scripts_in_both_languages(
    asking: Asking,
) -> None:
    asked = await asking.done()
    await asking.send()
    found = re.search(r"/f/[\w=-]+", asking.sent())
    assert found is not None
    address = found[0]
    async with application(asking.database, asking.settings) as client:
        shown = await client.get(address)
        assert shown.status_code == 200
        assert "How did it go?" in shown.text
        assert "Installation" in shown.text
        assert "<script" not in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        for secret in ("777", "Alice", address.removeprefix("/f/")):
            assert secret not in shown.text
        chinese = await client.get(address, params={"lang": "zh-CN"})
        assert "您对我们的服务满意吗" in chinese.text
        why = await client.get(address, params={"view": "why"})
        assert 'value="not_solved"' in why.text
        for wrong, told in (({}, "choose"), ({"reason": "other"}, "write down"),
                            ({"reason": "the_weather"}, "choose")):  # fmt: skip
            missing = await client.post(address, data={"said": "dissatisfied", **wrong})
            assert missing.status_code == 422
            assert f"Please {told} what was wrong." in missing.text
        assert (await client.post(address, data={"said": "perfect"})).status_code == 400
        said = {"said": "dissatisfied", "reason": "damage", "words": "The lamp is broken"}
        taken = await client.post(address, data=said)
        assert taken.status_code == 303
        thanks = await client.get(taken.headers["location"])
        assert "You said: Dissatisfied." in thanks.text
        again = await client.post(address, data=said)
        assert again.status_code == 303  # a form sent twice is taken once
        other = await client.post(address, data={"said": "satisfied"})
        assert other.status_code == 409
        assert "the first answer stands" in other.text
        elsewhere = await client.post(address, data=said, headers={"Origin": "http://evil.test"})
        assert elsewhere.status_code == 400
    row = await asking.row(asked)
    assert (row.satisfaction, row.reason, row.words, row.answer_channel) == (
        "dissatisfied", "damage", "The lamp is broken", "link",
    )  # fmt: skip
    assert len(await every(asking.database, CareTask)) == 1


async def test_fo_02_a_link_opens_nothing_else_and_expires(asking: Asking) -> None:
    await asking.done()
    await asking.send()
    token = str(re.search(r"/f/([\w=-]+)", asking.sent())[1])  # type: ignore[index]
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    async with application(asking.database, asking.settings) as client:
        assert (await client.get(f"/a/{token}")).status_code == 404
        assert (await client.get(f"/f/{forged}")).status_code == 404
        assert (await client.post("/f/x", data={"said": "satisfied"})).status_code == 404
        with clock.frozen(asking.at + timedelta(days=5, hours=1)):
            assert (await client.get(f"/f/{token}")).status_code == 410
        seen = [(await client.get(f"/f/{token}")).status_code for _ in range(40)]
        assert seen[-1] == 429
