"""FA-03: serious faults get an analysis report within five days, opened by rule and reviewed."""

from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.customers.models import Customer
from fieldops.faults import rules
from fieldops.faults.errors import (
    AnalysisDone,
    AnalysisTakenByOther,
    FaultLasts,
    NotHandedIn,
    OwnAnalysis,
)
from fieldops.faults.jobs import open_analyses
from fieldops.faults.models import FaultAnalysis
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.faults import Street, confirmed_fault, make_street, report
from tests.support.run import run
from tests.support.warned import warned
from tests.support.world import World

pytestmark = pytest.mark.anyio

TONIGHT = "2026-11-23T18:00:00+02:00"
WRITTEN = {
    "cause": "An excavator cut the feeder cable at the crossing",
    "lesson": "The plan that was given out was a year old",
    "prevention": "Plans are given out from the record of the day",
}


async def rows(database: Database) -> list[FaultAnalysis]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(FaultAnalysis).where(FaultAnalysis.region_id == 1).order_by(FaultAnalysis.id)
        )
        return list(found)


async def clocked(database: Database, settings: Settings) -> None:
    jobs.use(jobs.Machine(database, settings))
    await open_analyses()


async def cut(database: Database, world: World) -> tuple[Street, UUID]:
    """A confirmed area fault of four homes."""
    street = await make_street(database)
    fault_id, _ = await confirmed_fault(database, world.ann, world.dora, street, TONIGHT)
    return street, fault_id


async def over(database: Database, world: World, fault_id: UUID) -> None:
    await run(
        database, world.dora, "area_fault.end", area_fault_id=str(fault_id), reason="repaired"
    )


async def tier(database: Database, customer_id: UUID, tier: str) -> None:
    async with database.transaction() as session:
        (await session.get_one(Customer, (1, customer_id))).tier = tier


@pytest.mark.parametrize(
    ("customers", "hours", "key", "why"),
    [
        (49, 11.9, 0, []),
        (50, 0, 0, ["many_customers"]),
        (1, 12, 0, ["long"]),
        (1, 0, 1, ["key_customers"]),
        (80, 30, 2, ["many_customers", "long", "key_customers"]),
    ],
)
def test_fa_03_many_customers_long_or_key_customers_make_a_fault_serious(
    customers: int, hours: float, key: int, why: list[str]
) -> None:
    found = rules.serious(
        customers=customers, hours=hours, key_customers=key,
        most_customers=50, most_hours=12, most_key=1,
    )  # fmt: skip
    assert found == why


async def test_fa_03_a_small_and_short_fault_needs_no_report(
    database: Database, world: World, settings: Settings
) -> None:
    _, fault_id = await cut(database, world)
    await clocked(database, settings)
    await over(database, world, fault_id)
    await clocked(database, settings)
    assert await rows(database) == []


