"""A real server on loopback for tests that need real connections."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn

from api.app import create_app
from fieldops.kernel.settings import Settings

START_SECONDS = 15


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


@contextmanager
def server_process(settings: Settings, folder: Path, *, now: datetime) -> Iterator[str]:
    """Serve as in production, in a process of its own, and give its address.

    Its clock starts at `now`; its files and its log (`server.log`) lie in the folder.
    """
    port = free_port()
    clock_file = folder / "clock"
    clock_file.write_text(str((now - datetime.now(UTC)).total_seconds()))
    environment = {
        **os.environ,
        "FIELDOPS_DATABASE_URL": settings.database_url,
        "FIELDOPS_SECRET": settings.secret.get_secret_value(),
        "FIELDOPS_ENVIRONMENT": "test",
        "FIELDOPS_FILES_PATH": str(folder / "files"),
        "FIELDOPS_CLOCK_FILE": str(clock_file),
    }
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "fieldops.cli", "serve", "--port", str(port)],
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(process, url, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    limit = time.monotonic() + 4 * START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError as exc:
            if time.monotonic() > limit or process.poll() is not None:
                raise RuntimeError(f"the server did not start: {log.read_text()}") from exc
            time.sleep(0.05)
        else:
            return
