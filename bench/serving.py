"""The server under test: one real process, on a free loopback port, on one database."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

from fieldops.cluster import Cluster
from fieldops.kernel.settings import Settings

ROOT = Path(__file__).parents[1]
# A cluster of its own: `make demo-reset` must not take a measurement's server away.
CLUSTER = ROOT / ".fieldops" / "bench"
SECRET = "a-secret-for-the-benchmark-only-0123456789"  # noqa: S105 - of a throw-away database
START_SECONDS = 30


def settings_for(url: str) -> Settings:
    """Return the settings of a benchmark's server."""
    return Settings.model_validate(
        {
            "environment": "test",
            "secret": SECRET,
            "FIELDOPS_DATABASE_URL": url,
            "access_token_minutes": 1440,
            "log_level": "error",
        }
    )


def conninfo(url: str, database: str | None = None) -> str:
    """Return the libpq URL of a SQLAlchemy one, of another database if named."""
    parsed = make_url(url).set(drivername="postgresql")
    if database is not None:
        parsed = parsed.set(database=database)
    return parsed.render_as_string(hide_password=False)


def migrated_database(cluster: Cluster, name: str) -> str:
    """Make a database with the newest schema in a cluster; return its SQLAlchemy URL."""
    url = cluster.create_database_if_missing(name)
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.attributes["url"] = url
    command.upgrade(config, "head")
    return url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Served:
    """A running server: its port, and the CPU time it and its database connections have used."""

    port: int
    pid: int
    url: str

    def pin_database(self, core: int) -> None:
        """Keep PostgreSQL on one core: the postmaster, its workers and all coming backends."""
        with psycopg.connect(conninfo(self.url)) as connection:
            row = connection.execute(
                "select pg_read_file('postmaster.pid')::text", prepare=False
            ).fetchone()
        pin(int(str(row[0] if row else "").split()[0]), core)

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the CPU seconds so far of the server process and of its database backends.

        They bend less than the clock does when the machine does other things besides.
        """
        with psycopg.connect(conninfo(self.url)) as connection:
            rows = connection.execute(
                "select pid from pg_stat_activity where datname = current_database() "
                "and application_name = 'fieldops'"
            ).fetchall()
        return _cpu_of(self.pid), sum(_cpu_of(pid) for (pid,) in rows)


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(pid: int, core: int) -> None:
    """Keep a process and its children on one core; what it starts later stays there too."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for each in (pid, *map(int, children)):
        os.sched_setaffinity(each, {core})


@contextmanager
def serving(url: str, core: int | None = None) -> Iterator[Served]:
    """Run one server process on a database, on one core if that is named."""
    port = _free_port()
    environment = {
        **os.environ,
        "FIELDOPS_ENVIRONMENT": "test",
        "FIELDOPS_SECRET": SECRET,
        "FIELDOPS_DATABASE_URL": url,
        "FIELDOPS_ACCESS_TOKEN_MINUTES": "1440",
        "FIELDOPS_LOG_LEVEL": "error",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldops.cli", "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment,
    )
    if core is not None:
        pin(process.pid, core)
    try:
        _wait_for(port, process)
        yield Served(port, process.pid, url)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("The server under test did not start; see its lines above.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server under test does not answer.")
