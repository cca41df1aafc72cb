"""What of quality a phone holds, and the answers given without a network: QA-05 to QA-07."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.quality import rules
from fieldops.quality.errors import FlagDecided
from fieldops.quality.models import EvidenceFlag
from tests.modules.test_health_views import held
from tests.support.factories.checklists import make_scene
from tests.support.factories.inspections import REMOTE, as_form, draw, ended, lay_out, plan
from tests.support.factories.visits import from_phone
from tests.support.run import first_id, run
from tests.support.world import World

pytestmark = pytest.mark.anyio

REPAIR = ("broadband", "repair", "copper")
SAID = {"title": "Wet joint", "problem": "Slow.", "cause": "Open lid.", "remedy": "A new seal."}


async def lesson(database: Database, world: World, **changes: Any) -> str:
    given = {"text_en": SAID, "text_zh": SAID, **changes}
    made = str(first_id(await run(database, world.sam, "lesson.draft", **given)))
    await run(database, world.sam, "lesson.publish", lesson_id=made)
    return made


async def test_qa_07_a_phone_holds_what_is_published_with_the_work_it_is_for(
    database: Database, world: World
) -> None:
    one = await lesson(database, world, kinds=["repair"], services=["broadband"])
    await run(database, world.sam, "lesson.draft", text_en=SAID, text_zh=SAID)
    (found,) = await held(database, world.alice, "lesson")
    assert (found["id"], found["kinds"], found["services"]) == (one, ["repair"], ["broadband"])
    assert found["text_en"] == SAID
    await run(database, world.sam, "lesson.retire", lesson_id=one, reason="the box is gone")
    assert await held(database, world.alice, "lesson") == []


async def test_qa_07_of_many_lessons_a_phone_holds_the_newest(
    database: Database, world: World, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_HELD_LESSONS", 2)
    await make_scene(database, [world.alice], REPAIR)
    made = []
    for minute in range(3):
        with clock.frozen(at + timedelta(minutes=minute)):
            made.append(await lesson(database, world))
    found = await held(database, world.alice, "lesson")
    assert {one["id"] for one in found} == set(made[1:])


async def test_qa_05_a_question_is_on_the_phone_until_it_is_decided_and_answered_offline(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], REPAIR)
    far = {"type": "Point", "coordinates": [24.941, 60.18]}
    await from_phone(database, world.alice, "visit.arrive", visit_id=scene.visit, point=far)
    await run(database, world.sam, "evidence.check", visit_id=scene.visit)
    (flag,) = await held(database, world.alice, "evidence_flag")
    assert (flag["about_visit_id"], flag["state"]) == (scene.visit, "open")
    assert await held(database, world.bob, "evidence_flag") == []
    of = {"flag_id": flag["id"]}
    await run(database, world.sam, "evidence_flag.decide", **of, holds=False, reason="The gate.")
    assert await held(database, world.alice, "evidence_flag") == []
    answer = {**of, "answer": "The gate is there."}
    with pytest.raises(FlagDecided):
        await run(database, world.alice, "evidence_flag.answer", **answer)
    with pytest.raises(NotFound):
        await run(database, world.bob, "evidence_flag.answer", device=new_id(), **answer)
    await run(database, world.alice, "evidence_flag.answer", device=new_id(), **answer)
    async with database.transaction() as session:
        row = await session.get_one(EvidenceFlag, (1, flag["id"]))
    assert (row.state, row.answer) == ("false_alarm", "The gate is there.")


async def test_qa_06_a_finding_is_on_the_phone_once_it_is_given_and_for_sixty_days(
    database: Database, world: World, at: datetime
) -> None:
    await lay_out(database)
    scene = await make_scene(database, [world.alice], REPAIR)
    await ended(database, scene.visit_id)
    of = {"inspection_id": await plan(database, world.sam)}
    await draw(database, world.sam, of["inspection_id"])
    await run(database, world.sam, "inspection.fill", **of, visit_id=scene.visit,
              answers=as_form(REMOTE))  # fmt: skip
    await run(database, world.sam, "inspection.note_finding", **of, visit_id=scene.visit,
              severity="minor", words="Not signed.", technician_id=str(world.alice.id))  # fmt: skip
    assert await held(database, world.alice, "inspection_finding") == []
    await run(database, world.sam, "inspection.report", **of)
    (found,) = await held(database, world.alice, "inspection_finding")
    assert (found["words"], found["severity"]) == ("Not signed.", "minor")
    assert await held(database, world.bob, "inspection_finding") == []
    with clock.frozen(at + timedelta(days=59)):  # the visit has left the phone
        (later,) = await held(database, world.alice, "inspection_finding")
        assert later["about_visit_id"] == scene.visit
    with clock.frozen(at + timedelta(days=60)):
        assert await held(database, world.alice, "inspection_finding") == []
