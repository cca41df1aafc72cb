"""Announcing changes to other processes: NOTIFY with the centres whose counters were bumped.

It is sent after the commit, by one task per process, several transactions together: a NOTIFY
inside a transaction would make commits queue behind each other, and one before COMMIT would
wake phones that then find nothing. An announcement that is lost costs nothing but time.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from fieldops.kernel.db import Database

log = structlog.get_logger()

CHANNEL = "fieldops_changes"
GATHER_SECONDS = 0.2
MOST_IN_ONE = 150  # a payload is at most 8,000 bytes, a change at most 48

Change = tuple[int, UUID]  # region and centre, or region and device


def written(changes: Iterable[Change]) -> str:
    """Return changes as a payload: `region:id` joined by commas."""
    return ",".join(f"{region}:{id_}" for region, id_ in changes)


def read(payload: str) -> set[Change]:
    """Return the changes of a payload; what is not understood is left out."""
    found = set()
    for part in payload.split(","):
        region, _, id_ = part.partition(":")
        with suppress(ValueError):
            found.add((int(region), UUID(id_)))
    return found


class Announcer:
    """Announces what this process's transactions changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: set[Change] = set()
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to announce; in the event loop that the transactions run in."""
        self._database.after_commit.append(self._note)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Announce what is left and end."""
        if self._task is not None:
            self._database.after_commit.remove(self._note)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self._announce()

    def _note(self, changes: set[Change]) -> None:
        self._waiting |= changes
        self._something.set()

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(GATHER_SECONDS)
            await self._announce()

    async def _announce(self) -> None:
        self._something.clear()
        changes, self._waiting = sorted(self._waiting), set()
        try:
            for first in range(0, len(changes), MOST_IN_ONE):
                payload = written(changes[first : first + MOST_IN_ONE])
                async with self._database.engine.begin() as connection:
                    await connection.execute(select(func.pg_notify(CHANNEL, payload)))
        except (SQLAlchemyError, OSError) as exc:  # phones pull by themselves as well
            log.warning("changes not announced", error=type(exc).__name__)
