"""A push taken as a whole and one taken step by step give the same results and the same rows."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from fieldops.kernel.base import metadata
from fieldops.kernel.db import Database
from fieldops.sync import push
from tests.support.device import Phone
from tests.support.factories.appointments import local
from tests.support.factories.orders import FIXED_LINE
from tests.support.factories.visits import assigned_visit
from tests.support.run import run
from tests.support.world import World, id_of
from tests.sync import trial
from tests.sync.conftest import MakePhone
from tests.sync.scenarios import DOOR, PHOTO, SCENARIOS, Day, Step, make_day
from tests.sync.test_push import queue, request

pytestmark = pytest.mark.anyio

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@asynccontextmanager
async def undone(database: Database) -> AsyncIterator[None]:
    """Undo what is done inside, so that the next try begins from the same rows."""
    connection: Any = database.sessions.kw["bind"]
    savepoint = await connection.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


async def rows_of(database: Database) -> dict[str, list[str]]:
    """Return every row of every table as JSON text."""
    found = {}
    async with database.transaction() as session:
        for name, table in sorted(metadata.tables.items()):
            where = f"where {name}.region_id = {name}.region_id" if "region_id" in table.c else ""
            rows = await session.scalars(text(f"select to_jsonb({name})::text from {name} {where}"))
            found[name] = list(rows)
    return found


def without_new_ids(
    answer: str, rows: dict[str, list[str]], known: set[str]
) -> tuple[str, dict[str, list[str]]]:
    """Put a mark for every id that was made during the push: they are random."""

    def mark(said: str) -> str:
        return _UUID.sub(lambda m: m[0] if m[0] in known else "(new)", said)

    return mark(answer), {name: sorted(map(mark, of)) for name, of in rows.items()}


class Trier:
    """Tries one push in both ways from the same start and compares what is left of it."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.monkeypatch = monkeypatch
        self.ways: list[bool] = []

    async def push(self, phone: Phone, *, whole: bool) -> str:
        real = push._try

        async def watched(*args: Any) -> bytes:
            way = args[-1] if whole else replace(args[-1], whole=False)
            self.ways.append(way.whole)
            return await real(*args[:-1], way)

        with self.monkeypatch.context() as patch:
            patch.setattr(push, "_try", watched)
            body = request(phone, queue(phone))
            answer = await phone.send("/v1/sync/push", body)
        return json.dumps(answer)

    async def both(self, phone: Phone, before_each: Callable[[], None] = lambda: None) -> Any:
        """Return the answer; raises AssertionError where the two ways differ."""
        self.ways.clear()
        known = set(_UUID.findall(json.dumps(await rows_of(self.database))))
        known |= set(_UUID.findall(json.dumps(queue(phone))))
        tried = []
        ticks = phone.clock._ticks
        for whole in (True, False):
            phone.clock._ticks = ticks
            before_each()
            async with undone(self.database):
                answer = await self.push(phone, whole=whole)
                rows = await rows_of(self.database)
            tried.append(without_new_ids(answer, rows, known))
        (one, rows_of_one), (other, rows_of_other) = tried
        assert one == other
        for name, of in rows_of_one.items():
            assert of == rows_of_other[name], name
        return json.loads(one)

    def was_whole(self) -> bool:
        """Whether the first push went through as a whole, without a second try."""
        return self.ways == [True, False]


@pytest.fixture
def tries(database: Database, monkeypatch: pytest.MonkeyPatch) -> Trier:
    return Trier(database, monkeypatch)


def capture(phone: Phone, *steps: Step, **more: Any) -> None:
    for name, args in steps:
        phone.capture(name, **args, **more)


def statuses(answer: Any) -> list[str]:
    return [r.get("code") or r["status"] for r in answer["results"]]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_every_scenario_is_the_same_in_both_ways(
    database: Database, world: World, new_phone: MakePhone, tries: Trier, name: str
) -> None:
    phone = await new_phone(world.alice)
    steps = SCENARIOS[name](await make_day(database, world))
    await phone.pull()
    capture(phone, *steps)
    answer = await tries.both(phone)
    assert set(statuses(answer)) <= {"applied", "merged"}
    assert tries.was_whole()


