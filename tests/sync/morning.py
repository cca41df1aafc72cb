"""A prepared morning to disturb: a database with Alice's day, her phone with a full queue.

It is played once undisturbed; what that leaves in the tables is what every disturbed play must
come to. Each test works on a copy.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url

from fieldops.kernel import clock
from fieldops.kernel.db import Database, connect
from fieldops.kernel.settings import Settings
from tests.conftest import MONDAY_MORNING
from tests.support import databases
from tests.support.clients import application, bearer
from tests.support.device import Phone
from tests.support.world import World, build_world
from tests.sync.scenarios import SCENARIOS, capture, contents, make_day

LAST = "visit.start"  # six commands about one visit: decisions and facts
_TAKEN = text(
    "select seq, status from kernel_ledger where kernel_ledger.region_id = 1"
    " and device_id is not null order by received_at, seq"
)

_NUMBERED = text(
    "select sync_device.last_seq, (select coalesce(max(seq), 0) from kernel_ledger"
    " where kernel_ledger.region_id = 1 and device_id is not null)"
    " from sync_device where sync_device.region_id = 1"
)


@dataclass(frozen=True)
class Server:
    """A database server by the URL of one of its databases."""

    url: str

    def settings(self, name: str) -> Settings:
        """Return test settings for one of its databases."""
        return Settings.model_validate(
            {
                "environment": "test",
                "secret": databases.SECRET,
                "access_token_minutes": 1440,
                "FIELDOPS_DATABASE_URL": make_url(self.url)
                .set(drivername="postgresql+psycopg", database=name)
                .render_as_string(hide_password=False),
            }
        )

    def copy(self, template: str) -> str:
        """Copy a database that nobody is connected to; return the copy's name."""
        name = f"{databases.PREFIX}{uuid4().hex[:12]}"
        self._order(f'create database "{name}" template "{template}" strategy file_copy')
        return name

    def drop(self, name: str) -> None:
        self._order(f'drop database if exists "{name}" with (force)')

    def _order(self, statement: str) -> None:
        url = make_url(self.url).set(drivername="postgresql", database="postgres")
        conninfo = url.render_as_string(hide_password=False)
        with psycopg.connect(conninfo, autocommit=True) as admin:
            admin.execute(statement)


@dataclass
class Prepared:
    """The morning before it begins: database, the phone's file, and what shall come of it."""

    server: Server
    database: str
    phone: Path
    world: World
    commands: int
    expected: dict[str, tuple[int, int]]


@dataclass
class Morning:
    """One play of the morning; `client` is the application in this process, never disturbed."""

    prepared: Prepared
    settings: Settings
    database: Database
    client: httpx.AsyncClient
    phone: Phone

    async def comes_right(self, *, was_committed: bool) -> None:
        """Let the phone send all again, to another server process, and look at what came of it."""
        assert self.phone.queued() == self.prepared.commands, "the phone was told nothing"
        async with self.database.transaction() as session:
            numbered, taken = (await session.execute(_NUMBERED)).one()
        assert numbered == taken, "the device's row and the ledger were not written as one"
        self.phone.client = self.client
        results = await self.phone.push()
        wanted = "duplicate" if was_committed else "applied"
        assert [r["status"] for r in results] == [wanted] * self.prepared.commands
        await self.is_as_undisturbed()

    async def is_as_undisturbed(self) -> None:
        """Look that everything is there (I1) once (I2) and in its order (I3)."""
        async with self.database.transaction() as session:
            taken = [tuple(row) for row in await session.execute(_TAKEN)]
        assert taken == [(n + 1, "applied") for n in range(self.prepared.commands)]
        assert await contents(self.database) == self.prepared.expected
        await self.phone.pull()
        assert self.phone.hash_differed == 0


async def prepare(server: Server, empty: str, folder: Path) -> Prepared:
    """Make the day on a copy of a migrated database, and play the morning once undisturbed."""
    settings = server.settings(server.copy(empty))
    database = connect(settings)
    with clock.frozen(MONDAY_MORNING):
        world = await build_world(database)
        steps = SCENARIOS[LAST](await make_day(database, world))
        async with application(database, settings) as client:
            phone = Phone(client, folder / "phone.db")
            phone.use_token(bearer(settings, world.alice)["Authorization"].split()[1])
            await phone.register()
            await phone.pull()
            capture(phone, steps)
            phone.db.close()
        await database.close()
        name = str(make_url(settings.database_url).database)
        made = Prepared(server, name, folder / "phone.db", world, len(steps), {})
        async with played(made, folder) as morning:
            await morning.phone.push()
            made.expected = await contents(morning.database)
    return made


@asynccontextmanager
async def played(prepared: Prepared, folder: Path) -> AsyncIterator[Morning]:
    """Give a copy of the morning."""
    name, file = prepared.server.copy(prepared.database), folder / f"{uuid4()}.db"
    shutil.copy(prepared.phone, file)
    settings = prepared.server.settings(name)
    database = connect(settings)
    async with application(database, settings) as client:
        phone = Phone(client, file)
        try:
            yield Morning(prepared, settings, database, client, phone)
        finally:
            phone.db.close()
            await database.close()
            prepared.server.drop(name)
