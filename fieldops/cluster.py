"""The private PostgreSQL cluster of one checkout: made, started, stopped and removed here.

It belongs to the checkout alone: its data lies under ``.fieldops/``, it listens on
a unix socket in a directory only its owner may enter, never on TCP, and its server
never runs as root. The demo uses the durable cluster; the tests use a second one
(``durable=False``) that trades safety after a power cut for speed.

Only the standard library is imported, so that ``python3 -m fieldops.cluster`` also
runs before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fieldops.postgresql import (
    Installation,
    PrerequisiteError,
    execute,
    find_installation,
    unprivileged_user,
)

OWNER = "fieldops"
DATABASE = "fieldops"
PORT = 5432  # Only a part of the socket's name: the server has no TCP port.
LONGEST_SOCKET_DIRECTORY = 107 - len(f"/.s.PGSQL.{PORT}")
START_SECONDS = 60
LARGEST_LOG_BYTES = 10_000_000
# Root owns this directory, so nobody else can prepare a trap at a path we will trust.
SYSTEM_STATE = Path("/var/lib/fieldops")

SETTINGS = {
    "listen_addresses": "''",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    # One test run drops whole databases of tables; the default runs out of locks.
    "max_locks_per_transaction": "256",
    # Queries here are short: compiling them costs more than it saves.
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %d '",
    "log_min_duration_statement": "'1s'",
    "cluster_name": "'fieldops'",
}
FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "'30min'",
    "cluster_name": "'fieldops-test'",
    # Failing statements are what many tests ask for; they would bury the rest.
    "log_min_error_statement": "panic",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True)
class Status:
    """What is known of a cluster: absent, stopped or running; ``pid`` is None unless running."""

    state: str
    home: Path
    socket_directory: Path
    pid: int | None
    url: str


def _on_stderr(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


@dataclass(frozen=True)
class Cluster:
    """The cluster of the checkout at ``root``.

    ``durable=False`` is a separate cluster for tests: fast, and lost in a power cut.
    ``say`` receives the few sentences a person should read.
    """

    root: Path
    durable: bool = True
    say: Callable[[str], None] = _on_stderr

    @property
    def name(self) -> str:
        return "cluster" if self.durable else "cluster-test"

    @property
    def home(self) -> Path:
        """The directory that holds the data, the log and usually the socket."""
        try:
            elsewhere = self._pointer.read_text().strip() == str(self._fallback_home)
        except FileNotFoundError:
            elsewhere = False
        return self._fallback_home if elsewhere else self._state / self.name

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgresql.log"

    @property
    def socket_directory(self) -> Path:
        """Where the socket is: beside the data, or in /tmp where that path cannot name a socket."""
        beside = self.home / "socket"
        short_enough = len(os.fsencode(beside)) <= LONGEST_SOCKET_DIRECTORY
        # A comma would read as two directories, to the server and to libpq alike.
        if short_enough and not set(str(beside)) & set(",\"'\\"):
            return beside
        return Path("/tmp") / f"fieldops-{self._mark}"  # noqa: S108 - entered only after its owner is checked

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of one database of this cluster."""
        host = quote(str(self.socket_directory), safe="/")
        return f"postgresql+psycopg://{OWNER}@/{database}?host={host}&port={PORT}"

    def ensure_running(self) -> str:
        """Make the cluster when it is missing, start it when it is down; return its URL.

        Safe to call twice and from several processes at once. Raises
        PrerequisiteError when it cannot be made or started.
        """
        with self._locked():
            self._prepare_home()
            installation = self._installation()
            if not (self.data / "PG_VERSION").exists():
                self._initialise(installation)
            if not self._accepts(installation):
                self._start(installation)
            self._create_database_if_missing(DATABASE)
            return self.url()

    def create_database_if_missing(self, name: str) -> str:
        """Create the empty database ``name`` unless it is there; return its URL."""
        with self._locked():
            self._create_database_if_missing(name)
            return self.url(name)

    def stop(self) -> None:
        """Stop the server; connections are ended, committed work stays. No server, no change."""
        with self._locked():
            self._stop()

    def status(self) -> Status:
        """Say whether the cluster is absent, stopped or running, and where it is."""
        pid = None
        if not self._readable(self.data / "PG_VERSION"):
            state = "absent"
        elif self._accepts(self._installation()):
            state, pid = "running", self._postmaster()
        else:
            state = "stopped"
        return Status(state, self.home, self.socket_directory, pid, self.url())

    def destroy(self) -> None:
        """Stop the server and remove everything the cluster holds. Nothing there, no change."""
        with self._locked():
            if self._readable(self.data / "PG_VERSION"):
                self._stop()
            for directory in (self.socket_directory, self.home):
                if directory.exists():
                    shutil.rmtree(directory)
            self._pointer.unlink(missing_ok=True)

    # Where things are

    @property
    def _state(self) -> Path:
        return self.root.resolve() / ".fieldops"

    @property
    def _pointer(self) -> Path:
        return self._state / f"{self.name}.location"

    @property
    def _mark(self) -> str:
        """A short name no other cluster has."""
        return hashlib.sha256(os.fsencode(self._state / self.name)).hexdigest()[:12]

    @property
    def _fallback_home(self) -> Path:
        return SYSTEM_STATE / self._mark

    def _user(self) -> pwd.struct_passwd | None:
        """The user to run the server's programs as; None for the caller's own.

        A cluster that exists keeps its owner, so root may start what a user made.
        """
        if os.geteuid() != 0:
            return None
        if self.home.exists() and (owner := self.home.stat().st_uid) != 0:
            return pwd.getpwuid(owner)
        return unprivileged_user()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time makes, starts, stops or removes this cluster."""
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            # Reading is enough to lock, and works on a file another user made.
            lock = os.open(self._state / f"{self.name}.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        except PermissionError as error:
            raise PrerequisiteError(f"No right to write to {self._state}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _readable(self, path: Path) -> bool:
        try:
            return path.exists()
        except PermissionError as error:
            raise PrerequisiteError(
                f"{self.home} belongs to another user. Use the same user as the first time "
                "(for instance with sudo), or remove it as that user: make demo-reset"
            ) from error

    def _prepare_home(self) -> None:
        """Make the directories, where the user of the server can reach them."""
        user = self._user()
        if user is not None and not self.home.exists() and not self._reachable_by(user):
            SYSTEM_STATE.mkdir(parents=True, exist_ok=True)
            self._pointer.write_text(f"{self._fallback_home}\n")
            self.say(
                f"PostgreSQL does not run as root and its user {user.pw_name} cannot enter "
                f"{self._state}: the database is kept in {self._fallback_home}."
            )
        self._own_directory(self.home, user)
        self._readable(self.data)
        self._own_directory(self.socket_directory, user)

    def _reachable_by(self, user: pwd.struct_passwd) -> bool:
        return execute(["/usr/bin/test", "-x", str(self._state)], user=user).returncode == 0

    def _own_directory(self, directory: Path, user: pwd.struct_passwd | None) -> None:
        """Make one directory only the server's user may enter, or check that it is such a one."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if user is not None and directory.lstat().st_uid == 0:
            os.chown(directory, user.pw_uid, user.pw_gid, follow_symlinks=False)
        wanted = os.geteuid() if user is None else user.pw_uid
        owner = directory.lstat().st_uid
        if owner != wanted or directory.is_symlink():
            raise PrerequisiteError(
                f"{directory} belongs to user id {owner}, not to {wanted}. Use the same user "
                "as the first time (for instance with sudo), or remove it as that user."
            )

    # The server

    def _installation(self) -> Installation:
        version = self.data / "PG_VERSION"
        return find_installation(int(version.read_text()) if self._readable(version) else None)

    def _run(
        self, program: Path | str, *arguments: str, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return execute([str(program), *arguments], user=self._user(), text=text)

    def _initialise(self, installation: Installation) -> None:
        # Made beside and renamed, so that an interrupted start leaves no half cluster.
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        flags = ["--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", f"--username={OWNER}"]
        if not self.durable:
            flags.append("--no-sync")
        made = self._run(installation.programs / "initdb", f"--pgdata={unfinished}", *flags)
        if made.returncode != 0:
            raise PrerequisiteError(f"The database cluster could not be made.\n{made.stderr}")
        own = "include 'fieldops.conf'\n"
        self._run("/usr/bin/tee", "--append", str(unfinished / "postgresql.conf"), text=own)
        unfinished.rename(self.data)

    def _write_settings(self) -> None:
        settings = {
            **SETTINGS,
            "unix_socket_directories": f"'{self.socket_directory}'",
            **({} if self.durable else FAST_SETTINGS),
        }
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        # Written by the server's user: root follows no path that user could have bent.
        written = self._run("/usr/bin/tee", str(self.data / "fieldops.conf"), text="".join(lines))
        if written.returncode != 0:
            raise PrerequisiteError(f"The database settings cannot be written: {written.stderr}")

    def _accepts(self, installation: Installation) -> bool:
        asked = self._run(installation.programs / "pg_isready", *self._address, "--dbname=postgres")
        return asked.returncode == 0

    def _processes(self) -> list[int]:
        """The ids of the living processes of this cluster: each stands in the data directory."""
        # Looked up by the server's own user: in many containers even root is not
        # allowed to see where the processes of another user stand.
        look = 'cd /proc; for p in [0-9]*; do test "$p/cwd" -ef "$1" && echo "$p"; done'
        return [
            int(pid)
            for pid in self._run("/bin/sh", "-c", look, "sh", str(self.data)).stdout.split()
        ]

    def _postmaster(self) -> int | None:
        """The id of the living server process, None when postmaster.pid is missing or stale."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if pid in self._processes() else None

    def _start(self, installation: Installation) -> None:
        if self._postmaster() is not None and not self._socket.exists():
            self._stop()  # Somebody cleaned the socket away; only a restart brings it back.
        self._write_settings()
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self._run("/usr/bin/mv", "-f", str(self.log), f"{self.log}.old")
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts(installation):
            # A killed server's processes need a moment to notice; until then they hold the data.
            if not self._processes():
                self._start_once(installation)
            elif time.monotonic() > deadline:
                raise self._start_error("The database server does not answer")
            time.sleep(0.05)

    def _start_once(self, installation: Installation) -> None:
        # No process holds the data, so these are stale. After a restart of the machine they
        # may name a stranger, or a dead process nobody buried; PostgreSQL would give way to it.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._socket.with_name(f"{self._socket.name}.lock").unlink(missing_ok=True)
        timing = ["--wait", f"--timeout={START_SECONDS}", "--silent"]
        where = [f"--pgdata={self.data}", f"--log={self.log}"]
        started = self._run(installation.programs / "pg_ctl", "start", *timing, *where)
        if started.returncode != 0:
            raise self._start_error("The database server did not start", started.stderr)

    def _start_error(self, what: str, stderr: str = "") -> PrerequisiteError:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        tail = "\n".join(lines[-15:]) or stderr
        return PrerequisiteError(f"{what}. The end of {self.log}:\n{tail}")

    @property
    def _socket(self) -> Path:
        return self.socket_directory / f".s.PGSQL.{PORT}"

    @property
    def _address(self) -> list[str]:
        """What PostgreSQL's client programs need to find the server."""
        return [f"--host={self.socket_directory}", f"--port={PORT}", f"--username={OWNER}"]

    def _stop(self) -> None:
        if not self._readable(self.data / "PG_VERSION") or self._postmaster() is None:
            return
        programs = self._installation().programs
        how = ["--mode=fast", "--wait", f"--timeout={START_SECONDS}", "--silent"]
        stopped = self._run(programs / "pg_ctl", "stop", *how, f"--pgdata={self.data}")
        if stopped.returncode != 0 and self._postmaster() is not None:
            raise PrerequisiteError(f"The database server did not stop: {stopped.stderr}")

    def _create_database_if_missing(self, name: str) -> None:
        if re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) is None:
            raise ValueError(f"{name!r} is not a plain database name")
        programs = self._installation().programs
        there = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", "postgres"]
        asked = self._run(programs / "psql", *self._address, *options, "--command", there)
        if asked.returncode == 0 and asked.stdout.strip() == "1":
            return
        made = self._run(programs / "createdb", *self._address, "--maintenance-db=postgres", name)
        if made.returncode != 0:
            raise PrerequisiteError(f"The database {name} cannot be made: {made.stderr}")


def _describe(cluster: Cluster) -> str:
    status = cluster.status()
    process = "" if status.pid is None else f", process {status.pid}"
    return f"{status.state}{process}: {status.home}"


def main(arguments: list[str] | None = None) -> int:
    """Run one action from the command line; 0 when it is done, 2 for a missing prerequisite."""
    parser = argparse.ArgumentParser(description="The private PostgreSQL cluster of a checkout.")
    actions = ["start", "stop", "status", "destroy", "url"]
    parser.add_argument("action", choices=actions)
    parser.add_argument("--test", action="store_true", help="the fast cluster of the tests")
    here = Path(__file__).resolve().parent.parent
    parser.add_argument("--root", type=Path, default=here, help="the checkout it belongs to")
    chosen = parser.parse_args(arguments)
    cluster = Cluster(chosen.root, durable=not chosen.test)
    try:
        match chosen.action:
            case "start":
                answer = cluster.ensure_running()
            case "stop":
                cluster.stop()
                answer = _describe(cluster)
            case "status":
                answer = _describe(cluster)
            case "destroy":
                cluster.destroy()
                answer = _describe(cluster)
            case _:
                answer = cluster.url()
    except (PrerequisiteError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{answer}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
