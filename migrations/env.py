"""How migrations run: one at a time, short locks, a transaction each.

`fieldops migrate` runs this, and so does the `alembic` command for people who write migrations.
The database is the one of FIELDOPS_DATABASE_URL, unless the caller hands a URL in (the tests do).
A migration is written against the tables of one module:
`alembic -x module=orders revision --autogenerate -m "Orders count their urges"`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from geoalchemy2 import Geometry
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import make_url

from fieldops.kernel.base import metadata
from fieldops.kernel.settings import get_settings

LOCK_TIMEOUT_MS = 5_000  # a migration that cannot have its lock fails; it never blocks a queue
STATEMENT_TIMEOUT_MS = 15 * 60 * 1000
ONE_AT_A_TIME = 7_240_511_603  # the advisory lock of this program's migrations
QUEUE = "procrastinate_"


def _url() -> Any:
    given = context.config.attributes.get("url") or get_settings().database_url
    return make_url(given).set(drivername="postgresql+psycopg")


def _module() -> str | None:
    """Return the module a new migration is limited to, None for all."""
    return context.get_x_argument(as_dictionary=True).get("module")


def _include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out what is not ours: PostGIS's table, the queue's tables, other modules."""
    if kind != "table" or name is None:
        return True
    if name not in metadata.tables and (name == "spatial_ref_sys" or name.startswith(QUEUE)):
        return False
    module = _module()
    return module is None or name.startswith(f"{module}_")


def _include_object(_object: Any, name: str | None, kind: str, *_rest: Any) -> bool:
    return kind != "table" or _include_name(name, kind, {})


def _render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write geometry types with what our tables set; their indexes stand beside the tables."""
    if kind == "type" and isinstance(item, Geometry):
        autogen.imports.add("from geoalchemy2 import Geometry")
        return f"Geometry({item.geometry_type!r}, srid={item.srid}, spatial_index=False)"
    return False


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold the migrations' advisory lock; a second runner waits here, then finds nothing to do."""
    connection.execute(text("set lock_timeout = 0"))
    connection.execute(text(f"select pg_advisory_lock({ONE_AT_A_TIME})"))
    connection.execute(text(f"set lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text(f"select pg_advisory_unlock({ONE_AT_A_TIME})"))
        connection.commit()


def _configure(**how: Any) -> None:
    context.configure(
        target_metadata=metadata,
        include_name=_include_name,
        include_object=_include_object,
        render_item=_render_item,
        compare_server_default=True,
        **how,
    )


def _online() -> None:
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    engine = create_engine(
        _url(),
        poolclass=pool.NullPool,
        connect_args={"options": options, "application_name": "fieldops migrate"},
    )
    with engine.connect() as connection, _alone(connection):
        _configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _offline() -> None:
    """Print the SQL for somebody who runs it by hand."""
    _configure(
        dialect_name="postgresql",
        literal_binds=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
        context.run_migrations()


# Writing and checking migrations (the `alembic` command) compares with the models; running them
# needs no model, and must not.
if context.config.cmd_opts is not None:
    import_module("fieldops.modules")

if context.is_offline_mode():
    _offline()
else:
    _online()
