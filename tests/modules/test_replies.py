"""What customers send back: replies by text message, receipts, keys of automatic calls.

AP-03, AP-04, AP-10. The short message centre is a real peer over TCP.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from fieldops.appointments import ladders
from fieldops.appointments.models import Appointment, CallTask, Reconfirmation, Reservation
from fieldops.customers import pii
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications import replies
from fieldops.notifications.jobs import channels_of, listen, send_due
from fieldops.notifications.models import DeliveryAttempt, Message, Receipt
from fieldops.notifications.segments import GSM, UCS2, hear, split
from fieldops.visits.models import Notice, Visit
from tests.support import mailbox, smsc
from tests.support.factories.appointments import Planned, book, local, planned_visit
from tests.support.factories.visits import arrive
from tests.support.rows import every
from tests.support.run import run
from tests.support.smsc import UDH_CLASS
from tests.support.world import World

pytestmark = pytest.mark.anyio

PHONE = "+999 0 777 001"
NUMBER = "9990777001"
DUE = local(24, 13)


@dataclass
class Talk:
    """A worker with a short message centre and a mail server, and a customer who was asked."""

    database: Database
    world: World
    settings: Settings
    centre: smsc.Smsc
    box: mailbox.Mailbox

    async def asked(self, *, start: datetime | None = None, **customer: Any) -> Planned:
        """Book a visit and send the question a day before."""
        planned = await planned_visit(
            self.database, self.world.dora, **{"phone": PHONE, **customer}
        )
        await book(self.database, self.world.dora, planned.visit_id, start or local(25, 13))
        await self.at(DUE)
        return planned

    async def at(self, moment: datetime) -> None:
        """Send what is due and hear what came, as a worker does."""
        jobs.use(jobs.Machine(self.database, self.settings))
        with clock.frozen(moment):
            await send_due()
        await self.hear(round((moment - DUE).total_seconds() / 60))
        with clock.frozen(moment):
            await send_due()  # what a receipt made due

    async def says(self, words: str, *, number: str = NUMBER, after: int = 1) -> None:
        """Let somebody reply, some minutes after the question."""
        for content, coding, esm_class in pdus(words):
            self.centre.deliver(number, content, data_coding=coding, esm_class=esm_class)
        await self.hear(after)

    async def hear(self, after: int = 1) -> None:
        with clock.frozen(DUE + timedelta(minutes=after)):
            for _ in range(100):
                await listen(self.database, self.settings)
                if len(self.centre.answers) >= self.centre.delivered:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("the centre got no answer")

    async def state(self) -> str:
        (promise,) = await every(self.database, Appointment)
        return str(promise.state)

    async def open_calls(self) -> list[tuple[str, str | None]]:
        found = await every(self.database, CallTask, done_at=None)
        return [(task.kind, task.subject) for task in found]


def pdus(words: str) -> list[tuple[bytes, int, int]]:
    parts = split(words, reference=9)
    return [(p, parts.data_coding, UDH_CLASS if parts.udh else 0) for p in parts.parts]


@pytest.fixture
async def talk(database: Database, world: World, settings: Settings) -> AsyncIterator[Talk]:
    async with smsc.running() as centre, mailbox.running() as box:
        changed = settings.model_copy(
            update={
                "message_channels": ["sms", "email"],
                "smpp_port": centre.port,
                "smpp_password": SecretStr("secret"),
                "smpp_source": "358123456",
                "smtp_port": box.port,
            }
        )
        jobs.use(jobs.Machine(database, changed))
        yield Talk(database, world, changed, centre, box)
        await channels_of(changed)["sms"].close()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("1", "confirmed"), ("Yes", "confirmed"), (" ok! ", "confirmed"), ("是", "confirmed"),
        ("确认。", "confirmed"), ("１", "confirmed"), ("Y", "confirmed"), ("好的", "confirmed"),
        ("2", "change_wanted"), ("改", "change_wanted"), ("CHANGE", "change_wanted"),
        ("3", "cancelled"), ("取消", "cancelled"), ("Cancel.", "cancelled"),
        ("STOP", "stop"), ("退订", "stop"), ("td", "stop"), ("2️⃣", "change_wanted"),
    ],
)  # fmt: skip
def test_ap_04_plain_words_of_both_languages_are_understood(words: str, meant: str) -> None:
    assert replies.meaning(words) == meant


@pytest.mark.parametrize(
    "words",
    [
        "",
        "12",
        "no",
        "not 1",
        "不是",
        "不确认",
        "1 but after noon",
        "yes no",
        "确认吗？",
        "4",
        "👍",
    ],
)
def test_ap_04_words_that_are_not_plain_are_left_to_a_person(words: str) -> None:
    assert replies.meaning(words) is None


@pytest.mark.parametrize(
    "words", ["Yes, at 9 €5 [door]", "好的，请早点来" * 20, "x" * 400, "😀" * 50]
)
def test_a_text_that_came_in_is_read_as_it_was_written(words: str) -> None:
    parts = split(words, reference=7)
    heard = [hear(p, parts.data_coding, udh=parts.udh) for p in parts.parts]
    assert "".join(h.words for h in heard) == words
    assert [h.part for h in heard] == [None] if len(heard) == 1 else list(range(1, len(heard) + 1))
    assert parts.data_coding in {GSM, UCS2}


async def test_the_question_says_how_to_reply_when_the_sender_takes_replies(talk: Talk) -> None:
    await talk.asked()
    sent = "".join(part.text for part in talk.centre.submissions)
    assert "Reply 1 to confirm" in sent
    assert talk.centre.submissions[0].source == "358123456"


@pytest.mark.parametrize(
    ("words", "state"), [("1", "confirmed"), ("改期", "change_wanted"), ("3", "cancelled")]
)
async def test_ap_04_a_reply_answers_the_open_question(talk: Talk, words: str, state: str) -> None:
    planned = await talk.asked()
    await talk.says(words)
    assert await talk.state() == state
    (answer,) = await every(talk.database, Reconfirmation)
    assert (answer.channel, answer.by_id, answer.visit_id) == ("text_reply", None, planned.visit_id)
    assert talk.centre.answers[-1] == 0


async def test_ap_04_a_reply_that_cancels_frees_the_time_and_nothing_is_sent_afterwards(
    talk: Talk,
) -> None:
    """AP-04, AP-10: as by the link; the technician is told and a person sees to the order."""
    planned = await talk.asked()
    await talk.says("3")
    (promise,) = await every(talk.database, Appointment)
    assert (promise.state, promise.channel) == ("cancelled", "phone")
    assert promise.customer_said == "By a text message of one word."
    (visit,) = await every(talk.database, Visit, id=planned.visit_id)
    assert (visit.state, visit.window_start) == ("planned", None)
    assert await every(talk.database, Reservation) == []
    assert "unscheduled" in {n.kind for n in await every(talk.database, Notice)}
    assert await talk.open_calls() == [("withdrawn", None)]
    sent = len(talk.centre.submissions)
    await talk.at(local(25, 12, 30))
    assert len(talk.centre.submissions) == sent
    assert {m.state for m in await every(talk.database, Message)} == {"sent", "cancelled"}


async def test_ap_04_a_reply_that_cancels_at_the_door_is_only_a_persons_task(talk: Talk) -> None:
    planned = await talk.asked()
    await arrive(talk.database, talk.world.alice, planned.visit_id, DUE)
    await talk.says("3")
    assert await talk.state() == "booked"
    assert await talk.open_calls() == [("withdrawn", None)]
    assert len(await every(talk.database, Reservation)) == 1


async def test_ap_10_a_reply_that_the_centre_brings_again_counts_once(talk: Talk) -> None:
    await talk.asked()
    await talk.says("2")
    await talk.says("2", after=3)
    assert len(await every(talk.database, Reconfirmation)) == 1
    states = [row.state for row in await every(talk.database, pii.IncomingText)]
    assert states == ["answered", "repeated"]
    await talk.says("1", after=5)
    assert await talk.state() == "confirmed"


async def test_ap_04_an_unclear_reply_goes_to_a_person_with_its_words(talk: Talk) -> None:
    await talk.asked()
    await talk.says("1 but only after three, the dog sleeps")
    assert await talk.state() == "booked"
    assert await talk.open_calls() == [("reply", "1 but only after three, the dog sleeps")]


async def test_ap_04_a_yes_to_two_questions_goes_to_a_person(talk: Talk) -> None:
    await talk.asked()
    await talk.asked(start=local(25, 9))
    await talk.says("1")
    assert {p.state for p in await every(talk.database, Appointment)} == {"booked"}
    assert await talk.open_calls() == [("reply", "1")]


async def test_ap_04_a_yes_without_a_question_confirms_nothing(talk: Talk) -> None:
    planned = await planned_visit(talk.database, talk.world.dora, phone=PHONE)
    await book(talk.database, talk.world.dora, planned.visit_id, local(27, 13))
    await talk.at(DUE)
    await talk.says("1")
    assert await talk.state() == "booked"
    assert await talk.open_calls() == [("reply", "1")]


async def test_a_reply_of_an_unknown_number_is_listed_with_the_number(talk: Talk) -> None:
    await talk.asked()
    await talk.says("who is this", number="9990000999")
    (row,) = await every(talk.database, pii.IncomingText)
    assert (row.number, row.words, row.state) == ("9990000999", "who is this", "unknown")
    assert await talk.open_calls() == []
    await run(talk.database, talk.world.ann, "incoming_text.see", text_id=str(row.id))
    (row,) = await every(talk.database, pii.IncomingText)
    assert row.seen_by == talk.world.ann.id


async def test_a_long_chinese_reply_is_joined_whatever_order_its_parts_come_in(talk: Talk) -> None:
    await talk.asked()
    words = "明天上午我不在家，请改到下午三点以后再来，谢谢。" * 4
    for content, coding, esm_class in reversed(pdus(words)):
        talk.centre.deliver(NUMBER, content, data_coding=coding, esm_class=esm_class)
        await talk.hear()
        talk.centre.deliver(NUMBER, content, data_coding=coding, esm_class=esm_class)
    await talk.hear()
    whole = [r.words for r in await every(talk.database, pii.IncomingText) if r.state == "unclear"]
    assert whole == [words]


async def test_ap_10_a_centre_that_is_told_to_come_again_is_answered_only_after_the_commit(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.asked()
    before = list(talk.centre.answers)

    async def away(*_args: Any) -> list[UUID]:
        raise OSError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(pii, "customers_of_number", away)
        await talk.says("1")
    assert await talk.state() == "booked"
    assert talk.centre.answers[len(before) :] == [0x64]  # ESME_RX_T_APPN: bring it again
    await talk.says("1")
    assert await talk.state() == "confirmed"
    assert talk.centre.answers[-1] == 0


async def test_ap_10_stop_ends_messages_of_the_number_and_a_person_tells_the_rest(
    talk: Talk,
) -> None:
    planned = await talk.asked()
    await talk.says("退订")
    await talk.says("STOP", after=20)
    (stop,) = await every(talk.database, pii.Stop)
    assert (stop.number, stop.source, stop.customer_id) == (NUMBER, "reply", planned.customer_id)
    sent = len(talk.centre.submissions)
    await talk.at(local(25, 12, 30))
    assert len(talk.centre.submissions) == sent
    assert talk.box.mails == []
    assert ("tell", "half_hour_notice by_person") in await talk.open_calls()


async def test_cu_07_an_erased_customers_texts_and_stops_are_gone(talk: Talk) -> None:
    planned = await talk.asked()
    await talk.says("my daughter Aino is at home")
    await talk.says("stop", after=30)
    await run(
        talk.database,
        talk.world.ada,
        "customer.erase",
        customer_id=str(planned.customer_id),
        ground="customer_request",
    )
    assert await every(talk.database, pii.IncomingText) == []
    assert await every(talk.database, pii.Stop) == []
    (task,) = await every(talk.database, CallTask, kind="reply")
    assert "Aino" not in str(task.subject)


# Receipts


async def receipted(talk: Talk, *states: str) -> Message:
    talk.centre.receipts[:] = list(states)
    await talk.asked()
    await talk.at(DUE + timedelta(seconds=10))
    return (await every(talk.database, Message, kind="reconfirmation"))[0]


async def log(talk: Talk) -> list[tuple[str, str | None, str | None]]:
    found = await every(talk.database, DeliveryAttempt)
    return [(a.channel, a.outcome, a.receipt) for a in found]


async def test_a_text_that_was_provably_not_delivered_goes_by_mail(talk: Talk) -> None:
    message = await receipted(talk, "UNDELIV")
    assert (message.state, message.channel) == ("sent", "email")
    assert await log(talk) == [("sms", "sent", "UNDELIV"), ("email", "sent", None)]
    assert len(talk.box.mails) == 1
    await talk.at(DUE + timedelta(minutes=1))
    assert len(talk.box.mails) == 1


async def test_ap_10_a_text_of_which_a_part_arrived_is_not_sent_again_and_a_person_asks(
    talk: Talk,
) -> None:
    message = await receipted(talk, "DELIVRD", "UNDELIV")
    assert message.state == "uncertain"
    assert talk.box.mails == []
    assert await talk.open_calls() == [("message_uncertain", "reconfirmation uncertain")]
    assert {r.state for r in await every(talk.database, Receipt)} == {"DELIVRD", "UNDELIV"}


async def test_without_mail_address_a_text_that_was_not_delivered_goes_to_a_person(
    talk: Talk,
) -> None:
    talk.settings.message_channels[:] = ["sms"]
    message = await receipted(talk, "REJECTD")
    assert message.state == "failed"
    assert await talk.open_calls() == [("message_uncertain", "reconfirmation failed")]


async def test_a_receipt_that_does_not_come_in_time_makes_a_person_ask(talk: Talk) -> None:
    shipped = ladders.default(timedelta(hours=24), timedelta(hours=3), timedelta(minutes=30))
    steps = [s.model_copy(update={"receipt_minutes": 15}) for s in shipped]
    await run(
        talk.database,
        talk.world.ada,
        "ladder.publish",
        steps=ladders.write(steps),
        reason="wait for receipts",
    )
    assert (await receipted(talk, "")).state == "sent"
    await talk.at(DUE + timedelta(minutes=14))
    assert await talk.open_calls() == []
    await talk.at(DUE + timedelta(minutes=15))
    assert await talk.open_calls() == [("message_uncertain", "reconfirmation uncertain")]


async def test_a_late_failure_after_the_window_moved_is_not_sent_by_another_way(talk: Talk) -> None:
    await receipted(talk, "")
    await run(
        talk.database,
        talk.world.dora,
        "appointment.record_reconfirmation",
        visit_id=str((await every(talk.database, Appointment))[0].visit_id),
        answer="confirmed",
    )
    for name in [r.reference for r in await every(talk.database, Receipt)]:
        talk.centre.receipt(name, "UNDELIV")
    await talk.hear()
    await talk.at(DUE + timedelta(minutes=2))
    assert talk.box.mails == []
    (message,) = await every(talk.database, Message, kind="reconfirmation")
    assert (message.state, message.ended_reason) == ("cancelled", "the visit has changed")
