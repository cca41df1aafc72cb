"""Rollups by day say what the records say, whatever changed, and however late (KP-02)."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from fieldops.appointments.models import Appointment
from fieldops.customers.models import Customer
from fieldops.kernel import changes, clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.ids import NIL
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.orders.models import WorkOrder
from fieldops.quality.models import Form, Inspection
from fieldops.reports import facts, queries, rollups, touched
from fieldops.reports import jobs as timetable
from fieldops.reports.models import Breakdown, LogPlace, RolledDay, Rollup
from fieldops.reports.registry import REGISTRY
from fieldops.reports.rollups import Days
from fieldops.visits.models import Assignment, Visit
from tests.modules.test_indicators import INDICATORS
from tests.modules.test_reports import Made, Plan, Reader, completed, hours, make, make_fault
from tests.support.factories.inspections import lay_out
from tests.support.run import run
from tests.support.world import FIRM, NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

FIRST = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
SPAN = Days(date(2026, 9, 1), date(2026, 11, 20))  # up to the last settled day

Sums = dict[tuple[Any, ...], tuple[float, float, int]]


@pytest.fixture
def machine(database: Database, settings: Settings, world: World, at: datetime) -> Machine:
    here = Machine(database, settings)
    jobs.use(here)
    return here


async def kept_up(database: Database) -> None:
    """Let the timetable come by as it does every minute."""
    await timetable.keep_rollups()


async def rolled(database: Database, name: str) -> Sums:
    async with database.transaction() as session:
        found = await session.execute(
            select(Rollup).where(Rollup.region_id == 1, Rollup.indicator == name)
        )
        rows = found.scalars().all()
    return {
        (r.day, r.centre_id, r.technician_id, r.service, r.tier): (
            round(r.numerator, 6),
            round(r.denominator, 6),
            r.records,
        )
        for r in rows
    }


async def recounted(database: Database, name: str) -> Sums:
    async with database.transaction() as session:
        known = await queries.places(session, 1)
        of = await rollups.asked(session, 1, known, SPAN, clock.now())
        rows = (await session.execute(rollups.counted(name, of))).all()
    return {
        (r.day, r.centre_id, r.technician_id or NIL, r.service or "", r.tier or ""): (
            round(r.numerator, 6),
            round(r.denominator, 6),
            r.records,
        )
        for r in rows
    }


async def rolled_parts(database: Database, name: str) -> set[tuple[Any, ...]]:
    async with database.transaction() as session:
        rows = await session.scalars(
            select(Breakdown).where(Breakdown.region_id == 1, Breakdown.indicator == name)
        )
        return {(r.day, r.centre_id, r.technician_id, r.part, r.records) for r in rows}


async def recounted_parts(database: Database, name: str) -> set[tuple[Any, ...]]:
    async with database.transaction() as session:
        known = await queries.places(session, 1)
        of = await rollups.asked(session, 1, known, SPAN, clock.now())
        rows = (await session.execute(rollups.broken_down(name, of))).all()
    return {(r.day, r.centre_id, r.technician_id or NIL, r.part, r.records) for r in rows}


class Life:
    """What happens to visits of six weeks, at random and late."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.chance = random.Random(seed)
        self.made: list[Made] = []

    def window(self) -> datetime:
        return FIRST + timedelta(days=self.chance.randrange(36), hours=self.chance.randrange(12))

    async def book(self) -> None:
        at = self.window()
        centre, people = self.chance.choice([(NORTH, ["alice", "bob", "kim"]), (SOUTH, ["carol"])])
        plan: dict[str, Any] = {
            "window": at,
            "centre": centre,
            "technician": self.chance.choice(people),
            "kind": self.chance.choice(["install", "repair"]),
        }
        if self.chance.random() < 0.5:
            way = {"departed_at": at - hours(0.5), "arrived_at": at + hours(0.1)}
            self.made.append(await make(self.database, completed(**plan, way=way)))
        else:
            self.made.append(await make(self.database, Plan(**plan)))

    async def change(self, model: Any, row: Any, **values: Any) -> None:
        async with self.database.transaction() as session:
            found = await session.get(model, (1, row.id))
            assert found is not None
            for name, value in values.items():
                setattr(found, name, value)
                setattr(row, name, value)

    def any(self) -> Made:
        return self.chance.choice(self.made)

    async def report_late(self) -> None:
        """A phone hands in what it did weeks ago."""
        made, at = self.any(), self.window()
        done = {"arrived_at": at, "ended_at": at + hours(self.chance.choice([1, 20]))}
        signed = {"signature_refused_reason": "in a hurry", "signature_sha256": None}
        await self.change(Visit, made.visit, state="completed", **done, **signed)
        await self.change(Assignment, made.assignment, departed_at=at - hours(1), arrived_at=at)
        await self.change(WorkOrder, made.work, state="completed", state_since=at)
        async with self.database.transaction() as session:
            order = await session.get(type(made.order), (1, made.order.id))
            assert order is not None
            order.state, order.closed_at = "completed", at + hours(40)

    async def move(self) -> None:
        at = self.window()
        new = {"window_start": at, "window_end": at + hours(2)}
        made = self.any()
        await self.change(Appointment, made.appointment, **new, operator_reschedules=1)
        await self.change(Visit, made.visit, **new, expected_arrival=at)

    async def fail_again(self) -> None:
        days = self.chance.choice([1, 14, 15, 16, 29, 31])
        ended = [made for made in self.made if made.visit.ended_at is not None]
        for made in ended[:1]:
            await make_fault(self.database, made, timedelta(days=days))

    async def withdraw(self) -> None:
        await self.change(WorkOrder, self.any().work, state="cancelled")

    async def suspend(self) -> None:
        made = self.any()
        await self.change(WorkOrder, made.work, due_at=self.window(), suspended_seconds=3600)

    async def raise_tier(self) -> None:
        tier = self.chance.choice(["gold", "diamond", "basic"])
        async with self.database.transaction() as session:
            row = await session.get(Customer, (1, self.any().visit.customer_id))
            assert row is not None
            row.tier = tier

    async def hand_over(self) -> None:
        made = self.any()
        if made.assignment.ended_at is not None:
            return
        await self.change(
            Assignment, made.assignment, technician_id=id_of(self.chance.choice(["bob", "kim"]))
        )

    async def confirm_late(self) -> None:
        made = self.any()
        await self.change(Appointment, made.appointment, confirmed_at=FIRST)

    async def inspect(self) -> None:
        """An inspection is entered, or its day is corrected, long afterwards."""
        async with self.database.transaction() as session:
            found = (
                await session.scalars(select(Inspection).where(Inspection.region_id == 1))
            ).all()
            day = self.window().date()
            if found and self.chance.random() < 0.5:
                self.chance.choice(found).done_on = day
                return
            form = await session.scalar(select(Form.id).where(Form.kind == "remote"))
            level = self.chance.choice(["centre", "region"])
            session.add(
                Inspection(
                    region_id=1, level=level, kind="remote", centre_id=NORTH, form_id=form,
                    state="reported", planned_for=day, done_on=day, score=80.0,
                    inspector_id=id_of("sam"), planned_by=id_of("sam"),
                )
            )  # fmt: skip

    async def something(self) -> None:
        happenings: list[Callable[[], Awaitable[None]]] = [
            self.book,
            self.report_late,
            self.report_late,
            self.move,
            self.move,
            self.fail_again,
            self.withdraw,
            self.suspend,
            self.raise_tier,
            self.hand_over,
            self.confirm_late,
            self.inspect,
            self.inspect,
        ]
        await self.chance.choice(happenings)()


