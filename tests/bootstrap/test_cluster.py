"""The private cluster, with real servers in directories of their own."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from fieldops.cluster import LONGEST_SOCKET_DIRECTORY, Cluster
from fieldops.postgresql import PrerequisiteError, find_installation

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A directory that every user may enter, unlike tmp_path when root runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="fieldops-checkout-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def cluster(checkout: Path) -> Iterator[Cluster]:
    cluster = Cluster(checkout, durable=False)
    yield cluster
    cluster.destroy()


def ask(url: str, question: str) -> object:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def pid_of(cluster: Cluster) -> int:
    pid = cluster.status().pid
    assert pid is not None
    return pid


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    """One started cluster for the tests that only look."""
    directory = Path(tempfile.mkdtemp(prefix="fieldops-checkout-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, durable=False)
    cluster.ensure_running()
    yield cluster
    cluster.destroy()
    shutil.rmtree(directory)


def test_a_first_start_makes_a_database_that_can_have_postgis(running: Cluster) -> None:
    with psycopg.connect(running.url().replace("+psycopg", "")) as connection:
        connection.execute("CREATE EXTENSION postgis")
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("fieldops", "fieldops")


def test_the_url_reads_as_sqlalchemy_reads_it(running: Cluster) -> None:
    url = make_url(running.url("another"))
    assert (url.drivername, url.username, url.database) == (
        "postgresql+psycopg",
        "fieldops",
        "another",
    )
    assert url.query["host"] == str(running.socket_directory)


def test_the_server_listens_on_its_socket_only_and_nobody_else_may_enter(running: Cluster) -> None:
    assert ask(running.url(), "SHOW listen_addresses") == ""
    assert running.socket_directory.stat().st_mode & 0o077 == 0
    assert running.data.stat().st_mode & 0o077 == 0


def test_the_server_never_runs_as_root(running: Cluster) -> None:
    assert Path(f"/proc/{pid_of(running)}").stat().st_uid != 0


def test_a_second_start_changes_nothing(running: Cluster) -> None:
    server = pid_of(running)
    assert running.ensure_running() == running.url()
    assert pid_of(running) == server


def test_a_stopped_cluster_starts_with_its_data(cluster: Cluster) -> None:
    cluster.ensure_running()
    url = cluster.create_database_if_missing("kept")
    cluster.stop()
    assert cluster.status().state == "stopped"
    cluster.stop()
    cluster.ensure_running()
    assert ask(url, "SELECT current_database()") == "kept"
    assert cluster.create_database_if_missing("kept") == url


def test_a_killed_server_is_started_again_over_its_stale_pid_file(cluster: Cluster) -> None:
    url = cluster.ensure_running()
    with psycopg.connect(url.replace("+psycopg", "")):
        os.kill(pid_of(cluster), signal.SIGKILL)
    assert (cluster.data / "postmaster.pid").exists()
    assert ask(cluster.ensure_running(), "SELECT 1") == 1


def test_a_pid_file_that_names_a_stranger_after_a_reboot_does_not_stop_the_start(
    cluster: Cluster,
) -> None:
    cluster.ensure_running()
    pid_file = cluster.data / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    owner = cluster.home.stat()
    cluster.stop()
    # A process of the server's own user, which PostgreSQL cannot tell from a server.
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if IS_ROOT else None) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        assert cluster.status().state == "stopped"
        assert ask(cluster.ensure_running(), "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_socket_that_was_cleaned_away_comes_back(cluster: Cluster) -> None:
    cluster.ensure_running()
    for entry in cluster.socket_directory.iterdir():
        entry.unlink()
    assert ask(cluster.ensure_running(), "SELECT 1") == 1


def test_starts_at_the_same_time_make_one_server(cluster: Cluster) -> None:
    start = [sys.executable, "-m", "fieldops.cluster", "start", "--test", "--root"]

    def run() -> str:
        begun = subprocess.run(
            [*start, str(cluster.root)], capture_output=True, text=True, check=True
        )
        return begun.stdout.strip()

    with ThreadPoolExecutor(3) as pool:
        urls = {future.result() for future in [pool.submit(run) for _ in range(3)]}
    assert urls == {cluster.url()}


@pytest.mark.parametrize("folder", ["d" * 120, "a, comma's folder"])
def test_a_checkout_whose_path_cannot_name_a_socket_gets_a_short_one(
    checkout: Path, folder: str
) -> None:
    (checkout / folder).mkdir()
    cluster = Cluster(checkout / folder, durable=False)
    try:
        assert ask(cluster.ensure_running(), "SELECT 1") == 1
        assert len(str(cluster.socket_directory)) <= LONGEST_SOCKET_DIRECTORY
        assert cluster.data.is_relative_to(checkout)
    finally:
        cluster.destroy()
    assert not cluster.socket_directory.exists()


def test_a_checkout_only_its_owner_may_enter_works_and_root_is_told_where_the_data_went(
    checkout: Path,
) -> None:
    checkout.chmod(0o700)
    said: list[str] = []
    cluster = Cluster(checkout, durable=False, say=said.append)
    try:
        assert ask(cluster.ensure_running(), "SELECT 1") == 1
        home = cluster.home
        assert home.is_relative_to(checkout) == (not IS_ROOT)
        assert [str(home) in sentence for sentence in said] == ([True] if IS_ROOT else [])
    finally:
        cluster.destroy()
    assert not home.exists()


def test_the_durable_and_the_fast_cluster_are_two_and_destroy_leaves_nothing(
    checkout: Path,
) -> None:
    durable, fast = Cluster(checkout), Cluster(checkout, durable=False)
    try:
        assert ask(durable.ensure_running(), "SHOW fsync") == "on"
        assert ask(durable.url(), "SHOW synchronous_commit") == "on"
        assert ask(fast.ensure_running(), "SHOW fsync") == "off"
    finally:
        durable.destroy()
        assert fast.status().state == "running"
        fast.destroy()
        fast.destroy()
    assert (durable.status().state, fast.status().state) == ("absent", "absent")
    assert not durable.home.exists()


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(cluster: Cluster) -> None:
    cluster.ensure_running()
    cluster.stop()
    with (cluster.data / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = on\n")
    with pytest.raises(PrerequisiteError, match="no_such_setting"):
        cluster.ensure_running()


def test_a_directory_of_another_user_is_not_trusted(cluster: Cluster) -> None:
    cluster.home.parent.mkdir()
    cluster.home.mkdir()
    if IS_ROOT:
        # The owner becomes the server's user; a socket directory of a third user is a trap.
        stranger = pwd.getpwnam("daemon")
        cluster.socket_directory.mkdir()
        os.chown(cluster.socket_directory, stranger.pw_uid, stranger.pw_gid)
    else:
        cluster.socket_directory.symlink_to(tempfile.gettempdir())
    with pytest.raises(PrerequisiteError, match="belongs to user id"):
        cluster.ensure_running()
    shutil.rmtree(cluster.home)


def test_a_major_version_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(PrerequisiteError, match=r"apt-get install .*postgresql-99-postgis-3"):
        find_installation(99)


def test_a_database_name_that_would_need_quotes_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="plain database name"):
        cluster.create_database_if_missing("x'; DROP DATABASE fieldops")
