"""kill -9 of the server and of PostgreSQL in the middle of push and pull (I1, I2, I3).

A killed process is not a power cut: what the operating system has taken is still written. That
a commit reaches the disk is PostgreSQL's promise; ours is to answer after it only.
"""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldops.cluster import Cluster
from fieldops.kernel import clock, points
from tests.conftest import MONDAY_MORNING
from tests.support.clients import bearer
from tests.support.device import Phone, Refused
from tests.support.schema import build_schema
from tests.support.servers import server_process
from tests.sync import morning as mornings
from tests.sync.morning import Morning, Prepared, Server

pytestmark = pytest.mark.anyio


async def killed_at(point: str, morning: Morning, phone: Phone, folder: Path, verb: str) -> None:
    """Let the phone push or pull from a server process that ends at the point, by SIGKILL."""
    more = {points.VARIABLE: point}
    with server_process(morning.settings, folder, now=MONDAY_MORNING, **more) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            phone.client = client
            request = phone.push() if verb == "push" else phone.pull()
            if point.endswith("=kill"):
                with pytest.raises(httpx.TransportError):
                    await request
            else:
                asked = asyncio.create_task(request)
                assert await server.stands_still() == point.split(":", maxsplit=1)[0]
                server.kill()
                with pytest.raises(httpx.TransportError):
                    await asked
        assert server.process.wait(timeout=10) == -signal.SIGKILL


@pytest.mark.parametrize(
    "point",
    ["push.locked", "push.command:4=kill", "push.written", "push.committed=kill"],
)
async def test_a_server_killed_in_a_push_loses_and_doubles_nothing(
    morning: Morning, tmp_path: Path, point: str
) -> None:
    """I1, I2, I3: answered only after COMMIT; the repeat finds all that was committed or none."""
    await killed_at(point, morning, morning.phone, tmp_path, "push")
    await morning.comes_right(was_committed=point.startswith(points.PUSH_COMMITTED))


@pytest.mark.parametrize("point", ["pull.written:2", "pull.committed:2=kill"])
async def test_a_server_killed_in_a_pull_leaves_a_record_that_agrees_with_the_phone(
    morning: Morning, tmp_path: Path, point: str
) -> None:
    """I5, I7: a page that was lost with its server is sent again, and held once."""
    phone = morning.phone
    whole = phone.everything()
    phone.put(cursor=None)  # it starts anew, by pages
    phone.limit["rows"] = 7
    await killed_at(point, morning, phone, tmp_path, "pull")
    phone.client = morning.client
    await phone.pull()
    assert phone.hash_differed == 0
    assert phone.everything() == whole
    await phone.push()
    await morning.is_as_undisturbed()


async def test_production_has_no_fail_points(morning: Morning, tmp_path: Path) -> None:
    """The same variable that kills a test's server does nothing to one in production."""
    real = morning.settings.model_copy(update={"environment": "production"})
    phone = morning.phone
    now, more = datetime.now(UTC), {points.VARIABLE: "push.committed=kill"}
    with clock.frozen(now):
        phone.use_token(bearer(real, morning.prepared.world.alice)["Authorization"].split()[1])
    with server_process(real, tmp_path, now=now, **more) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            phone.client = client
            assert len(await phone.push()) == morning.prepared.commands
        assert server.process.poll() is None


@pytest.mark.parametrize("said", ["push.nowhere", "push.written:0", "push.written=wait", " "])
def test_a_fail_point_that_does_not_exist_is_an_error(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A proof that kills nothing would prove nothing."""
    monkeypatch.setenv(points.VARIABLE, said)
    with pytest.raises(ValueError, match="is not POINT"):
        points.prepare("test")
    points.prepare("demo")  # only the test environment reads it


# --- PostgreSQL ----------------------------------------------------------------------------


@dataclass
class Durable:
    """A cluster of this file's own, with fsync, and the morning on it."""

    cluster: Cluster
    prepared: Prepared

    def kill(self) -> None:
        """End the postmaster and all its processes with SIGKILL, by their ids."""
        first = self.cluster.status().pid
        for pid in sorted(self.cluster._processes(), key=lambda pid: pid != first):
            os.kill(pid, signal.SIGKILL)

    def kill_a_backend(self) -> None:
        """End the process that serves the push; the server then restarts all others itself."""
        with psycopg.connect(
            make_url(self.cluster.url())
            .set(drivername="postgresql")
            .render_as_string(hide_password=False)
        ) as admin:
            found = admin.execute(
                "select pid from pg_stat_activity where state = 'idle in transaction'"
                " and application_name = 'fieldops'"
            ).fetchall()
        assert len(found) == 1
        os.kill(found[0][0], signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    directory = Path(tempfile.mkdtemp(prefix="fieldops-checkout-"))
    directory.chmod(0o755)  # the server's own user must enter it
    made = Cluster(directory)
    yield made
    made.destroy()
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
async def durable(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Durable:
    engine = create_async_engine(cluster.ensure_running(), poolclass=NullPool)
    await build_schema(engine)
    await engine.dispose()
    folder = tmp_path_factory.mktemp("durable")
    return Durable(cluster, await mornings.prepare(Server(cluster.url()), "fieldops", folder))


@contextmanager
def once_at(point: str, times: int, act: Callable[[], None]) -> Iterator[None]:
    """Do something when a point is reached for the so-manyth time."""
    left = [times]

    async def hook(name: str) -> None:
        left[0] -= name == point
        if name == point and left[0] == 0:
            act()

    with points.armed(hook):
        yield


@pytest.mark.parametrize(
    ("point", "times"),
    [(points.PUSH_LOCKED, 1), (points.PUSH_COMMAND, 3), (points.PUSH_WRITTEN, 1)],
)
async def test_postgresql_killed_between_the_statements_of_a_push_loses_and_doubles_nothing(
    durable: Durable, tmp_path: Path, point: str, times: int
) -> None:
    """I1, I2, I3: the phone is told to come again; what it sends then takes effect once."""
    async with mornings.played(durable.prepared, tmp_path) as morning:
        with once_at(point, times, durable.kill), pytest.raises(Refused) as refused:
            await morning.phone.push()
        assert refused.value.status == 503
        durable.cluster.ensure_running()
        await morning.comes_right(was_committed=False)


async def test_what_was_answered_is_there_after_postgresql_was_killed(
    durable: Durable, tmp_path: Path
) -> None:
    """I1: killed after COMMIT and before the answer; the phone will not send it again."""
    async with mornings.played(durable.prepared, tmp_path) as morning:
        with once_at(points.PUSH_COMMITTED, 1, durable.kill):
            results = await morning.phone.push()
        assert [r["status"] for r in results] == ["applied"] * durable.prepared.commands
        assert morning.phone.queued() == 0
        durable.cluster.ensure_running()
        await morning.database.engine.dispose()  # its connections died with the server
        await morning.is_as_undisturbed()


async def test_a_killed_backend_is_no_more_than_a_delay(durable: Durable, tmp_path: Path) -> None:
    """I1, I2: PostgreSQL restarts itself; the push is tried again, by the server or the phone."""
    async with mornings.played(durable.prepared, tmp_path) as morning:
        # Refused with 503, when the restart takes longer than the server's tries.
        with once_at(points.PUSH_WRITTEN, 1, durable.kill_a_backend), suppress(Refused):
            await morning.phone.push()
        durable.cluster.ensure_running()
        await morning.phone.push()
        await morning.is_as_undisturbed()
