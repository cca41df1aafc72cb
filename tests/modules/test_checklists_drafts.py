"""The life of a template: drafted, checked, published, compared, retired (CH-01), and CH-04."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.checklists import commands, drafting, queries, standard
from fieldops.checklists.errors import DraftMoved, TemplateInvalid, TemplateUseTaken
from fieldops.checklists.models import Template, TemplateDraft
from fieldops.checklists.rules import Body
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.settings import Settings
from tests.modules.test_checklists import CHOICES, FIXED, INSTALL, body, item, publish
from tests.modules.test_checklists_api import bearer, client
from tests.support.factories.checklists import bind, make_scene
from tests.support.run import first_id, run
from tests.support.world import World

__all__ = ["client"]
pytestmark = pytest.mark.anyio

DRAFT = "checklist.draft_template"


async def save(database: Database, world: World, who: str = "sam", **changes: Any) -> TemplateDraft:
    args = {"code": "mine", "kind": "care", "body": body(item()), **changes}
    made = await run(database, world.actors[who], DRAFT, **args)
    async with database.transaction() as session:
        return await queries.draft(session, first_id(made, "template_draft"))


async def finish(database: Database, world: World, draft: TemplateDraft, verb: str) -> Any:
    args = {"draft_id": str(draft.id), "draft_version": draft.version}
    return await run(database, world.sam, f"checklist.{verb}_draft", **args)


async def test_ch_01_a_draft_is_saved_wrong_corrected_and_published_as_the_next_version(
    database: Database, world: World
) -> None:
    await publish(database, world.sam)
    draft = await save(database, world, body={"items": "none yet"})
    with pytest.raises(TemplateInvalid):
        await finish(database, world, draft, "publish")
    better = await save(database, world, body=body(item(), item("b")), draft_version=draft.version)
    assert (better.id, better.version) == (draft.id, draft.version + 1)
    await finish(database, world, better, "publish")
    async with database.transaction() as session:
        rows = (await session.scalars(queries.versions(code="mine"))).all()
        assert (await queries.draft(session, draft.id)).state == "published"
    assert [(v.number, len(v.body["items"])) for v in rows] == [(1, 1), (2, 2)]


async def test_ch_01_two_supervisors_never_overwrite_each_others_draft(
    database: Database, world: World
) -> None:
    first = await save(database, world)
    with pytest.raises(DraftMoved):  # another draft of the same code
        await save(database, world)
    await save(database, world, body=body(item("theirs")), draft_version=first.version)
    with pytest.raises(DraftMoved):
        await save(database, world, body=body(item("mine")), draft_version=first.version)
    for verb in ("publish", "discard"):
        with pytest.raises(DraftMoved):
            await finish(database, world, first, verb)


async def test_ch_01_a_discarded_draft_publishes_nothing_and_makes_room_for_another(
    database: Database, world: World
) -> None:
    draft = await save(database, world)
    await finish(database, world, draft, "discard")
    async with database.transaction() as session:
        gone = await queries.draft(session, draft.id)
        assert await queries.newest_version(session, "mine") is None
    with pytest.raises(DraftMoved):
        await finish(database, world, gone, "publish")
    assert (await save(database, world)).id != draft.id


@pytest.mark.parametrize("name", ["alice", "dora", "ann", "ivan", "mia"])
async def test_ch_01_nobody_else_drafts_or_retires(
    database: Database, world: World, name: str
) -> None:
    with pytest.raises(Forbidden):
        await save(database, world, name)
    with pytest.raises(Forbidden):
        await run(
            database, world.actors[name], "checklist.retire_template", code="mine", reason="old"
        )


def test_ch_01_a_check_names_every_error_of_every_item_at_once() -> None:
    wrong = body(
        item("a", text_zh=""),
        {key: value for key, value in item("b").items() if key != "text_en"},
        item("c", when={"item": "nowhere", "values": [True]}),
        item("d", when={"item": "a", "values": [True]}),  # a is there, though it is unreadable
        item("e", "number", unit="m"),
        item("e"),
        item("f", "colour"),
        item("g", "choice", choices=CHOICES[:1]),
    )
    del wrong["title_zh"]
    found = {(error["field"], error["rule"]) for error in drafting.findings(wrong)}
    assert found == {
        ("body.title_zh", "translation"),
        ("body.items.0.text_zh", "translation"),
        ("body.items.1.text_en", "translation"),
        ("body.items.2.when.item", "earlier"),
        ("body.items.4", "number_bounded"),
        ("body.items.5.key", "unique"),
        ("body.items.6.type", "enum"),
        ("body.items.7.choices", "choices"),
    }


@pytest.mark.parametrize("raw", [{}, {"items": None}, {"items": [1, None, {"key": 3}]}])
def test_a_draft_of_any_shape_is_judged_and_never_crashes(raw: dict[str, Any]) -> None:
    assert drafting.findings(raw)


async def test_ch_01_a_check_names_a_use_that_is_taken_and_a_code_used_otherwise(
    database: Database, world: World
) -> None:
    await publish(database, world.sam)
    other = await save(database, world, code="other")
    moved = await save(database, world, kind="repair")
    async with database.transaction() as session:
        for draft, rule in ((other, "use_taken"), (moved, "used_otherwise")):
            found = await commands.draft_findings(session, draft)
            assert [error["rule"] for error in found] == [rule]
    with pytest.raises(TemplateInvalid):
        await finish(database, world, other, "publish")


def test_a_draft_with_half_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        drafting.storable({"title_en": "\ud800"})


@pytest.mark.parametrize("words", ["a\x00", "x" * 400_001])
async def test_a_draft_that_no_database_can_keep_is_refused(
    database: Database, world: World, words: str
) -> None:
    with pytest.raises(InvalidArguments):
        await save(database, world, body={"title_en": words})
    kept = await save(database, world, body={"title_en": "a literal \\u0000"})
    assert kept.body == {"title_en": "a literal \\u0000"}


def test_ch_01_a_diff_names_what_came_went_moved_and_changed_field_by_field() -> None:
    before = Body.model_validate(body(item("a"), item("b"), item("c"), item("d")))
    after = Body.model_validate(
        {**body(item("b", mandatory=False), item("c"), item("a"), item("e")), "title_en": "New"}
    )
    found = drafting.changes(before, after)
    assert [line.key for line in found.added] == ["e"]
    assert [line.key for line in found.removed] == ["d"]
    assert found.moved == ["a"]
    [change] = found.changed.pop("b")
    assert (change.field, change.before, change.after) == ("mandatory", True, False)
    assert found.changed == {}
    assert [(t.field, t.before, t.after) for t in found.titles] == [("title_en", "Title", "New")]
    assert drafting.changes(after, after) == drafting.Changes([], [], [], {}, [])


async def test_ch_01_a_retired_template_is_given_to_no_further_work_and_frees_its_use(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL, FIXED)
    lists = await bind(database, world.dora, scene)
    await run(
        database, world.sam, "checklist.retire_template", code="broadband_install", reason="old"
    )
    async with database.transaction() as session:
        kept = await queries.lists_of_visit(session, 1, scene.visit_id)
    assert {row.id for row in kept} == {row.id for row in lists}
    later = await make_scene(database, [world.alice], INSTALL, FIXED)
    assert [row.work_order_id for row in await bind(database, world.dora, later)] == [
        later.work_order_ids[1]
    ]
    use = {"kind": "install", "service": "broadband"}
    await publish(database, world.sam, code="ours", **use)
    with pytest.raises(TemplateUseTaken):  # back in use, when another has its place
        await publish(database, world.sam, code="broadband_install", **use)


async def test_ch_01_publishing_a_version_takes_a_retirement_back(
    database: Database, world: World
) -> None:
    await publish(database, world.sam)
    retire = {"code": "mine", "reason": "not needed"}
    await run(database, world.sam, "checklist.retire_template", **retire)
    await run(database, world.ada, "checklist.retire_template", **{**retire, "reason": "again"})
    async with database.transaction() as session:
        row = await session.scalar(select(Template).where(Template.code == "mine"))
        assert row is not None
        assert (row.retired_by, row.retired_reason) == (world.sam.id, "not needed")
    await finish(database, world, await save(database, world), "publish")
    async with database.transaction() as session:
        again = await queries.template_in_use(session, "care", None, None)
        assert again is not None
        assert (again.retired_at, again.retired_by, again.retired_reason) == (None, None, None)
    with pytest.raises(NotFound):
        await run(
            database, world.sam, "checklist.retire_template", code="unheard_of", reason="gone"
        )


async def test_ch_01_the_editor_goes_from_draft_to_version_over_http(
    client: httpx.AsyncClient, settings: Settings, database: Database, world: World
) -> None:
    await publish(database, world.sam)
    sam, dora = bearer(settings, world.sam), bearer(settings, world.dora)
    saved = await client.post(
        "/v1/checklist-drafts",
        json={"code": "mine", "kind": "care", "body": body(item(), item("b", text_zh=""))},
        headers=sam,
    )
    url = f"/v1/checklist-drafts/{saved.json()['refs'][0]['id']}"
    assert (await client.get(url, headers=dora)).status_code == 403
    checked = (await client.get(f"{url}/check", headers=sam)).json()
    assert (checked["ready"], checked["errors"][0]["rule"]) == (False, "translation")
    refused = await client.post(f"{url}/publish", json={"draft_version": 1}, headers=sam)
    assert (refused.status_code, refused.json()["code"]) == (422, "template_invalid")
    assert refused.json()["errors"] == checked["errors"]
    assert (await client.get(f"{url}/changes", headers=sam)).json()["code"] == "template_invalid"
    broken = b'{"code": "other", "kind": "care", "body": {"title_en": "\\ud800"}}'
    as_json = {**sam, "Content-Type": "application/json"}
    answer = await client.post("/v1/checklist-drafts", content=broken, headers=as_json)
    assert answer.status_code == 422
    good = {"code": "mine", "kind": "care", "body": body(item(), item("b"))}
    await client.post("/v1/checklist-drafts", json={**good, "draft_version": 1}, headers=sam)
    checked = (await client.get(f"{url}/check", headers=sam)).json()
    assert (checked["ready"], checked["errors"]) == (True, [])
    assert checked["untranslated"] == ["body.items.0.text_zh", "body.items.1.text_zh"]
    assert [
        line["key"] for line in (await client.get(f"{url}/changes", headers=sam)).json()["added"]
    ] == ["b"]
    done = await client.post(f"{url}/publish", json={"draft_version": 2}, headers=sam)
    assert done.status_code == 200, done.text
    versions = (await client.get("/v1/checklist-templates?code=mine", headers=sam)).json()["items"]
    one, two = (version["id"] for version in versions)
    changed = await client.get(f"/v1/checklist-templates/{two}/changes?since={one}", headers=dora)
    assert [line["key"] for line in changed.json()["added"]] == ["b"]
    listed = await client.get("/v1/checklist-drafts?state=published&code=mine", headers=sam)
    assert [row["version"] for row in listed.json()["items"]] == [3]
    why = {"code": "mine", "reason": "no longer wanted"}
    await client.post("/v1/checklist-templates/retire", json=why, headers=sam)
    read = (await client.get(f"/v1/checklist-templates/{two}", headers=sam)).json()
    assert read["retired_reason"] == "no longer wanted"


CH_04 = {
    "cabinets and racks firm, complete, clean": {
        "cabinets_firm", "cabinets_complete", "cabinets_clean",
    },
    "trays, ducts, hangers and brackets firm and straight": {"trays_firm", "hangers_firm"},
    "metal trays joined and earthed": {"metal_trays", "trays_joined", "trays_earthed"},
    "outlets firm, contacts good, dust and damp protected": {
        "outlets_firm", "contacts_good", "dust_protected", "damp_protected",
    },
    "labels complete, clear, correct": {"labels_complete", "labels_clear", "labels_correct"},
}  # fmt: skip


def test_ch_04_the_building_inspection_asks_for_everything_of_the_rule() -> None:
    [shipped] = [s for s in standard.templates() if s.code == "building_inspection"]
    assert shipped.kind == "inspect"
    keys = {line.key for line in shipped.body.items if line.mandatory}
    for words, asked in CH_04.items():
        assert asked <= keys, words
    answered = {line.key: line for line in shipped.body.items}
    assert answered["trays_earthed"].photo_needed
    assert answered["trays_earthed"].remark_on_no


def test_every_shipped_template_is_translated_and_each_kind_of_field_work_has_one() -> None:
    for shipped in standard.templates():
        assert drafting.untranslated(shipped.body) == [], shipped.code
        assert drafting.findings(shipped.body.model_dump(mode="json")) == []
    kinds = {shipped.kind for shipped in standard.templates()}
    assert kinds >= {"install", "move", "repair", "remove", "inspect", "patrol"}


async def test_ch_04_an_inspection_that_is_given_out_has_the_standard_list(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], ("fixed_line", "inspect", "copper"))
    [checklist] = await bind(database, world.dora, scene)
    async with database.transaction() as session:
        _, template = await queries.version(session, checklist.template_version_id)
    assert template.code == "building_inspection"


async def test_a_shipped_template_gives_way_to_the_operators_own_for_the_same_use(
    database: Database, world: World
) -> None:
    await publish(database, world.sam, code="our_removal", kind="remove")
    async with database.transaction() as session:
        await commands.ensure_standard_templates(session)
        codes = await queries.template_codes(session)
    assert "our_removal" in codes
    assert "removal" not in codes
    assert "patrol" in codes
