"""The database: one place where a transaction begins and ends.

The unit of work audits every change, counts the centres it touched, and bumps their change
counters as the last writes before COMMIT, in centre order (SYNC section 3).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, event, inspect
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column

from fieldops.kernel import audit
from fieldops.kernel.base import Base, Catalogue, Regional
from fieldops.kernel.ids import NIL
from fieldops.kernel.outside import Outside
from fieldops.kernel.settings import Settings

CATALOGUES = 0  # the counter row of the catalogues: region 0 belongs to nobody
_touched_before: WeakKeyDictionary[SessionTransaction, set[Any]] = WeakKeyDictionary()


class ChangeCounter(Base):
    """How often the rows of one centre changed; NIL counts rows without a centre.

    Region 0 with NIL counts the catalogues.
    """

    __tablename__ = "kernel_change_counter"

    region_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_id: Mapped[UUID] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(BigInteger)


class UnitOfWork(Session):
    """A session that audits and counts what it writes."""


@event.listens_for(UnitOfWork, "before_flush")
def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    for obj in (*session.new, *session.dirty, *session.deleted):
        if isinstance(obj, Regional) and obj.counted:
            touch(session, obj.region_id, getattr(obj, "centre_id", None))
            _touch_former_centre(session, obj)
        elif isinstance(obj, Catalogue):
            touch(session, CATALOGUES, None)
    audit.write(session)


@event.listens_for(UnitOfWork, "after_transaction_create")
def _savepoint_begins(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        _touched_before[transaction] = set(session.info.get("touched", ()))


@event.listens_for(UnitOfWork, "after_soft_rollback")
def _savepoint_undone(session: Session, transaction: SessionTransaction) -> None:
    """Let a refused command wake nobody: what it touched is undone with it."""
    if transaction in _touched_before:
        session.info["touched"] = _touched_before[transaction]


def _touch_former_centre(session: Session, obj: Regional) -> None:
    state = inspect(obj)
    if "centre_id" in state.attrs:
        for former in state.attrs["centre_id"].history.deleted or ():
            touch(session, obj.region_id, former)


def touch(session: Session | AsyncSession, region_id: int, centre_id: UUID | None) -> None:
    """Note that rows of a centre changed (set-based writes call it themselves)."""
    session.info.setdefault("touched", set()).add((region_id, centre_id or NIL))
    announce(session, region_id, centre_id or NIL)


def announce(session: Session | AsyncSession, region_id: int, id_: UUID) -> None:
    """Let the other processes know, after the commit, of news of a centre or a device."""
    session.info.setdefault("announced", set()).add((region_id, id_))


async def bump_counters(session: AsyncSession) -> None:
    """Write the counters of the centres touched so far, in centre order."""
    touched = sorted(session.info.pop("touched", ()))
    if not touched:
        return
    await session.execute(
        insert(ChangeCounter)
        .values([{"region_id": r, "centre_id": c, "counter": 1} for r, c in touched])
        .on_conflict_do_update(
            index_elements=["region_id", "centre_id"],
            set_={"counter": ChangeCounter.counter + 1},
        )
    )


class Database:
    """The engine of one process and the transactions on it."""

    def __init__(
        self, engine: AsyncEngine, outside: Outside, joined: AsyncConnection | None = None
    ) -> None:
        """Take the engine; `joined` makes every transaction a savepoint of one outer one."""
        self.engine = engine
        self.outside = outside
        self.after_commit: list[Callable[[set[tuple[int, UUID]]], None]] = []
        self.joined = joined is not None
        self.sessions = async_sessionmaker(
            joined or engine,
            expire_on_commit=False,
            sync_session_class=UnitOfWork,
            info={"outside": outside},
            join_transaction_mode="create_savepoint",
        )

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a transaction: committed on a clean exit, rolled back on an exception.

        READ COMMITTED for writes; `snapshot` asks for REPEATABLE READ (a pull).
        """
        async with self.sessions() as session:
            if snapshot and not self.joined:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session
            await session.flush()
            await bump_counters(session)
            await session.commit()
            if announced := session.info.pop("announced", None):
                for told in self.after_commit:
                    told(announced)

    async def close(self) -> None:
        """Close all connections."""
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
    engine = create_async_engine(
        url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_pre_ping=False,
        hide_parameters=True,  # an error in the log shows no names, phone numbers or notes
        json_serializer=to_text,
        json_deserializer=from_json,
        connect_args={
            # synchronous_commit: a phone forgets what it was told is durable (SYNC section 2).
            "options": f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC"
            " -c synchronous_commit=on",
            "application_name": "fieldops",
        },
    )
    return Database(engine, Outside(settings.outside_path))