async def test_refusals_amid_a_day_are_the_same_in_both_ways(
    database: Database, world: World, new_phone: MakePhone, tries: Trier
) -> None:
    phone = await new_phone(world.alice)
    day = await make_day(database, world)
    lost = await assigned_visit(database, world, FIXED_LINE, start=local(24, 13))
    await phone.pull()
    await run(
        database,
        world.dora,
        "visit.assign",
        visit_id=str(lost.visit_id),
        technician_ids=[str(id_of("bob"))],
        reason="Alice is held up.",
    )
    steps = _mixed_day(day)
    capture(phone, *steps)
    elsewhere = {"visit_id": str(lost.visit_id)}
    capture(phone, ("visit.accept", elsewhere), ("note.add", {**elsewhere, "text": "late"}))
    nowhere = {"visit_id": str(uuid4()), "text": "?"}
    capture(phone, ("visit.depart", elsewhere), ("note.add", nowhere))
    capture(phone, *SCENARIOS["visit.complete"](day)[-6:])
    answer = await tries.both(phone)
    assert tries.was_whole()
    assert set(statuses(answer)) == {
        "answer_invalid",
        "applied",
        "blocked_by",
        "invalid_arguments",
        "not_arrived",
        "not_found",
        "nothing_tested",
        "reassigned",
    }


def _mixed_day(day: Day) -> list[Step]:
    """A day in which every third command is wrong."""
    accepted, kit, depart, arrive = SCENARIOS["visit.arrive"](day)
    answers = [{"item_key": "fault_place", "value": "terminal"}]
    listed = {"checklist_id": str(day.checklist_id)}
    return [
        accepted,
        day.visit("visit.start"),
        accepted,
        kit,
        day.visit("measurement.record_line_test", measured_at_place="outlet"),
        depart,
        day.visit("note.add", text="x" * 5000),
        arrive,
        day.visit("note.add", text="The gate is open."),
        day.visit("checklist.answer", **listed, answers=answers),
        day.visit("checklist.answer", **listed, answers=[{"item_key": "nothing", "value": 1}]),
        day.visit("checklist.answer", **listed, answers=answers),
    ]


async def test_refusals_of_the_engine_are_the_same_in_both_ways(
    phone: Phone, database: Database, tries: Trier
) -> None:
    open_, closed = await trial.make(database), await trial.make(database, state="finished")
    others = await trial.make(database, technician="bob")
    phone.capture("trial.remark", trial_id=open_, text="before")
    refused = phone.capture("trial.begin", trial_id=closed)
    phone.capture("trial.finish", trial_id=closed)
    phone.capture("trial.remark", trial_id=open_, text="hangs on it", depends_on=[refused])
    phone.capture("trial.begin", trial_id=others)
    phone.capture("trial.unheard_of", trial_id=open_)
    phone.capture("trial.office", trial_id=open_)
    phone.capture("trial.remark", trial_id=open_, text="x" * 300)
    phone.capture("trial.begin", trial_id=open_)
    phone.capture("trial.finish", trial_id=open_)
    phone.capture("trial.remark", trial_id=uuid4(), text="of nothing")
    phone.capture("trial.remark", trial_id=open_, text="after")
    answer = await tries.both(phone)
    assert tries.was_whole()
    assert statuses(answer) == [
        "applied",
        "trial_not_open",
        "blocked_by",
        "blocked_by",
        "trial_reassigned",
        "unknown_command",
        "not_for_devices",
        "invalid_arguments",
        "applied",
        "applied",
        "not_found",
        "applied",
    ]


async def test_a_conflict_with_somebody_elses_change_is_the_same_in_both_ways(
    phone: Phone, database: Database, tries: Trier
) -> None:
    """The versions this very push made are its own; only foreign changes are met."""
    id_ = await trial.make(database)
    await phone.pull()
    held = [{"ref": {"type": "trial", "id": str(id_)}, "version": 1}]
    await trial.change(database, id_, reason="by the office")
    phone.capture("trial.begin", trial_id=id_, base=held)
    phone.capture("trial.finish", trial_id=id_, base=held)
    answer = await tries.both(phone)
    assert tries.was_whole()
    assert [r["status"] for r in answer["results"]] == ["merged", "applied"]


async def test_what_was_refused_after_writing_is_taken_step_by_step(
    phone: Phone, database: Database, tries: Trier, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.raise_on_begin = trial.TrialNotOpen(state="half done")
    phone.capture("trial.remark", trial_id=id_, text="before")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="after")
    answer = await tries.both(phone)
    assert tries.ways == [True, False, False]
    assert statuses(answer) == ["applied", "trial_not_open", "applied"]