@pytest.mark.parametrize("seed", [1, 2])
async def test_kp_02_rollups_are_what_a_new_count_of_the_records_gives_after_any_late_change(
    database: Database, machine: Machine, seed: int
) -> None:
    await lay_out(database)
    life = Life(database, seed)
    for _ in range(6):
        await life.book()
    await kept_up(database)
    for _ in range(3):
        for _ in range(5):
            await life.something()
        await kept_up(database)
        for name in REGISTRY:
            assert await rolled(database, name) == await recounted(database, name), name
        for name in facts.BREAKDOWNS:
            found = await rolled_parts(database, name)
            assert found == await recounted_parts(database, name), name
            assert found
    assert any([await rolled(database, name) for name in REGISTRY])


async def test_kp_02_a_late_arrival_touches_its_old_day_and_its_new_one_and_no_other(
    database: Database, machine: Machine
) -> None:
    made = await make(database, completed(window=FIRST, kind="change"))
    await kept_up(database)
    await Life(database, 0).change(Visit, made.visit, ended_at=FIRST + timedelta(days=4))
    async with database.transaction() as session:
        await touched.follow(session, 1, clock.now())
        stale = await session.scalars(
            select(RolledDay.day).where(
                RolledDay.region_id == 1,
                RolledDay.stale_since.is_not(None),
                RolledDay.indicator == "mean_on_site",
            )
        )
        assert set(stale) == {
            FIRST.date(),
            FIRST.date() + timedelta(days=4),
            FIRST.date() - timedelta(days=2),  # its work was due
            FIRST.date() - timedelta(days=3),  # and came in
        }


