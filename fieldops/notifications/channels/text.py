"""Text messages by SMPP: smpplib blocks, so its one connection lives in a thread of its own."""

import asyncio
import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import smpplib.client
from smpplib import consts
from smpplib.exceptions import ConnectionError as SmppConnectionError
from smpplib.exceptions import PDUError

from fieldops.kernel.settings import Settings
from fieldops.notifications.channels import DeliveryUnknown, NotSent, Outgoing
from fieldops.notifications.segments import Segments, split

TIMEOUT_SECONDS = 10
IDLE_SECONDS = 30  # an older connection may have died unnoticed; it is made anew
ALPHANUMERIC, INTERNATIONAL, ISDN, UNKNOWN = 5, 1, 1, 0
WANT_RECEIPT = 1
TRANSIENT = frozenset(
    {consts.SMPP_ESME_RMSGQFUL, consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RSYSERR}
)
RECEIPT = re.compile(r"id:(\S+).*?stat:(\w+)", re.DOTALL)


class TextChannel:
    """Hands text messages to the SMSC; in doubt it does not repeat (at most once)."""

    name: ClassVar[str] = "sms"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="smpp")
        self._client: Any = None
        self._used = 0.0
        self._answers: dict[int, Any] = {}
        self._receipts: list[tuple[str, str]] = []

    async def send(self, message: Outgoing) -> str:
        """Submit all parts of a message; returns the SMSC's id of the last part."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._send, message)

    async def receipts(self) -> list[tuple[str, str]]:
        """Return the receipts that arrived on the connection: (SMSC id, stat)."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._collect)

    async def close(self) -> None:
        """Unbind and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _send(self, message: Outgoing) -> str:
        try:
            segments = split(message.text, reference=message.id.int & 0xFF)
        except ValueError as exc:
            raise NotSent(str(exc), final=True) from exc
        client = self._bound()
        reference = ""
        for index, part in enumerate(segments.parts):
            try:
                reference = self._submit(client, message.address, segments, part)
            except NotSent as exc:
                if index:  # the customer has the first part: a repeat would show it twice
                    raise DeliveryUnknown(f"part {index + 1}: {exc}") from exc
                raise
            except (SmppConnectionError, OSError) as exc:
                self._drop()
                raise DeliveryUnknown(f"smpp {type(exc).__name__} after the submit") from exc
        self._used = time.monotonic()
        return reference

    def _submit(self, client: Any, address: str, segments: Segments, part: bytes) -> str:
        sent = client.send_message(
            source_addr_ton=ALPHANUMERIC,
            source_addr_npi=UNKNOWN,
            source_addr=self.settings.smpp_source,
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

    def _bound(self) -> Any:
        """Return the bound connection, made anew when it is old or broken; raises NotSent."""
        if self._client is not None and time.monotonic() - self._used < IDLE_SECONDS:
            with contextlib.suppress(SmppConnectionError, PDUError, OSError):
                self._client.poll()
                return self._client
        self._drop()
        client = smpplib.client.Client(
            self.settings.smpp_host,
            self.settings.smpp_port,
            timeout=TIMEOUT_SECONDS,
            allow_unknown_opt_params=True,
        )
        client.set_message_sent_handler(self._note_answer)
        client.set_message_received_handler(self._note_receipt)
        client.set_error_pdu_handler(lambda pdu: None)  # noqa: ARG005 - read with its answer
        try:
            client.connect()
            client.bind_transceiver(
                system_id=self.settings.smpp_system_id,
                password=self.settings.smpp_password.get_secret_value(),
            )
        except (SmppConnectionError, PDUError, OSError) as exc:
            client.disconnect()
            raise NotSent(f"smpp bind: {type(exc).__name__}") from exc
        self._client = client
        self._used = time.monotonic()
        return client

    def _note_answer(self, pdu: Any, **_more: Any) -> None:
        self._answers[pdu.sequence] = pdu

    def _note_receipt(self, pdu: Any, **_more: Any) -> int:
        found = RECEIPT.search(_text(pdu.short_message))
        if found:
            self._receipts.append((found[1], found[2]))
        return int(consts.SMPP_ESME_ROK)

    def _collect(self) -> list[tuple[str, str]]:
        if self._client is not None:
            try:
                self._client.poll()
            except (SmppConnectionError, PDUError, OSError):
                self._drop()
        noted, self._receipts = self._receipts, []
        return noted

    def _drop(self) -> None:
        if self._client is not None:
            with contextlib.suppress(SmppConnectionError, PDUError, OSError):
                self._client.unbind()
            self._client.disconnect()
        self._client = None
        self._answers.clear()


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