async def test_what_was_refused_half_done_in_memory_is_undone_in_memory(
    phone: Phone, database: Database, tries: Trier, faults: trial.Faults
) -> None:
    """I4: a refused command leaves no trace but the ledger and its case."""
    id_ = await trial.make(database)
    faults.refuse_half_done = trial.TrialNotOpen(state="half done")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.finish", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="after")
    answer = await tries.both(phone)
    assert tries.was_whole()
    assert statuses(answer) == ["applied", "trial_not_open", "applied"]


async def test_a_fault_of_ours_stops_both_ways_at_the_same_command(
    phone: Phone, database: Database, tries: Trier, faults: trial.Faults
) -> None:
    id_ = await trial.make(database)
    faults.raise_on_begin = RuntimeError("a fault of ours")
    phone.capture("trial.remark", trial_id=id_, text="before")
    phone.capture("trial.begin", trial_id=id_)
    phone.capture("trial.remark", trial_id=id_, text="after")
    answer = await tries.both(phone)
    assert tries.ways == [True, False, False]
    assert (answer["stop"]["kind"], answer["stop"]["at_seq"]) == ("transient", 2)


async def test_a_broken_constraint_is_told_of_the_command_that_broke_it(
    database: Database, world: World, new_phone: MakePhone, tries: Trier
) -> None:
    phone = await new_phone(world.alice)
    day = await make_day(database, world)
    await phone.pull()
    test = dict(SCENARIOS["measurement.record_line_test"](day)[-1][1], id=str(uuid4()))
    capture(phone, ("measurement.record_line_test", test), ("measurement.record_line_test", test))
    capture(phone, day.visit("note.add", text="whole"))
    answer = await tries.both(phone)
    assert tries.ways == [True, False, False]
    assert statuses(answer) == ["applied", "constraint", "applied"]


async def test_photos_promised_with_others_are_the_same_in_both_ways(
    database: Database, world: World, new_phone: MakePhone, tries: Trier
) -> None:
    phone = await new_phone(world.alice)
    day = await make_day(database, world)
    await phone.pull()
    photo = {"bytes": 4711, "mime": "image/jpeg", "purpose": "photo"}
    about = {**photo, "subject_type": "visit", "subject_id": str(day.visit_id)}
    for content in (PHOTO, "c" * 64, PHOTO):
        capture(phone, day.visit("file.link", sha256=content, **about))
    capture(phone, day.visit("visit.arrive", point=DOOR))
    answer = await tries.both(phone)
    assert tries.was_whole()
    assert set(statuses(answer)) == {"applied"}


@contextmanager
def noting(database: Database) -> Iterator[list[str]]:
    """Note the statements that are sent, savepoints apart."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.upper().startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


MOST_STATEMENTS = 45


async def test_twenty_commands_of_every_kind_take_few_statements(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """Decision on pushes as a whole: what is needed is read once, what changed is written once."""
    phone = await new_phone(world.alice)
    day = await make_day(database, world)
    await phone.pull()
    photo = {"bytes": 4711, "mime": "image/jpeg", "purpose": "photo"}
    about = {**photo, "subject_type": "visit", "subject_id": str(day.visit_id)}
    evidence = SCENARIOS["visit.complete"](day)[:-1]
    photos = [day.visit("file.link", sha256=letter * 64, **about) for letter in "cd"]
    notes = [day.visit("note.add", text=f"Note {number}.") for number in range(8)]
    capture(phone, *evidence, *photos, *notes)
    assert len(queue(phone)) == 20
    with noting(database) as sent:
        answer = await phone.send("/v1/sync/push", request(phone, queue(phone)))
    assert set(statuses(answer)) == {"applied"}
    shown = "\n".join(" ".join(statement.split())[:120] for statement in sent)
    assert len(sent) <= MOST_STATEMENTS, shown


async def test_more_of_the_same_takes_no_more_statements(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """Decision on pushes as a whole; a stock is counted material by material, dozens of them."""
    phone = await new_phone(world.alice)
    day = await make_day(database, world)
    await phone.pull()
    for name in ("material.use", "material.hand_back", "material.count", "health.record_reading"):
        *before, last = SCENARIOS[name](day)
        took = []
        for times in (1, 5):
            async with undone(database):
                capture(phone, *before, *[last] * times)
                with noting(database) as sent:
                    answer = await phone.send("/v1/sync/push", request(phone, queue(phone)))
                assert set(statuses(answer)) == {"applied"}, name
            phone.db.execute("delete from outbox")
            phone.put(next_seq=1)
            took.append([" ".join(statement.split())[:80] for statement in sent])
        assert len(took[1]) <= len(took[0]), f"{name}: {set(took[1]) - set(took[0])}"
