"""Prepares a fresh machine: ``python3 fieldops/bootstrap.py demo`` (or ``dev``).

Runs before anything is installed, so it imports only the standard library and keeps
to syntax that older Pythons can read, to tell them plainly that they are too old.
It makes ``.venv``, installs this package into it, and on Debian installs the system
packages that are missing, saying first which and why. What is in place is left as it
is: a second run takes a fraction of a second. Exit code 2 means that something is
missing which it may not or cannot get; the message names it and the command.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "fieldops-installed.json"
STATE = ROOT / ".fieldops"
LOG = STATE / "bootstrap.log"
# The development extra contains the demo's: what serves dev serves demo too.
SERVED_BY = {"demo": ("demo", "dev"), "dev": ("dev",)}
# Binary wheels bring their own libraries except these, which they expect of the system.
SYSTEM_LIBRARIES = {
    "libexpat.so.1": "libexpat1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}
POSTGRESQL = "postgresql-15-postgis-3"
CHROMIUM = Path("/usr/bin/chromium")
OGRINFO = Path("/usr/bin/ogrinfo")
# Any of these has the Chinese characters of documents; the last is what gets installed.
HAN_FONTS = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
)
NO_MAIN_CLUSTER = Path("/etc/postgresql-common/createcluster.d/fieldops.conf")
# How apt-get and pip word that nobody answers; looked for in their last lines.
NETWORK_SIGNS = (
    "could not connect",
    "failed to establish a new connection",
    "name resolution",
    "temporary failure",
    "timed out",
    "unable to connect",
    "unreachable",
)
# An error as apt-get, pip or a Python under pip words it.
ERROR_LINE = re.compile(r"^E: |error: ", re.IGNORECASE)


class MissingError(Exception):
    """Something is missing that this program cannot get; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Prepare the machine for ``demo`` or ``dev``; 0 when it is ready, 2 when it cannot be."""
    _use_a_new_enough_python()
    parser = argparse.ArgumentParser(description="Prepare this machine for FieldOps.")
    parser.add_argument("extra", choices=sorted(SERVED_BY), help="demo to see it, dev to test it")
    extra = parser.parse_args(arguments).extra
    try:
        prepare(extra)
    except MissingError as missing:
        print(f"\nFieldOps cannot be set up yet.\n{missing}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\nFieldOps cannot be set up yet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


def prepare(extra: str) -> None:
    """Bring the machine to the state that ``extra`` needs, one process at a time."""
    STATE.mkdir(exist_ok=True)
    lock = os.open(STATE / "bootstrap.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        venv_ready = _venv_works()
        wanted = _missing_packages(extra, venv_ready=venv_ready)
        if wanted:
            _install_packages(wanted)
        if not venv_ready:
            _make_venv()
        if not _is_installed(extra):
            _install_project(extra)
    finally:
        os.close(lock)


def _use_a_new_enough_python() -> None:
    """Go on in the newest suitable Python when the one that was started is too old."""
    if tuple(sys.version_info[:2]) >= OLDEST_PYTHON:
        return
    for minor in range(14, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer is not None:
            os.execv(newer, [newer, "-I", __file__, *sys.argv[1:]])  # noqa: S606 - the same program, a newer Python
    print(
        f"FieldOps needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer and this is "
        f"{sys.version.split()[0]}.\nDebian 12 has it: apt-get install python3 python3-venv",
        file=sys.stderr,
    )
    raise SystemExit(2)


# What is missing


def _missing_packages(extra: str, *, venv_ready: bool) -> dict[str, str]:
    """Return the Debian packages to install, each with the reason a person is told."""
    wanted = {}
    if not venv_ready and not _can_import("ensurepip"):
        reason = "Python's own package for making .venv, where everything else is installed"
        wanted[_venv_package()] = reason
    for library, package in SYSTEM_LIBRARIES.items():
        if not _can_load(library):
            wanted[package] = f"{library}, which the map reader's binary package expects"
    named = os.environ.get("DATABASE_URL") or os.environ.get("FIELDOPS_DATABASE_URL")
    # The tests start servers of their own, whatever server the demo uses.
    if (extra == "dev" or not named) and not _has_postgis():
        wanted[POSTGRESQL] = "the database server PostgreSQL with the maps extension PostGIS"
    if not any(font.exists() for font in HAN_FONTS):
        wanted["fonts-droid-fallback"] = "the Chinese characters of documents as PDF"
    if extra == "dev" and not CHROMIUM.exists():
        wanted["chromium"] = "the browser that the customer's page is tried in"
    if extra == "dev" and not OGRINFO.exists():
        wanted["gdal-bin"] = "GDAL's programs, the map client that the maps are tried with"
    return wanted


def _can_import(module: str) -> bool:
    return _quietly([sys.executable, "-I", "-c", f"import {module}"]).returncode == 0


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _has_postgis() -> bool:
    check = [sys.executable, "-I", str(ROOT / "fieldops" / "postgresql.py")]
    return _quietly(check).returncode == 0


def _venv_package() -> str:
    """Name the package that completes the running Python."""
    if Path(sys.executable).resolve() == Path("/usr/bin/python3").resolve():
        return "python3-venv"
    major, minor = sys.version_info[:2]
    if sys.executable.startswith("/usr/bin/"):
        return f"python{major}.{minor}-venv"
    raise MissingError(
        f"{sys.executable} was built without the module ensurepip, so it cannot make .venv.\n"
        "Use Debian's Python: make PYTHON=/usr/bin/python3 ..."
    )


def _quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


# Debian packages


def _install_packages(wanted: dict[str, str]) -> None:
    """Say what is missing and why, then install it with apt-get as root or by sudo."""
    print("FieldOps needs packages of the system that are not installed here:")
    for package, reason in wanted.items():
        print(f"  {package}: {reason}")
    if shutil.which("apt-get") is None:
        raise MissingError(
            "This system has no apt-get. Install the above with the tools of your system "
            "(an existing database server may be named in DATABASE_URL instead)."
        )
    as_root = _way_to_root(_apt_command(list(wanted)))
    print(
        f"Installing them{' by sudo' if as_root else ''}; this takes a minute or two.", flush=True
    )
    began = time.monotonic()
    apt_get = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    apt_get += ["apt-get", "-o", "DPkg::Lock::Timeout=120"]
    _follow([*apt_get, "update"])  # The lists at hand may do when this fails.
    names = [_offered_postgresql() if name == POSTGRESQL else name for name in wanted]
    # Debian would also make and start a cluster of its own; a machine that never had
    # PostgreSQL is left without one. The file only matters during the installation.
    spare_main_cluster = not Path("/usr/share/postgresql-common").exists()
    if spare_main_cluster:
        _write_as_root(as_root, NO_MAIN_CLUSTER, "create_main_cluster = false\n")
    try:
        code, said = _follow([*apt_get, "install", "-y", "--no-install-recommends", *names])
    finally:
        if spare_main_cluster:
            _quietly([*as_root, "rm", "-f", str(NO_MAIN_CLUSTER)])
    if code != 0:
        raise MissingError(
            f"{_cause(said)}\n"
            f"To get {' and '.join(names)} later, as root:\n  {_apt_command(names)}\n"
            f"Then start again. All that apt-get said is in {LOG}."
        )
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def _apt_command(names: list[str]) -> str:
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(names)}"


def _offered_postgresql() -> str:
    """Name this Debian's PostGIS package: other releases than 12 carry another PostgreSQL."""
    search = ["apt-cache", "search", "--names-only", r"^postgresql-[0-9]+-postgis-3$"]
    offered = [line.split()[0] for line in _quietly(search).stdout.splitlines() if line]
    return POSTGRESQL if POSTGRESQL in offered or not offered else max(offered)


