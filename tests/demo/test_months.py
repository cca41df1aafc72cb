"""The demo city's three months: drawn from the seed, livable, written whole and only once."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from fieldops.checklists.models import Answer, Checklist
from fieldops.demo import load
from fieldops.demo.city import TIME_ZONE, City
from fieldops.demo.copying import REGION
from fieldops.demo.months.trips import Past, Trip
from fieldops.demo.months.writing import load_months
from fieldops.files.disk import Disk
from fieldops.files.models import FileLink
from fieldops.health.models import HealthDecline, HealthReading
from fieldops.kernel import clock
from fieldops.kernel.actor import system
from fieldops.kernel.db import Database
from fieldops.kernel.permissions import Permission
from fieldops.materials import queries as materials
from fieldops.materials.models import MaterialMovement, MaterialStock
from fieldops.measurements.models import LineTest
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation.models import Tool
from fieldops.organisation.queries import tools
from fieldops.quality.models import EvidenceLook
from fieldops.retention.models import ChurnCase, Revisit
from fieldops.training.models import Attendance, Exam, TrainingSession
from fieldops.upkeep import queries as upkeep
from fieldops.upkeep.models import Round, SpotCheck, SpotCheckItem
from fieldops.upkeep.rules import draw
from fieldops.visits.models import Visit
from tests.conftest import MONDAY_MORNING
from tests.support import databases
from tests.support.rows import every

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


@dataclass
class Lived:
    """A city with two weeks behind it; `told` is what the load said of it."""

    database: Database
    disk: Disk
    told: dict[str, int]


@pytest.fixture(scope="module")
async def lived(
    template: str, city: City, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lived]:
    async with databases.cloned_database(template) as (database, _):
        made = Lived(database, Disk(tmp_path_factory.mktemp("files"), REGION), {})
        with clock.frozen(MONDAY_MORNING):
            await load.load_city(database, replace(city, orders=()), appointments=0)
            await load_months(
                database, city, made.disk, made.told.__setitem__,
                days=14, looked_at=timedelta(days=4),
            )  # fmt: skip
        yield made


@pytest.mark.anyio
async def test_the_past_is_written_whole_and_only_once(lived: Lived, city: City) -> None:
    database = lived.database
    visits = await count(database, Visit)
    assert lived.told["past visits"] == visits > 100
    assert await count(database, ServiceOrder, ServiceOrder.state == "closed") > 100
    assert await count(database, Answer) > await count(database, Checklist) > 100
    assert await count(database, HealthReading) > 50
    assert lived.told["visits looked at"] == await count(database, EvidenceLook) > 30
    async with database.transaction() as session:
        linked = await session.scalars(
            select(FileLink.sha256).where(FileLink.region_id == REGION).distinct()
        )
    assert all(lived.disk.holds(sha256) for sha256 in linked)

    again: dict[str, int] = {}
    await load_months(database, city, lived.disk, again.__setitem__, days=14)
    assert again == {}
    assert await count(database, Visit) == visits
    assert await count(database, HealthDecline) == 0  # two weeks are too short for three readings


@pytest.mark.anyio
async def test_ch_03_each_stock_is_what_its_movements_say(lived: Lived) -> None:
    stocks = await every(lived.database, MaterialStock)
    async with lived.database.transaction() as session:
        for row in stocks[::3]:
            said = await materials.balance(session, REGION, row.technician_id, row.material_id)
            assert (row.balance, row.counted_at) == said
    moved = Counter(row.kind for row in await every(lived.database, MaterialMovement))
    assert {"issue", "use", "count"} <= moved.keys()
    beyond = await every(lived.database, MaterialMovement, MaterialMovement.allowed.is_not(None))
    assert all(row.quantity > row.allowed for row in beyond)
    assert {row.accepted for row in beyond} > {None}  # some are decided, some wait
    assert any(row.balance < 0 for row in stocks)


@pytest.mark.anyio
async def test_org_05_tests_name_instruments_and_how_they_stood(lived: Lived) -> None:
    taken = await every(lived.database, LineTest)
    assert {row.instrument_state for row in taken} == {"valid", "past_due", "unknown"}
    assert sum(row.instrument_state == "valid" for row in taken) > 0.7 * len(taken)
    zone = ZoneInfo(TIME_ZONE)
    async with lived.database.transaction() as session:
        for row in [row for row in taken if row.instrument_serial][::5]:
            day = clock.local_day(row.estimated_at, zone)
            stood = await tools.instrument_on(session, REGION, row.instrument_serial, day)
            assert row.instrument_state == stood
    assert await count(lived.database, Tool, Tool.lost_at.is_not(None)) == 1
    assert await count(lived.database, Tool, Tool.offered_to_id.is_not(None)) == 1


@pytest.mark.anyio
async def test_org_04_trainings_were_held_and_exams_passed_and_failed(lived: Lived) -> None:
    held = {row.id: row for row in await every(lived.database, TrainingSession, state="held")}
    assert held
    assert await count(lived.database, TrainingSession, TrainingSession.state == "planned") > 0
    there = {
        (row.training_id, row.technician_id)
        for row in await every(lived.database, Attendance, present=True)
    }
    exams = await every(lived.database, Exam)
    assert {(row.training_id, row.technician_id) for row in exams} <= there
    assert all(row.skill == held[row.training_id].skill for row in exams)


@pytest.mark.anyio
async def test_re_06_a_spot_check_can_be_drawn_again(lived: Lived) -> None:
    scope = system(REGION).scope(Permission.NETWORK_EDIT)
    checks = await every(lived.database, SpotCheck)
    assert len(checks) >= 2
    for check in checks:
        async with lived.database.transaction() as session:
            plant = await upkeep.population(session, scope, check.centre_id, check.kinds)
        assert set(check.population) == {str(row.id) for row in plant}
        items = await every(lived.database, SpotCheckItem, check_id=check.id)
        drawn = draw([row.id for row in plant], check.seed, check.share)
        assert {item.feature_id for item in items} == set(drawn)
        assert any(item.seen_at for item in items)


@pytest.mark.anyio
async def test_vi_06_ch_04_patrols_and_buildings_are_rounds_with_their_visits(lived: Lived) -> None:
    rounds = await every(lived.database, Round)
    assert {row.kind for row in rounds} == {"patrol", "inspection"}
    done = [row for row in rounds if row.done_at is not None]
    assert done
    for row in done:
        (visit,) = await every(lived.database, Visit, id=row.visit_id)
        assert (visit.state, visit.ended_at) == ("completed", row.done_at)
        (work,) = await every(lived.database, WorkOrder, id=row.work_order_id)
        assert (work.kind, work.order_id) == (
            {"patrol": "patrol", "inspection": "inspect"}[row.kind], visit.order_id,
        )  # fmt: skip


@pytest.mark.anyio
async def test_cu_09_who_may_leave_is_revisited_until_it_is_decided(lived: Lived) -> None:
    cases = await every(lived.database, ChurnCase)
    revisits: dict[Any, list[Revisit]] = defaultdict(list)
    for row in await every(lived.database, Revisit):
        revisits[row.churn_case_id].append(row)
    assert {case.id for case in cases} == revisits.keys()
    assert len({case.customer_id for case in cases}) == len(cases)
    for case in cases:
        *earlier, last = sorted(revisits[case.id], key=lambda row: row.opened_at)
        assert {row.outcome for row in earlier} <= {"undecided"}
        assert case.outcome == last.outcome
        assert case.closed_at == last.done_at
