"""The played day of the demo, on a city with fewer orders: every check of it must hold."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fieldops.demo import load
from fieldops.demo.city import build_city
from fieldops.kernel import clock
from fieldops.kernel.db import connect
from tests.journeys import played_day
from tests.journeys.moved_clock import MovedClock
from tests.journeys.processes import Processes, port_for
from tests.journeys.telling import Check, Quietly
from tests.support import databases

pytestmark = pytest.mark.anyio

RULES = (
    "AP-01", "AP-03", "AP-04", "AP-05", "AP-10", "CH-03", "CU-05", "HR-01", "KP-01", "RE-02",
    "RE-03", "RE-05", "SY-01", "VI-01", "VI-04", "WO-02",
)  # fmt: skip
FEWEST_CHECKS = 26


@pytest.fixture(scope="module")
async def checks(
    template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Check]]:
    """Play the day once, on a database and processes of its own."""
    folder: Path = tmp_path_factory.mktemp("demo")
    name = databases.clone(template)
    settings = databases.settings_for(name)
    moved = MovedClock(folder / "clock")
    moved.move_to(moved.next_working_day(8, 30))
    processes = Processes(
        folder,
        {
            "FIELDOPS_ENVIRONMENT": "test",
            "FIELDOPS_DATABASE_URL": settings.database_url,
            "FIELDOPS_SECRET": databases.SECRET,
            "FIELDOPS_CLOCK_FILE": str(moved.file),
            "FIELDOPS_FILES_PATH": str(folder / "files"),
            "FIELDOPS_OUTBOX_PATH": str(folder / "outbox"),
            "FIELDOPS_MESSAGE_CHANNELS": json.dumps(["file"]),
        },
        port_for(None),
    )
    processes.environment["FIELDOPS_PUBLIC_URL"] = processes.url
    try:
        with clock.frozen(moved.now()):
            city = build_city(load.SEED, load.city_start(load.today()))
            database = connect(settings)
            await load.load_city(database, replace(city, orders=city.orders[:40]), appointments=10)
            await database.close()
        processes.start()
        yield await played_day.play(processes.url, moved, Quietly(), outbox=folder / "outbox")
    finally:
        processes.stop()
        databases.drop(name)


async def test_every_check_of_the_played_day_holds(checks: list[Check]) -> None:
    broken = [f"{check.sentence}: {check.seen}" for check in checks if not check.held]

    assert not broken, "\n".join(broken)


async def test_the_played_day_goes_on_to_its_end(checks: list[Check]) -> None:
    assert len(checks) >= FEWEST_CHECKS
    assert "history" in checks[-1].sentence


@pytest.mark.parametrize("rule", RULES)
async def test_the_played_day_shows_the_rule(checks: list[Check], rule: str) -> None:
    assert any(rule in check.sentence for check in checks)
