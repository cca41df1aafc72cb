"""Requests that meet at a chosen moment: one is held at a named point while another runs.

Nothing here waits for luck. A request is held by the point it has reached (fieldops/kernel/
points.py); that another one waits for it is read from the database.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from fieldops.kernel import clock, ledger, points
from fieldops.kernel.actor import Actor
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id

SECONDS = 30
_held: ContextVar["Held | None"] = ContextVar("held", default=None)
_WAITING = text(
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)


@dataclass
class Held:
    """A request that stands at a point until it may go on; its retries are not held."""

    point: str
    times: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[Any]" = field(init=False)

    async def goes_on(self) -> Any:
        """Let the request go on and return its answer."""
        self.released.set()
        async with asyncio.timeout(SECONDS):
            return await self.task


async def _hook(name: str) -> None:
    held = _held.get()
    if held is None or held.point != name:
        return
    held.times -= 1
    if held.times == 0:
        held.reached.set()
        await held.released.wait()


@contextmanager
def armed() -> Iterator[None]:
    """Let requests be held in this process."""
    with points.armed(_hook):
        yield


async def hold(point: str, request: Coroutine[Any, Any, Any], times: int = 1) -> Held:
    """Start a request and return when it stands at the point (for the so-manyth time)."""
    held = Held(point, times)
    context = copy_context()
    context.run(_held.set, held)
    held.task = asyncio.create_task(request, context=context)
    waiting = asyncio.create_task(held.reached.wait())
    async with asyncio.timeout(SECONDS):
        await asyncio.wait({held.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not held.reached.is_set():
        waiting.cancel()
        raise AssertionError(f"ended without reaching {point}: {await held.task}")
    return held


async def meet(database: Database, request: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Start a request and return when it waits for a lock in the database, or has ended."""
    task = asyncio.create_task(request)
    async with asyncio.timeout(SECONDS):
        while not task.done():
            async with database.transaction() as session:
                if await session.scalar(_WAITING):
                    break
            await asyncio.sleep(0)
    return task


async def under_way(session: Any, actor: Actor, name: str, **args: Any) -> dict[str, Any]:
    """Run an office's command in an open transaction: it commits when that does."""
    plain = {key: value if isinstance(value, list) else str(value) for key, value in args.items()}
    return await ledger.once(session, actor, Envelope(new_id(), name, plain), clock.now())
