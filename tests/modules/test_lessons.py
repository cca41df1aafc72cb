"""QA-07: lessons are written, checked, offered where the same work is done, retired."""

from typing import Any

import httpx
import pytest

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.settings import Settings
from fieldops.quality import rules
from fieldops.quality.errors import LessonNamesPeople, LessonStateWrong
from tests.support.clients import bearer
from tests.support.factories.checklists import make_scene
from tests.support.factories.files import promise, sha256_of
from tests.support.run import first_id, run
from tests.support.world import World

pytestmark = pytest.mark.anyio

WET = {
    "title": "Wet joint in a box",
    "problem": "The line falls after rain since 2026-10-02.",
    "cause": "The lid of the box does not close.",
    "remedy": "Change the seal, dry the joint, measure insulation again: above 500 Mohm.",
}
WET_ZH = {
    "title": "接头盒进水",
    "problem": "雨后线路速率下降。",
    "cause": "盒盖未关严。",
    "remedy": "更换密封圈，干燥接头，重新测量绝缘电阻。",
}


async def draft(database: Database, world: World, **changes: Any) -> str:
    given = {"text_en": WET, "text_zh": WET_ZH, "kinds": ["repair"], **changes}
    return str(first_id(await run(database, world.sam, "lesson.draft", **given)))


async def published(database: Database, world: World, **changes: Any) -> str:
    lesson = await draft(database, world, **changes)
    await run(database, world.sam, "lesson.publish", lesson_id=lesson)
    return lesson


async def seen(
    client: httpx.AsyncClient, settings: Settings, actor: Actor, **params: Any
) -> list[str]:
    answer = await client.get("/v1/lessons", params=params, headers=bearer(settings, actor))
    assert answer.status_code == 200
    return [one["id"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Call +358 40 123 4567 first.", "a telephone number"),
        ("请致电 13800138000。", "a telephone number"),
        ("Write to anna@example.org.", "an e-mail address"),
        ("Mrs Korhonen was angry.", "a customer's title"),
        ("王女士不满意。", "a customer's title"),
        ("In 3号楼 the box is open.", "a door number"),
        ("At apartment 12 the outlet is wet.", "a door number"),
        ("Since 2026-10-02 it is above 500 Mohm on port 12, type KT-4711.", None),
    ],
)
def test_qa_07_what_looks_like_a_customer_is_found_in_a_lesson(
    text: str, found: str | None
) -> None:
    assert rules.names_people(["Nothing.", text]) == found


async def test_qa_07_a_lesson_that_names_people_is_warned_of_and_not_published(
    database: Database, world: World
) -> None:
    text = WET | {"problem": "Mrs Korhonen had no line."}
    made = await run(database, world.sam, "lesson.draft", text_en=text, text_zh=WET_ZH)
    assert [one["code"] for one in made["warnings"]] == ["may_name_people"]
    lesson = str(first_id(made))
    with pytest.raises(LessonNamesPeople):
        await run(database, world.sam, "lesson.publish", lesson_id=lesson)
    await run(database, world.sam, "lesson.change", lesson_id=lesson, text_en=WET, text_zh=WET_ZH)
    await run(database, world.sam, "lesson.publish", lesson_id=lesson)
    with pytest.raises(LessonStateWrong):
        await run(database, world.sam, "lesson.change", lesson_id=lesson, text_en=WET,
                  text_zh=WET_ZH)  # fmt: skip


async def test_qa_07_technicians_read_what_is_published_for_work_like_theirs(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    scene = await make_scene(database, [world.alice], ("broadband", "repair", "copper"))
    mine = await published(database, world)
    others = await published(database, world, kinds=["install"])
    tv = await published(database, world, services=["tv"])
    for_all = await published(database, world, kinds=[])
    drafted = await draft(database, world)
    assert await seen(client, settings, world.alice) == [mine, others, tv, for_all]
    assert await seen(client, settings, world.sam) == [mine, others, tv, for_all, drafted]
    assert await seen(client, settings, world.alice, visit_id=scene.visit) == [mine, for_all]
    assert await seen(client, settings, world.alice, kind="install") == [others, for_all]
    await run(database, world.sam, "lesson.retire", lesson_id=mine, reason="the box is gone")
    with pytest.raises(LessonStateWrong):
        await run(database, world.sam, "lesson.retire", lesson_id=mine, reason="again")
    assert await seen(client, settings, world.alice, visit_id=scene.visit) == [for_all]
    for lesson, actor in ((mine, world.alice), (for_all, world.tom)):  # retired; of another region
        hidden = await client.get(f"/v1/lessons/{lesson}", headers=bearer(settings, actor))
        assert hidden.status_code == 404


async def test_qa_07_photos_of_a_lesson_are_photos_of_work_and_no_papers(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], ("broadband", "repair", "copper"))
    of = {"subject_id": scene.visit_id, "visit_id": scene.visit_id}
    await promise(database, world.alice, b"photo", **of)
    await promise(database, world.alice, b"paper", purpose="signature", **of)
    await draft(database, world, photos=[sha256_of(b"photo")])
    for other in (b"paper", b"nothing"):
        with pytest.raises(NotFound):
            await draft(database, world, photos=[sha256_of(other)])


async def test_qa_07_a_lessons_photo_is_read_through_the_lesson(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    lesson = await published(database, world)
    path = f"/v1/lessons/{lesson}/photos/{'a' * 64}"
    answer = await client.get(path, headers=bearer(settings, world.alice))
    assert answer.status_code == 404