async def test_kp_01_a_fault_within_the_days_after_an_install_is_laid_to_the_installs_day(
    database: Database, machine: Machine, reader: Reader, world: World
) -> None:
    early = await make(database, completed(window=FIRST))
    later = await make(database, completed(window=FIRST))
    await kept_up(database)
    days = {"from_": "2026-10-01", "to": "2026-11-15"}
    whole = await reader.get(world.sam, f"{INDICATORS}/kept_appointments", **days)
    await make_fault(database, early, timedelta(days=15))
    await make_fault(database, later, timedelta(days=16))
    before = await reader.get(world.sam, f"{INDICATORS}/kept_appointments", **days)
    assert whole["total"]["value"] == before["total"]["value"] == 100.0  # as of the last minute
    await kept_up(database)
    after = await reader.get(world.sam, f"{INDICATORS}/kept_appointments", **days, by="day")
    assert [(p["first_day"], p["value"]) for p in after["parts"]] == [("2026-10-12", 50.0)]


async def test_kp_02_figures_are_the_same_from_rollups_and_from_records_in_every_cut(
    database: Database, machine: Machine, reader: Reader, world: World, at: datetime
) -> None:
    life = Life(database, 7)
    for _ in range(8):
        await life.book()
    await make(database, completed(window=at - hours(20)))  # yesterday: counted from the record
    days = {"from_": "2026-09-01", "to": "2026-11-23"}
    questions = [
        {"group": group, "by": by}
        for group, by in (
            ("none", "month"), ("centre", "week"), ("staff", "none"), ("firm", "none"),
            ("technician", "day"), ("service", "none"), ("tier", "month"),
        )
    ]  # fmt: skip
    questions += [{"staff": "contractor"}, {"centre_id": SOUTH}, {"technician_id": id_of("kim")}]

    async def answers() -> list[Any]:
        found = [
            await reader.get(world.sam, f"{INDICATORS}/jobs_per_day", **days, **question)
            for question in questions
        ]
        return [(one["total"], one["parts"]) for one in found]

    counted = await answers()
    await kept_up(database)
    assert await answers() == counted
    assert counted[0][0]["records"] > 1


