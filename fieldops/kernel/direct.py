"""Statements past the ORM, for the requests that come by the hundred in a second (sync).

They run on psycopg itself, on a pool of their own: what a session, its transaction and its
events cost is several times what the database needs for a pull without news. The statements are
compiled once (`compiled`), from the same constructs as all others.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection as Psycopg
from psycopg import AsyncRawCursor, OperationalError
from psycopg.rows import namedtuple_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Executable, bindparam, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

DIALECT = dialect()  # type: ignore[no-untyped-call]
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
WAIT_SECONDS = 10  # for a free connection; after that the database counts as away


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement: its text in both styles of placeholders, and the values it keeps.

    `text` names its placeholders, `numbered` counts them in the order of `names`: psycopg would
    read through a text of 50,000 characters anew each time to turn the one into the other.
    """

    text: str
    numbered: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]


def compiled(statement: Executable) -> Statement:
    """Compile a statement once, to be run often; bound values of None are placeholders."""
    made: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=DIALECT, compile_kwargs={"render_postcompile": True}
    )
    processors = made._bind_processors  # noqa: SLF001 - what execution itself applies
    fixed = {
        name: processors[name](value) if name in processors else value
        for name, value in made.params.items()
        if value is not None
    }
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

    numbered = _PLACEHOLDER.sub(number, str(made))
    return Statement(str(made), numbered, tuple(names), fixed)


@lru_cache(maxsize=256)
def once(make: Callable[[], Executable]) -> Statement:
    """Return the statement that a function builds, from the second time on at once."""
    return compiled(make())


def given(name: str, type_: Any) -> Any:
    """Return a placeholder; compiling asks for some value, running gives the real one."""
    return bindparam(name, None, type_=type_)


class Line(Protocol):
    """One connection's way to run compiled statements; rows have attributes."""

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        """Run a statement with the values of its placeholders and return its rows."""

    async def run(self, statement: Statement, **given: Any) -> None:
        """Run a statement that returns nothing."""


Heard = Callable[[str], None]
Lost = Callable[[], Awaitable[None]]


class _PsycopgLine:
    """A line on a connection of the pool."""

    def __init__(self, connection: Psycopg[Any], heard: Heard) -> None:
        self.connection = connection
        self.heard = heard

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        found: list[Any] = await (await self._execute(statement, given)).fetchall()
        return found

    async def run(self, statement: Statement, **given: Any) -> None:
        await self._execute(statement, given)

    async def _execute(self, statement: Statement, given: Mapping[str, Any]) -> Any:
        fixed = statement.fixed
        values = [given[n] if n in given else fixed[n] for n in statement.names]
        self.heard(statement.text)
        return await self.connection.execute(statement.numbered, values)


class _SessionLine:
    """A line inside somebody else's transaction: a session's, or a test's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        found = await self.connection.exec_driver_sql(statement.text, {**statement.fixed, **given})
        return found.all()

    async def run(self, statement: Statement, **given: Any) -> None:
        await self.connection.exec_driver_sql(statement.text, {**statement.fixed, **given})


async def line_of(session: AsyncSession) -> Line:
    """Return a line inside a session's transaction; what waits to be flushed goes first."""
    await session.flush()
    return _SessionLine(await session.connection())


class OwnLine:
    """A line inside a session's transaction, on the session's own psycopg connection.

    It raises what the session itself would raise.
    """

    def __init__(self, connection: Psycopg[Any], heard: Heard, lost: Lost) -> None:
        self.connection = connection
        self.heard = heard
        self.lost = lost

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        cursor = AsyncRawCursor(self.connection, row_factory=namedtuple_row)
        return await (await self._execute(cursor, statement, given)).fetchall()

    async def tuples(self, statement: Statement, given: Mapping[str, Any]) -> Sequence[Any]:
        """Run a statement with the values of its placeholders; rows are plain tuples."""
        cursor = AsyncRawCursor(self.connection, row_factory=tuple_row)
        return await (await self._execute(cursor, statement, given)).fetchall()

    async def run(self, statement: Statement, **given: Any) -> None:
        await self._execute(AsyncRawCursor(self.connection), statement, given)

    async def together(
        self, asked: Sequence[tuple[Statement, Mapping[str, Any]]]
    ) -> list[tuple[int, Sequence[Any]]]:
        """Run statements in order in one pipeline; return of each how many rows, and the rows."""
        cursors = []
        async with self._telling(), self.connection.pipeline():
            for statement, given in asked:
                cursor = AsyncRawCursor(self.connection, row_factory=tuple_row)
                await cursor.execute(statement.numbered, self._values(statement, given))
                cursors.append(cursor)
        return [(c.rowcount, await c.fetchall() if c.description else ()) for c in cursors]

    async def _execute(
        self, cursor: AsyncRawCursor[Any], statement: Statement, given: Mapping[str, Any]
    ) -> AsyncRawCursor[Any]:
        async with self._telling():
            return await cursor.execute(statement.numbered, self._values(statement, given))

    def _values(self, statement: Statement, given: Mapping[str, Any]) -> Sequence[Any]:
        self.heard(statement.text)
        fixed = statement.fixed
        return [given[n] if n in given else fixed[n] for n in statement.names]

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Raise an error of psycopg as the session's own statements would."""
        try:
            yield
        except psycopg.Error as exc:
            if self.connection.closed:
                await self.lost()
            raise DBAPIError.instance(
                None, None, exc, psycopg.Error, hide_parameters=True, dialect=DIALECT
            ) from exc


