"""The guard of the timeline: no sync on a database that went back in time (SYNC section 4).

A mark beside the ledger of erasures, outside the database, says on which cluster, timeline and
database the last sync ran, how far its log and its beat had come, and the regions' epochs. The
database is compared with it at the start, at every new connection and every half minute. When it
is another one, or went back, sync is refused until every region's epoch is above the mark's.
"""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Label, event, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldops.kernel.changes import CATALOGUES, ChangeCounter
from fieldops.kernel.db import Database
from fieldops.kernel.direct import guarded
from fieldops.kernel.errors import Unavailable
from fieldops.kernel.outside import Mark
from fieldops.sync import queries
from fieldops.sync.errors import TimelineChanged

log = structlog.get_logger()

CHECK_SECONDS = 30.0
RETRY_SECONDS = 60
BEAT = UUID(int=1)  # the row beside the catalogues' counter that only this guard raises

# Of a managed PostgreSQL some may be forbidden; then database, beat and epochs decide.
_IDENTITY = {
    "system": "(select system_identifier::text from pg_control_system())",
    "timeline": "(select timeline_id from pg_control_checkpoint())",
    "log": "(pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint",
    "database": "(select oid::bigint from pg_database where datname = current_database())",
}
_FORBIDDEN = "42501"


def difference(known: Mark, present: Mark) -> str | None:
    """Return why a database is not the one of the mark, or went back; None when it is."""
    for name, what in (
        ("system", "another cluster"),
        ("database", "another database of the cluster"),
        ("timeline", "another timeline of the cluster"),
    ):
        before, now = getattr(known, name), getattr(present, name)
        if before is not None and now is not None and before != now:
            return f"{what}: {now} instead of {before}"
    if known.log is not None and present.log is not None and present.log < known.log:
        return f"its log ends at {present.log}, before {known.log}"
    if present.beat < known.beat:
        return f"its beat is {present.beat}, before {known.beat}"
    lost = [r for r, epoch in known.epochs.items() if present.epochs.get(r, 1) < epoch]
    return f"the epoch of region {lost[0]} went back" if lost else None


def is_cleared(known: Mark, present: Mark) -> bool:
    """Return whether every region of the database has an epoch above the mark's."""
    regions = {*known.epochs, *present.epochs}
    return bool(regions) and all(
        present.epochs.get(region, 1) > known.epochs.get(region, 0) for region in regions
    )


class Timeline:
    """The guard of one process."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self._database: Database | None = None
        self._guards: Database | None = None
        self._checked = False
        self._one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self, database: Database) -> None:
        """Compare once, then at every new connection and every half minute."""
        # Not of the pool: while all of its connections wait to be compared, one more is needed.
        own = create_async_engine(database.engine.url, poolclass=NullPool)
        self._database = Database(own, database.outside)
        self._guards = database
        database.gate.ask, database.gate.connected = self.gate, self._connected
        event.listen(database.engine.sync_engine, "connect", self._connected)
        await self._check_quietly()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the comparing."""
        if self._task is not None and self._guards is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._guards.gate.ask = self._guards.gate.connected = None
            event.remove(self._guards.engine.sync_engine, "connect", self._connected)

    def _connected(self, *_: Any) -> None:
        """Compare before the next sync: the database may have been away, and be another one."""
        self._checked = False

    async def enter(self) -> None:
        """Let a request of sync pass, and be asked again at every transaction it opens.

        Raises TimelineChanged, Unavailable without a database.
        """
        if self._database is not None:  # else not started: an application without a server
            guarded.set(True)
            await self.gate()

    async def gate(self) -> None:
        """Raise TimelineChanged, or Unavailable, unless the database is where it was."""
        if not self._checked or self.refused is not None:
            try:
                await self.check()
            except (SQLAlchemyError, OSError) as exc:
                raise Unavailable(retry_after=5) from exc
        if self.refused is not None:
            raise TimelineChanged(retry_after=RETRY_SECONDS)

    async def check(self) -> None:
        """Compare the database with the mark; write the mark when it is the same, or cleared."""
        assert self._database is not None  # noqa: S101 - started
        async with self._one:
            self._checked = True
            # The file is held before the database is asked: another process may be ahead of us.
            async with self._database.outside.marking() as marking:
                present = await read(self._database)
                known = marking.read()
                why = None if known is None else difference(known, present)
                if known is not None and why is not None and not is_cleared(known, present):
                    if self.refused is None:
                        log.error("sync refused: the database is not where it was", why=why)
                    self.refused = why
                    return
                if why is not None:
                    log.warning("sync goes on with new epochs", former=why)
                # Only now: a refused database keeps its old beat, however often it is looked at.
                beat = await _raise_beat(self._database)
                marking.write(present.model_copy(update={"beat": beat}))
            self.refused = None

    async def _check_quietly(self) -> None:
        try:
            await self.check()
        except (SQLAlchemyError, OSError) as exc:
            self._checked = False  # the next request of sync tries again, and waits for it
            log.warning("timeline not compared", error=type(exc).__name__)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._check_quietly()


async def read(database: Database) -> Mark:
    """Return where a database stands; what may not be read is None."""
    async with database.transaction() as session:
        beat = await session.scalar(_BEAT) or 0
        epochs = await queries.epochs(session)
    asked: list[Label[Any]] = [
        literal_column(expression).label(name) for name, expression in _IDENTITY.items()
    ]
    found = await _answers(database, *asked)
    if found is None:  # which of them is forbidden
        each = [await _answers(database, one) for one in asked]
        found = {name: value for answer in each for name, value in (answer or {}).items()}
    return Mark(**dict.fromkeys(_IDENTITY) | found, beat=beat, epochs=epochs)


async def _answers(database: Database, *asked: Any) -> dict[str, Any] | None:
    try:
        async with database.transaction() as session:
            return dict((await session.execute(select(*asked))).one()._mapping)  # noqa: SLF001
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != _FORBIDDEN:
            raise
        if len(asked) == 1:
            log.info("not allowed to ask where the database stands", what=asked[0].name)
        return None


_BEAT = select(ChangeCounter.counter).where(
    ChangeCounter.region_id == CATALOGUES, ChangeCounter.centre_id == BEAT
)


async def _raise_beat(database: Database) -> int:
    """Raise the beat and return it: a restored database has an older one."""
    raised = (
        insert(ChangeCounter)
        .values(region_id=CATALOGUES, centre_id=BEAT, counter=1)
        .on_conflict_do_update(
            index_elements=["region_id", "centre_id"],
            set_={"counter": ChangeCounter.counter + 1},
        )
        .returning(ChangeCounter.counter)
    )
    async with database.transaction() as session:
        return int((await session.execute(raised)).scalar_one())
