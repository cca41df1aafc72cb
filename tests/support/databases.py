"""A template database per run, a clone per worker, clones for tests that must commit."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldops.cluster import Cluster
from fieldops.kernel.db import Database, connect
from fieldops.kernel.settings import Settings
from tests.support.schema import build_schema

ROOT = Path(__file__).parents[2]
PREFIX = "fieldops_test_"
SECRET = "a-secret-for-tests-only-0123456789abcdef"


def server_url() -> str:
    """Return the URL of the server tests run on: FIELDOPS_TEST_DATABASE_URL or our own."""
    given = os.environ.get("FIELDOPS_TEST_DATABASE_URL")
    return given or Cluster(ROOT, durable=False).ensure_running()


def _conninfo(url: str, database: str) -> str:
    parsed = make_url(url).set(drivername="postgresql", database=database)
    return parsed.render_as_string(hide_password=False)


def url_for(database: str) -> str:
    """Return the SQLAlchemy URL of a database on the test server."""
    parsed = make_url(server_url()).set(drivername="postgresql+psycopg", database=database)
    return parsed.render_as_string(hide_password=False)


def settings_for(database: str, **changes: object) -> Settings:
    """Return test settings for a database."""
    values = {
        "environment": "test",
        "secret": SECRET,
        "FIELDOPS_DATABASE_URL": url_for(database),
        "outside_path": Path(tempfile.gettempdir()) / f"{database}_outside",
        **changes,
    }
    return Settings.model_validate(values)


def ensure_template(run: str) -> str:
    """Create this run's template once, whichever worker comes first; return its name."""
    name = f"{PREFIX}template_{run}"
    with psycopg.connect(_conninfo(server_url(), "postgres"), autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(481516)")
        found = admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if found is None:
            _drop_abandoned(admin)
            admin.execute(f'create database "{name}"')
            asyncio.run(_build(url_for(name)))
            admin.execute(f"comment on database \"{name}\" is 'built'")
    return name


def _drop_abandoned(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop what earlier runs left: databases of ours that nobody has used for a while."""
    rows = admin.execute(
        "select d.datname from pg_database d "
        "where d.datname like %s and not exists "
        "(select 1 from pg_stat_activity a where a.datname = d.datname) "
        "and (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification "
        "< now() - interval '2 hours'",
        [PREFIX + "%"],
    ).fetchall()
    for (name,) in rows:
        admin.execute(f'drop database if exists "{name}"')


async def _build(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    await build_schema(engine)
    await engine.dispose()


def clone(template: str) -> str:
    """Create a database from the template and return its name."""
    name = f"{PREFIX}{uuid4().hex[:12]}"
    with psycopg.connect(_conninfo(server_url(), "postgres"), autocommit=True) as admin:
        admin.execute("select pg_advisory_lock_shared(481516)")
        admin.execute(f'create database "{name}" template "{template}" strategy file_copy')
    return name


def drop(name: str) -> None:
    """Drop a cloned database."""
    with psycopg.connect(_conninfo(server_url(), "postgres"), autocommit=True) as admin:
        admin.execute(f'drop database if exists "{name}" with (force)')
    shutil.rmtree(settings_for(name).outside_path, ignore_errors=True)


@asynccontextmanager
async def savepoint_database(database: Database) -> AsyncIterator[Database]:
    """Give a database whose every transaction is undone at the end."""
    async with database.engine.connect() as connection:
        outer = await connection.begin()
        yield Database(database.engine, database.outside, joined=connection)
        await outer.rollback()


@asynccontextmanager
async def undone(shared: Database) -> AsyncIterator[Database]:
    """Give a joined database again, and undo at the end what was changed since.

    So tests share what one fixture of their module built: the outer transaction holds it, each
    test has a savepoint of its own.
    """
    assert shared.joined_to is not None
    since = await shared.joined_to.begin_nested()
    yield shared
    await since.rollback()


@asynccontextmanager
async def cloned_database(
    template: str, **changes: object
) -> AsyncIterator[tuple[Database, Settings]]:
    """Give a fresh database for a test that commits, locks or listens."""
    name = clone(template)
    settings = settings_for(name, **changes)
    database = connect(settings)
    try:
        yield database, settings
    finally:
        await database.close()
        drop(name)
