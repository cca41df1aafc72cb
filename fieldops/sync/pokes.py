"""Pokes: a connected phone is told that its view may have changed (SYNC section 8).

One connection per process listens to announced changes; the phones' streams hold none. A poke
is a hint without content: it may be late, doubled or lost, and a pull is right without it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from fieldops.kernel import announcing
from fieldops.kernel.announcing import Change
from fieldops.kernel.changes import CATALOGUES
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Unavailable
from fieldops.kernel.ids import NIL
from fieldops.sync import queries

log = structlog.get_logger()

RETRY_MS = 5_000  # how long an app waits before it connects again
KEEP_ALIVE_SECONDS = 20.0
LEAST_GAP_SECONDS = 3.0  # between two pokes of one phone
POKES_A_SECOND = 100.0  # many phones woken by one change are spread over time
LEAST_SPREAD_SECONDS = 1.0
LISTEN_AGAIN_SECONDS = 30.0  # at most, after the listener's connection was lost
MOST_STREAMS = 2_000

POKE = "event: poke\ndata:\n\n"
KEEP_ALIVE = ": still here\n\n"


@dataclass(slots=True, eq=False)
class Stream:
    """A connected phone: what wakes it, when its next poke goes out, when its token runs out."""

    region_id: int
    device_id: UUID
    keys: frozenset[UUID]
    until: float  # by the loop's clock
    poke_at: float | None = None
    last_poke: float = 0.0
    ended: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """Let the stream end at once, with nothing more sent."""
        self.ended = True
        self.wake.set()

    def concerned(self, changes: set[Change]) -> bool:
        """Return whether any change may be in the phone's view."""
        return any(
            region == CATALOGUES or (region == self.region_id and id_ in self.keys)
            for region, id_ in changes
        )


class Pokes:
    """The streams of one process and the one connection that listens for them."""

    def __init__(self, *, most: int = MOST_STREAMS, keep_alive: float = KEEP_ALIVE_SECONDS) -> None:
        self.most = most
        self.keep_alive = keep_alive
        self.streams: dict[UUID, Stream] = {}
        self.listener_pid: int | None = None
        self._database: Database | None = None
        self._changes: set[Change] = set()
        self._everybody = False
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, database: Database) -> None:
        """Listen and deliver, in the running event loop."""
        self._database = database
        work = (self._listen(), self._deliver(), self._look_after())
        self._tasks = [asyncio.create_task(w) for w in work]

    def end_streams(self) -> None:
        """End all streams: the process is going down, the phones connect elsewhere."""
        for stream in list(self.streams.values()):
            stream.end()

    async def stop(self) -> None:
        """End the streams, the tasks and the listening connection."""
        self.end_streams()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._database = None

    def connect(
        self, region_id: int, device_id: UUID, centres: Iterable[UUID], seconds: float
    ) -> Stream:
        """Take a phone in; an older stream of the same phone ends.

        `seconds`: how long its token is good for. Raises Unavailable when this process has no
        room or does not listen.
        """
        known = self.streams.get(device_id)
        if self._database is None or (known is None and len(self.streams) >= self.most):
            raise Unavailable(retry_after=30 + random.randrange(30))  # noqa: S311 - only spreads
        if known is not None:
            known.end()
        keys = frozenset({*centres, device_id, NIL})
        until = asyncio.get_running_loop().time() + seconds
        self.streams[device_id] = Stream(region_id, device_id, keys, until)
        return self.streams[device_id]

    async def events(self, stream: Stream) -> AsyncIterator[str]:
        """Yield a stream's lines until its token runs out, it is replaced or revoked."""
        loop = asyncio.get_running_loop()
        alive_at = loop.time() + self.keep_alive
        try:
            yield f"retry: {RETRY_MS}\n: connected\n\n"
            while not stream.ended and (now := loop.time()) < stream.until:
                if stream.poke_at is not None and stream.poke_at <= now:
                    stream.poke_at, stream.last_poke = None, now
                    alive_at = now + self.keep_alive
                    yield POKE
                elif alive_at <= now:
                    alive_at = now + self.keep_alive
                    yield KEEP_ALIVE
                next_at = min(stream.poke_at or stream.until, alive_at, stream.until)
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(next_at - loop.time(), 0)):
                        await stream.wake.wait()
                stream.wake.clear()
        finally:
            if self.streams.get(stream.device_id) is stream:
                del self.streams[stream.device_id]

    # --- listening ------------------------------------------------------------------------

    async def _listen(self) -> None:
        wait, lost = 0.5, False
        while True:
            try:
                async with await self._connected() as connection:
                    await connection.execute(f"listen {announcing.CHANNEL}")
                    self.listener_pid = connection.info.backend_pid
                    if lost:
                        log.info("listening again")
                        self._wake_all()
                    wait, lost = 0.5, True
                    async for notice in connection.notifies():
                        self._changes |= announcing.read(notice.payload)
                        self._changed.set()
            except (psycopg.Error, OSError) as exc:
                log.warning("listening interrupted", error=type(exc).__name__)
            self.listener_pid, lost = None, True
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads
            wait = min(wait * 2, LISTEN_AGAIN_SECONDS)

    async def _connected(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        assert self._database is not None  # noqa: S101 - started
        url = self._database.engine.url.set(drivername="postgresql")
        return await psycopg.AsyncConnection.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            application_name="fieldops listener",
            keepalives_idle=30,
            connect_timeout=10,
        )

    def _wake_all(self) -> None:
        """Something may have been missed: everybody is poked once."""
        self._everybody = True
        self._changed.set()

    # --- delivering -----------------------------------------------------------------------

    async def _deliver(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            changes, self._changes = self._changes, set()
            everybody, self._everybody = self._everybody, False
            concerned = [s for s in self.streams.values() if everybody or s.concerned(changes)]
            if concerned and await self._check(concerned):
                self._poke(concerned)
            await asyncio.sleep(announcing.GATHER_SECONDS)

    def _poke(self, streams: list[Stream]) -> None:
        """Plan a poke for each: spread over time, and not too soon after its last one."""
        now = asyncio.get_running_loop().time()
        spread = max(LEAST_SPREAD_SECONDS, len(streams) / POKES_A_SECOND)
        for stream in streams:
            if not stream.ended and stream.poke_at is None:
                soon = now + random.uniform(0, spread)  # noqa: S311 - only spreads
                stream.poke_at = max(soon, stream.last_poke + LEAST_GAP_SECONDS)
                stream.wake.set()

    async def _look_after(self) -> None:
        """Bring every now and then what wakes each phone up to date; end what was revoked."""
        while True:
            await asyncio.sleep(self.keep_alive)
            await self._check(list(self.streams.values()))

    async def _check(self, streams: list[Stream]) -> bool:
        """End the streams of devices that are not active any more (I13); False without an answer.

        One statement for each region; it also says which centres their views hold now.
        """
        assert self._database is not None  # noqa: S101 - started
        for region_id in {s.region_id for s in streams}:
            of_region = [s for s in streams if s.region_id == region_id]
            ids = [s.device_id for s in of_region]
            try:
                async with self._database.transaction() as session:
                    active = await queries.centres_of_active(session, region_id, ids)
            except (SQLAlchemyError, OSError) as exc:
                log.warning("streams not checked", error=type(exc).__name__)
                self._wake_all()  # tried again
                return False
            for stream in of_region:
                if stream.device_id in active:
                    stream.keys |= active[stream.device_id]
                else:
                    stream.end()
        return True
