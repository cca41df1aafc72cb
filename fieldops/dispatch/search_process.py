"""The process that searches for plans, as the worker holds it: started late, replaced when dead.

It is no child of a request and none of the event loop: a thread reads it, so that it outlives what
asked for it, and killing it ends the search at once.
"""

import asyncio
import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

PROGRAM = (sys.executable, "-m", "fieldops.dispatch.searching")
START_SECONDS = 300
"""Seconds the engine may take to load; the very first time it is compiled."""
PATIENCE = 20
"""Wall seconds waited for each CPU second that was asked for, and as many besides, on a machine
that has other work too."""


class SearchFailed(Exception):  # noqa: N818 - what happened, not what to raise
    """The search gave no plan: {reason}."""


class SearchProcess:
    """A running search program and the lock that lets one problem after the other into it."""

    def __init__(self, program: tuple[str, ...] = PROGRAM) -> None:
        self.program = program
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process now running, None when there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    async def solve(self, raw: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
        """Return the plan of a problem; raises SearchFailed. Cancelled, it kills the search."""
        solving = asyncio.ensure_future(asyncio.to_thread(self._solve, raw, progress))
        try:
            found: dict[str, Any] = await asyncio.shield(solving)
        except asyncio.CancelledError:
            self.kill()
            await asyncio.gather(solving, return_exceptions=True)
            raise
        return found

    def kill(self) -> None:
        """End the program and the search in it; a next problem starts another."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()

    def close(self) -> None:
        """End the program and let go of its pipes."""
        self.kill()
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _solve(self, raw: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
        with self._lock:
            process = self._running()
            patience = PATIENCE * (1.0 + float(raw["seconds"]))
            timer = threading.Timer(patience, process.kill)
            timer.start()
            try:
                return self._ask(process, raw, progress)
            finally:
                timer.cancel()

    def _running(self) -> subprocess.Popen[str]:
        if self.pid is None:
            self.close()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self.program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            timer = threading.Timer(START_SECONDS, self._process.kill)
            timer.start()
            try:
                self._answer(self._process)
            finally:
                timer.cancel()
        assert self._process is not None  # noqa: S101 - started above
        return self._process

    def _ask(
        self, process: subprocess.Popen[str], raw: dict[str, Any], progress: Callable[[float], None]
    ) -> dict[str, Any]:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            process.stdin.write(json.dumps(raw) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise SearchFailed("the search process has died") from None
        heard: dict[str, Any] = {}
        while "ended" not in heard:
            said = self._answer(process)
            heard |= said
            if "progress" in said:
                progress(said["progress"])
        if "plan" not in heard:
            killed = f"the search was ended by signal {-heard['ended']}"
            raise SearchFailed(heard.get("error", killed))
        found: dict[str, Any] = heard["plan"]
        return found

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self.close()
            raise SearchFailed(f"the search process ended with {code}")
        said: dict[str, Any] = json.loads(line)
        return said


PROCESS = SearchProcess()
atexit.register(PROCESS.close)
