"""Text messages by SMPP: smpplib blocks, so its one connection lives in a thread of its own."""

import asyncio
import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import smpplib.client
import structlog
from smpplib import consts, smpp
from smpplib.exceptions import ConnectionError as SmppConnectionError
from smpplib.exceptions import PDUError

from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import (
    Arrived,
    DeliveryUnknown,
    Inbox,
    NotSent,
    Outgoing,
    ReceiptCame,
    TextCame,
)
from fieldops.notifications.segments import Segments, hear, split

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 10
IDLE_SECONDS = 20  # so long without a word from the SMSC: it is asked whether it is there
PATIENCE_SECONDS = 60  # so long a receipt may name a message whose sending is not recorded yet
BIND_AGAIN_SECONDS = 5
ALPHANUMERIC, INTERNATIONAL, SHORT_CODE, ISDN, UNKNOWN = 5, 1, 3, 1, 0
LONGEST_SHORT_CODE = 7
WANT_RECEIPT = 1
RECEIPT_CLASS = 0x04
TRY_LATER = consts.SMPP_ESME_RX_T_APPN
TRANSIENT = frozenset(
    {consts.SMPP_ESME_RMSGQFUL, consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RSYSERR}
)
RECEIPT = re.compile(r"id:(\S+).*?stat:(\w+)", re.DOTALL)
STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD"}
STATES |= {7: "UNKNOWN", 8: "REJECTD"}  # SMPP 3.4, 5.2.28

Broken = (SmppConnectionError, PDUError, OSError)


@dataclass(slots=True, eq=False)
class Delivery:
    """A deliver_sm that waits for its answer, on the connection it came by."""

    client: Any
    pdu: Any
    since: float


class _Client(smpplib.client.Client):  # type: ignore[misc]
    """smpplib's client, but what is delivered is answered by us, after it is kept."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.delivered: list[Any] = []

    def _message_received(self, pdu: Any) -> None:
        self.delivered.append(pdu)


class TextChannel:
    """Hands text messages to the SMSC; in doubt it does not repeat (at most once)."""

    name: ClassVar[str] = "sms"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="smpp")
        self._client: _Client | None = None
        self._used = 0.0
        self._bind_after = 0.0
        self._answers: dict[int, Any] = {}
        self._waiting: list[Delivery] = []

    async def send(self, message: Outgoing) -> tuple[str, ...]:
        """Submit all parts of a message; returns the SMSC's id of each."""
        references: tuple[str, ...] = await self._in_thread(self._send, message)
        return references

    async def listen(self, inbox: Inbox) -> None:
        """Hand over receipts and replies; each is answered when it is committed.

        What cannot be kept now is answered with a temporary error: the SMSC brings it again.
        """
        await self._in_thread(self._collect)
        for delivery in list(self._waiting):
            status = await self._keep(inbox, delivery)
            if status is not None:
                with contextlib.suppress(ValueError):  # the connection broke meanwhile
                    self._waiting.remove(delivery)
                await self._in_thread(self._answer, delivery, status)

    async def close(self) -> None:
        """Unbind and end the thread."""
        await self._in_thread(self._drop)
        self._thread.shutdown()

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def _keep(self, inbox: Inbox, delivery: Delivery) -> int | None:
        """Return the status a delivery is answered with, None while it has to wait."""
        try:
            arrived = _arrived(delivery.pdu)
            if arrived is None or await inbox.take(self.name, arrived):
                return int(consts.SMPP_ESME_ROK)
        except Exception:  # the database is away: the SMSC keeps it for us
            log.exception("what the SMSC delivered could not be kept")
            return int(TRY_LATER)
        waited = time.monotonic() - delivery.since
        return None if waited < PATIENCE_SECONDS else int(consts.SMPP_ESME_ROK)

    # What follows runs in the thread.

    def _send(self, message: Outgoing) -> tuple[str, ...]:
        try:
            segments = split(message.text, reference=message.id.int & 0xFF)
        except ValueError as exc:
            raise NotSent(str(exc), final=True) from exc
        client = self._bound()
        references: list[str] = []
        for index, part in enumerate(segments.parts):
            try:
                references.append(self._submit(client, message.address, segments, part))
            except NotSent as exc:
                if index:  # the customer has the first part: a repeat would show it twice
                    raise DeliveryUnknown(f"part {index + 1}: {exc}") from exc
                raise
            except (SmppConnectionError, OSError) as exc:
                self._drop()
                raise DeliveryUnknown(f"smpp {type(exc).__name__} after the submit") from exc
        self._used = time.monotonic()
        return tuple(references)

    def _submit(self, client: _Client, address: str, segments: Segments, part: bytes) -> str:
        sent = client.send_message(
            **_source(self.settings.smpp_source),
            dest_addr_ton=INTERNATIONAL,
            dest_addr_npi=ISDN,
            destination_addr=re.sub(r"\D", "", address),
            esm_class=consts.SMPP_GSMFEAT_UDHI if segments.udh else consts.SMPP_MSGMODE_DEFAULT,
            data_coding=segments.data_coding,
            registered_delivery=WANT_RECEIPT,
            short_message=part,
        )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while sent.sequence not in self._answers:
            if time.monotonic() > deadline:
                raise TimeoutError
            client.read_once(auto_send_enquire_link=False)
        answer = self._answers.pop(sent.sequence)
        if answer.is_error():
            raise NotSent(f"smpp status {answer.status}", final=answer.status not in TRANSIENT)
        return _text(answer.message_id)

    def _bound(self) -> _Client:
        """Return the bound connection, made anew when it is broken; raises NotSent."""
        if self._client is not None:
            with contextlib.suppress(*Broken):
                self._client.poll()
                self._ask_whether_there(self._client)
                return self._client
        self._drop()
        client = _Client(
            self.settings.smpp_host,
            self.settings.smpp_port,
            timeout=TIMEOUT_SECONDS,
            allow_unknown_opt_params=True,
        )
        client.set_message_sent_handler(self._note_answer)
        client.set_error_pdu_handler(lambda pdu: None)  # noqa: ARG005 - read with its answer
        try:
            client.connect()
            client.bind_transceiver(
                system_id=self.settings.smpp_system_id,
                password=self.settings.smpp_password.get_secret_value(),
            )
        except Broken as exc:
            client.disconnect()
            raise NotSent(f"smpp bind: {type(exc).__name__}") from exc
        self._client = client
        self._used = time.monotonic()
        return client

    def _ask_whether_there(self, client: _Client) -> None:
        """Make sure that a quiet connection has not died unnoticed; raises what broke it."""
        if time.monotonic() - self._used < IDLE_SECONDS:
            return
        client.send_pdu(smpp.make_pdu("enquire_link", client=client))
        client.read_once(auto_send_enquire_link=False)
        self._used = time.monotonic()

    def _note_answer(self, pdu: Any, **_more: Any) -> None:
        self._answers[pdu.sequence] = pdu

    def _collect(self) -> None:
        """Read what was delivered; bind first, for replies come to who is bound."""
        if self._client is None and time.monotonic() < self._bind_after:
            return
        try:
            client = self._bound()
            client.poll()
        except (NotSent, *Broken):
            self._bind_after = time.monotonic() + BIND_AGAIN_SECONDS
            self._drop()
            return
        now = time.monotonic()
        self._waiting += [Delivery(client, pdu, now) for pdu in client.delivered]
        client.delivered.clear()

    def _answer(self, delivery: Delivery, status: int) -> None:
        if self._client is None or delivery.client is not self._client:
            return  # the connection is gone: the SMSC brings it again, and it is known then
        answer = smpp.make_pdu("deliver_sm_resp", client=delivery.client, status=status)
        answer.sequence = delivery.pdu.sequence
        with contextlib.suppress(*Broken):
            delivery.client.send_pdu(answer)

    def _drop(self) -> None:
        if self._client is not None:
            with contextlib.suppress(*Broken):
                self._client.unbind()
            self._client.disconnect()
        self._client = None
        self._answers.clear()
        self._waiting.clear()


