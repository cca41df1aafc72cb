"""A TCP proxy that does to a phone's connections what mobile networks do."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

CHUNK = 65536
SLOW_BYTES, SLOW_SECONDS = 400, 0.01


class Fault(StrEnum):
    """What happens to one connection."""

    NONE = "none"
    REFUSED = "refused"  # closed before a byte is taken
    REQUEST_CUT = "request cut"  # half of what the phone says, then nothing
    ANSWER_LOST = "answer lost"  # the server has answered, the phone hears nothing
    ANSWER_CUT = "answer cut"  # the phone hears the first bytes
    HALF_OPEN = "half open"  # the server has answered, and the connection seems to stand
    DELAYED = "delayed"
    SLOW = "slow"  # a few bytes at a time, both ways
    TWICE_AT_ONCE = "twice at once"  # the request arrives on two connections
    TWICE_LATER = "twice later"  # and again after it was answered


_BROKEN = frozenset({Fault.ANSWER_LOST, Fault.ANSWER_CUT, Fault.HALF_OPEN})


@dataclass
class Proxy:
    """Between phones and one server; each connection gets the next fault of the plan."""

    port: int  # the server's
    plan: list[Fault] = field(default_factory=list)
    met: list[Fault] = field(default_factory=list)
    url: str = ""
    open: set["asyncio.Task[None] | None"] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of one request."""
        self.open.add(asyncio.current_task())
        fault = self.plan.pop(0) if self.plan else Fault.NONE
        self.met.append(fault)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(fault, reader, writer)
        writer.transport.abort() if fault in _BROKEN else writer.close()

    async def _serve(
        self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault is Fault.REFUSED:
            return
        request = await _one_request(reader)
        if fault is Fault.DELAYED:
            await asyncio.sleep(0.2)
        if fault is Fault.REQUEST_CUT:
            await self._ask(request[: len(request) // 2], cut=True)
            return
        times = 2 if fault is Fault.TWICE_AT_ONCE else 1
        asked = (self._ask(request, slow=fault is Fault.SLOW) for _ in range(times))
        answer = (await asyncio.gather(*asked))[0]
        if fault is Fault.HALF_OPEN:
            await reader.read()  # until the phone gives up
        elif fault is Fault.ANSWER_CUT:
            writer.write(answer[: len(answer) // 2])
            await writer.drain()
        elif fault is not Fault.ANSWER_LOST:
            await _write(writer, answer, slow=fault is Fault.SLOW)
        if fault is Fault.TWICE_LATER:
            await self._ask(request)

    async def _ask(self, request: bytes, *, slow: bool = False, cut: bool = False) -> bytes:
        """Send bytes to the server; return all it says, nothing when they are cut."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await _write(writer, request, slow=slow)
            return b"" if cut else await _one_answer(reader)
        finally:
            writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, content: bytes, *, slow: bool) -> None:
    size = SLOW_BYTES if slow else len(content)
    for start in range(0, len(content), size):
        writer.write(content[start : start + size])
        await writer.drain()
        if slow:
            await asyncio.sleep(SLOW_SECONDS)


async def _one_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(_length(head))


async def _one_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return head + await reader.readexactly(_length(head))
    body = b""
    while not body.endswith(b"0\r\n\r\n"):
        body += await reader.read(CHUNK)
    return head + body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@asynccontextmanager
async def between(url: str, plan: Iterable[Fault]) -> AsyncIterator[Proxy]:
    """Give a proxy in front of a server, by the server's address."""
    proxy = Proxy(int(url.rsplit(":", 1)[1]), list(plan))
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await asyncio.gather(*(task for task in proxy.open if task is not None))