async def open_line(session: AsyncSession) -> OwnLine:
    """Return a line on a session's connection, past what the unit of work watches."""
    connection = await session.run_sync(Session.connection)
    psycopg_connection: Any = connection.connection.driver_connection

    async def lost() -> None:
        """Let the engine meet the dead connection: it puts away those of the same age."""
        await session.execute(text("select 1"))

    return OwnLine(psycopg_connection, _hearing(connection.engine.dispatch), lost)


def _hearing(dispatch: Any) -> Heard:
    """Return what tells an engine's listeners of a statement that goes past it."""

    def heard(statement: str) -> None:
        for listener in dispatch.before_cursor_execute:
            listener(None, None, statement, None, None, False)

    return heard


# Whether this task serves sync, which must not run on a database that went back in time.
guarded: ContextVar[bool] = ContextVar("guarded", default=False)


@dataclass(slots=True)
class Gate:
    """Asked with every connection that serves sync, and told of every new one."""

    ask: Callable[[], Awaitable[None]] | None = None
    connected: Callable[[], None] | None = None

    async def passing(self) -> None:
        """Raise what the guard raises when this task serves sync."""
        if self.ask is not None and guarded.get():
            await self.ask()

    async def note(self, _connection: Any) -> None:
        """Tell of a new connection, before it is used."""
        if self.connected is not None:
            self.connected()


class Pool:
    """The psycopg connections of one process for direct statements, opened at first use."""

    def __init__(self, engine: AsyncEngine, size: int, given: Mapping[str, str]) -> None:
        """Connect as the engine does; who listens to its statements hears these too."""
        conninfo = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.gate = Gate()
        self._engine = engine
        self._listeners: Any = engine.sync_engine.dispatch
        self._pool: AsyncConnectionPool[Psycopg[Any]] = AsyncConnectionPool(
            conninfo,
            min_size=0,
            max_size=size,
            open=False,
            timeout=WAIT_SECONDS,
            configure=self.gate.note,
            kwargs={
                **given,
                # One plan for all values, made once a connection: the one that was looked at.
                "options": f"{given['options']} -c plan_cache_mode=force_generic_plan"
                # A statement by itself that changes rows sees one moment, as a transaction does.
                " -c default_transaction_isolation=repeatable\\ read",
                "autocommit": True,
                "prepare_threshold": 0,
                "cursor_factory": AsyncRawCursor,
                "row_factory": namedtuple_row,
            },
        )
        self._opening = asyncio.Lock()

    async def _open(self) -> None:
        async with self._opening:
            if self._pool.closed:
                await self._pool.open()

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        """Run one statement by itself: it is its own snapshot and its own transaction."""
        if self._pool.closed:
            await self._open()
        async with self._pool.connection() as connection:
            await self.gate.passing()
            return await _PsycopgLine(connection, self._heard).rows(statement, **given)

    async def run(self, statement: Statement, **given: Any) -> None:
        """Run one statement by itself that returns nothing."""
        if self._pool.closed:
            await self._open()
        async with self._pool.connection() as connection:
            await self.gate.passing()
            await _PsycopgLine(connection, self._heard).run(statement, **given)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Line]:
        """Open a REPEATABLE READ transaction; committed on a clean exit."""
        if self._pool.closed:
            await self._open()
        async with self._pool.connection() as connection:
            await self.gate.passing()
            await connection.execute("begin isolation level repeatable read")
            try:
                yield _PsycopgLine(connection, self._heard)
            except BaseException:
                if not connection.closed:
                    await connection.execute("rollback")
                raise
            await connection.execute("commit")

    def _heard(self, statement: str) -> None:
        for listener in self._listeners.before_cursor_execute:
            listener(None, None, statement, None, None, False)

    async def recover(self) -> None:
        """Put away connections that are dead, the sessions' too, after one was found so."""
        try:
            await self._pool.check()
            await self._engine.dispose()
        except OperationalError:
            return  # the database is still away; the next try says so

    async def close(self) -> None:
        """Close all connections."""
        if not self._pool.closed:
            await self._pool.close()


class Joined:
    """The direct statements of a test that runs inside one outer transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rows(self, statement: Statement, **given: Any) -> Sequence[Any]:
        """Run one statement inside the outer transaction."""
        return await _SessionLine(self._connection).rows(statement, **given)

    async def run(self, statement: Statement, **given: Any) -> None:
        """Run one statement inside the outer transaction that returns nothing."""
        await _SessionLine(self._connection).run(statement, **given)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Line]:
        """Open a savepoint of the outer transaction."""
        async with self._connection.begin_nested():
            yield _SessionLine(self._connection)

    async def recover(self) -> None:
        """Do nothing: the outer transaction would be lost with its connection."""


Direct = Pool | Joined
