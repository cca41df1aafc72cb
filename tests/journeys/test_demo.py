"""The demo's own promises: plain messages for what is missing, a clock that never goes back."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.moved_clock import CITY, MovedClock
from tests.journeys.processes import ROOT


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nowhere", "not an address"])
def test_a_database_that_cannot_be_used_is_a_plain_message_and_code_2(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.demo", "--once"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 2
    assert "The demo cannot run." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_moved_clock_goes_forward_only(tmp_path: Path) -> None:
    moved = MovedClock(tmp_path / "clock")
    ahead = datetime.now(UTC) + timedelta(days=3)

    moved.move_to(ahead)
    moved.move_to(ahead - timedelta(days=1))

    assert abs(moved.now() - ahead) < timedelta(seconds=30)


def test_the_next_working_day_is_no_saturday_and_no_sunday(tmp_path: Path) -> None:
    moved = MovedClock(tmp_path / "clock")

    for _ in range(8):
        at = moved.next_working_day(8, 30)
        moved.move_to(at + timedelta(hours=1))
        local = at.astimezone(CITY)
        assert (local.hour, local.minute) == (8, 30)
        assert local.weekday() < 5
