"""QA-03: who was inspected alone gets the feedback sheet and answers it, without a network too."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.quality.errors import FormNotWhole, SheetNotOpen
from fieldops.quality.models import FeedbackRound, Inspection
from tests.modules.test_accountability import seen, told
from tests.modules.test_health_views import held
from tests.support.factories.checklists import Scene, make_scene
from tests.support.factories.inspections import REMOTE, as_form, draw, ended, lay_out, plan
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

SHOWN = {"sha256": "a" * 64, "bytes": 10, "mime": "image/jpeg"}


@pytest.fixture
async def people(database: Database, world: World) -> dict[str, Actor]:
    return await lay_out(database)


@pytest.fixture
async def scene(database: Database, world: World, people: dict[str, Actor]) -> Scene:
    assert people
    made = await make_scene(database, [world.alice], ("broadband", "install", "copper"))
    await ended(database, made.visit_id)
    return made


async def given(database: Database, world: World, scene: Scene, **whose: str) -> str:
    """Inspect Alice's visit, find something of the centre's, give the sheet; its inspection."""
    of = {"inspection_id": await plan(database, world.sam, **whose)}
    await draw(database, world.sam, of["inspection_id"])
    await run(database, world.sam, "inspection.fill", **of, visit_id=scene.visit,
              answers=as_form(REMOTE, signed=False))  # fmt: skip
    await run(database, world.sam, "inspection.note_finding", **of, severity="minor",
              words="Not signed.", unit_id=str(NORTH))  # fmt: skip
    await run(database, world.sam, "inspection.report", **of, summary="Signatures are missing.")
    return of["inspection_id"]


async def answer(database: Database, actor: Actor, sheet: str, words: str, **more: Any) -> None:
    await run(database, actor, "feedback_sheet.answer", device=new_id(), feedback_round_id=sheet,
              measures=words, **more)  # fmt: skip


async def standing(database: Database, inspection: str, sheet: str) -> tuple[str, FeedbackRound]:
    async with database.transaction() as session:
        row = await session.get_one(Inspection, (1, UUID(inspection)))
        return row.state, await session.get_one(FeedbackRound, (1, UUID(sheet)))


async def test_qa_03_a_technician_answers_the_sheet_on_the_own_work_from_the_phone(
    database: Database, world: World, scene: Scene, client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    inspection = await given(database, world, scene, technician_id=str(world.alice.id))
    assert await told(database) == [("finding_given", None)]
    (sheet,) = await held(database, world.alice, "feedback_round")
    assert (sheet["score"], sheet["summary"]) == (
        pytest.approx(84, abs=15),
        "Signatures are missing.",
    )
    assert await held(database, world.bob, "feedback_round") == []
    with pytest.raises(NotFound):
        await answer(database, world.bob, sheet["id"], "Not mine.")
    await answer(database, world.alice, sheet["id"], "They sign on paper now.", files=[SHOWN])
    state, row = await standing(database, inspection, sheet["id"])
    assert (state, row.measures, row.answered_by) == (
        "answered", "They sign on paper now.", world.alice.id,
    )  # fmt: skip
    (listed,) = await seen(client, settings, world.alice, "feedback-sheets?standing=answered")
    assert [one["sha256"] for one in listed["files"]] == [SHOWN["sha256"]]
    assert await seen(client, settings, world.bob, "feedback-sheets") == []
    await run(database, world.sam, "inspection.judge", inspection_id=inspection,
              verdict="reopened", words="Which paper?")  # fmt: skip
    first, second = sorted(
        await held(database, world.alice, "feedback_round"), key=lambda one: one["number"]
    )
    assert (first["verdict"], first["verdict_words"]) == ("reopened", "Which paper?")
    assert (second["number"], second["measures"]) == (2, None)
    assert [kind for kind, _ in await told(database)] == ["finding_given"] * 2


async def test_qa_03_what_a_technician_says_after_the_answer_stands_beside_it(
    database: Database, world: World, people: dict[str, Actor], scene: Scene
) -> None:
    inspection = await given(database, world, scene, technician_id=str(world.alice.id))
    (sheet,) = await held(database, world.alice, "feedback_round")
    of = {"inspection_id": inspection}
    await run(database, people["nora"], "inspection.answer", **of, measures="We talk to her.")
    await answer(database, world.alice, sheet["id"], "My phone was broken.")
    with pytest.raises(SheetNotOpen):
        await run(database, people["nora"], "inspection.answer", **of, measures="Again.")
    await run(database, world.sam, "inspection.judge", **of, verdict="accepted", words="Good.")
    await answer(database, world.alice, sheet["id"], "It was broken all week.")
    state, row = await standing(database, inspection, sheet["id"])
    assert (state, row.measures, row.addition) == (
        "accepted", "We talk to her.", "It was broken all week.",
    )  # fmt: skip


async def test_qa_03_the_sheet_of_a_unit_is_not_one_persons(
    database: Database, world: World, people: dict[str, Actor], scene: Scene, at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    await given(database, world, scene)
    assert await held(database, world.alice, "feedback_round") == []
    assert await seen(client, settings, world.alice, "feedback-sheets") == []
    (sheet,) = await seen(client, settings, people["nora"], "feedback-sheets")
    assert await seen(client, settings, people["stan"], "feedback-sheets") == []
    with pytest.raises(NotFound):
        await answer(database, world.alice, sheet["id"], "It was me.")
    with clock.frozen(at + timedelta(days=16)):
        late = await seen(client, settings, people["nora"], "feedback-sheets?late=true")
        assert [one["id"] for one in late] == [sheet["id"]]
    assert await seen(client, settings, people["nora"], "feedback-sheets?late=true") == []


async def test_qa_03_an_item_is_answered_once_in_a_form(
    database: Database, world: World, scene: Scene
) -> None:
    of = {"inspection_id": await plan(database, world.sam)}
    await draw(database, world.sam, of["inspection_id"])
    twice = [*as_form(REMOTE), {"item_key": "signed", "value": True}]
    with pytest.raises(FormNotWhole, match="signed"):
        await run(database, world.sam, "inspection.fill", **of, visit_id=scene.visit, answers=twice)
