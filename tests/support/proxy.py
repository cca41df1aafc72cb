"""A TCP proxy on loopback between a real client and a real server that does what networks do."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_BLOCK = 16 * 1024


@dataclass
class Proxy:
    """Passes bytes on to `target` ("host:port"; it may change) and keeps what it did.

    `cuts` holds, for the next connections, after how many bytes from the client each is cut.
    `damage` flips the byte at that count of the next connection that sends so much.
    """

    target: str
    cuts: list[int] = field(default_factory=list)
    damage: int | None = None
    url: str = ""
    sent: int = 0
    cut: int = 0
    answers: list[bytes] = field(default_factory=list)

    def statuses(self) -> list[int]:
        """The HTTP statuses that were answered through it, in their order."""
        lines = (line for block in self.answers for line in block.split(b"\r\n"))
        return [int(line.split()[1]) for line in lines if line.startswith(b"HTTP/1.1 ")]

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        limit = self.cuts.pop(0) if self.cuts else None
        host, _, port = self.target.rpartition(":")
        try:
            server, forth = await asyncio.open_connection(host, int(port))
        except OSError:
            back.transport.abort()
            return
        ways = [
            asyncio.create_task(self._pass_on(client, forth, limit)),
            asyncio.create_task(self._answer(server, back)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            forth.transport.abort()
            if limit is not None:
                back.transport.abort()
            back.close()  # after what was answered has gone out

    async def _pass_on(
        self, client: asyncio.StreamReader, forth: asyncio.StreamWriter, limit: int | None
    ) -> None:
        passed = 0
        while block := await client.read(_BLOCK):
            if self.damage is not None and passed <= self.damage < passed + len(block):
                at, self.damage = self.damage - passed, None
                block = block[:at] + bytes([block[at] ^ 0xFF]) + block[at + 1 :]
            if limit is not None and passed + len(block) >= limit:
                forth.write(block[: limit - passed])
                self.sent += limit - passed
                await forth.drain()
                await asyncio.sleep(0.05)  # what was sent arrives; then the network is gone
                self.cut += 1
                return
            forth.write(block)
            await forth.drain()
            passed += len(block)
            self.sent += len(block)

    async def _answer(self, server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while block := await server.read(_BLOCK):
            self.answers.append(block)
            back.write(block)
            await back.drain()


@contextmanager
def proxying(server_url: str) -> Iterator[Proxy]:
    """Run a proxy in front of a server, in a thread of its own."""
    proxy = Proxy(urlsplit(server_url).netloc)
    loop = asyncio.new_event_loop()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(proxy._serve, "127.0.0.1", 0)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    proxy.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_close(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(listening: asyncio.Server) -> None:
    listening.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.05)  # the transports close in the loop's next rounds
