"""A pull that follows the log of changes: it finds what a look at everything finds, for less.

What decides about a view is read off its statement (fieldops/sync/reading.py); a column that
this missed would be a change that a phone hears of only hours later. So every column that any
view reads is changed here, and after each change a look at everything must find nothing more.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from geoalchemy2 import WKTElement
from sqlalchemy import Column, DateTime, Select, Uuid, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import clock, jobs, views
from fieldops.kernel.base import Base, Regional
from fieldops.kernel.changes import MOST_ROWS, ChangeLog, counted, touch, touched
from fieldops.kernel.configuration import RuleNumber
from fieldops.kernel.db import Database, unit_of
from fieldops.kernel.direct import compiled
from fieldops.kernel.jobs import Machine
from fieldops.kernel.settings import Settings
from fieldops.measurements.models import LineCheck
from fieldops.organisation.models import Leave, Tool
from fieldops.sync import following, reading, rules
from fieldops.sync.jobs import forget_old_changes
from fieldops.sync.prepared import built
from fieldops.upkeep.models import Round
from fieldops.visits.models import Visit
from fieldops.visits.rules import CONTACT_KEPT
from tests.support.device import Phone
from tests.support.factories.appointments import local
from tests.support.factories.orders import make_order
from tests.support.factories.visits import assigned_visit
from tests.support.world import NORTH, SOUTH, World
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.scenarios import SCENARIOS, Day, capture, make_day
from tests.sync.test_pull import lost_pull, statements

pytestmark = pytest.mark.anyio

ALL = tuple(views.ordered())
NAMES = [view.name for view in ALL]
TABLES = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
# What a technician does on the day, so that there are rows of most types.
DONE = (
    "appointment.record_reconfirmation",
    "note.add",
    "network.report_finding",
    "health.record_reading",
    "measurement.record_speed_test",
    "measurement.record_line_test",
    "file.link",
    "material.use",
    "kit.check",
)


# --- what is read off a statement ----------------------------------------------------------


def deciding(view: views.View) -> str:
    """Return the SQL of what decides about a view, without body and tier."""
    rows: Any = built(view)
    columns = [c for c in rows.inner_columns if c.name in {"id", "version", "until", "centre"}]
    return " ".join(
        compiled(rows.with_only_columns(*columns, maintain_column_froms=True)).text.split()
    )


def said_in(statement: str) -> dict[str, set[str]]:
    """Return the columns that a statement's text names, by table: another way to read it off."""
    aliases = re.findall(r"(?:FROM|JOIN|,) (\w+) AS (\w+)", statement)
    names = {alias: table for table, alias in aliases if table in TABLES}
    names |= {table: table for table in TABLES}
    found: dict[str, set[str]] = {}
    for alias, column in re.findall(r"\b(\w+)\.(\w+)", statement):
        if alias in names:
            found.setdefault(names[alias], set()).add(column)
    return found


def known(view: views.View) -> dict[str, set[str]]:
    """Return what the reading of a view says it depends on, by table."""
    found = reading.reading(view)
    everything = {found.root: set(TABLES[found.root].__table__.c.keys())}
    for reads in (found.elsewhere, *map(reading.reading_of, found.grounds)):
        for table, columns in reads.items():
            everything.setdefault(table, set()).update(columns)
    return everything


@pytest.mark.parametrize("name", NAMES)
def test_what_decides_about_a_view_is_read_off_its_statement(name: str) -> None:
    """I5: no table and no column of the statement is missing, but those of the body and tier."""
    view = views.REGISTRY[name]
    said, read = said_in(deciding(view)), known(view)
    assert said, "the text was not understood"
    assert {t: c - read.get(t, set()) for t, c in said.items() if c - read.get(t, set())} == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_decides_about_a_view_is_counted_or_the_devices_own(name: str) -> None:
    """I5: a table whose rows are changed past the counters may not decide what a phone holds."""
    view = views.REGISTRY[name]
    assert reading.reads_uncounted(view) == (name == "case")


def test_a_table_read_beside_the_root_is_told_apart_from_it() -> None:
    """The five newest tests of a line: a new one may push an old one out."""
    tests = reading.reading(views.REGISTRY["line_test"])
    assert "visit_id" in tests.elsewhere["measurements_line_test"]
    facts = reading.reading(views.REGISTRY["visit_fact"])
    assert facts.elsewhere == {}
    assert [ground.name for ground in facts.grounds] == ["own"]


