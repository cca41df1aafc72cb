"""What one simulation runs on: the application in-process, its own database, seeded ids, a clock.

The ground is made once per worker; a seed finds it swept.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import dict_row
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from api.app import create_app
from fieldops.kernel import clock, ids
from fieldops.kernel.base import metadata
from fieldops.kernel.db import Database
from fieldops.kernel.outside import MARK
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkService
from fieldops.organisation.models import Tool
from fieldops.sync import timeline
from tests.simulation.network import CURRENT
from tests.support import databases, device, region_guard
from tests.support.factories.customers import make_customer, make_premises
from tests.support.world import NORTH, World, build_world, id_of
from tests.sync.scenarios import Day
from tests.sync.test_erasures import make_person

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TECHNICIANS = ("alice", "bob", "kim")


def _swept() -> list[str]:
    """Return the tables that a simulation writes, parents first."""
    own = ("sync_", "kernel_", "files_", "organisation_leave")
    return [t.name for t in metadata.sorted_tables if t.name.startswith(own)]


@dataclass
class Ground:
    """One database with the application on it; `watch` is a connection past the application."""

    database: Database
    settings: Settings
    server: httpx.ASGITransport
    watch: psycopg.AsyncConnection[dict[str, Any]]
    world: World
    office: httpx.ASGITransport
    guard: timeline.Timeline
    files: Path
    tables: list[str] = field(default_factory=_swept)

    async def look(self, statement: str, *values: Any) -> Any:
        """Return the first column of the first row of a statement."""
        found = await (await self.watch.execute(statement, values)).fetchone()
        return None if found is None else next(iter(found.values()))

    async def sweep(self) -> None:
        """Make the database as it was when the ground was made."""
        await self.forget_mark()
        self.set_store({})
        await self.watch.execute(";".join(f"delete from {t}" for t in reversed(self.tables)))
        for name in TECHNICIANS:
            await self.role(name, held=True)

    async def role(self, person: str, *, held: bool) -> None:
        """Give a person the technician's role, or take it away."""
        await self.watch.execute(
            "delete from organisation_grant where person_id = %s", [id_of(person)]
        )
        if held:
            await self.watch.execute(
                "insert into organisation_grant"
                " (id, version, created_at, updated_at, person_id, unit_id, role)"
                " values (%s, 1, %s, %s, %s, %s, 'technician')",
                [id_of(f"grant of {person}"), START, START, id_of(person), id_of("north")],
            )

    async def backup(self) -> dict[str, bytes]:
        """Return what the swept tables hold."""
        kept = {}
        for table in self.tables:
            async with self.watch.cursor().copy(f"copy {table} to stdout") as copy:
                kept[table] = b"".join([bytes(part) async for part in copy])
        return kept

    async def restore(self, kept: dict[str, bytes]) -> None:
        """Bring the tables back to what they held."""
        async with self.watch.transaction():
            await self.watch.execute(";".join(f"delete from {t}" for t in reversed(self.tables)))
            for table in self.tables:
                async with self.watch.cursor().copy(f"copy {table} from stdin") as copy:
                    await copy.write(kept[table])

    def store(self) -> dict[Path, bytes]:
        """Return what the store of contents holds."""
        return {path: path.read_bytes() for path in self.files.rglob("*") if path.is_file()}

    def set_store(self, kept: dict[Path, bytes]) -> None:
        """Bring the store of contents to what it held."""
        for path in self.files.rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    async def forget_mark(self) -> None:
        """Take away what the guard of the timeline knows of the seed before."""
        (self.database.outside.folder / MARK).unlink(missing_ok=True)
        if self.guard.refused is not None:
            await self.guard.check()

    async def restarted(self) -> None:
        """Start the server anew on the database as it is now: first of all it compares."""
        await self.guard.stop()
        await self.database.engine.dispose()
        await self.guard.start(self.database)

    async def cut_connections(self) -> None:
        """End every connection of the application, as a restart of the database does."""
        await self.watch.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    async def somebody_waits(self) -> bool:
        """Return whether a connection waits for a lock of another one."""
        return bool(
            await self.look(
                "select exists (select from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database())"
            )
        )


