"""The database: one place where a transaction begins and ends.

The unit of work audits every change, counts the centres it touched, and bumps their change
counters as the last writes before COMMIT, in centre order (SYNC section 3).
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Table, TextClause, event, text
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    SessionTransaction,
)
from sqlalchemy.orm.attributes import set_committed_value

from fieldops.kernel import audit
from fieldops.kernel.base import Base, Catalogue, Regional, Versioned
from fieldops.kernel.changes import CATALOGUES, bump_counters, touch, touched
from fieldops.kernel.direct import Direct, Gate, Joined, Pool, guarded
from fieldops.kernel.outside import Outside
from fieldops.kernel.settings import Settings

_touched_before: WeakKeyDictionary[SessionTransaction, int] = WeakKeyDictionary()


class UnitOfWork(Session):
    """A session that audits, counts and numbers what it writes.

    It takes account of changes at every flush, and after every command of a push that is written
    as a whole: a row's version rises once, and one audit row is made, for each account that
    finds it changed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writes = 0  # how often something not accounted for was, or may have been, written
        self._taken = False
        self._accounted: dict[Any, dict[str, Any]] = {}
        self._audits: list[audit.Row] = []

    def account(self) -> bool:
        """Audit, count and number what changed since the last account; return whether it did."""
        ctx = self.info.get("context")
        self._taken = False
        for obj in self.new:
            known = self._accounted.get(obj)
            if known is not None:
                if known != obj.__dict__:
                    self._take_changes(obj, ctx)
            elif isinstance(obj, Versioned):
                self._take(obj, audit.created(obj, ctx) if audit.is_kept(obj, ctx) else None)
        for obj in self.dirty:
            self._take_changes(obj, ctx)
        for obj in self.deleted:
            if isinstance(obj, Versioned) and obj not in self._accounted:
                self._take(obj, audit.deleted(obj, ctx) if audit.is_kept(obj, ctx) else None)
        return self._taken

    def _take_changes(self, obj: Any, ctx: Any) -> None:
        if not isinstance(obj, Versioned):
            return
        changes = audit.changes_of(obj, self._accounted.get(obj))
        if not changes:
            return
        obj.version += 1
        kept = audit.changed(obj, ctx, changes) if audit.is_kept(obj, ctx) else None
        self._take(obj, kept, changes)
        if "centre_id" in changes and isinstance(obj, Regional) and obj.counted:
            touch(self, obj.region_id, changes["centre_id"][0], type(obj), obj.id)

    def _take(
        self, obj: Versioned, row: audit.Row | None, columns: Iterable[str] | None = None
    ) -> None:
        self._taken = True
        if row is not None:
            self._audits.append(row)
        self._accounted[obj] = dict(obj.__dict__)
        if isinstance(obj, Regional) and obj.counted:
            centre_id = getattr(obj, "centre_id", None)
            touch(self, obj.region_id, centre_id, type(obj), obj.id, columns)
        elif isinstance(obj, Catalogue):
            touch(self, CATALOGUES, None, type(obj), obj.id, columns)

    def take_audits(self) -> list[audit.Row]:
        """Return the audit rows of all accounts, for who writes past the ORM's flush."""
        rows, self._audits = self._audits, []
        self._accounted.clear()
        self.writes += 1
        return rows

    def mark(self) -> tuple[int, int]:
        """Return where the session stands after an account, for `take_back`."""
        return self.writes, len(touched(self))

    def take_back(self, mark: tuple[int, int]) -> bool:
        """Undo in memory what changed since an account; what was touched wakes nobody.

        Returns False, and undoes nothing, when something may have been written since: then only
        a savepoint takes it back.
        """
        writes, kept = mark
        if self.writes != writes or self.deleted or not self.is_active:
            return False
        del touched(self)[kept:]
        for obj in self.new:
            if obj in self._accounted:
                self._restore(obj)
            else:
                self.expunge(obj)
        for obj in self.dirty:
            self._restore(obj)
        return True

    def _restore(self, obj: Any) -> None:
        known = self._accounted.get(obj)
        for name, (old, _new) in audit.changes_of(obj, known).items():
            if known is None:
                set_committed_value(obj, name, old)
            else:
                setattr(obj, name, old)

    def connection(self, *args: Any, **kwargs: Any) -> Connection:
        """Hand out the connection; what is done on it is not seen here."""
        self.writes += 1
        return super().connection(*args, **kwargs)


@event.listens_for(UnitOfWork, "before_flush")
def _before_flush(session: UnitOfWork, _context: Any, _instances: Any) -> None:
    if session.account():
        session.writes += 1


@event.listens_for(UnitOfWork, "after_flush")
def _after_flush(session: UnitOfWork, _context: Any) -> None:
    rows, session._audits = session._audits, []  # noqa: SLF001 - the class's own listener
    session._accounted.clear()  # noqa: SLF001 - see above
    if rows:
        Session.connection(session).execute(*add_rows(audit.Audit, rows))


