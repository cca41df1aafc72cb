"""The preparation of a machine, run as a newcomer's first command runs it."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from fieldops import bootstrap

PROJECT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without its database check, as on a machine that lacks PostgreSQL."""
    (tmp_path / "fieldops").mkdir()
    shutil.copy(PROJECT / "fieldops" / "bootstrap.py", tmp_path / "fieldops")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def add_database_check(checkout: Path) -> None:
    shutil.copy(PROJECT / "fieldops" / "postgresql.py", checkout / "fieldops")


def add_venv(checkout: Path) -> Path:
    """A .venv that was made and filled for development; its pip is hollow and installs nothing."""
    venv.create(checkout / ".venv", symlinks=True)
    python = checkout / ".venv" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    asked = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    pip = Path(asked.stdout.strip()) / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").touch()
    return checkout / ".venv"


def run(checkout: Path, extra: str, path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": str(checkout), **more}
    program = checkout / "fieldops" / "bootstrap.py"
    return subprocess.run(
        [SYSTEM_PYTHON, "-I", program, extra],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def programs(checkout: Path, **scripts: str) -> Path:
    """A directory for PATH that holds only what a test allows."""
    directory = checkout / "programs"
    directory.mkdir()
    for name in ("env", "install", "rm", "sh"):
        (directory / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    for name, script in scripts.items():
        program = directory / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return directory


def write_stamp(monkeypatch: pytest.MonkeyPatch, checkout: Path, extra: str) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    stamp = f'{{"root": "{checkout}", "project": "{bootstrap._project()}", "extra": "{extra}"}}'
    (checkout / ".venv" / "fieldops-installed.json").write_text(stamp)


def test_without_apt_get_what_is_missing_is_named_and_why(checkout: Path) -> None:
    add_venv(checkout)
    ended = run(checkout, "demo", programs(checkout))
    assert ended.returncode == 2
    assert "postgresql-15-postgis-3: the database server PostgreSQL" in ended.stdout
    assert "has no apt-get" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_network_the_command_for_later_is_named(checkout: Path) -> None:
    add_venv(checkout)
    path = programs(
        checkout,
        apt_get="echo 'E: Temporary failure resolving the source'; exit 100",
        apt_cache="exit 0",
        sudo='while [ "$1" = -n ]; do shift; done; exec "$@"',
        true="exit 0",
    )
    ended = run(checkout, "demo", path)
    assert ended.returncode == 2
    assert "is there a network?" in ended.stderr
    assert "apt-get update && apt-get install -y" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_rights_the_administrators_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.MissingError, match="apt-get install -y x"):
        bootstrap._way_to_root("apt-get install -y x")


def test_a_named_database_server_makes_debians_package_unnecessary_for_the_demo_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_venv(checkout)
    write_stamp(monkeypatch, checkout, "demo")
    ended = run(checkout, "demo", programs(checkout), DATABASE_URL="postgresql://there/fieldops")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    write_stamp(monkeypatch, checkout, "dev")
    for_tests = run(checkout, "dev", checkout / "programs", DATABASE_URL="postgresql://there/x")
    assert for_tests.returncode == 2


@pytest.mark.parametrize(
    ("installed", "asked", "code"),
    [("demo", "demo", 0), ("dev", "demo", 0), ("dev", "dev", 0), ("demo", "dev", 2)],
)
def test_what_is_installed_already_is_not_installed_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, installed: str, asked: str, code: int
) -> None:
    add_database_check(checkout)
    add_venv(checkout)
    write_stamp(monkeypatch, checkout, installed)
    ended = run(checkout, asked, programs(checkout))
    assert ended.returncode == code, ended.stderr
    assert ("Installing FieldOps" in ended.stdout) == (code == 2)


def test_changed_dependencies_are_installed_and_a_failure_is_told_plainly(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_database_check(checkout)
    environment = add_venv(checkout)
    write_stamp(monkeypatch, checkout, "dev")
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("# one more\n")
    ended = run(checkout, "demo", programs(checkout))
    assert ended.returncode == 2
    assert "pip install -e '.[dev]'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (environment / "fieldops-installed.json").exists()


def test_a_venv_that_moved_with_its_checkout_is_not_used(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = add_venv(checkout)
    write_stamp(monkeypatch, checkout, "dev")
    monkeypatch.setattr(bootstrap, "VENV", environment)
    monkeypatch.setattr(bootstrap, "STAMP", environment / "fieldops-installed.json")
    assert bootstrap._venv_works()
    monkeypatch.setattr(bootstrap, "ROOT", checkout / "elsewhere")
    assert not bootstrap._venv_works()


def test_a_venv_without_pip_is_made_anew(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(checkout / ".venv", symlinks=True)
    monkeypatch.setattr(bootstrap, "VENV", checkout / ".venv")
    assert not bootstrap._venv_works()


def test_make_help_lists_every_target_a_newcomer_needs() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    targets = {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("  ")}
    assert {"demo", "demo-once", "demo-reset", "test", "bench", "openapi"} <= targets
