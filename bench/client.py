"""A load generator that costs little: HTTP/1.1 over kept-alive connections, closed loop.

httpx would spend more CPU on a request than the server under test does, on the same machine.
"""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request: method, path with query, headers, a JSON body or none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None
    compressed: bool = False

    @cached_property
    def encoded(self) -> bytes:
        """The request's bytes, made once: many are sent again and again."""
        content = (
            b"" if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()
        )
        if self.compressed:
            content = gzip.compress(content, 6)
        lines = [f"{self.method} {self.path} HTTP/1.1", "host: bench", "accept-encoding: gzip"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.compressed:
            lines.append("content-encoding: gzip")
        if self.body is not None:
            lines += ["content-type: application/json", f"content-length: {len(content)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass
class Answer:
    """What came back: status, bytes of the body on the wire, seconds until the last byte.

    `retry_after` is the header of that name in seconds; `head_bytes` the status line and headers.
    """

    status: int
    content: bytes
    gzipped: bool
    seconds: float
    head_bytes: int = 0
    retry_after: float | None = None

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(gzip.decompress(self.content) if self.gzipped else self.content)


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reopen(self) -> None:
        """Connect anew: a server closes what is idle, and what it has refused unread."""
        port = self.writer.get_extra_info("peername")[1]
        self.writer.close()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def send(self, call: Call) -> Answer:
        """Send a request and read the whole answer."""
        content = call.encoded
        began = time.perf_counter()
        self.writer.write(content)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        body = await self._body(head)
        seconds = time.perf_counter() - began
        after = _header(head, "retry-after")
        return Answer(
            status,
            body,
            "content-encoding: gzip" in head,
            seconds,
            len(head),
            float(after) if after else None,
        )

    async def _body(self, head: str) -> bytes:
        if "transfer-encoding: chunked" not in head:
            length = int(_header(head, "content-length") or 0)
            return await self.reader.readexactly(length)
        parts = []
        while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
            parts.append(await self.reader.readexactly(size))
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return b"".join(parts)


def _header(head: str, name: str) -> str | None:
    _, found, rest = head.partition(f"\r\n{name}:")
    return rest.split("\r\n", 1)[0].strip() if found else None


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections to the server under test."""
    opened = [
        Connection(*await asyncio.open_connection("127.0.0.1", port, limit=2**22))
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.writer.close()


@dataclass
class Measured:
    """The answers' times and sizes of one kind of request."""

    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    elapsed: float = 0.0
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    generator_cpu: float = 0.0
    failures: list[str] = field(default_factory=list)

    def take(self, answer: Answer) -> None:
        """Count one answer."""
        self.seconds.append(answer.seconds)
        self.sizes.append(len(answer.content))
        if answer.status != 200:
            self.failures.append(f"{answer.status}: {answer.content[:300]!r}")

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the times in milliseconds (nearest rank)."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def cpu_ms(self) -> tuple[float, float]:
        """Return the CPU milliseconds of one request, of the server and of the database."""
        count = max(1, len(self.seconds))
        return 1000 * self.server_cpu / count, 1000 * self.database_cpu / count

    def join(self, part: "Measured") -> None:
        """Add another part of the same measurement."""
        self.seconds += part.seconds
        self.sizes += part.sizes
        self.failures += part.failures
        self.elapsed += part.elapsed
        self.server_cpu += part.server_cpu
        self.database_cpu += part.database_cpu
        self.generator_cpu += part.generator_cpu

    @property
    def mean_bytes(self) -> float:
        return sum(self.sizes) / len(self.sizes)


Step = Callable[[Connection, Measured, Any], Awaitable[None]]


async def run(
    opened: Sequence[Connection], jobs: Sequence[Any], step: Step, *, most_seconds: float
) -> Measured:
    """Work through jobs in a closed loop on all connections, at most so many seconds."""
    measured = Measured()
    waiting = iter(jobs)
    began, used = time.perf_counter(), time.process_time()

    async def work(connection: Connection) -> None:
        for job in waiting:
            if time.perf_counter() - began > most_seconds:
                return
            await step(connection, measured, job)

    await asyncio.gather(*(work(connection) for connection in opened))
    measured.elapsed = time.perf_counter() - began
    measured.generator_cpu = time.process_time() - used
    return measured


async def one(connection: Connection, measured: Measured, job: Call) -> None:
    """Send one request and count it."""
    measured.take(await connection.send(job))