def test_a_view_of_groups_is_refused() -> None:
    """Whose rows are not those of a table one by one cannot be looked at by their ids."""

    def build(_scope: views.DeviceScope) -> Select[Any]:
        return views.document(Visit, {}).group_by(Visit.id, Visit.version)

    with pytest.raises(TypeError, match="rows of one table"):
        reading.reading(views.View("odd", 1, build, views.REGISTRY["visit"].schema))


@pytest.mark.parametrize(
    ("change", "rows", "coming", "whole", "grounds"),
    [
        (["orders_work_order", "id", ["note"]], {"work_order"}, set(), set(), False),
        (
            ["orders_work_order", "id", None],
            {"work_order"},
            {"work_order"},
            set(),
            False,
        ),
        (["network_feature", "id", ["state"]], set(), set(), {"feature", "finding"}, False),
        (["checklists_answer", "id", ["superseded"]], {"answer"}, {"answer"}, set(), False),
        (["visits_notice", "id", ["read_at"]], {"notice"}, {"notice"}, set(), False),
        (["visits_visit_work", "id", ["position"]], {"visit_work"}, set(), set(), False),
        (
            ["visits_visit_work", "id", None],
            {"visit_work"},
            {"visit_work"},
            {"work_order", "round", "feature", "finding"},  # the work may be that of a round
            False,
        ),
        (["visits_visit", "id", ["state"]], {"visit"}, set(), set(), True),
        (["visits_visit", "id", ["team_size"]], {"visit"}, set(), set(), False),
        (["visits_visit_fact", None, None], set(), set(), {"visit_fact"}, False),
        (["kernel_audit", "id", None], set(), set(), set(), False),
    ],
)
def test_a_change_is_looked_for_where_it_can_matter(
    change: list[Any], rows: set[str], coming: set[str], whole: set[str], grounds: bool
) -> None:
    if change[1]:
        change = [change[0], "0190a2b4-7c1e-7000-8000-000000000001", change[2]]
    look = reading.look(ALL, [change], own_news=False)
    assert look is not None
    assert {view.name for view in look.rows} == rows
    assert {view.name for view, ids in look.coming.items() if ids} == coming
    assert {view.name for view in look.whole} == whole
    assert look.grounds == grounds


def test_a_change_of_anything_makes_a_device_look_at_everything() -> None:
    assert reading.look(ALL, [["*", None, None]], own_news=False) is None


def test_what_the_device_did_itself_makes_it_look_at_its_cases() -> None:
    look = reading.look(ALL, [], own_news=True)
    assert look is not None
    assert {view.name for view in look.whole} == {"case"}


# --- what is written -----------------------------------------------------------------------


