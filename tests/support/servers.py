"""A real server on loopback for tests that need real connections."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import httpx
import uvicorn

from api.app import create_app
from fieldops.kernel import points
from fieldops.kernel.settings import Settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 15
PROCESS_START_SECONDS = 60


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the application from a thread of its own; give its address."""
    port = free_port()
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    limit = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > limit or not thread.is_alive():
            raise RuntimeError("the test server did not start")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)


@dataclass
class ServerProcess:
    """A real `fieldops serve`: its address, and the process to stop or kill."""

    url: str
    process: subprocess.Popen[bytes]

    async def stands_still(self) -> str:
        """Return the fail point at which the process stopped itself, once it has."""
        said: IO[bytes] | None = self.process.stdout
        assert said is not None
        return (await asyncio.to_thread(said.readline)).decode().strip()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=START_SECONDS)


@contextmanager
def server_process(
    settings: Settings, folder: Path, *, now: datetime, **environment: str
) -> Iterator[ServerProcess]:
    """Serve from a process of its own, with more environment; it is stopped at the end.

    Its clock starts at `now`; its files and its log (`server.log`) lie in the folder.
    """
    port = free_port()
    clock_file = folder / "clock"
    clock_file.write_text(str((now - datetime.now(UTC)).total_seconds()))
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "fieldops.cli", "serve", "--port", str(port)],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "FIELDOPS_DATABASE_URL": settings.database_url,
                "FIELDOPS_SECRET": settings.secret.get_secret_value(),
                "FIELDOPS_ENVIRONMENT": settings.environment,
                "FIELDOPS_FILES_PATH": str(folder / "files"),
                "FIELDOPS_OUTSIDE_PATH": str(folder / "outside"),
                "FIELDOPS_CLOCK_FILE": str(clock_file),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=written,
        )
    server = ServerProcess(f"http://127.0.0.1:{port}", process)
    with process:
        try:
            _wait_for(server, log)
            yield server
        finally:
            if environment.get(points.VARIABLE):  # it may stand still
                process.kill()
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _wait_for(server: ServerProcess, log: Path) -> None:
    limit = time.monotonic() + PROCESS_START_SECONDS
    while True:
        try:
            httpx.get(f"{server.url}/health")
        except httpx.TransportError as exc:
            if time.monotonic() > limit or server.process.poll() is not None:
                raise RuntimeError(f"the server did not start: {log.read_text()}") from exc
            time.sleep(0.05)
        else:
            return
