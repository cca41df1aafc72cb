"""ORG-04: training sessions, who was there, exams; and what a passed exam may become (ORG-03)."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation
from fieldops.organisation.errors import QualificationKnown
from fieldops.organisation.models import Qualification
from fieldops.training.errors import (
    ExamUsed,
    NoSkillExamined,
    NotPassed,
    NotYetHeld,
    TrainingClosed,
)
from fieldops.training.models import Exam, TrainingSession
from tests.support.clients import bearer
from tests.support.run import first_id, run
from tests.support.world import FIRM, NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

LESSON = {
    "subject_zh": "光纤熔接", "subject_en": "Splicing fibre", "skill": "fibre",
    "held_on": "2026-11-20", "minutes": 180, "trainer": "Olga",
}  # fmt: skip
EXAM = {
    "subject_zh": "光纤熔接", "subject_en": "Splicing fibre", "skill": "fibre",
    "taken_on": "2026-11-20", "examiner": "Olga", "score": 60, "maximum": 100, "pass_mark": 60,
}  # fmt: skip


async def plan(database: Database, world: World, **more: Any) -> UUID:
    made = await run(
        database, world.sam, "training.plan", **{"centre_id": str(NORTH), **LESSON, **more}
    )
    return first_id(made, "training")


async def examine(database: Database, world: World, who: str = "bob", **more: Any) -> UUID:
    given = {"technician_id": str(world.actors[who].id), **EXAM, **more}
    return first_id(await run(database, world.sam, "training.record_exam", **given), "exam")


async def qualify(database: Database, world: World, exam_id: UUID, **more: Any) -> UUID:
    given = {"certificate_number": "F-1", "valid_from": "2026-11-21", "valid_until": "2027-11-20"}
    made = await run(
        database, world.sam, "training.qualify", exam_id=str(exam_id), **{**given, **more}
    )
    return first_id(made, "qualification")


async def items(
    client: httpx.AsyncClient, settings: Settings, world: World, who: str, path: str
) -> list[dict[str, Any]]:
    answer = await client.get(path, headers=bearer(settings, world.actors[who]))
    assert answer.status_code == httpx.codes.OK, answer.text
    return list(answer.json()["items"])


async def test_org_04_attendance_is_kept_per_technician_contractors_too(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    """ORG-04, ORG-06: by technician, unit, firm and time; who was absent is on the list too."""
    lesson = await plan(database, world)
    people = [
        {"technician_id": str(world.alice.id), "present": True},
        {"technician_id": str(world.kim.id), "present": False},
    ]
    given = {"training_id": str(lesson), "people": people}
    await run(database, world.sam, "training.record_attendance", **given)
    await run(database, world.sam, "training.record_attendance", training_id=str(lesson),
              people=[{"technician_id": str(world.kim.id), "present": True}])  # fmt: skip
    asked = "/v1/training-attendances"
    seen = await items(client, settings, world, "dora", asked)
    assert [(one["technician_name"], one["present"]) for one in seen] == [
        ("Alice", True), ("Kim", True),
    ]  # fmt: skip
    for query, names in (
        (f"?firm_id={FIRM}", ["Kim"]),
        ("?contractor=false", ["Alice"]),
        (f"?technician_id={world.kim.id}", ["Kim"]),
        (f"?centre_id={SOUTH}", []),
        ("?since=2026-11-21", []),
        ("?until=2026-11-20&skill=fibre", ["Alice", "Kim"]),
        ("?skill=enterprise", []),
    ):
        found = await items(client, settings, world, "sam", asked + query)
        assert [one["technician_name"] for one in found] == names, query
    for who, names in (("alice", ["Alice"]), ("bob", []), ("mia", ["Kim"]), ("dan", [])):
        found = await items(client, settings, world, who, asked)
        assert [one["technician_name"] for one in found] == names, who


async def test_org_04_a_session_of_the_region_is_everybodys_and_one_of_a_centre_its_own(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    common = str(await plan(database, world, centre_id=None, held_on="2026-11-30"))
    mine = str(await plan(database, world))
    for who, seen in (
        ("dora", [mine, common]), ("dan", [common]), ("alice", [common]), ("tess", []),
    ):  # fmt: skip
        found = await items(client, settings, world, who, "/v1/trainings?sort=held_on")
        assert [one["id"] for one in found] == seen, who
    with pytest.raises(NotYetHeld):
        await run(database, world.sam, "training.record_attendance", training_id=common,
                  people=[{"technician_id": str(world.alice.id), "present": True}])  # fmt: skip
    await run(database, world.sam, "training.cancel", training_id=common, reason="nobody came")
    with pytest.raises(TrainingClosed):
        await run(database, world.sam, "training.cancel", training_id=common, reason="again")
    async with database.transaction() as session:
        assert (await session.get_one(TrainingSession, (1, UUID(common)))).state == "cancelled"


async def test_org_04_only_supervisors_and_administrators_record_training(
    database: Database, world: World
) -> None:
    for who in (world.alice, world.dora, world.mia):
        with pytest.raises(Forbidden):
            await run(database, who, "training.plan", centre_id=str(NORTH), **LESSON)
    with pytest.raises(NotFound):
        await run(database, world.sam, "training.record_exam",
                  technician_id=str(world.tom.id), **EXAM)  # fmt: skip


async def test_org_04_the_pass_mark_decides_and_a_correction_keeps_what_was(
    database: Database, world: World, settings: Settings, client: httpx.AsyncClient
) -> None:
    just, under = [await examine(database, world, score=score) for score in (60, 59.9)]
    passed = await items(client, settings, world, "dora", "/v1/exams?passed=true")
    assert [one["id"] for one in passed] == [str(just)]
    assert [one["id"] for one in await items(client, settings, world, "bob", "/v1/exams")] == [
        str(just), str(under),
    ]  # fmt: skip
    assert await items(client, settings, world, "alice", "/v1/exams") == []
    best = await items(client, settings, world, "sam", "/v1/exams?sort=-score")
    assert [one["score"] for one in best] == [60, 59.9]
    await run(database, world.sam, "training.correct_exam", exam_id=str(under), score=71,
              maximum=100, pass_mark=60, reason="a sheet was overlooked")  # fmt: skip
    async with database.transaction() as session:
        row = await session.get_one(Exam, (1, under))
        assert (row.score, row.passed) == (71, True)
    for wrong in ({"score": 101}, {"pass_mark": 101}, {"pass_mark": 0}):
        with pytest.raises(InvalidArguments):
            await examine(database, world, **wrong)
    with pytest.raises(NotYetHeld):
        await examine(database, world, taken_on="2026-11-24")


async def test_org_03_a_passed_exam_becomes_a_qualification_when_somebody_says_so(
    database: Database, world: World
) -> None:
    """ORG-03, ORG-04: not by itself, once, and only of a skill that was examined and passed."""

    async def may(day: date) -> bool:
        async with database.transaction() as session:
            return world.bob.id in await organisation.qualified(session, 1, ["fibre"], day)

    exam = await examine(database, world)
    assert not await may(date(2026, 11, 21))
    await qualify(database, world, exam)
    assert await may(date(2026, 11, 21))
    assert not await may(date(2027, 11, 21))
    with pytest.raises(ExamUsed):
        await qualify(database, world, exam)
    with pytest.raises(ExamUsed):
        await run(database, world.sam, "training.correct_exam", exam_id=str(exam), score=1,
                  maximum=100, pass_mark=60, reason="too late")  # fmt: skip
    with pytest.raises(NotPassed):
        await qualify(database, world, await examine(database, world, score=10))
    with pytest.raises(NoSkillExamined):
        await qualify(database, world, await examine(database, world, skill=None))
    with pytest.raises(Forbidden):
        await run(database, world.dora, "training.qualify", exam_id=str(exam),
                  certificate_number="F", valid_from="2027-01-01",
                  valid_until="2028-01-01")  # fmt: skip


async def test_org_03_an_exam_extends_the_certificate_it_goes_on_from(
    database: Database, world: World
) -> None:
    first = await qualify(database, world, await examine(database, world))
    again = await qualify(database, world, await examine(database, world),
                          valid_from="2027-11-21", valid_until="2028-11-20")  # fmt: skip
    gap = await qualify(database, world, await examine(database, world),
                        valid_from="2028-11-22", valid_until="2029-11-20")  # fmt: skip
    other = await qualify(database, world, await examine(database, world),
                          certificate_number="F-2", valid_from="2028-01-01",
                          valid_until="2028-06-01")  # fmt: skip
    assert first == again
    assert len({first, gap, other}) == 3
    async with database.transaction() as session:
        kept = await session.scalars(
            select(Qualification.valid_until)
            .where(Qualification.region_id == 1, Qualification.technician_id == world.bob.id,
                   Qualification.skill == "fibre")
            .order_by(Qualification.valid_from)
        )  # fmt: skip
        assert list(kept) == [date(2028, 11, 20), date(2028, 6, 1), date(2029, 11, 20)]
    with pytest.raises(QualificationKnown):
        await qualify(database, world, await examine(database, world),
                      certificate_number="F-3", valid_from="2028-01-01",
                      valid_until="2028-06-01")  # fmt: skip
