"""The migrations from nothing to head, head against the models, and one step back and forth."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldops.kernel.db import connect
from tests.support import databases, schema
from tests.support.factories.orders import MadeOrder, make_order
from tests.support.world import build_world

ROOT = Path(__file__).parents[2]

NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{4}(_[a-z0-9]+){2,}\.py")

# Everything the catalogue knows of our tables, as PostgreSQL itself writes it.
SHAPE = """
    select 'column', t.relname || '.' || a.attname,
           format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else ''
           end || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    from pg_class t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    where t.relnamespace = 'public'::regnamespace and t.relkind = 'r'
    union all
    select 'constraint', t.relname || '.' || c.conname, pg_get_constraintdef(c.oid)
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where t.relnamespace = 'public'::regnamespace
    union all
    select 'index', t.relname || '.' || i.relname, pg_get_indexdef(i.oid)
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where t.relnamespace = 'public'::regnamespace
    union all
    select 'extension', extname, extversion from pg_extension
"""


@pytest.fixture
def empty() -> Iterator[str]:
    """The URL of a database without anything in it."""
    name = f"{databases.PREFIX}{uuid4().hex[:12]}"
    with psycopg.connect(conninfo("postgres"), autocommit=True) as admin:
        admin.execute(f'create database "{name}" template template0')
    yield databases.url_for(name)
    databases.drop(name)


def conninfo(database: str) -> str:
    return databases.url_for(database).replace("+psycopg", "")


def shape(url: str) -> dict[tuple[str, str], str]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.execute(text(SHAPE)).all()
    engine.dispose()
    return {(kind, name): how for kind, name, how in rows if not name.startswith("alembic_")}


def build_from_models(url: str) -> None:
    async def build() -> None:
        engine = create_async_engine(url, poolclass=NullPool)
        await schema.build_from_models(engine)
        await engine.dispose()

    asyncio.run(build())


def differences(a: dict[Any, str], b: dict[Any, str]) -> dict[Any, tuple[Any, Any]]:
    return {
        key: (a.get(key), b.get(key)) for key in a.keys() | b.keys() if a.get(key) != b.get(key)
    }


def test_head_is_what_the_models_say(template: str, empty: str) -> None:
    """Columns, types, constraints with their conditions, indexes: no more, no less."""
    build_from_models(empty)
    migrated = shape(databases.url_for(template))
    assert len(migrated) > 200
    assert not differences(migrated, shape(empty)), "(migrated, models); write a migration"


def test_the_newest_migration_goes_back_and_forth(template: str) -> None:
    name = databases.clone(template)
    url = databases.url_for(name)
    try:
        before = shape(url)
        command.downgrade(schema.alembic(url), "-1")
        between = shape(url)
        command.upgrade(schema.alembic(url), "head")
        assert between != before, "the newest migration changes nothing, or its way back does not"
        assert not differences(before, shape(url))
    finally:
        databases.drop(name)


def test_wo_02_work_taken_in_before_says_where_it_is_after_the_migration(template: str) -> None:
    """What was ordered by the release before is at its order's premises, and is found there."""
    name = databases.clone(template)
    url = databases.url_for(name)

    async def order() -> MadeOrder:
        database = connect(databases.settings_for(name))
        made = await make_order(database, (await build_world(database)).dora)
        await database.close()
        return made

    try:
        made = asyncio.run(order())
        command.downgrade(schema.alembic(url), "0038_endangered")
        command.upgrade(schema.alembic(url), "head")
        with psycopg.connect(conninfo(name)) as connection:
            found = connection.execute("select id, premises_id from orders_work_order").fetchall()
        assert found == [(made.work[0], made.premises.id)]
    finally:
        databases.drop(name)


def test_every_migration_goes_back_to_an_empty_database(empty: str) -> None:
    nothing = shape(empty)
    command.upgrade(schema.alembic(empty), "head")
    assert shape(empty) != nothing
    command.downgrade(schema.alembic(empty), "base")
    assert shape(empty) == nothing


def test_two_runners_at_once_migrate_once(empty: str) -> None:
    """The advisory lock: the second waits, then finds nothing left to do."""
    settings = {**os.environ, "FIELDOPS_DATABASE_URL": empty}
    migrate = [sys.executable, "-m", "fieldops.cli", "migrate"]
    runners = [
        subprocess.Popen(
            migrate, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _runner in range(2)
    ]
    said = [runner.communicate(timeout=60)[0].decode() for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0], said
    engine = create_engine(empty, poolclass=NullPool)
    with engine.connect() as connection:
        marks = connection.execute(text("select version_num from alembic_version")).scalars().all()
    engine.dispose()
    assert marks == [ScriptDirectory.from_config(schema.alembic(empty)).get_current_head()]


def test_migrations_are_one_line_without_forks() -> None:
    scripts = ScriptDirectory.from_config(schema.alembic("postgresql:///unused"))
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        assert len(script._versioned_down_revisions) <= 1


def test_a_migration_is_named_by_its_time_and_a_sentence() -> None:
    names = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    scripts = ScriptDirectory.from_config(schema.alembic("postgresql:///unused"))
    in_order = [Path(script.path).name for script in scripts.walk_revisions()][::-1]
    assert names == in_order, "the files' order by name is the order they run in"
    for name in names:
        assert NAME.fullmatch(name), name


def test_the_queue_has_no_newer_schema_than_the_migrations_know() -> None:
    """When procrastinate brings a newer schema, a migration of ours must bring it in."""
    shipped = sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    assert shipped[-1] == "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def test_a_migration_that_cannot_have_its_lock_gives_up(empty: str) -> None:
    """lock_timeout: a migration waits for a table's lock five seconds, never for a day."""
    command.upgrade(schema.alembic(empty), "head")
    with psycopg.connect(empty.replace("+psycopg", "")) as holder, ThreadPoolExecutor(1) as other:
        holder.execute("lock table procrastinate_jobs in access share mode")
        failure = other.submit(command.downgrade, schema.alembic(empty), "base").exception()
    assert "lock timeout" in str(failure)