def _source(name: str) -> dict[str, Any]:
    """Return how the sender is named: by a word, a short code, or a number that takes replies."""
    if not name.isdigit():
        ton, npi = ALPHANUMERIC, UNKNOWN
    elif len(name) <= LONGEST_SHORT_CODE:
        ton, npi = SHORT_CODE, UNKNOWN
    else:
        ton, npi = INTERNATIONAL, ISDN
    return {"source_addr_ton": ton, "source_addr_npi": npi, "source_addr": name}


def _arrived(pdu: Any) -> Arrived | None:
    """Return what a deliver_sm says; None when it is neither receipt nor text."""
    content = pdu.short_message or getattr(pdu, "message_payload", None) or b""
    raw = content.encode("latin-1", "replace") if isinstance(content, str) else bytes(content)
    if pdu.esm_class & RECEIPT_CLASS:
        found = RECEIPT.search(_text(raw))
        name = getattr(pdu, "receipted_message_id", None)
        state = STATES.get(getattr(pdu, "message_state", None) or 0)
        if name and state:
            return ReceiptCame(_text(name).rstrip("\0"), state)
        return ReceiptCame(found[1], found[2]) if found else None
    heard = hear(raw, pdu.data_coding, udh=bool(pdu.esm_class & consts.SMPP_GSMFEAT_UDHI))
    joined, part, parts = heard.joined_by, heard.part, heard.parts
    if parts is None and (getattr(pdu, "sar_total_segments", None) or 0) > 1:
        joined, part = pdu.sar_msg_ref_num, pdu.sar_segment_seqnum
        parts = pdu.sar_total_segments
    return TextCame(_text(pdu.source_addr), heard.words, joined, part, parts)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
