"""The adapters against real peers: an SMTP server, an SMSC over TCP, a folder."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import (
    Arrived,
    DeliveryUnknown,
    NotSent,
    Outgoing,
    ReceiptCame,
    text,
)
from fieldops.notifications.channels.mail import MailChannel
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.channels.text import TextChannel
from fieldops.notifications.segments import GSM, UCS2, split
from tests.support import mailbox, smsc

pytestmark = pytest.mark.anyio


@dataclass
class Heard:
    """An inbox that remembers; `known` says whether it knows what came."""

    arrived: list[Arrived] = field(default_factory=list)
    known: bool = True
    broken: bool = False

    async def take(self, channel: str, arrived: Arrived) -> bool:
        assert channel == "sms"
        if self.broken:
            raise OSError("the database is away")
        self.arrived.append(arrived)
        return self.known


def outgoing(words: str = "Come at 9.", address: str = "+358457000001") -> Outgoing:
    return Outgoing(UUID(int=7), address, "Visit", words, "en")


def settings(**values: object) -> Settings:
    return Settings.model_validate({"smpp_password": "secret", **values})


@pytest.fixture
async def centre() -> AsyncIterator[smsc.Smsc]:
    async with smsc.running() as running:
        yield running


@pytest.fixture
async def texting(centre: smsc.Smsc) -> AsyncIterator[TextChannel]:
    channel = TextChannel(settings(smpp_port=centre.port))
    yield channel
    await channel.close()


async def test_an_email_carries_the_message_id_and_the_text() -> None:
    async with mailbox.running() as box:
        await MailChannel(settings(smtp_port=box.port)).send(outgoing("请确认", "li@example.com"))
    (mail,) = box.mails
    assert mail["Message-ID"] == "<00000000-0000-0000-0000-000000000007@fieldops.example>"
    assert mail["To"] == "li@example.com"
    assert mail.get_content().strip() == "请确认"


@pytest.mark.parametrize(
    ("moods", "final"),
    [
        ({"refuse_recipient": "550 5.1.1 <li@example.com>: no such mailbox"}, True),
        ({"refuse_recipient": "451 try later"}, False),
        ({"refuse_content": "554 not wanted"}, True),
    ],
)
async def test_a_mail_server_that_says_no_has_certainly_not_sent(
    moods: dict[str, str], *, final: bool
) -> None:
    async with mailbox.running(**moods) as box:
        with pytest.raises(NotSent) as caught:
            await MailChannel(settings(smtp_port=box.port)).send(outgoing("x", "li@example.com"))
    assert caught.value.final is final


async def test_the_reason_kept_of_a_refused_mail_does_not_name_the_customers_address() -> None:
    refusal = "550 5.1.1 <li@example.com>: no such mailbox"
    async with mailbox.running(refuse_recipient=refusal) as box:
        with pytest.raises(NotSent) as caught:
            await MailChannel(settings(smtp_port=box.port)).send(outgoing("x", "li@example.com"))
    assert str(caught.value) == "smtp 550 5.1.1"


async def test_a_mail_server_that_hangs_up_after_the_content_leaves_doubt() -> None:
    async with mailbox.running(hang_up_after_content=True) as box:
        with pytest.raises(DeliveryUnknown):
            await MailChannel(settings(smtp_port=box.port)).send(outgoing("x", "li@example.com"))


async def test_no_mail_server_means_not_sent() -> None:
    with pytest.raises(NotSent):
        await MailChannel(settings(smtp_port=1)).send(outgoing("x", "li@example.com"))


async def test_a_text_message_arrives_with_sender_number_and_receipt(
    centre: smsc.Smsc, texting: TextChannel
) -> None:
    (reference,) = await texting.send(outgoing("At 9, see http://a.example/x_y [door]"))
    (taken,) = centre.submissions
    assert (taken.source, taken.destination) == ("FieldOps", "358457000001")
    assert taken.data_coding == GSM
    await texting.send(outgoing())
    heard = Heard()
    await texting.listen(heard)
    assert ReceiptCame(reference, "DELIVRD") in heard.arrived
    assert centre.binds == 1


async def test_a_long_chinese_text_goes_in_joined_parts_of_ucs2(
    centre: smsc.Smsc, texting: TextChannel
) -> None:
    words = "技术人员将于明日上午上门服务，请确认。" * 8
    await texting.send(outgoing(words))
    assert {s.data_coding for s in centre.submissions} == {UCS2}
    assert "".join(s.text for s in centre.submissions) == words
    headers = [s.content[:6] for s in centre.submissions]
    assert headers == [bytes((5, 0, 3, 7, len(headers), n + 1)) for n in range(len(headers))]


async def test_a_text_of_more_than_ten_parts_is_certainly_not_sent(
    centre: smsc.Smsc, texting: TextChannel
) -> None:
    with pytest.raises(NotSent) as caught:
        await texting.send(outgoing("x" * 153 * 11))
    assert caught.value.final
    assert not centre.submissions


async def test_a_refused_text_message_is_certainly_not_sent(
    centre: smsc.Smsc, texting: TextChannel
) -> None:
    centre.refuse = 0x0B
    with pytest.raises(NotSent) as caught:
        await texting.send(outgoing())
    assert caught.value.final
    centre.refuse = 0x58
    with pytest.raises(NotSent) as caught:
        await texting.send(outgoing())
    assert not caught.value.final


async def test_an_smsc_that_never_answers_leaves_doubt(
    centre: smsc.Smsc, texting: TextChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "TIMEOUT_SECONDS", 0.2)
    centre.silent = True
    with pytest.raises(DeliveryUnknown):
        await texting.send(outgoing())
    assert len(centre.submissions) == 1


async def test_a_wrong_password_at_the_smsc_sends_nothing() -> None:
    async with smsc.running(password="other") as centre:
        channel = TextChannel(settings(smpp_port=centre.port))
        with pytest.raises(NotSent):
            await channel.send(outgoing())
        await channel.close()
    assert centre.submissions == []


async def test_the_outbox_holds_one_file_however_often_a_message_is_written(tmp_path: Path) -> None:
    channel = OutboxChannel(tmp_path / "outbox")
    name = await channel.send(outgoing())
    assert await channel.send(outgoing()) == name
    (file,) = (tmp_path / "outbox").iterdir()
    assert json.loads(file.read_text())["text"] == "Come at 9."


def test_a_split_never_cuts_a_character_in_two() -> None:
    euros = split("€" * 100, reference=1)
    assert [part[6:].count(b"\x1b") for part in euros.parts] == [76, 24]
    faces = split("😀" * 40, reference=1)
    assert all(len(part[6:]) % 4 == 0 for part in faces.parts)
    assert split("a" * 160, reference=1).udh is False
    assert len(split("a" * 161, reference=1).parts) == 2
    with pytest.raises(ValueError, match="at most"):
        split("a" * 2000, reference=uuid4().int & 0xFF)