async def test_kp_01_the_pages_of_a_year_say_the_same_from_rollups_and_from_records(
    database: Database, machine: Machine, reader: Reader, world: World, at: datetime
) -> None:
    life = Life(database, 5)
    for _ in range(8):
        await life.book()
    for _ in range(4):
        await life.report_late()
    install = completed(window=at - timedelta(days=5), technician="kim")
    await make(database, install)  # rolled up, and a fault can still undo it
    questions: list[dict[str, Any]] = [{"by": "month"}, {"by": "week", "centre_id": SOUTH}]
    kept = [*questions, {"firm_id": FIRM}, {"technician_id": id_of("bob")}, {"staff": "own"}]

    async def answers() -> list[Any]:
        days = {"from_": "2026-01-01", "to": "2026-11-23"}
        pages = [("kept-appointments", one) for one in kept]
        pages += [("one-visit", one) for one in questions]
        return [
            await reader.get(world.sam, f"{INDICATORS}/{page}", **days, **asked)
            for page, asked in pages
        ]

    counted = await answers()
    await kept_up(database)
    assert await answers() == counted
    assert counted[0]["misses"]
    assert counted[0]["total"]["provisional"] == 1
    assert counted[5]["by_trips"]["1"] > 0
    await make(database, completed(window=FIRST))
    assert (await answers())[0] == counted[0]  # from the rollups, as of the last minute


async def test_kp_02_where_the_log_has_a_gap_or_a_number_changed_every_day_is_counted_again(
    database: Database, machine: Machine, world: World
) -> None:
    made = await make(database, completed(window=FIRST))
    await make_fault(database, made, timedelta(days=15))
    await kept_up(database)

    async def stale() -> int:
        async with database.transaction() as session:
            await touched.follow(session, 1, clock.now())
            found = await session.scalar(
                select(func.count())
                .select_from(RolledDay)
                .where(RolledDay.region_id == 1, RolledDay.stale_since.is_not(None))
            )
            return int(found or 0)

    assert await stale() == 0
    shorter = {"name": "install_fault_within", "value": 14, "reason": "as agreed"}
    await run(database, world.ada, "rule.set_number", **shorter)
    await kept_up(database)
    assert await rolled(database, "kept_appointments") == await recounted(
        database, "kept_appointments"
    )
    async with database.transaction() as session:
        changes.touch(session, 1, NORTH, Visit, made.visit.id)
    async with database.transaction() as session:
        await changes.forget_changes(session, 1, clock.now() + hours(1))
    assert await stale() > 30


async def test_kp_02_a_figure_says_up_to_when_changes_of_days_long_past_are_in_it(
    database: Database, machine: Machine, reader: Reader, world: World, at: datetime
) -> None:
    made = await make(database, completed(window=FIRST))
    await kept_up(database)
    days = {"from_": "2026-10-01", "to": "2026-11-15"}

    async def as_of() -> datetime:
        found = await reader.get(world.sam, f"{INDICATORS}/mean_on_site", **days)
        return datetime.fromisoformat(found["as_of"])

    with clock.frozen(at + hours(2)):
        assert await as_of() == at  # the log was last read then
        await Life(database, 0).change(Visit, made.visit, ended_at=FIRST + hours(5))
        async with database.transaction() as session:
            await touched.follow(session, 1, clock.now())
        assert await as_of() == at  # a day is stale
        await kept_up(database)
        assert await as_of() == at + hours(2)


async def test_a_region_has_a_place_in_the_log_for_each_centre(
    database: Database, machine: Machine
) -> None:
    await make(database, completed(window=FIRST))
    await kept_up(database)
    async with database.transaction() as session:
        counted = await session.execute(
            select(changes.ChangeCounter.centre_id, changes.ChangeCounter.counter).where(
                changes.ChangeCounter.region_id == 1
            )
        )
        places = await session.execute(
            select(LogPlace.centre_id, LogPlace.n).where(LogPlace.region_id == 1)
        )
        assert set(counted.all()) == set(places.all())


@pytest.fixture
def reader(client: httpx.AsyncClient, settings: Settings, database: Database) -> Reader:
    return Reader(client, settings, database)
