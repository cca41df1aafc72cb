import random
from itertools import pairwise, product
from typing import Any

import pytest
from sqlalchemy import func, select

from fieldops.customers import queries, rules
from fieldops.customers.errors import StandardNotMonotone
from fieldops.customers.models import ServiceStandard
from fieldops.customers.rules import Limit, Segment, Service, Standard, Task
from fieldops.customers.standards import DEFAULTS, ensure_defaults
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


def limit(segment: Segment, tier: str, service: Service | None, task: Task) -> Limit:
    found = rules.limit_for(DEFAULTS, segment, tier, service, task)
    assert found is not None
    return found


def test_cu_02_business_customers_get_the_times_of_the_rule_book() -> None:
    for segment in (Segment.ENTERPRISE, Segment.GOVERNMENT):
        times = {task: limit(segment, "5A", Service.FIXED_LINE, task) for task in Task}
        assert times[Task.BOOKING_CALL] == Limit(30, 120)
        assert times[Task.ARRIVAL] == Limit(60, 180)
        assert times[Task.REPAIR] == Limit(180, 1440)


def test_cu_02_every_customer_service_and_task_has_a_limit() -> None:
    for segment, service, task in product(Segment, (*Service, None), Task):
        for tier in rules.tiers_of(segment):
            found = limit(segment, tier, service, task)
            assert 0 < found.minutes <= found.upper_minutes


def test_cu_02_broadband_is_stricter_than_the_fixed_line() -> None:
    for segment, task in product(Segment, Task):
        for tier in rules.tiers_of(segment):
            broadband = limit(segment, tier, Service.BROADBAND, task)
            fixed_line = limit(segment, tier, Service.FIXED_LINE, task)
            assert broadband.minutes < fixed_line.minutes
            assert broadband.upper_minutes <= fixed_line.upper_minutes


@pytest.mark.parametrize(
    ("segment", "tiers"),
    [
        (Segment.HOUSEHOLD, ("diamond", "gold", "silver", "basic")),
        (Segment.ENTERPRISE, ("1A", "2A", "3A", "4A", "5A")),
        (Segment.GOVERNMENT, ("1B", "2B", "3B", "4B", "5B")),
    ],
)
def test_cu_02_higher_tiers_are_stricter_than_lower_ones(
    segment: Segment, tiers: tuple[str, ...]
) -> None:
    for service, task in product(Service, Task):
        limits = [limit(segment, tier, service, task) for tier in tiers]
        for higher, lower in pairwise(limits):
            assert higher.minutes < lower.minutes
            assert higher.upper_minutes <= lower.upper_minutes


def test_cu_02_where_rows_overlap_the_most_specific_wins_in_any_order() -> None:
    task, key = Task.REPAIR, (Segment.ENTERPRISE, "1A", Service.BROADBAND)
    rising = [
        Standard(task, 9, 9),
        Standard(task, 8, 8, service=Service.BROADBAND),
        Standard(task, 7, 7, segment=Segment.ENTERPRISE),
        Standard(task, 6, 6, tier="1A"),
        Standard(task, 5, 5, segment=Segment.ENTERPRISE, service=Service.BROADBAND),
        Standard(task, 4, 4, tier="1A", service=Service.BROADBAND),
        Standard(task, 3, 3, tier="1A", segment=Segment.ENTERPRISE),
        Standard(task, 2, 2, tier="1A", segment=Segment.ENTERPRISE, service=Service.BROADBAND),
        Standard(task, 1, 1, region_number=1),
    ]
    foreign = [
        Standard(task, 99, 99, tier="2A", segment=Segment.ENTERPRISE, service=Service.BROADBAND),
        Standard(Task.ARRIVAL, 99, 99, tier="1A", segment=Segment.ENTERPRISE),
    ]
    for length in range(1, len(rising) + 1):
        rows = [*rising[:length], *foreign]
        random.Random(length).shuffle(rows)
        assert rules.limit_for(rows, *key, task) == Limit(10 - length, 10 - length)


async def test_cu_02_the_defaults_are_laid_down_once_and_never_overwritten(
    database: Database, world: World
) -> None:
    async def count() -> int:
        async with database.transaction() as session:
            return await session.scalar(select(func.count()).select_from(ServiceStandard)) or 0

    async with database.transaction() as session:
        await ensure_defaults(session)
        row = await session.scalar(select(ServiceStandard).limit(1))
        assert row is not None
        row.upper_minutes += 1
        kept = (row.id, row.upper_minutes)
    async with database.transaction() as session:
        await ensure_defaults(session)
    assert await count() == len(DEFAULTS)
    async with database.transaction() as session:
        again = await session.get(ServiceStandard, kept[0], populate_existing=True)
        assert again is not None
        assert again.upper_minutes == kept[1]


async def test_cu_02_the_lookup_answers_from_the_table_and_for_a_service_it_does_not_name(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)
        found = await queries.standard(
            session, "enterprise", "1A", "broadband", "repair", region_id=1
        )
        other = await queries.standard(
            session, "enterprise", "1A", "alarm_line", "repair", region_id=1
        )
    assert found == limit(Segment.ENTERPRISE, "1A", Service.BROADBAND, Task.REPAIR)
    assert other == limit(Segment.ENTERPRISE, "1A", None, Task.REPAIR)


def own(**more: Any) -> dict[str, Any]:
    return {
        "task": "repair",
        "tier": "basic",
        "minutes": 2000,
        "upper_minutes": 4000,
        "reason": "islands need a ferry",
        **more,
    }


async def test_cu_02_a_region_sets_its_own_limit_and_the_neighbour_keeps_the_common_one(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)
    await run(database, world.ada, "standard.set", **own())
    await run(database, world.ada, "standard.set", **own(minutes=2100))
    async with database.transaction() as session:
        keys = ("household", "basic", "fixed_line", "repair")
        here = await queries.standard(session, *keys, region_id=1)
        there = await queries.standard(session, *keys, region_id=2)
    assert here == Limit(2100, 4000)
    assert there == limit(Segment.HOUSEHOLD, "basic", Service.FIXED_LINE, Task.REPAIR)


@pytest.mark.parametrize(
    "wrong", [{"tier": "gold"}, {"tier": "basic", "service": "broadband", "minutes": 1500}]
)
async def test_cu_02_a_limit_that_puts_a_stricter_customer_behind_is_refused(
    database: Database, world: World, wrong: dict[str, Any]
) -> None:
    async with database.transaction() as session:
        await ensure_defaults(session)
    with pytest.raises(StandardNotMonotone):
        await run(database, world.ada, "standard.set", **own(**wrong))
    async with database.transaction() as session:
        rows = await session.scalars(
            select(ServiceStandard).where(ServiceStandard.region_number == 1)
        )
        assert rows.all() == []


@pytest.mark.parametrize(
    "wrong", [{"upper_minutes": 10}, {"minutes": 0}, {"tier": "9Z"}, {"segment": "enterprise"}]
)
async def test_cu_02_limits_out_of_order_or_for_unknown_tiers_are_refused(
    database: Database, world: World, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments):
        await run(database, world.ada, "standard.set", **own(**wrong))


async def test_cu_02_only_an_administrator_sets_standards(database: Database, world: World) -> None:
    with pytest.raises(Forbidden):
        await run(database, world.dora, "standard.set", **own())
