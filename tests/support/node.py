"""Node.js for the tests of real client libraries: one install for all, kept until the lock changes.

Node is optional: without `node` (20 or newer) and `npm` these tests are skipped and say so.
With them a failing install is a failing test, for then nothing would have been tried.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1] / "clients"
OLDEST_NODE = 20
INSTALL_SECONDS = 600
RUN_SECONDS = 180


def missing() -> str | None:
    """Return why the tests cannot run on this machine, None when they can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed: the npm client libraries were not tried"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    found = re.match(r"v(\d+)", version.stdout)
    if found is None or int(found[1]) < OLDEST_NODE:
        return f"node is older than {OLDEST_NODE}: the npm client libraries were not tried"
    return None


def prepare() -> None:
    """Install what package-lock.json names and compile the examples, once per change of either."""
    lock_file = PROJECT / ".lock"
    with lock_file.open("w") as lock:  # the workers of a run come here at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        modules = PROJECT / "node_modules"
        _once(
            modules / ".installed",
            [PROJECT / "package.json", PROJECT / "package-lock.json"],
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        )
        _once(
            PROJECT / "build" / ".compiled",
            [PROJECT / "package-lock.json", PROJECT / "tsconfig.json", *_sources()],
            ["node", str(modules / "typescript" / "bin" / "tsc"), "--project", "."],
        )


def _sources() -> list[Path]:
    return sorted((PROJECT / "examples").glob("*.ts"))


def _once(stamp: Path, inputs: list[Path], command: list[str]) -> None:
    content = hashlib.sha256(b"".join(file.read_bytes() for file in inputs)).hexdigest()
    if stamp.exists() and stamp.read_text() == content:
        return
    done = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(content)


def run(file: str, field: Mapping[str, Any]) -> str:
    """Run one test file of tests/clients; `field` reaches it as JSON in FIELDOPS_FIELD.

    Fails the calling test with node's own report when one of its tests fails or none ran.
    """
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", file],
        cwd=PROJECT,
        env={**os.environ, "FIELDOPS_FIELD": json.dumps(field), "NODE_NO_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    passed = re.search(r"^. pass (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or passed is None or passed[1] == "0":
        pytest.fail(f"{file}:\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout
