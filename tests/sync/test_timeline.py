"""SYNC 4: a database that went back in time is noticed, and the runbook loses nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url

from fieldops.customers.models import Customer
from fieldops.kernel import commands
from fieldops.kernel.changes import ChangeCounter
from fieldops.kernel.db import Database, connect
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.outside import MARK, Mark
from fieldops.kernel.settings import Settings
from fieldops.postgresql import find_installation
from fieldops.sync import queries
from fieldops.sync.errors import TimelineChanged
from fieldops.sync.timeline import BEAT, Timeline, difference, is_cleared
from tests.support.clients import bearer
from tests.support.device import Phone, Refused
from tests.support.factories.customers import make_customer
from tests.support.servers import serving
from tests.support.world import World, build_world
from tests.sync.scenarios import SCENARIOS
from tests.sync.test_erasures import NAME, erase, make_person, spoken, traces

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
HERE = Mark(system="7", timeline=1, database=5, log=1000, beat=10, epochs={1: 2})


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"log": 2000, "beat": 11, "epochs": {1: 3}}, None),
        ({"system": "8"}, "another cluster"),
        ({"timeline": 2}, "another timeline"),
        ({"database": 6}, "another database"),
        ({"log": 999}, "its log ends"),
        ({"beat": 9}, "its beat is"),
        ({"epochs": {1: 1}}, "the epoch of region 1"),
        ({"system": None, "timeline": None, "log": None}, None),  # a managed one may forbid these
    ],
)
def test_every_way_of_going_back_is_noticed(changed: dict[str, Any], why: str | None) -> None:
    """SYNC 4: another cluster, timeline or database, a shorter log, an older beat or epoch."""
    found = difference(HERE, HERE.model_copy(update=changed))
    assert found is None if why is None else (found or "").startswith(why)


def test_only_new_epochs_of_all_regions_clear_the_guard() -> None:
    """I7: an epoch that was in use before the restore does not come again."""
    known = HERE.model_copy(update={"epochs": {1: 2, 2: 4}})
    for epochs, cleared in (
        ({1: 3, 2: 4}, False),
        ({1: 3}, False),
        ({}, False),
        ({1: 3, 2: 5}, True),
    ):
        assert is_cleared(known, HERE.model_copy(update={"epochs": epochs})) is cleared


@pytest.fixture
async def timeline(committed: tuple[Database, Settings]) -> AsyncIterator[Timeline]:
    made = Timeline()
    await made.start(committed[0])
    yield made
    await made.stop()


async def test_a_first_start_records_silently_and_later_ones_pass(
    timeline: Timeline, committed: tuple[Database, Settings]
) -> None:
    database, settings = committed
    assert (settings.outside_path / MARK).exists()
    first = Mark.model_validate_json((settings.outside_path / MARK).read_bytes())
    assert None not in {first.system, first.timeline, first.database, first.log}
    await asyncio.gather(*(timeline.check() for _ in range(3)))
    another = Timeline()
    await another.start(database)
    await another.gate()
    await another.stop()
    last = Mark.model_validate_json((settings.outside_path / MARK).read_bytes())
    assert last.beat == first.beat + 4


async def test_data_loaded_back_into_the_same_database_are_noticed(
    timeline: Timeline, committed: tuple[Database, Settings]
) -> None:
    """SYNC 4: same cluster, timeline and database; only what stands in the tables is older."""
    database, _settings = committed
    await timeline.check()
    async with database.transaction() as session:
        await session.execute(
            update(ChangeCounter)
            .where(ChangeCounter.region_id == 0, ChangeCounter.centre_id == BEAT)
            .values(counter=0)
        )
    await timeline.check()
    for _ in range(5):  # looking at it often makes it no newer
        with pytest.raises(TimelineChanged):
            await timeline.gate()
    async with database.transaction() as session:
        await queries.bump_epoch(session, 1, "restored")
    await timeline.gate()
    assert timeline.refused is None


async def test_a_role_that_may_not_ask_falls_back_to_what_the_tables_say(
    committed: tuple[Database, Settings],
) -> None:
    """SYNC 4: on a managed PostgreSQL the control data may be forbidden."""
    database, settings = committed
    name, plain = database.engine.url.database, f"plain_{os.getpid()}"
    async with database.transaction() as session:
        for line in (
            f"create role {plain} login",
            "revoke execute on function pg_control_system() from public",
            f"grant all on all tables in schema public to {plain}",
        ):
            await session.execute(text(line))
    url = make_url(settings.database_url).set(username=plain)
    own = settings.model_copy(
        update={"database_url": url.render_as_string(hide_password=False), "database_pool_size": 1}
    )
    limited = connect(own)
    guard = Timeline()
    try:
        await guard.start(limited)
        await guard.gate()
        mark = Mark.model_validate_json((settings.outside_path / MARK).read_bytes())
        assert mark.system is None
        assert mark.database is not None
        assert mark.log is not None
    finally:
        await guard.stop()
        await limited.close()
        async with database.transaction() as session:
            await session.execute(text(f"drop owned by {plain}"))
            await session.execute(text(f"drop role {plain}"))
    assert name is not None


# --- the runbook ---------------------------------------------------------------------------


class Installation:
    """A database with its outside folder, its backups, and the command line on it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        url = make_url(settings.database_url).set(drivername="postgresql")
        self.name = str(url.database)
        self.libpq = url.render_as_string(hide_password=False)
        self.admin = url.set(database="postgres").render_as_string(hide_password=False)
        self.dump = folder / "backup.dump"

    def back_up(self) -> None:
        self._run(find_installation().programs / "pg_dump", "-Fc", "-f", str(self.dump), self.libpq)

    def restore(self) -> None:
        """Restore as one does in need: drop what is there, load the backup."""
        with psycopg.connect(self.admin, autocommit=True) as admin:
            admin.execute(f'drop database "{self.name}" with (force)')
            admin.execute(f'create database "{self.name}"')
        self._run(
            find_installation().programs / "pg_restore",
            "--exit-on-error",
            "-d",
            self.libpq,
            str(self.dump),
        )

    def fieldops(self, *args: str) -> str:
        """Run a command of the runbook as an operator does."""
        return self._run(sys.executable, "-m", "fieldops.cli", *args)

    def _run(self, *command: str | Path) -> str:
        environment = {
            **os.environ,
            "FIELDOPS_ENVIRONMENT": "test",
            "FIELDOPS_SECRET": self.settings.secret.get_secret_value(),
            "FIELDOPS_DATABASE_URL": self.settings.database_url,
            "FIELDOPS_OUTSIDE_PATH": str(self.settings.outside_path),
        }
        done = subprocess.run(
            [str(part) for part in command],
            env=environment, cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


async def signed_in(client: httpx.AsyncClient, settings: Settings, world: World) -> Phone:
    phone = Phone(client)
    token = bearer(settings, world.alice)["Authorization"]
    phone.use_token(token.removeprefix("Bearer "))
    await phone.register("alice")
    await phone.pull()
    return phone


async def test_after_a_restore_nothing_is_lost_and_the_erased_stay_erased(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    """SYNC 4, I1, I12: the guard refuses, the runbook's commands, and phones send again."""
    database, settings = committed
    here = Installation(settings, tmp_path)
    world = await build_world(database)
    day, customer_id = await make_person(database, world)
    steps = SCENARIOS["visit.complete"](day)
    async with httpx.AsyncClient(timeout=60) as client:
        with serving(settings) as url:
            client.base_url = httpx.URL(url)
            phone = await signed_in(client, settings, world)
            for name, args in steps[:3]:
                phone.capture(name, **spoken_as(name, args))
            await phone.sync()
            here.back_up()
            for name, args in steps[3:]:
                phone.capture(name, **spoken_as(name, args))
            await phone.sync()
            assert phone.queued() == 0
            await erase(database, world, customer_id)
        await database.close()
        here.restore()
        assert any(NAME in trace for trace in await traces(database))

        with serving(settings) as url:
            client.base_url = httpx.URL(url)
            with pytest.raises(Refused, match="timeline_changed") as refused:
                await phone.sync()
            assert refused.value.status == httpx.codes.SERVICE_UNAVAILABLE
            assert (await client.get("/health")).json()["sync"] == "timeline_changed"
            reads = await client.get("/v1/customers", headers=bearer(settings, world.dora))
            assert reads.status_code == httpx.codes.OK

            assert "1 erasures" in here.fieldops("erasures", "replay")
            here.fieldops("erasures", "check")
            here.fieldops("sync", "bump-epoch", "--reason", "restored yesterday's backup")
            await phone.sync()
            await phone.sync()
            assert (await client.get("/health")).json()["sync"] == "ok"
        assert phone.queued() == 0
        assert phone.hash_differed == 0
    async with database.transaction() as session:
        taken = await session.scalars(
            select(LedgerEntry.seq)
            .where(LedgerEntry.region_id == 1, LedgerEntry.device_id == phone.id)
            .order_by(LedgerEntry.seq)
        )
        assert list(taken) == list(range(1, len(steps) + 1))
    assert await traces(database) == []
    assert phone.row("visit", day.visit_id)["state"] == "completed"  # type: ignore[index]


def spoken_as(name: str, args: dict[str, Any]) -> dict[str, Any]:
    return spoken(commands.REGISTRY[name, 1], args)


async def test_a_database_exchanged_under_a_running_server_is_noticed(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    """SYNC 4: after the database was away, the first sync compares before it is served."""
    database, settings = committed
    here = Installation(settings, tmp_path)
    world = await build_world(database)
    async with httpx.AsyncClient(timeout=60) as client:
        with serving(settings) as url:
            client.base_url = httpx.URL(url)
            phone = await signed_in(client, settings, world)
            here.back_up()
            async with database.transaction() as session:
                await make_customer(session)
            await database.close()
            here.restore()
            codes = set()
            for _ in range(12):
                try:
                    await phone.pull_once()
                    codes.add("served")
                except Refused as refused:
                    codes.add(str(refused.problem.get("code")))
            assert "served" not in codes
            assert "timeline_changed" in codes
    async with database.transaction() as session:
        known = await session.scalars(select(Customer.id).where(Customer.region_id == 1))
        assert known.all() == []