def _count(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    exchange = CURRENT.get()
    if exchange is not None and "sync_" in statement:
        exchange.statements += 1


_engines: dict[str, AsyncEngine] = {}  # of the guards, by database


def _engine_of_guard(url: URL, **how: Any) -> AsyncEngine:
    own = _engines.get(str(url))
    return create_async_engine(url, **how) if own is None else own


@asynccontextmanager
async def prepared(template: str) -> AsyncIterator[Ground]:
    """Make the ground on a clone of the tests' template database."""
    async with AsyncExitStack() as stack:
        files = Path(stack.enter_context(TemporaryDirectory(prefix="fieldops-simulation-")))
        database, settings = await stack.enter_async_context(
            databases.cloned_database(template, database_pool_size=8, files_path=files)
        )
        for hook in (region_guard.watch, _count):
            event.listen(database.engine.sync_engine, "before_cursor_execute", hook)
        world = await build_world(database)
        url = make_url(settings.database_url).set(drivername="postgresql")
        watch = await psycopg.AsyncConnection.connect(
            url.render_as_string(hide_password=False), autocommit=True, row_factory=dict_row
        )
        name = url.database
        await watch.execute(f"alter database \"{name}\" set deadlock_timeout = '300ms'")
        await database.engine.dispose()
        lasting = settings.model_copy(update={"access_token_minutes": 60 * 24 * 60})
        app = create_app(lasting, database)
        server = httpx.ASGITransport(app)  # a fault of ours is raised, and names itself
        office = httpx.ASGITransport(app, raise_app_exceptions=False)
        guard = app.state.timeline
        timeline.CHECK_SECONDS = 1e9  # the half minutes pass when the simulation says so
        # A server compares every half minute, a simulation ten times a second: not each time by
        # three new connections.
        own = create_async_engine(settings.database_url, pool_size=1, pool_pre_ping=True)
        _engines[str(own.url)] = own
        stack.callback(_engines.pop, str(own.url))
        stack.enter_context(patch.object(timeline, "create_async_engine", _engine_of_guard))
        stack.push_async_callback(own.dispose)
        await guard.start(database)
        try:
            yield Ground(database, lasting, server, watch, world, office, guard, files)
        finally:
            await guard.stop()
            await watch.close()


@dataclass
class Field:
    """A day by the application's own commands: what is there, and how the tables begin.

    `neighbour` is a line on the same plant that is not in use yet.
    """

    day: Day
    customer: str
    neighbour: str
    morning: dict[str, bytes]


@dataclass
class Grounds:
    """The ground of the simulated trade, and that of a day by the application's own commands."""

    trade: Ground
    own: Ground
    field: Field


@asynccontextmanager
async def both(template: str) -> AsyncIterator[Grounds]:
    """Make both grounds; the day of the second is prepared once and brought back for a seed."""
    async with prepared(template) as trade, prepared(template) as own:
        own.tables = [t.name for t in metadata.sorted_tables]
        with clock.frozen(START):
            day, customer = await make_person(own.database, own.world)
            neighbour = await _neighbour(own.database)
        yield Grounds(trade, own, Field(day, str(customer), neighbour, await own.backup()))


async def _neighbour(database: Database) -> str:
    """Make what else a day meets: a line that is to be built, and a tool in the store."""
    async with database.transaction() as session:
        premises = await make_premises(session)
        customer = await make_customer(session)
        line = NetworkService(region_id=1, premises_id=premises.id, customer_id=customer.id,
                              centre_id=NORTH, kind="broadband", technology="copper",
                              sold_down_mbps=100, sold_up_mbps=40, state="planned")  # fmt: skip
        tool = Tool(region_id=1, centre_id=NORTH, kind="line_tester", serial="KT-4711", model="KT",
                    needs_calibration=True, active=True)  # fmt: skip
        session.add_all([line, tool])
    return str(line.id)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw every id, of the server and of the phones, from a seed."""
    random, count = Random(seed), iter(range(1, 2**62))

    def uuid4() -> UUID:
        return UUID(int=random.getrandbits(128), version=4)

    def uuid7() -> UUID:
        at = int(clock.now().timestamp() * 1000)
        number = (at << 80) | (0x7 << 76) | (0x2 << 62) | next(count)
        return UUID(int=number)

    kept = ids.uuid7, device.uuid4
    ids.uuid7, device.uuid4 = uuid7, uuid4  # type: ignore[assignment]
    try:
        yield
    finally:
        ids.uuid7, device.uuid4 = kept  # type: ignore[assignment]