def _way_to_root(command: str) -> list[str]:
    """Return what to put before a command so that it runs as root; MissingError without a way."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is not None:
        if _quietly(["sudo", "-n", "true"]).returncode == 0:
            return ["sudo"]
        if sys.stdin.isatty():
            print("Installing needs root; sudo may ask for your password.", flush=True)
            if subprocess.run(["sudo", "-v"], check=False).returncode == 0:
                return ["sudo"]
    raise MissingError(
        "You may not install packages here (neither root nor sudo). Ask an administrator "
        f"to run:\n  {command}\nThen start again."
    )


def _write_as_root(as_root: list[str], path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="fieldops-") as written:
        written.write(text)
        written.flush()
        _quietly([*as_root, "install", "-D", "-m", "644", written.name, str(path)])


# The virtual environment


def _venv_works() -> bool:
    """Whether .venv has a running, new enough Python with pip, and was made at this very path."""
    python = VENV / "bin" / "python"
    look = (
        "import importlib.util, sys\n"
        f"new_enough = sys.version_info >= {OLDEST_PYTHON}\n"
        "sys.exit(not (new_enough and importlib.util.find_spec('pip')))"
    )
    if not python.exists() or _quietly([str(python), "-I", "-c", look]).returncode != 0:
        return False
    # The programs in .venv/bin name their interpreter by its full path.
    return _stamp().get("root", str(ROOT)) == str(ROOT)


def _make_venv() -> None:
    print(f"Making {VENV}.", flush=True)
    made = _quietly([sys.executable, "-I", "-m", "venv", "--clear", str(VENV)])
    if made.returncode != 0:
        raise MissingError(f"{VENV} cannot be made:\n{made.stdout}{made.stderr}".rstrip())


def _stamp() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _project() -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def _is_installed(extra: str) -> bool:
    stamp = _stamp()
    return stamp.get("project") == _project() and stamp.get("extra") in SERVED_BY[extra]


def _install_project(extra: str) -> None:
    """Install the package and what it depends on into .venv; the stamp says so when it is done."""
    if extra == "demo" and _stamp().get("extra") == "dev":
        extra = "dev"  # Whoever develops here keeps their tools when pyproject.toml changes.
    print(f"Installing FieldOps and its libraries ({extra}) into .venv.", flush=True)
    began = time.monotonic()
    STAMP.unlink(missing_ok=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    code, said = _follow([*pip, "install", "--progress-bar=off", "-e", f".[{extra}]"])
    if code != 0:
        raise MissingError(
            f"{_cause(said)}\n"
            f"To get FieldOps's libraries later, start again, or:\n"
            f"  .venv/bin/python -m pip install -e '.[{extra}]'\n"
            f"All that pip said is in {LOG}."
        )
    stamp = {"root": str(ROOT), "project": _project(), "extra": extra}
    STAMP.write_text(json.dumps(stamp))
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


# Long commands


def _follow(command: list[str]) -> tuple[int, list[str]]:
    """Run a long command; its last line is shown on a terminal, all of them go to the log."""
    said = []
    width = shutil.get_terminal_size().columns - 4
    live = sys.stdout.isatty()
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for line in running.stdout or ():
            log.write(line)
            said.append(line.rstrip())
            if live:
                print(f"\r\033[K  {line.strip()[:width]}", end="", flush=True)
        running.wait()
    if live:
        print("\r\033[K", end="", flush=True)
    return running.returncode, said


def _cause(said: list[str]) -> str:
    """Say in a sentence why a program failed: no network, or the errors it named itself."""
    ending = said[-30:]
    if any(sign in line.lower() for line in ending for sign in NETWORK_SIGNS):
        return "The sources of the packages do not answer: is there a network?"
    named = [line.strip() for line in ending if ERROR_LINE.search(line)]
    return "\n".join(named[-4:] or said[-4:])


if __name__ == "__main__":
    raise SystemExit(main())