async def test_fa_03_a_long_fault_opens_its_report_whose_time_runs_from_the_end(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    _, fault_id = await cut(database, world)
    with clock.frozen(at + timedelta(hours=12)):
        await clocked(database, settings)
        await clocked(database, settings)
    (row,) = await rows(database)
    assert (row.area_fault_id, row.reasons, row.state) == (fault_id, ["long"], "open")
    with clock.frozen(at + timedelta(hours=12)), pytest.raises(FaultLasts):
        await run(
            database, world.dora, "fault_analysis.hand_in", analysis_id=str(row.id), **WRITTEN
        )
    with clock.frozen(at + timedelta(hours=20)):
        await over(database, world, fault_id)
    (row,) = await rows(database)
    assert row.due_at == at + timedelta(hours=20, days=5)


async def test_fa_03_key_customers_make_an_area_fault_serious_with_its_end(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    street, fault_id = await cut(database, world)
    await tier(database, street.homes[3].customer_id, "diamond")
    await over(database, world, fault_id)
    await clocked(database, settings)
    (row,) = await rows(database)
    assert (row.reasons, row.due_at) == (["key_customers"], at + timedelta(days=5))


async def test_fa_03_a_key_customers_own_fault_that_lasts_a_day_needs_a_report(
    database: Database, world: World, settings: Settings, at: datetime
) -> None:
    street = await make_street(database)
    await tier(database, street.homes[0].customer_id, "diamond")
    await report(database, world.ann, street.homes[0])
    with clock.frozen(at + timedelta(hours=23)):
        await clocked(database, settings)
    assert await rows(database) == []
    with clock.frozen(at + timedelta(hours=24)):
        await clocked(database, settings)
        await clocked(database, settings)
    (row,) = await rows(database)
    assert (row.area_fault_id, row.reasons) == (None, ["key_customers", "long"])
    assert row.report_id is not None


async def test_fa_03_the_report_is_written_from_the_record_and_reviewed_by_another_supervisor(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    street, fault_id = await cut(database, world)
    await tier(database, street.homes[0].customer_id, "diamond")
    with clock.frozen(at + timedelta(hours=2)):
        await over(database, world, fault_id)
    (row,) = await rows(database)
    one = {"analysis_id": str(row.id)}
    url = f"/v1/fault-analyses/{row.id}"
    whole = (await client.get(url, headers=bearer(settings, world.dora))).json()
    known = [moment["what"] for moment in whole["record"]]
    assert {"first_report", "proposed", "confirmed", "cable_work_opened"} <= set(known)
    assert known[-1] == "ended" or "ended" in known
    assert whole["timeline"] is None
    with pytest.raises(NotHandedIn):
        await run(database, world.sam, "fault_analysis.accept", **one, note="fine")
    await run(database, world.dora, "fault_analysis.take", **one)
    with pytest.raises(AnalysisTakenByOther):
        await run(database, world.sam, "fault_analysis.hand_in", **one, **WRITTEN)
    await run(database, world.dora, "fault_analysis.hand_in", **one, **WRITTEN)
    with pytest.raises(Forbidden):
        await run(database, world.dora, "fault_analysis.accept", **one, note="fine")
    await run(database, world.sam, "fault_analysis.give_back", **one, note="Who gave the plan out?")
    again = {**WRITTEN, "timeline": [{"at": at.isoformat(), "what": "The digging began"}]}
    await run(database, world.dora, "fault_analysis.hand_in", **one, **again)
    await run(database, world.sam, "fault_analysis.accept", **one, note="Now it is whole")
    with pytest.raises(AnalysisDone):
        await run(database, world.dora, "fault_analysis.hand_in", **one, **WRITTEN)
    whole = (await client.get(url, headers=bearer(settings, world.sam))).json()
    assert (whole["state"], whole["review_note"]) == ("accepted", "Now it is whole")
    assert [moment["what"] for moment in whole["timeline"]] == ["The digging began"]


async def test_fa_03_nobody_reviews_an_own_report(database: Database, world: World) -> None:
    street, fault_id = await cut(database, world)
    await tier(database, street.homes[0].customer_id, "diamond")
    await over(database, world, fault_id)
    one = {"analysis_id": str((await rows(database))[0].id)}
    await run(database, world.sam, "fault_analysis.hand_in", **one, **WRITTEN)
    with pytest.raises(OwnAnalysis):
        await run(database, world.sam, "fault_analysis.accept", **one, note="mine")


async def test_fa_03_late_reports_are_warned_of_and_listed(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    street, fault_id = await cut(database, world)
    await tier(database, street.homes[0].customer_id, "diamond")
    await over(database, world, fault_id)

    async def late() -> int:
        answer = await client.get(
            "/v1/fault-analyses",
            headers=bearer(settings, world.sam),
            params={"overdue": "true", "sort": "due_at"},
        )
        return len(answer.json()["items"])

    may_write = [("fault_analysis", "responsible", name) for name in ("dora", "sam")]
    with clock.frozen(at + timedelta(days=4)):
        assert await warned(database, settings, world, "fault_analysis") == may_write
        assert await late() == 0
    (row,) = await rows(database)
    await run(database, world.dora, "fault_analysis.take", analysis_id=str(row.id))
    with clock.frozen(at + timedelta(days=5)):
        assert await warned(database, settings, world, "fault_analysis") == [
            ("fault_analysis", "responsible", "dora"),
            ("fault_analysis", "supervisor", "sam"),
        ]
        assert await late() == 1
