"""A short message centre that really speaks SMPP 3.4 over TCP, for tests.

It takes bind_transceiver, submit_sm, enquire_link and unbind, keeps what it accepted, gives
receipts and delivers texts of customers. `refuse` answers submissions with a status; `silent`
accepts and never answers; `receipts` are the states of the next parts, the last one for the rest.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BIND, SUBMIT, DELIVER, UNBIND, ENQUIRE = 0x9, 0x4, 0x5, 0x6, 0x15
ANSWER = 0x80000000
RECEIPT_CLASS = 0x04
UDH_CLASS = 0x40


@dataclass
class Submission:
    """One accepted submit_sm."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    content: bytes

    @property
    def text(self) -> str:
        body = self.content
        if self.esm_class & UDH_CLASS:
            body = body[body[0] + 1 :]
        return body.decode("utf-16-be" if self.data_coding == 8 else "latin-1")


@dataclass
class Smsc:
    """The centre's memory and its moods."""

    password: str = "secret"
    port: int = 0
    submissions: list[Submission] = field(default_factory=list)
    refuse: int = 0
    silent: bool = False
    binds: int = 0
    receipts: list[str] = field(default_factory=lambda: ["DELIVRD"])
    answers: list[int] = field(default_factory=list)
    bound: list[asyncio.StreamWriter] = field(default_factory=list)
    delivered: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                rest = await reader.readexactly(length - 4)
                command, status, sequence = struct.unpack(">III", rest[:12])
                if command == DELIVER | ANSWER:
                    self.answers.append(status)
                self.answer(writer, command, sequence, rest[12:])
                if command == UNBIND:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if writer in self.bound:
                self.bound.remove(writer)
            writer.close()

    def answer(
        self, writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes
    ) -> None:
        if command == BIND:
            self.binds += 1
            _system_id, password = body.split(b"\0")[:2]
            wrong = password.decode() != self.password
            if not wrong:
                self.bound.append(writer)
            send(writer, command | ANSWER, sequence, b"smsc\0", 0x0E if wrong else 0)
        elif command == SUBMIT:
            self.take(writer, sequence, body)
        elif command in {UNBIND, ENQUIRE}:
            send(writer, command | ANSWER, sequence)

    def take(self, writer: asyncio.StreamWriter, sequence: int, body: bytes) -> None:
        if self.refuse:
            send(writer, SUBMIT | ANSWER, sequence, status=self.refuse)
            return
        self.submissions.append(parse_submit(body))
        if self.silent:
            return
        name = f"m{len(self.submissions)}".encode()
        send(writer, SUBMIT | ANSWER, sequence, name + b"\0")
        state = self.receipts.pop(0) if len(self.receipts) > 1 else self.receipts[0]
        if state:
            self.receipt(name.decode(), state)

    def receipt(self, name: str, state: str) -> None:
        """Tell whoever is bound what became of a submission."""
        said = f"id:{name} sub:001 dlvrd:001 stat:{state} err:000 text:".encode()
        self.deliver("358", said, esm_class=RECEIPT_CLASS)

    def deliver(
        self, number: str, content: bytes, *, data_coding: int = 0, esm_class: int = 0
    ) -> None:
        """Bring a text of a customer, or a receipt, to whoever is bound."""
        body = b"\0" + b"\1\1" + number.encode() + b"\0" + b"\5\0FieldOps\0" + bytes([esm_class])
        body += b"\0\0\0\0\0\0" + bytes([data_coding, 0, len(content)]) + content
        self.delivered += 1
        send(self.bound[-1], DELIVER, 1000 + self.delivered, body)


def send(
    writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes = b"", status: int = 0
) -> None:
    writer.write(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)


def parse_submit(body: bytes) -> Submission:
    def cstring(at: int) -> tuple[str, int]:
        end = body.index(b"\0", at)
        return body[at:end].decode(), end + 1

    _service, at = cstring(0)
    source, at = cstring(at + 2)
    destination, at = cstring(at + 2)
    esm_class = body[at]
    _schedule, at = cstring(at + 3)
    _validity, at = cstring(at)
    data_coding, length = body[at + 2], body[at + 4]
    return Submission(source, destination, esm_class, data_coding, body[at + 5 : at + 5 + length])


@asynccontextmanager
async def running(**moods: object) -> AsyncIterator[Smsc]:
    """Serve on a free loopback port."""
    smsc = Smsc(**moods)  # type: ignore[arg-type]
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", 0)
    smsc.port = server.sockets[0].getsockname()[1]
    async with server:
        yield smsc
