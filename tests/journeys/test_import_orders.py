"""`fieldops import orders FILE`: good lines go in, a bad one is named, twice changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.journeys.processes import ROOT
from tests.support import databases
from tests.support.world import NORTH, build_world

pytestmark = pytest.mark.anyio

CUSTOMER = {
    "external_ref": "C-1",
    "details": {"segment": "household", "tier": "basic", "contact": {"name": "Vieno Lampi"}},
}
PREMISES = {
    "external_ref": "P-1",
    "details": {
        "centre_id": str(NORTH),
        "street": "Unioninkatu",
        "house_number": "1",
        "postcode": "00100",
        "city": "Helsinki",
        "point": {"type": "Point", "coordinates": [24.95, 60.17]},
    },
}


def order(ref: str, **changes: object) -> str:
    line = {
        "external_ref": ref,
        "customer": CUSTOMER,
        "premises": PREMISES,
        "items": [{"kind": "repair", "service": "fixed_line", "symptom": "no dial tone"}],
    }
    return json.dumps({**line, **changes})


def bring_in(settings: Settings, file: Path) -> tuple[int, dict[str, object]]:
    """Run the command; return its exit code and its report."""
    done = subprocess.run(
        [sys.executable, "-m", "fieldops.cli", "import", "orders", str(file), "--region", "1"],
        cwd=ROOT,
        env={
            **os.environ,
            "FIELDOPS_DATABASE_URL": settings.database_url,
            "FIELDOPS_SECRET": databases.SECRET,
            "FIELDOPS_LOG_LEVEL": "error",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}


async def test_wo_01_a_bad_line_is_reported_with_its_number_and_the_good_ones_go_in(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed
    await build_world(database)
    file = tmp_path / "orders.jsonl"
    lines = [order("A-1"), '{"external_ref": "A-2"', order("A-3", items=[]), "", order("A-4")]
    file.write_text("\n".join(lines), encoding="utf-8")

    code, report = bring_in(settings, file)

    assert code == 1
    assert report["received"] == 2
    assert [line["number"] for line in report["bad"]] == [2, 3]
    assert all(line["reason"] for line in report["bad"])


async def test_wo_01_the_same_file_again_changes_nothing(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed
    await build_world(database)
    file = tmp_path / "orders.jsonl"
    file.write_text(f"{order('A-1')}\n{order('A-2')}\n", encoding="utf-8")

    first = bring_in(settings, file)
    second = bring_in(settings, file)

    assert first == (0, {"received": 2, "unchanged": 0, "bad": []})
    assert second == (0, {"received": 0, "unchanged": 2, "bad": []})


async def test_a_missing_file_is_a_plain_message(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    code, report = bring_in(committed[1], tmp_path / "nowhere.jsonl")

    assert (code, report) == (2, {})
