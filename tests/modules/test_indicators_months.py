"""A closed month keeps its figures, and what is corrected later shows beside them (KP-02)."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.reports import jobs as timetable
from fieldops.reports.errors import MonthIsClosed, MonthNotCounted, MonthNotOver
from fieldops.reports.models import ClosedMonth
from fieldops.visits.models import Visit
from tests.modules.test_indicators import INDICATORS
from tests.modules.test_indicators_rollups import Life, kept_up
from tests.modules.test_reports import Reader, completed, hours, make
from tests.support.run import run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

OCTOBER = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
DAYS = {"from_": "2026-10-01", "to": "2026-11-15", "by": "month"}


@pytest.fixture(autouse=True)
def machine(database: Database, settings: Settings, world: World, at: datetime) -> Machine:
    here = Machine(database, settings)
    jobs.use(here)
    return here


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


async def close(database: Database, actor: Any, month: str = "2026-10-20") -> Any:
    reason = "Monthly report"
    return await run(database, actor, "indicator.close_month", month=month, reason=reason)


async def test_kp_02_a_closed_months_figure_stays_and_a_correction_shows_as_a_difference(
    database: Database, world: World, reader: Reader, at: datetime
) -> None:
    slow = await make(database, completed(window=OCTOBER, arrived=0, done=1))
    await make(database, completed(window=OCTOBER, arrived=0, done=2, technician="kim"))
    # Early September, so that all of October is rolled up.
    await make(database, completed(window=OCTOBER - timedelta(days=40), arrived=0, done=1))
    await kept_up(database)
    await close(database, world.sam)
    closed = await reader.get(world.sam, f"{INDICATORS}/mean_on_site", **DAYS)
    (october,) = closed["parts"]
    assert (october["value"], october["closed"]["value"]) == (90.0, 90.0)
    assert october["closed"]["difference"] == 0
    await Life(database, 0).change(Visit, slow.visit, ended_at=OCTOBER + hours(3))
    await kept_up(database)
    (october,) = (await reader.get(world.sam, f"{INDICATORS}/mean_on_site", **DAYS))["parts"]
    assert (october["value"], october["closed"]["value"]) == (150.0, 90.0)
    assert october["closed"]["difference"] == 60.0
    by_staff = await reader.get(world.sam, f"{INDICATORS}/mean_on_site", group="staff", **DAYS)
    assert {p["group"]: p["closed"]["difference"] for p in by_staff["parts"]} == {
        "own": 120.0,
        "contractor": 0.0,
    }
    listed = await reader.get(world.sam, "/v1/indicator-months")
    (month,) = listed["items"]
    assert (month["month"], month["closed_by"]) == ("2026-10-01", str(id_of("sam")))
    assert datetime.fromisoformat(month["closed_at"]) == at
    assert month["targets"]["kept_appointments"] == 93


async def test_kp_02_a_month_is_closed_once_when_it_is_over_and_wholly_counted_by_the_region(
    database: Database, world: World
) -> None:
    with pytest.raises(MonthNotCounted):
        await close(database, world.sam)
    made = await make(database, completed(window=OCTOBER - timedelta(days=40)))
    await kept_up(database)
    with pytest.raises(MonthNotOver):
        await close(database, world.sam, "2026-11-01")
    with pytest.raises(Forbidden):
        await close(database, world.dora)
    late = await make(database, completed(window=OCTOBER))
    await Life(database, 0).change(Visit, late.visit, ended_at=OCTOBER + hours(3))
    await kept_up(database)
    await close(database, world.sam)
    with pytest.raises(MonthIsClosed):
        await close(database, world.sam)
    assert made.visit.id


async def test_kp_02_of_two_who_close_a_month_at_once_one_is_told_that_it_is_closed(
    committed: tuple[Database, Settings],
) -> None:
    database, settings = committed
    jobs.use(Machine(database, settings))
    world = await build_world(database)
    await make(database, completed(window=OCTOBER - timedelta(days=40)))
    await kept_up(database)
    both = await asyncio.gather(
        close(database, world.sam), close(database, world.sam), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["MonthIsClosed", "dict"]


async def test_kp_02_the_timetable_closes_a_month_when_its_days_for_late_news_are_over(
    database: Database, world: World
) -> None:
    await make(database, completed(window=OCTOBER - timedelta(days=40)))

    async def closed() -> list[tuple[date, Any]]:
        async with database.transaction() as session:
            rows = await session.scalars(select(ClosedMonth).where(ClosedMonth.region_id == 1))
            return sorted((row.month, row.closed_by) for row in rows)

    with clock.frozen(datetime(2026, 11, 17, 9, tzinfo=UTC)):
        await kept_up(database)
        await timetable.close_months()
        assert await closed() == [(date(2026, 9, 1), None)]  # October's 17th day is not over
    with clock.frozen(datetime(2026, 11, 18, 9, tzinfo=UTC)):
        for _ in range(2):
            await kept_up(database)
            await timetable.close_months()
    assert await closed() == [(date(2026, 9, 1), None), (date(2026, 10, 1), None)]
