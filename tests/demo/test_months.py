"""The demo city's three months: drawn from the seed, livable, written whole and only once."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from fieldops.checklists.models import Answer, Checklist
from fieldops.demo import load
from fieldops.demo.city import City
from fieldops.demo.copying import REGION
from fieldops.demo.months.trips import Past, Trip
from fieldops.demo.months.writing import load_months
from fieldops.files.disk import Disk
from fieldops.files.models import FileLink
from fieldops.health.models import HealthDecline, HealthReading
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder
from fieldops.quality.models import EvidenceLook
from fieldops.visits.models import Visit

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def trips(city: City) -> list[Trip]:
    return Past(city, TODAY, 91).trips()


def test_the_same_seed_and_day_give_the_same_past(city: City, trips: list[Trip]) -> None:
    assert Past(city, TODAY, 91).trips() == trips
    assert Past(replace(city, seed=city.seed + 1), TODAY, 91).trips() != trips


def test_every_past_order_was_ended_before_today(trips: list[Trip]) -> None:
    today = datetime(2026, 11, 22, 22, tzinfo=UTC)  # midnight in Helsinki
    assert 1500 < len(trips) < 2500
    for trip in trips:
        assert trip.last.outcome in {"completed", "withdrawn"}
        assert trip.last.ended_at is not None
        assert trip.last.ended_at < today
        assert all(going.outcome == "nobody_home" for going in trip.goings[:-1])


def test_nobody_is_at_two_doors_at_once(trips: list[Trip]) -> None:
    days: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for trip in trips:
        for going in trip.goings:
            if going.departed_at and going.ended_at:
                days[going.technician.key].append((going.departed_at, going.ended_at))
    for spent in days.values():
        assert all(ended <= departed for (_, ended), (departed, _) in pairwise(sorted(spent)))


def test_org_03_who_goes_has_the_skills_of_the_work(trips: list[Trip]) -> None:
    for trip in trips:
        for going in trip.goings:
            held = {qualification.skill for qualification in going.technician.qualifications}
            assert trip.skills <= held


async def count(database: Database, model: Any, *conditions: Any) -> int:
    async with database.transaction() as session:
        found = await session.scalar(
            select(func.count()).select_from(model).where(model.region_id == REGION, *conditions)
        )
    return found or 0


@pytest.mark.anyio
async def test_the_past_is_written_whole_and_only_once(
    committed: tuple[Database, Settings], city: City, tmp_path: Path
) -> None:
    database, _ = committed
    disk = Disk(tmp_path, REGION)
    await load.load_city(database, replace(city, orders=()), appointments=0)
    told: dict[str, int] = {}

    await load_months(database, city, disk, told.__setitem__, days=14)

    visits = await count(database, Visit)
    assert told["past visits"] == visits > 100
    assert await count(database, ServiceOrder, ServiceOrder.state == "closed") > 100
    assert await count(database, Answer) > await count(database, Checklist) > 100
    assert await count(database, HealthReading) > 50
    assert told["visits looked at"] == await count(database, EvidenceLook)
    async with database.transaction() as session:
        linked = await session.scalars(
            select(FileLink.sha256).where(FileLink.region_id == REGION).distinct()
        )
    assert all(disk.holds(sha256) for sha256 in linked)

    again: dict[str, int] = {}
    await load_months(database, city, disk, again.__setitem__, days=14)
    assert again == {}
    assert await count(database, Visit) == visits
    assert await count(database, HealthDecline) == 0  # two weeks are too short for three readings