async def test_the_log_names_the_rows_and_columns_of_each_count(
    database: Database, world: World, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    await trial.change(database, id_, reason="why", kind="begun")
    await trial.change(database, id_, centre_id=SOUTH)
    async with database.transaction() as session:
        log = await session.execute(
            select(ChangeLog.centre_id, ChangeLog.changes)
            .where(ChangeLog.region_id == 1, ChangeLog.centre_id.in_([NORTH, SOUTH]))
            .order_by(ChangeLog.n)
        )
        said: dict[UUID, list[Any]] = {NORTH: [], SOUTH: []}
        for centre, changes in log:
            said[centre] += [c for c in changes if c[1] == str(id_)]
    table = "organisation_leave"
    assert said[NORTH] == [
        [table, str(id_), None],
        [table, str(id_), ["kind", "reason"]],
        [table, str(id_), None],  # it left this centre
    ]
    assert said[SOUTH] == [[table, str(id_), ["centre_id"]]]


async def test_a_count_of_very_many_rows_names_their_tables(database: Database) -> None:
    async with database.transaction() as session:
        for number in range(MOST_ROWS + 1):
            touch(session, 1, NORTH, Visit, UUID(int=number))
        said = counted(touched(session.sync_session))
        session.info.pop("touched")
    assert [row["changes"] for row in said] == [[["visits_visit", None, None]]]


async def test_what_is_taken_back_is_not_logged(
    database: Database, world: World, faults: trial.Faults
) -> None:
    """A refused command leaves no trace, neither in a savepoint nor without one."""
    id_ = await trial.make(database)
    async with database.transaction() as session:
        unit = unit_of(session)
        mark = unit.mark()
        row = await session.get_one(Leave, (1, id_))
        touch(session, 1, NORTH, Leave, id_)
        assert unit.take_back(mark)
        assert touched(unit) == []
        savepoint = await session.begin_nested()
        row.reason = "half done"
        await session.flush()
        assert len(touched(unit)) == 1
        await savepoint.rollback()
        assert touched(unit) == []


# --- followed and looked through: the same ---------------------------------------------------


class Watch:
    """How the pulls of a test came by their answer."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found, real = Watch(), following.follow

    async def follow(*args: Any, **known: Any) -> Any:
        page = await real(*args, **known)
        found.taken["left to a look" if page is None else "followed"] += 1
        return page

    monkeypatch.setattr(following, "follow", follow)
    return found


async def finds_nothing_more(phone: Phone, database: Database, said: str) -> None:
    """Pull by the log, then look at everything: there must be nothing that the log did not tell."""
    await phone.pull()
    assert phone.hash_differed == 0, said
    await trial.look_anew(database)
    answer = await phone.pull_once()
    assert answer.get("unchanged"), (said, answer.get("puts"), answer.get("dels"))


async def prepare(database: Database, world: World, phone: Phone) -> Day:
    """Make the day, a second visit of Alice and one of Bob, and let Alice do some work."""
    day = await make_day(database, world)
    await phone.pull()
    capture(phone, SCENARIOS["checklist.answer"](day))
    for name in DONE:
        capture(phone, SCENARIOS[name](day)[-1:])
    await phone.sync()
    made = await assigned_visit(database, world, start=local(24, 10))
    await make_order(database, world.dora)  # a visit of nobody
    async with database.transaction() as session:
        session.add(RuleNumber(region_id=1, name=CONTACT_KEPT.name, value=48))
        alice, bob, now = world.alice.id, world.bob.id, clock.now()
        whose = ((alice, None), (bob, alice), (bob, bob))
        for number, (holder, offered) in enumerate(whose):
            tool = Tool(region_id=1, centre_id=NORTH, kind="otdr", serial=f"T{number}", model="M",
                        needs_calibration=True, active=True, holder_id=holder, held_since=now,
                        offered_to_id=offered, offered_at=now if offered else None)  # fmt: skip
            session.add(tool)
        for visit_id, state in ((day.visit_id, "planned"), (made.visit_id, "dropped")):
            check = LineCheck(region_id=1, centre_id=NORTH, visit_id=visit_id, why={},
                              service_id=day.service_id, place_id=day.box_id,
                              due_at=now, state=state)  # fmt: skip
            session.add(check)
        for feature_id in (day.box_id, day.pairs[0]):
            stops = [str(feature_id), str(day.pairs[1])]
            session.add(Round(region_id=1, centre_id=NORTH, kind="inspection", opened_at=now,
                              feature_id=feature_id, feature_ids=stops,
                              work_order_id=made.work[0]))  # fmt: skip
    await phone.pull()
    return day


def read_columns() -> list[tuple[str, str]]:
    """Return every (table, column) that decides about any view, roots' own columns included."""
    found: set[tuple[str, str]] = set()
    for view in ALL:
        for table, columns in said_in(deciding(view)).items():
            found |= {(table, column) for column in columns}
    left_out = {"id", "region_id", "version"}
    kept = [pair for pair in found if pair[1] not in left_out and pair[0] != "sync_case"]
    # Centres last: what happens to a row in a centre that the phone does not follow waits for a
    # look at everything.
    return sorted(kept, key=lambda pair: (pair[1] == "centre_id", pair))


async def others(session: AsyncSession, model: Any, column: Column[Any], value: Any) -> list[Any]:
    """Return values that a column of a row could have instead."""
    if hasattr(column.type, "srid"):
        return [WKTElement("POINT(24.99 60.20)", srid=column.type.srid)]
    if isinstance(column.type, DateTime):
        now = clock.now()
        near = [] if value is None else [value + timedelta(days=40)]
        return [*near, now - timedelta(days=1), *([None] if column.nullable else [])]
    if isinstance(column.type, Uuid):
        target = column.info.get("link")
        if target is not None:
            ids = TABLES[target].id
            where = [TABLES[target].region_id == 1, ids != value]
        elif column.foreign_keys:
            target = next(iter(column.foreign_keys)).column.table.name
            ids, where = TABLES[target].id, [TABLES[target].id != value]
        else:
            return []
        found = list(await session.scalars(select(ids).where(*where).limit(3)))
        return [*found, *([None] if column.nullable else [])]
    where = [model.region_id == 1] if issubclass(model, Regional) else []
    known_values = await session.scalars(select(column).where(*where).distinct().limit(4))
    found = [other for other in known_values if other != value]
    if value is True or value is False:
        found.append(not value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        found.append(value + 1)
    if column.name == "state":
        found += ["cancelled", "open", "bad", "free", "completed"]
    return found


async def change_one(database: Database, table: str, name: str, skip: int) -> bool:
    """Give one row's column another value through the unit of work; False when none can have."""
    model: Any = TABLES[table]
    where = [model.region_id == 1] if issubclass(model, Regional) else []
    async with database.transaction() as session:
        rows = list(await session.scalars(select(model).where(*where).order_by(model.id).limit(12)))
    random.Random(f"{table}.{name}.{skip}").shuffle(rows)
    for row in rows:
        async with database.transaction() as session:
            values = await others(session, model, model.__table__.c[name], getattr(row, name))
        for value in values:
            try:
                async with database.transaction() as session:
                    found = await session.get_one(model, inspect(row).identity)
                    setattr(found, name, value)
            except DBAPIError:
                continue  # a rule of the database does not allow it
            return True
    return False


# The day has nothing else that they could name, or the database lets them name nothing else.
UNCHANGEABLE = {
    ("checklists_template_version", "template_id"),
    ("files_link", "visit_id"),
    ("kernel_rule_number", "name"),
    ("health_reading", "record_id"),
    ("measurements_speed_test", "service_id"),
    ("network_finding", "visit_id"),
    ("network_path_element", "feature_id"),
    ("network_path_element", "service_id"),
    ("quality_case", "state"),  # what is allowed depends on its other columns
    ("quality_feedback_round", "inspection_id"),
    ("quality_lesson", "state"),  # with the times of its states, which its checks tie to it
    ("upkeep_spot_check_item", "seen_at"),  # a result has its time and who saw it, all or none
    ("visits_visit_work", "work_order_id"),
}


async def test_whatever_column_a_view_reads_the_phone_learns_of_its_change(
    database: Database, world: World, new_phone: MakePhone, watch: Watch
) -> None:
    """I5, I10: one change after the other, each followed by the log, nothing left for a look."""
    phone = await new_phone(world.alice)
    await prepare(database, world, phone)
    tried = set()
    for table, name in read_columns():
        for skip in range(2):
            if await change_one(database, table, name, skip):
                tried.add((table, name))
                await finds_nothing_more(phone, database, f"{table}.{name}")
    assert set(read_columns()) - tried <= UNCHANGEABLE
    assert watch.taken["followed"] > len(tried)


async def test_random_changes_followed_are_those_looked_through(
    database: Database, world: World, new_phone: MakePhone, watch: Watch
) -> None:
    """I5: rows of all tables changed, several at once, deleted and made anew, in any order."""
    phone = await new_phone(world.alice)
    await prepare(database, world, phone)
    drawn = random.Random(4711)
    roots = sorted({reading.reading(view).root for view in ALL} - {"sync_case"})
    for turn in range(40):
        said = []
        for _ in range(drawn.randint(1, 3)):
            table = drawn.choice(roots)
            model: Any = TABLES[table]
            where = [model.region_id == 1] if issubclass(model, Regional) else []
            try:
                async with database.transaction() as session:
                    rows = list(await session.scalars(select(model).where(*where).limit(20)))
                    if not rows:
                        continue
                    row = drawn.choice(rows)
                    if drawn.random() < 0.4:
                        await session.delete(row)
                        said.append(f"{table} deleted")
                    else:
                        name = drawn.choice([c.name for c in model.__table__.c if _plain(c)])
                        values = await others(
                            session, model, model.__table__.c[name], getattr(row, name)
                        )
                        setattr(row, name, drawn.choice([*values, getattr(row, name)]))
                        said.append(f"{table}.{name}")
            except DBAPIError:
                continue
        await finds_nothing_more(phone, database, f"turn {turn}: {said}")
    assert watch.taken["followed"] >= 15


def _plain(column: Column[Any]) -> bool:
    return column.name not in {"id", "region_id", "version", "created_at", "updated_at"} and (
        not hasattr(column.type, "srid")
    )


# --- when it is not followed ---------------------------------------------------------------


async def test_a_gap_in_the_log_makes_a_phone_look_at_everything(
    phone: Phone, database: Database, watch: Watch
) -> None:
    """I5: a count without its entry (forgotten, or made by hand) hides no change."""
    id_ = await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, reason="first")
    async with database.transaction() as session:
        await session.execute(
            text("delete from kernel_change_log where kernel_change_log.region_id = 1")
        )
    await trial.change(database, id_, kind="begun")
    await phone.pull()
    assert [row["version"] for row in phone.rows("trial")] == [3]
    assert not watch.taken


async def test_what_a_decided_case_changed_elsewhere_is_found(
    phone: Phone, database: Database
) -> None:
    """I8: as what the phone itself did in a centre it does not follow."""
    elsewhere = await trial.make(database, "alice", centre=SOUTH)
    await phone.pull()
    assert len(phone.rows("trial")) == 1
    phone.capture("trial.remark", trial_id=elsewhere, text="here")
    await phone.sync()
    await finds_nothing_more(phone, database, "own push")


async def test_a_lost_page_that_followed_the_log_is_sent_again(
    phone: Phone, database: Database, watch: Watch
) -> None:
    """I5: the page counts as held only when its cursor is presented."""
    id_, gone = await trial.make(database), await trial.make(database)
    await phone.pull()
    await trial.change(database, id_, reason="changed")
    await trial.remove(database, gone)
    await lost_pull(phone)
    assert watch.taken["followed"] == 1
    assert not (await phone.pull_once())["reset"]
    assert [(row["id"], row["version"]) for row in phone.rows("trial")] == [(str(id_), 2)]
    await finds_nothing_more(phone, database, "after a lost page")


async def test_rows_changed_made_and_deleted_in_one_transaction_come_in_one_page(
    phone: Phone, database: Database, watch: Watch
) -> None:
    """I5: the log names every row of a count, those that are gone too."""
    changed, also, gone = [await trial.make(database) for _ in range(3)]
    await phone.pull()
    async with database.transaction() as session:
        for id_ in (changed, also):
            (await session.get_one(Leave, (1, id_))).reason = "both"
        await session.delete(await session.get_one(Leave, (1, gone)))
    answer = await phone.pull_once()
    assert watch.taken == {"followed": 1}
    assert {row["id"] for row in answer["puts"]["trial"]} == {str(changed), str(also)}
    assert answer["dels"] == [{"type": "trial", "id": str(gone)}]


@pytest.mark.parametrize(
    ("columns", "number"), [(["note"], following.MOST_IDS), (None, following.MOST_COMING)]
)
def test_very_many_changed_rows_are_left_to_a_look_at_everything(
    columns: list[str] | None, number: int
) -> None:
    ids = [f"0190a2b4-7c1e-7000-8000-{n:012}" for n in range(number + 1)]
    for most, left in ((number, False), (number + 1, True)):
        log = [["orders_work_order", id_, columns] for id_ in ids[:most]]
        look = reading.look(ALL, log, own_news=False)
        assert look is not None
        assert (following.kind_of(look, ALL) is None) == left


async def test_a_page_too_small_for_the_changes_is_one_of_several(
    phone: Phone, database: Database, watch: Watch
) -> None:
    ids = [await trial.make(database) for _ in range(5)]
    await phone.pull()
    phone.limit["rows"] = 2
    for id_ in ids:
        await trial.change(database, id_, reason="changed")
    answer = await phone.pull_once()
    assert answer["more"]
    await phone.pull()
    assert {row["version"] for row in phone.rows("trial")} == {2}
    assert watch.taken == {"left to a look": 1}


async def test_the_log_is_kept_longer_than_any_phone_follows_it(
    phone: Phone, database: Database, settings: Settings, watch: Watch
) -> None:
    """I5: every phone looks at everything after six hours; the log goes after a day."""
    id_ = await trial.make(database)
    await phone.pull()
    jobs.use(Machine(database, settings))

    async def left() -> int:
        return await trial.count(database, "kernel_change_log")

    before = await left()
    with clock.frozen(clock.now() + rules.FULL_DIFF_EVERY - timedelta(minutes=1)):
        await trial.change(database, id_, reason="changed")
        await forget_old_changes()
        assert await left() == before + 1
        await phone.pull()
        assert watch.taken["followed"] == 1
    with clock.frozen(clock.now() + rules.LOG_KEPT + timedelta(hours=7)):
        await forget_old_changes()
        assert await left() == 0


# --- what it costs -------------------------------------------------------------------------


@contextmanager
def looked_at(database: Database) -> Iterator[list[str]]:
    """Collect the names of the views that statements read meanwhile."""
    names: list[str] = []
    with statements(database) as seen:
        yield names
    for statement in seen:
        names += re.findall(r"AS v_(\w+)", statement)


async def test_a_pull_of_changes_looks_at_the_views_they_are_in(
    database: Database, world: World, new_phone: MakePhone, watch: Watch
) -> None:
    """I10: two statements; one names who asks and what changed, one looks there and records it."""
    phone = await new_phone(world.alice)
    day = await prepare(database, world, phone)
    async with database.transaction() as session:
        order = await session.get_one(TABLES["orders_order"], (1, day.order_id))
        order.wish = "In the morning."
    with statements(database) as seen, looked_at(database) as names:
        answer = await phone.pull_once()
    assert list(answer["puts"]) == ["order"]
    assert set(names) == {"order"}
    assert len([s for s in seen if "sync_" in s]) == 2


async def rows_read(database: Database) -> int:
    """Return how many rows this transaction has read by index or by scan.

    Of what is held, wanted and logged. The rows of the counter and the device are one each, but
    their former versions count as read as long as the test's transaction is open.
    """
    async with database.transaction() as session:
        statement = (
            "select sum(seq_tup_read + idx_tup_fetch) from pg_stat_xact_user_tables where relname"
            " in ('organisation_leave', 'sync_held_row', 'kernel_change_log')"
        )
        return int(await session.scalar(text(statement)) or 0)


async def analyze(database: Database) -> None:
    """Let the planner know how many rows there are."""
    async with database.transaction() as session:
        raw: Any = await (await session.connection()).get_raw_connection()
        await raw.driver_connection.execute(
            "analyze organisation_leave, sync_held_row, kernel_change_log"
        )


async def test_a_pull_of_a_change_reads_no_more_of_a_large_view(
    phone: Phone, database: Database, watch: Watch
) -> None:
    """I10: O(k), not O(view): thirty times the rows, the same number of rows read."""
    async with database.transaction() as session:
        await session.execute(text("set local enable_seqscan = off"))
    costs = []
    for more in (100, 3000):
        ids = await trial.make_many(database, more)
        await analyze(database)
        await trial.look_anew(database)
        await phone.pull()
        await phone.pull()
        for id_ in ids[:3]:
            await trial.change(database, id_, reason="changed")
        before = await rows_read(database)
        await phone.pull_once()
        costs.append(await rows_read(database) - before)
    assert watch.taken["followed"] == 2
    assert costs[1] <= costs[0] + 10, costs


async def test_a_pull_reads_no_rows_that_changed_for_others(
    phone: Phone, database: Database, world: World, watch: Watch
) -> None:
    """I10: what colleagues' rows became costs a look at what is held, not at those rows."""
    async with database.transaction() as session:
        await session.execute(text("set local enable_seqscan = off"))
    mine = await trial.make_many(database, 150)
    others = await trial.make_many(database, 2 * following.MOST_PROBES, "bob")
    await analyze(database)
    await trial.look_anew(database)
    await phone.pull()
    await phone.pull()
    costs = []
    for changed in ([], others[: following.MOST_PROBES - 10], others):
        for id_ in (mine[0], *changed):
            await trial.change(database, id_, reason=f"changed with {len(changed)} others")
        before = await rows_read(database)
        answer = await phone.pull_once()
        costs.append(await rows_read(database) - before)
        assert [row["id"] for row in answer["puts"]["trial"]] == [str(mine[0])]
    # Each count of the centre's log is read; of the others' rows nothing. So many that they are
    # not looked up one by one cost a look through what is held of their type.
    assert costs[1] - costs[0] <= following.MOST_PROBES, costs
    assert costs[2] - costs[0] <= len(others) + len(mine) + 10, costs
    assert watch.taken["followed"] == 3
