"""`make demo`: the city on a real database, API and worker, the played day, the addresses.

    python -m tests.journeys.demo [--once]

`--once` ends after the day: code 0 when every check held, 1 when one did not, 2 when something
is missing. What it keeps between starts lies under .fieldops/demo/ (see docs/demo.md).
"""

import argparse
import asyncio
import fcntl
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.engine import make_url

from fieldops.cluster import Cluster
from fieldops.demo import load
from fieldops.demo.city import build_city
from fieldops.demo.copying import REGION
from fieldops.files.disk import Disk
from fieldops.kernel import clock
from fieldops.kernel.db import Database, connect
from fieldops.kernel.settings import Settings
from fieldops.postgresql import PrerequisiteError
from tests.journeys import played_day
from tests.journeys.moved_clock import MovedClock
from tests.journeys.processes import ROOT, Processes, port_for
from tests.journeys.telling import OnTerminal, shown

FOLDER = ROOT / ".fieldops" / "demo"
WANTED_PORT = 8000
MOST_CONNECT_SECONDS = 10
HELD, NOT_HELD, MISSING, INTERRUPTED = 0, 1, 2, 130

console = Console()


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration; the exit code is the day's verdict."""
    parser = argparse.ArgumentParser(prog="make demo", description="Play the sample day and serve.")
    parser.add_argument("--once", action="store_true", help="end after the day")
    once = parser.parse_args(arguments).once
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return asyncio.run(_demo(once=once))
    except PrerequisiteError as missing:
        console.print(f"\n[bold]The demo cannot run.[/bold]\n{missing}", highlight=False)
        return MISSING
    except KeyboardInterrupt:
        console.print("\nStopped. `make demo` goes on with the same data.")
        return INTERRUPTED if once else HELD


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


async def _demo(*, once: bool) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _alone():
        url = _database_url()
        moved = MovedClock(FOLDER / "clock")
        processes = Processes(FOLDER, _environment(url, moved.file), port_for(WANTED_PORT))
        processes.environment["FIELDOPS_PUBLIC_URL"] = processes.url
        await _prepare(_settings(processes.environment), moved)
        try:
            console.print("Starting API and worker …")
            await asyncio.to_thread(processes.start)
            checks = await _play(processes, moved)
            _farewell(processes, moved.now())
            if not once:
                await _serve(processes)
        finally:
            processes.stop()
    return HELD if all(check.held for check in checks) else NOT_HELD


@contextmanager
def _alone() -> Iterator[None]:
    """Let one demonstration at a time use the folder."""
    lock = os.open(FOLDER / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise PrerequisiteError(
            f"A demo of this checkout is running already; its logs are in {FOLDER}."
        ) from None
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())  # for `make demo-reset`, which ends it first
    try:
        yield
    finally:
        os.truncate(lock, 0)
        os.close(lock)


def _database_url() -> str:
    """Return the database to use: DATABASE_URL when it is set, else the checkout's own cluster."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        return Cluster(ROOT, say=console.print).ensure_running()
    try:
        url = make_url(given).set(drivername="postgresql")
        conninfo = url.render_as_string(hide_password=False)
        psycopg.connect(conninfo, connect_timeout=MOST_CONNECT_SECONDS).close()
    except Exception as error:  # noqa: BLE001 - an address can be wrong in many ways
        raise PrerequisiteError(f"The database of DATABASE_URL cannot be used: {error}") from None
    return given


def _secret() -> str:
    """Return the demo's key, made at the first start."""
    file = FOLDER / "secret"
    if not file.exists():
        file.touch(0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text().strip()


def _environment(url: str, clock_file: Path) -> dict[str, str]:
    return {
        "FIELDOPS_ENVIRONMENT": "demo",
        "FIELDOPS_DATABASE_URL": url,
        "FIELDOPS_SECRET": _secret(),
        "FIELDOPS_CLOCK_FILE": str(clock_file),
        "FIELDOPS_FILES_PATH": str(FOLDER / "files"),
        "FIELDOPS_OUTBOX_PATH": str(FOLDER / "outbox"),
        "FIELDOPS_MESSAGE_CHANNELS": json.dumps(["file"]),
    }


def _settings(environment: dict[str, str]) -> Settings:
    os.environ.update(environment)
    return Settings()


async def _prepare(settings: Settings, moved: MovedClock) -> None:
    """Bring the schema up to date and load the city; a warm start finds both done."""
    await _migrate()
    clock.follow_file(moved.file)
    database = connect(settings)
    try:
        latest = await load.latest_moment(database)
        if latest is not None:
            moved.move_to(latest)  # the data has seen this moment; time never goes back
        if not await load.is_loaded(database):
            moved.move_to(moved.next_working_day(8, 30))
            await _load(database, Disk(settings.files_path, REGION))
    finally:
        await database.close()


async def _migrate() -> None:
    console.print("Bringing the schema up to date …")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fieldops.cli", "migrate",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        lines = output.decode(errors="replace").strip().splitlines()
        (FOLDER / "migrate.log").write_bytes(output)
        raise PrerequisiteError(
            f"The schema could not be brought up to date: {lines[-1] if lines else 'no reason'}\n"
            f"The whole message is in {FOLDER / 'migrate.log'}."
        )


async def _load(database: Database, disk: Disk) -> None:
    began = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Building the sample city …", total=load.STEPS)
        city = await asyncio.to_thread(build_city, load.SEED, load.city_start(load.today()))
        progress.update(task, description="Loading the sample city …")

        def say(what: str, count: int) -> None:
            progress.update(task, advance=1, description=f"Loaded {count:,} {what}")

        report = await load.load_city(database, city, disk=disk, say=say)
    parts = ", ".join(f"{count:,} {what}" for what, count in report.loaded.items())
    console.print(f"Sample city loaded in {time.monotonic() - began:.0f} s: {parts}.")
    for refused in report.orders_refused:
        console.print(f"[yellow]An order did not go in:[/yellow] {refused}")


async def _play(processes: Processes, moved: MovedClock) -> list[played_day.Check]:
    began = time.monotonic()
    checks = await played_day.play(
        processes.url, moved, OnTerminal(console), outbox=FOLDER / "outbox"
    )
    console.print(shown(checks))
    console.print(f"The day took {time.monotonic() - began:.0f} s.")
    processes.check()
    return checks


def _farewell(processes: Processes, now: datetime) -> None:
    local = now.astimezone(played_day.CITY)
    console.print(f"\nThe demo's clock stands at {local:%A %d %B %Y, %H:%M} (Helsinki).")
    console.print(f"API and its documentation  {processes.url}/docs", highlight=False)
    console.print(f"Today's board              {processes.url}{played_day.BOARD}", highlight=False)
    console.print(f"Customer messages          {FOLDER / 'outbox'}", highlight=False)
    console.print(f"Logs                       {FOLDER}", highlight=False)
    console.print(f"Accounts, all with the password [bold]{load.DEMO_PASSWORD}[/bold]:")
    for who, account in played_day.ACCOUNTS.items():
        console.print(f"  {who:<24} {account}", highlight=False)


async def _serve(processes: Processes) -> None:
    console.print("\nServing until Ctrl-C.")
    while True:
        await asyncio.sleep(1)
        processes.check()


if __name__ == "__main__":
    sys.exit(main())
