"""Inspection duty as an indicator, worked out by hand over two months (QA-02, KP-02)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.quality import duty
from fieldops.quality.models import Form, Inspection
from tests.modules.test_indicators import asked, behind, total
from tests.modules.test_indicators_rollups import kept_up
from tests.modules.test_reports import Reader, completed, make
from tests.support.factories.inspections import lay_out
from tests.support.world import NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

NAME = "inspection_duty"
JANUARY = datetime(2027, 1, 10, 6, 0, tzinfo=UTC)


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)


async def inspect(
    database: Database, level: str, centre: UUID | None, done_on: date | None
) -> Inspection:
    """An inspection whose sheet was given on a day, or one that is planned."""
    async with database.transaction() as session:
        form = await session.scalar(select(Form.id).where(Form.kind == "remote"))
        done = {} if done_on is None else {"done_on": done_on, "score": 90.0}
        row = Inspection(
            region_id=1, level=level, kind="remote", centre_id=centre, form_id=form,
            state="planned" if done_on is None else "reported", planned_for=date(2026, 11, 30),
            inspector_id=id_of("sam"), planned_by=id_of("sam"), **done,
        )  # fmt: skip
        session.add(row)
    return row


async def two_months(database: Database) -> dict[str, Inspection]:
    """November and December, the last quarter, the year: seven duties, of which three are done."""
    await lay_out(database)
    return {
        "north, november": await inspect(database, "centre", NORTH, date(2026, 11, 23)),
        "again": await inspect(database, "centre", NORTH, date(2026, 11, 25)),
        "south, a day too late": await inspect(database, "centre", SOUTH, date(2026, 12, 1)),
        "region, last day": await inspect(database, "region", NORTH, date(2026, 12, 31)),
        "province, too late": await inspect(database, "province", None, date(2027, 1, 2)),
        "only planned": await inspect(database, "region", SOUTH, None),
    }


async def test_qa_02_a_duty_counts_once_a_period_done_in_it_or_missed_on_its_last_day(
    database: Database, world: World, reader: Reader
) -> None:
    """By hand: centres monthly 2 x 2, the region quarterly 2, the province yearly 1; 3 of 7."""
    made = await two_months(database)
    assert await total(reader, world, NAME) == (3, 7, 42.86)
    done = await behind(reader, world, NAME, counted=True)
    assert done == {
        str(made[name].id): 1.0
        for name in ("north, november", "south, a day too late", "region, last day")
    }
    missed = await asked(reader, world, f"{NAME}/records", counted=False, sort="at")
    assert [(row["day"], row["centre_id"]) for row in missed["items"]] == [
        ("2026-11-30", str(SOUTH)),
        *((("2026-12-31", centre)) for centre in _last_day(missed)),
    ]
    months = (await asked(reader, world, NAME, by="month"))["parts"]
    assert [(part["numerator"], part["denominator"]) for part in months] == [(1, 2), (2, 5)]


def _last_day(missed: Any) -> list[str | None]:
    """North's December, South's quarter and the province's year, in whatever order."""
    found = [row["centre_id"] for row in missed["items"][1:]]
    assert sorted(map(str, found)) == sorted(map(str, (NORTH, SOUTH, None)))
    return found


async def test_kp_02_inspection_duty_is_cut_by_centre_and_the_provinces_is_nobodys(
    database: Database, world: World, reader: Reader
) -> None:
    await two_months(database)
    assert await total(reader, world, NAME, centre_id=SOUTH) == (1, 3, 33.33)
    parts = (await asked(reader, world, NAME, group="centre"))["parts"]
    assert {(p["group"], p["numerator"], p["denominator"]) for p in parts} == {
        (str(NORTH), 2, 3),
        (str(SOUTH), 1, 3),
        (None, 0, 1),
    }
    assert await total(reader, world, NAME, who="dora") == (2, 3, 66.67)  # of North alone
    assert await total(reader, world, NAME, who="mia") == (0, 0, None)  # firms inspect nobody


async def test_qa_02_a_period_that_goes_on_is_missed_by_nobody_and_units_owe_none_before_they_are(
    database: Database, world: World, reader: Reader
) -> None:
    await two_months(database)
    days = {"from_": "2026-08-01", "to": "2026-12-31"}
    with clock.frozen(datetime(2026, 12, 31, 20, 0, tzinfo=UTC)):  # still the 31st in Helsinki
        found = await reader.get(world.sam, f"/v1/indicators/{NAME}", **days)
    assert (found["total"]["numerator"], found["total"]["denominator"]) == (3, 4)


async def test_kp_02_a_corrected_day_of_an_inspection_counts_every_day_of_its_period_again(
    database: Database, world: World, reader: Reader, settings: Settings
) -> None:
    jobs.use(Machine(database, settings))
    await make(database, completed(window=datetime(2026, 10, 12, 8, 0, tzinfo=UTC)))
    await two_months(database)
    with clock.frozen(JANUARY):
        await kept_up(database)
        assert await total(reader, world, NAME) == (3, 7, 42.86)
        late = await inspect(database, "centre", NORTH, date(2026, 12, 15))
        assert await total(reader, world, NAME) == (3, 7, 42.86)  # from the rollups
        await kept_up(database)
        assert await total(reader, world, NAME) == (4, 7, 57.14)  # the 31st lost its missed one
        async with database.transaction() as session:
            row = await session.get_one(Inspection, (1, late.id))
            row.done_on = date(2027, 1, 5)
        await kept_up(database)
        assert await total(reader, world, NAME) == (3, 7, 42.86)


def test_qa_02_periods_are_whole_and_of_the_calendar() -> None:
    assert duty.period_of(date(2026, 11, 23), 3) == (date(2026, 10, 1), date(2026, 12, 31))
    assert duty.periods(date(2026, 11, 30), date(2026, 12, 1), 1) == [
        (date(2026, 11, 1), date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 12, 31)),
    ]
