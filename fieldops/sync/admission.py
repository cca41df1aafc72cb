"""Admission: how many phones are served at once, and what the others are told (storms).

A thousand phones that come back together must not take every connection, wait for locks of
their own twin, or run into time-outs half way. So many requests of sync run at a time, the next
ones wait in order and not for long, and whoever would wait longer is told when to come again,
before its body is read or a transaction begun.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from fieldops.sync.errors import Busy

WAIT_SECONDS = 10.0  # longer in line than this is told to come again
MOST_WAITING = 500
OF_THE_OFFICES = 2  # connections of the pool that sync leaves to everybody else
AGAIN_SECONDS = 2  # at least, before a phone tries again
AGAIN_SPREAD = 8  # on top of it, so that they do not come back together


class Admission:
    """The places of one process. It admits everybody until it is opened."""

    def __init__(self, *, wait: float = WAIT_SECONDS, most_waiting: int = MOST_WAITING) -> None:
        self.wait = wait
        self.most_waiting = most_waiting
        self.waiting = 0
        self._places: asyncio.Semaphore | None = None
        self._inside: set[Hashable] = set()

    def open(self, connections: int) -> None:
        """Begin to count, with the connections of this process's pool."""
        self._places = asyncio.Semaphore(max(1, connections - OF_THE_OFFICES))

    def look(self, who: Hashable | None) -> None:
        """Raise Busy for a request that would not even get into the line; it takes nothing.

        Whose body is still on its way is nobody's twin: a connection that died unnoticed must not
        keep the phone from trying again on a new one.
        """
        if self._places is None:
            return
        if who in self._inside:
            raise Busy(retry_after=1)
        if self._places.locked() and self.waiting >= self.most_waiting:
            raise self._later()

    @asynccontextmanager
    async def admitted(self, who: Hashable | None) -> AsyncIterator[None]:
        """Hold a place for a request; `who`: of whom only one request runs or waits at a time.

        First come, first served. Raises Busy for a second request of the same, when the line is
        too long, or when it did not move for too long.
        """
        if self._places is None:
            yield
            return
        self.look(who)
        if who is not None:
            self._inside.add(who)
        try:
            await self._take(self._places)
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._inside.discard(who)

    async def _take(self, places: asyncio.Semaphore) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self.wait):
                await places.acquire()
        except TimeoutError:
            raise self._later() from None
        finally:
            self.waiting -= 1

    def _later(self) -> Busy:
        spread = AGAIN_SPREAD * (1 + self.waiting // 200)
        return Busy(retry_after=AGAIN_SECONDS + random.randrange(spread))  # noqa: S311 - only spreads