@event.listens_for(UnitOfWork, "after_transaction_create")
def _savepoint_begins(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        _touched_before[transaction] = len(touched(session))


@event.listens_for(UnitOfWork, "after_soft_rollback")
def _undone(session: UnitOfWork, transaction: SessionTransaction) -> None:
    """Forget what was not written; let a refused command wake nobody."""
    session._audits = []  # noqa: SLF001 - the class's own listener
    session._accounted.clear()  # noqa: SLF001 - see above
    if transaction in _touched_before:
        del touched(session)[_touched_before[transaction] :]


@event.listens_for(UnitOfWork, "do_orm_execute")
def _note_write(state: ORMExecuteState) -> None:
    if not state.is_select:
        unit: Any = state.session
        unit.writes += 1


@event.listens_for(UnitOfWork, "transient_to_pending")
def _note_added(session: UnitOfWork, obj: Any) -> None:
    known = session.info.get("gathered")
    if known is not None:
        known.added[type(obj)].append(obj)


@event.listens_for(UnitOfWork, "pending_to_transient")
@event.listens_for(UnitOfWork, "persistent_to_deleted")
def _note_gone(session: UnitOfWork, obj: Any) -> None:
    known = session.info.get("gathered")
    if known is not None and isinstance(obj, Regional):
        known.forget_row(obj)


def unit_of(session: AsyncSession) -> UnitOfWork:
    """Return the unit of work behind a session."""
    unit = session.sync_session
    assert isinstance(unit, UnitOfWork)  # noqa: S101 - Database makes no other
    return unit


_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=64)
def _adding(table: Table) -> TextClause:
    columns = ", ".join(column.name for column in table.c)
    typed = ", ".join(f"{c.name} {c.type.compile(_DIALECT)}" for c in table.c)
    return text(
        f"insert into {table.name} ({columns}) select {columns} "
        f"from json_to_recordset(cast(:rows as json)) as given({typed})"
    )


def add_rows(
    model: type[Base], rows: Sequence[Mapping[str, Any]]
) -> tuple[TextClause, dict[str, str]]:
    """Return the one statement that adds rows past the unit of work, and its values.

    A row has a value for every column without a null; bytes are given as PostgreSQL's hex text.
    """
    table: Any = model.__table__
    return _adding(table), {"rows": to_text(rows)}


class Database:
    """The engine of one process and the transactions on it; `direct` goes past sessions."""

    def __init__(
        self,
        engine: AsyncEngine,
        outside: Outside,
        pool: Pool | None = None,
        joined: AsyncConnection | None = None,
    ) -> None:
        """Take the engine; `joined` makes every transaction a savepoint of one outer one."""
        self.engine = engine
        self.outside = outside
        self.gate = Gate() if pool is None else pool.gate
        self.after_commit: list[Callable[[set[tuple[int, UUID]]], None]] = []
        self.pool = pool
        self.joined_to = joined
        self.joined = joined is not None
        self.sessions = async_sessionmaker(
            joined or engine,
            expire_on_commit=False,
            sync_session_class=UnitOfWork,
            info={"outside": outside},
            join_transaction_mode="create_savepoint",
        )

    @property
    def direct(self) -> Direct:
        """Statements past sessions (fieldops/kernel/direct.py)."""
        if self.joined_to is not None:
            return Joined(self.joined_to)
        if self.pool is None:
            raise RuntimeError("this database was opened without a pool for direct statements")
        return self.pool

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a transaction: committed on a clean exit, rolled back on an exception.

        READ COMMITTED for writes; `snapshot` asks for REPEATABLE READ (a pull).
        """
        async with self.sessions() as session:
            if snapshot and not self.joined:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            if guarded.get():
                await session.connection()  # a new one is compared before it is used
                await self.gate.passing()
            yield session
            await session.flush()
            await bump_counters(session)
            await session.commit()
            if announced := session.info.pop("announced", None):
                for told in self.after_commit:
                    told(announced)

    @asynccontextmanager
    async def trial(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction of which nothing stays, however it ends."""
        async with self.sessions() as session:
            try:
                yield session
            finally:
                await session.rollback()

    async def close(self) -> None:
        """Close all connections."""
        if self.pool is not None:
            await self.pool.close()
        await self.engine.dispose()


def to_text(value: Any) -> str:
    """Serialise a JSON value (UUIDs and times included) as the database stores it."""
    return to_json(value).decode()


def connect(settings: Settings) -> Database:
    """Make the database of a process from its settings."""
    url = settings.database_url
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    options = {
        # synchronous_commit: a phone forgets what it was told is durable (SYNC section 2).
        "options": f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC"
        " -c synchronous_commit=on",
        "application_name": "fieldops",
    }
    engine = create_async_engine(
        url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_pre_ping=False,
        hide_parameters=True,  # an error in the log shows no names, phone numbers or notes
        json_serializer=to_text,
        json_deserializer=from_json,
        connect_args=options,
    )
    pool = Pool(engine, settings.database_pool_size, options)
    return Database(engine, Outside(settings.outside_path), pool)
