"""The API and the worker of a demonstration: started, watched and stopped by their ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from fieldops.postgresql import PrerequisiteError

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 15


def port_for(wanted: int | None) -> int:
    """Return the wanted loopback port when nobody listens on it, else a free one."""
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PrerequisiteError("No port of the loopback address is free.")


@dataclass
class Processes:
    """`fieldops serve` and `fieldops worker` with settings of their own and logs in a folder."""

    folder: Path
    environment: dict[str, str]
    port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self, name: str) -> Path:
        """Return where a process writes its log."""
        return self.folder / f"{name}.log"

    def start(self) -> None:
        """Start both and wait until the API answers; raises PrerequisiteError when it does not."""
        self._start("api", "serve", "--port", str(self.port))
        self._start("worker", "worker")
        limit = time.monotonic() + START_SECONDS
        while not self._healthy():
            self.check()
            if time.monotonic() > limit:
                raise PrerequisiteError(f"The API does not answer; see {self.log('api')}.")
            time.sleep(0.1)

    def _start(self, name: str, *arguments: str) -> None:
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "fieldops.cli", *arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us first; we stop them in order
            )

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def check(self) -> None:
        """Raise PrerequisiteError with the end of its log when a process has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                tail = self.log(name).read_text(errors="replace").splitlines()[-12:]
                raise PrerequisiteError(
                    f"The {name} ended (code {process.returncode}). The end of {self.log(name)}:\n"
                    + "\n".join(tail)
                )

    def stop(self) -> None:
        """Stop what was started, the worker first; each by its own id."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.running.clear()
