"""A short message centre that really speaks SMPP 3.4 over TCP, for tests.

It takes bind_transceiver, submit_sm, enquire_link and unbind, keeps what it accepted, and gives
receipts. `refuse` answers submissions with a status; `silent` accepts and never answers.
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
    receipts_confirmed: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                rest = await reader.readexactly(length - 4)
                command, _status, sequence = struct.unpack(">III", rest[:12])
                self.answer(writer, command, sequence, rest[12:])
                if command == UNBIND:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(
        self, writer: asyncio.StreamWriter, command: int, sequence: int, body: bytes
    ) -> None:
        if command == BIND:
            self.binds += 1
            _system_id, password = body.split(b"\0")[:2]
            wrong = password.decode() != self.password
            send(writer, command | ANSWER, sequence, b"smsc\0", 0x0E if wrong else 0)
        elif command == SUBMIT:
            self.take(writer, sequence, body)
        elif command in {UNBIND, ENQUIRE}:
            send(writer, command | ANSWER, sequence)
        elif command == DELIVER | ANSWER:
            self.receipts_confirmed += 1

    def take(self, writer: asyncio.StreamWriter, sequence: int, body: bytes) -> None:
        if self.refuse:
            send(writer, SUBMIT | ANSWER, sequence, status=self.refuse)
            return
        self.submissions.append(parse_submit(body))
        if self.silent:
            return
        name = f"m{len(self.submissions)}".encode()
        send(writer, SUBMIT | ANSWER, sequence, name + b"\0")
        receipt = b"id:" + name + b" sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
        deliver = b"\0" + b"\1\1358\0" + b"\5\0FieldOps\0" + bytes([RECEIPT_CLASS]) + b"\0\0\0\0"
        deliver += b"\0\0\0\0" + bytes([len(receipt)]) + receipt
        send(writer, DELIVER, 1000 + len(self.submissions), deliver)


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
