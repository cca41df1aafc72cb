"""Fixtures of all tests: a real PostgreSQL, the clock, the network closed but for loopback."""

import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import event

from fieldops.kernel import clock
from fieldops.kernel.db import Database, connect
from fieldops.kernel.events import _reactions
from fieldops.kernel.settings import Settings
from fieldops.visits.events import VisitCompleting
from tests.support import buckets, databases, region_guard
from tests.support.clients import application
from tests.support.world import World, build_world

MONDAY_MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 08:00 in Helsinki


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Print exceptions as Python does: the coloured frames with all locals take seconds each."""
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.set_exc_info,
            plain,
        ]
    )


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    real = socket.socket.connect

    def connect_nearby(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if not str(host).startswith(("127.", "::1", "localhost")):
            raise AssertionError(f"tests talk to loopback only, not to {host}")
        return real(self, address)

    socket.socket.connect = connect_nearby  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def template(testrun_uid: str) -> str:
    return databases.ensure_template(testrun_uid)


@pytest.fixture(scope="session")
async def worker_database(template: str) -> AsyncIterator[tuple[Database, Settings]]:
    name = databases.clone(template)
    settings = databases.settings_for(name)
    database = connect(settings)
    event.listen(database.engine.sync_engine, "before_cursor_execute", region_guard.watch)
    yield database, settings
    await database.close()
    databases.drop(name)


@pytest.fixture
def settings(worker_database: tuple[Database, Settings]) -> Settings:
    return worker_database[1]


@pytest.fixture
async def database(worker_database: tuple[Database, Settings]) -> AsyncIterator[Database]:
    """A database whose changes are undone after the test: one connection, no concurrency."""
    async with databases.savepoint_database(worker_database[0]) as joined:
        yield joined


@pytest.fixture
async def committed(template: str) -> AsyncIterator[tuple[Database, Settings]]:
    """A database of its own for a test that needs several connections or real commits."""
    async with databases.cloned_database(template) as pair:
        event.listen(pair[0].engine.sync_engine, "before_cursor_execute", region_guard.watch)
        yield pair


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A real S3 server of this run."""
    with buckets.s3_server() as url:
        yield url


@pytest.fixture(params=["disk", "s3"])
def files_in(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    """Settings with an empty store of files, once for each kind of store."""
    if request.param == "disk":
        return settings.model_copy(update={"files_path": tmp_path})
    return buckets.settings_in_a_bucket(settings, request.getfixturevalue("s3_url"))


@pytest.fixture(autouse=True)
def at() -> Iterator[datetime]:
    """The moment the test's clock stands at; use clock.frozen inside a test to move it."""
    with clock.frozen(MONDAY_MORNING):
        yield MONDAY_MORNING


@pytest.fixture
def evidence_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be shown before a visit ends is not asked for here; it has its own tests."""
    monkeypatch.setitem(_reactions, VisitCompleting, [])


@pytest.fixture
async def world(database: Database) -> World:
    """Two regions, centres, a firm and the named people of the tests."""
    return await build_world(database)


@pytest.fixture
async def client(database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application, not signed in; add clients.bearer(...) headers."""
    async with application(database, settings) as made:
        yield made
