"""Templates and answers: CH-01, CH-02, CH-03, CH-05."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.checklists import commands, queries, reactions, rules, standard
from fieldops.checklists.errors import (
    AnswerInvalid,
    ChecklistIncomplete,
    TemplateInvalid,
    TemplateUsedOtherwise,
    TemplateUseTaken,
)
from fieldops.checklists.models import Answer, Checklist, TemplateVersion
from fieldops.checklists.rules import Body, Given
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden, InvalidArguments, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.settings import Settings
from fieldops.measurements.errors import TestsMissing
from fieldops.measurements.models import SpeedTest
from fieldops.measurements.rules import LINE_VALUES
from fieldops.visits.events import VisitAssigned
from fieldops.visits.rules import kit_for
from tests.support.clients import bearer
from tests.support.factories.checklists import (
    INSTALL_ANSWERS,
    PHOTO,
    SIGNATURE,
    Scene,
    as_answers,
    bind,
    body_of,
    completing,
    make_scene,
    tell,
)
from tests.support.factories.files import content, promise
from tests.support.run import run
from tests.support.world import World, build_world

pytestmark = pytest.mark.anyio

INSTALL = ("broadband", "install", "fibre")
FIXED = ("fixed_line", "install", "copper")


def item(key: str = "a", type_: str = "yes_no", **more: Any) -> dict[str, Any]:
    return {"key": key, "type": type_, "text_en": key, "text_zh": key, **more}


def body(*items: dict[str, Any]) -> dict[str, Any]:
    return {"title_en": "Title", "title_zh": "标题", "items": list(items)}


NUMBER = {"unit": "m", "least": 0, "most": 10}
CHOICES = [{"value": v, "text_en": v, "text_zh": v} for v in ("red", "blue")]


async def publish(database: Database, actor: Actor, **changes: Any) -> dict[str, Any]:
    args = {"code": "mine", "kind": "care", "service": None, "body": body(item()), **changes}
    return await run(database, actor, "checklist.publish_template", **args)


async def answer(
    database: Database, actor: Actor, checklist: Checklist, values: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return await run(
        database,
        actor,
        "checklist.answer",
        visit_id=str(checklist.visit_id),
        checklist_id=str(checklist.id),
        answers=as_answers(values),
        **more,
    )


async def answers_of(database: Database, checklist: Checklist) -> list[Answer]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Answer)
            .where(Answer.region_id == 1, Answer.checklist_id == checklist.id)
            .order_by(Answer.id)
        )
        return list(found)


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice, world.bob], INSTALL, FIXED)


@pytest.fixture
async def lists(database: Database, world: World, scene: Scene) -> list[Checklist]:
    return await bind(database, world.dora, scene)


async def test_ch_01_a_supervisor_publishes_versions_with_rising_numbers(
    database: Database, world: World
) -> None:
    await publish(database, world.sam)
    await publish(database, world.sam, body=body(item("a"), item("b")))
    async with database.transaction() as session:
        rows = (await session.scalars(queries.versions(code="mine"))).all()
    assert [(version.number, len(version.body["items"])) for version in rows] == [(1, 1), (2, 2)]
    assert rows[0].published_by == world.sam.id


@pytest.mark.parametrize("name", ["alice", "dora", "ann", "ivan", "mia"])
async def test_ch_01_nobody_else_publishes(database: Database, world: World, name: str) -> None:
    with pytest.raises(Forbidden):
        await publish(database, world.actors[name])


async def test_ch_01_a_visit_keeps_the_version_it_was_given_out_with(
    database: Database, world: World, scene: Scene, lists: list[Checklist]
) -> None:
    await publish(
        database, world.sam,
        code="broadband_install", kind="install", service="broadband", body=body(item("new")),
    )  # fmt: skip
    event = VisitAssigned(scene.visit_id, (), (), None)
    await tell(database, world.dora, event, reactions.bind_when_assigned)
    async with database.transaction() as session:
        again = await queries.lists_of_visit(session, 1, scene.visit_id)
    assert {row.template_version_id for row in again} == {row.template_version_id for row in lists}
    later = await make_scene(database, [world.alice], INSTALL)
    fresh = await bind(database, world.dora, later)
    assert [i.key for i in (await body_of(database, fresh[0])).items] == ["new"]


async def test_ch_01_the_template_that_names_the_segment_wins(
    database: Database, world: World
) -> None:
    await publish(
        database, world.sam,
        code="enterprise", kind="install", service="broadband", segment="enterprise",
        body=body(item("for_enterprise")),
    )  # fmt: skip
    business = await make_scene(database, [world.alice], INSTALL, segment="enterprise", tier="1A")
    home = await make_scene(database, [world.alice], INSTALL)
    for scene, first in ((business, "for_enterprise"), (home, "computer_checked")):
        [bound] = await bind(database, world.dora, scene)
        assert (await body_of(database, bound)).items[0].key == first


async def test_ch_01_each_work_of_a_visit_has_its_own_list(
    database: Database, lists: list[Checklist]
) -> None:
    titles = [(await body_of(database, row)).title_en for row in lists]
    assert titles == ["Broadband installation", "Fixed-line installation"]


async def test_a_code_stays_for_what_it_was_made_for(database: Database, world: World) -> None:
    await publish(database, world.sam)
    with pytest.raises(TemplateUsedOtherwise):
        await publish(database, world.sam, kind="patrol")
    with pytest.raises(TemplateUseTaken):
        await publish(database, world.sam, code="other")


@pytest.mark.parametrize(
    ("items", "field", "rule"),
    [
        ([item("a"), item("a")], "body.items.1.key", "unique"),
        ([item("a", when={"item": "b", "values": [True]}), item("b")],
         "body.items.0.when.item", "earlier"),
        ([item("a", when={"item": "a", "values": [True]})], "body.items.0.when.item", "earlier"),
        ([item("a"), item("b", when={"item": "a", "values": ["red"]})],
         "body.items.1.when", "fits"),
        ([item("a", "choice", choices=CHOICES), item("b", when={"item": "a", "values": ["green"]})],
         "body.items.1.when", "fits"),
        ([item("a", "text"), item("b", when={"item": "a", "least": 1})],
         "body.items.1.when", "fits"),
        ([item("a"), item("b", when={"item": "a"})], "body.items.1.when", "one_condition"),
        ([item("a", "number")], "body.items.0", "number_bounded"),
        ([item("a", "measurement", least=0, most=3)], "body.items.0", "number_bounded"),
        ([item("a", "number", unit="m", least=5, most=5)], "body.items.0.most", "range_in_order"),
        ([item("a", "text", unit="m")], "body.items.0", "number_only"),
        ([item("a", "choice", choices=CHOICES[:1])], "body.items.0.choices", "choices"),
        ([item("a", "choice", choices=[*CHOICES, CHOICES[0]])], "body.items.0.choices", "unique"),
        ([item("a", "text", choices=CHOICES)], "body.items.0.choices", "choice_only"),
        ([item("a", "text", remark_on_no=True)], "body.items.0.remark_on_no", "yes_no_only"),
        ([item("a", "photo", photo_needed=True)], "body.items.0.photo_needed", "picture"),
    ],
)  # fmt: skip
async def test_ch_02_a_template_that_does_not_hold_together_is_refused(
    database: Database, world: World, items: list[dict[str, Any]], field: str, rule: str
) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        await publish(database, world.sam, body=body(*items))
    assert (field, rule) in {(e["field"], e["rule"]) for e in caught.value.details["errors"]}


@pytest.mark.parametrize(
    "items",
    [[], [item(type_="colour")], [item("A b")], [item(more=1)], [item(text_en="")],
     [item(text_zh="x\x00")]],
)  # fmt: skip
async def test_a_malformed_template_is_refused_with_its_field(
    database: Database, world: World, items: list[dict[str, Any]]
) -> None:
    with pytest.raises(InvalidArguments):
        await publish(database, world.sam, body=body(*items))


def test_ch_03_the_shipped_templates_speak_both_languages_and_cover_the_work() -> None:
    uses = {(shipped.kind, shipped.service) for shipped in standard.templates()}
    assert {("install", "broadband"), ("install", "fixed_line"), ("repair", None)} <= uses
    for shipped in standard.templates():
        for line in shipped.body.items:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in line.text_zh), line.key


# The rule's own words, each with the items that ask for it and a word that their text must have.
CH_03 = {
    "computer checked in the customer's presence before any software": {
        "computer_checked": "before any software"
    },
    "client software installed with consent, newest version, installer left as backup": {
        "client_consent": "agrees", "client_version": "newest", "installer_left": "backup",
    },
    "account and password handed over, password change shown, secrecy advised": {
        "account_handed_over": "password", "password_change_shown": "secrecy advised",
    },
    "speed tested": {"speed_down": "Download", "speed_up": "Upload"},
    "dialling and the usual sites demonstrated": {"sites_shown": "sites"},
    "label with account and fault number on the back of the modem": {
        "fault_label": "account and fault number on the back of the modem"
    },
    "lightning-protection label": {"lightning_label": "Lightning-protection label"},
    "free materials as to the rules (kind and number), signed for": {
        "free_materials": "Free materials", "free_materials_kind": "Which",
        "free_materials_number": "How many", "free_materials_signed": "signature",
    },
}  # fmt: skip
# What the other standard templates are for, in words of the rules.
FIELD = {
    "fault_repair": {  # RE-03, VI-04: found, put right, shown to work
        "fault_place": "Where", "remedy": "What was done", "service_restored": "restored",
    },
    "fixed_line_install": {
        "dial_tone": "Dial tone", "number_checked": "test call", "outlet_firm": "labelled",
        "lightning_label": "Lightning-protection label", "fault_number_told": "Fault number",
    },
    "removal": {
        "request_confirmed": "confirmed", "others_unharmed": "No other service",
        "terminal_recovered": "taken back", "disconnected": "disconnected",
        "return_signed": "signature",
    },
    "patrol": {  # VI-06: cables, cabinets, boxes, ONU, poles, ducts, manholes
        "cables_sound": "Cables", "cabinets_locked": "cabinets", "boxes_closed": "boxes",
        "onu_sound": "ONU", "poles_sound": "Poles", "ducts_sound": "Ducts and manholes",
    },
}  # fmt: skip


def asks(code: str) -> dict[str, Any]:
    (shipped,) = [s for s in standard.templates() if s.code == code]
    return {line.key: line for line in shipped.body.items}


@pytest.mark.parametrize("words", CH_03)
def test_ch_03_the_broadband_installation_asks_for_everything_of_the_rule(words: str) -> None:
    items = asks("broadband_install")
    for key, said in CH_03[words].items():
        assert items[key].mandatory, key
        assert said in items[key].text_en


@pytest.mark.parametrize("code", FIELD)
def test_the_standard_template_of_each_field_job_asks_for_what_its_rules_name(code: str) -> None:
    items = asks(code)
    for key, said in FIELD[code].items():
        assert items[key].mandatory, key
        assert said.lower() in items[key].text_en.lower()


def test_vi_02_the_kit_check_asks_for_everything_a_visits_kit_list_can_name() -> None:
    asked = {line.text_en for line in asks("kit_check").values()}
    skills = ("fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise")
    kit = kit_for((kind, skill) for kind in ("install", "remove") for skill in skills)
    for group, names in kit.items():
        assert names
        for name in names:
            assert f"{group.capitalize()}: {name}" in asked


async def test_ch_03_the_standard_templates_are_published_once(
    database: Database, world: World
) -> None:
    for _ in range(2):
        async with database.transaction() as session:
            await commands.ensure_standard_templates(session)
    async with database.transaction() as session:
        rows = (await session.scalars(queries.versions(code=None))).all()
    assert [version.number for version in rows] == [1] * len(standard.templates())


@pytest.mark.parametrize(
    ("line", "good", "bad"),
    [
        (item(), [True, False], [1, "yes", None]),
        (item(type_="choice", choices=CHOICES), ["red"], ["green", True, ["red"]]),
        (item(type_="number", **NUMBER), [0, 10, 3.5], [-1, 10.5, "3", True, None]),
        (item(type_="measurement", **NUMBER), [2], [11]),
        (item(type_="text"), ["done"], ["", 3, "x" * 4001, "a\x00"]),
        (item(type_="scan"), ["SN-1"], ["", "x" * 201]),
        (item(type_="photo"), [[PHOTO]], [[], PHOTO, ["x"], [PHOTO] * 11]),
        (item(type_="signature"), [SIGNATURE], ["signed", [SIGNATURE]]),
        (item(type_="location"), [{"type": "Point", "coordinates": [24.9, 60.1]}],
         [{"type": "Point", "coordinates": [200, 0]}, [24.9, 60.1],
          {"type": "Point", "coordinates": [1, 2], "srid": 3067}]),
    ],
)  # fmt: skip
def test_ch_02_each_type_takes_its_answers_and_no_others(
    line: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    parsed = Body.model_validate(body(line)).items[0]
    assert [value for value in good if rules.misfit(parsed, value)] == []
    assert [value for value in bad if not rules.misfit(parsed, value)] == []


def test_ch_02_an_item_is_asked_for_only_when_its_condition_holds() -> None:
    parsed = Body.model_validate(
        body(
            item("a"),
            item("b", when={"item": "a", "values": [False]}),
            item("c", when={"item": "b", "values": [True]}),
            item("n", "number", **NUMBER),
            item("d", when={"item": "n", "least": 5}),
        )
    )

    def keys(**given: Any) -> list[str]:
        answers = {key: Given(value) for key, value in given.items()}
        return [line.key for line in rules.asked(parsed, answers)]

    assert keys() == ["a", "n"]
    assert keys(a=False, b=True, n=5) == ["a", "b", "c", "n", "d"]
    # What hangs on an item that is not asked for any more is not asked for either.
    assert keys(a=True, b=True, n=4) == ["a", "n"]


def test_ch_02_photo_and_remark_are_missing_where_they_are_needed() -> None:
    parsed = Body.model_validate(
        body(
            item("label", photo_needed=True, remark_on_no=True),
            item("extra", "text", mandatory=False),
            item("picture", "photo"),
        )
    )

    def lacks(answers: dict[str, Given], pictured: set[str]) -> list[tuple[str, str]]:
        return [(m.item_key, m.lacks) for m in rules.missing(parsed, answers, pictured)]

    assert lacks({}, set()) == [("label", "answer"), ("picture", "answer")]
    no = Given(value=False, note="  ")
    assert lacks({"label": no}, {"picture"}) == [("label", "photo"), ("label", "remark")]
    assert lacks({"label": Given(False, "No modem there.", (PHOTO,))}, {"picture"}) == []
    assert lacks({"label": Given(value=True)}, {"label", "picture"}) == []


async def test_ch_05_two_technicians_fill_one_list(
    database: Database, world: World, lists: list[Checklist]
) -> None:
    await answer(database, world.alice, lists[0], {"computer_checked": True})
    await answer(database, world.bob, lists[0], {"sites_shown": True})
    rows = await answers_of(database, lists[0])
    assert {(row.item_key, row.technician_id) for row in rows if not row.superseded} == {
        ("computer_checked", world.alice.id),
        ("sites_shown", world.bob.id),
    }


async def test_ch_05_a_later_answer_supersedes_and_both_stay(
    database: Database, world: World, lists: list[Checklist]
) -> None:
    await answer(database, world.alice, lists[0], {"speed_down": 50})
    first = await answer(database, world.alice, lists[0], {"speed_down": 98})
    assert first["status"] == "applied"
    rows = await answers_of(database, lists[0])
    assert [(row.value, row.superseded) for row in rows] == [(50, True), (98, False)]


async def test_ch_05_an_answer_over_one_not_seen_is_merged_and_names_the_item(
    database: Database, world: World, lists: list[Checklist]
) -> None:
    await answer(database, world.alice, lists[0], {"speed_down": 50})
    result = await answer(database, world.bob, lists[0], {"speed_down": 60, "speed_up": 9})
    assert (result["status"], result["merged"]) == ("merged", ["speed_down"])


async def test_ch_05_answers_at_the_same_moment_leave_one_standing(
    committed: tuple[Database, Settings],
) -> None:
    database = committed[0]
    world = await build_world(database)
    scene = await make_scene(database, [world.alice, world.bob], INSTALL)
    [checklist] = await bind(database, world.dora, scene)
    await asyncio.gather(
        *(
            answer(database, actor, checklist, {"speed_down": value, "speed_up": value})
            for value in range(1, 5)
            for actor in (world.alice, world.bob)
        )
    )
    rows = await answers_of(database, checklist)
    assert len(rows) == 16
    assert sorted(row.item_key for row in rows if not row.superseded) == ["speed_down", "speed_up"]


async def test_an_answer_from_a_technician_who_lost_the_visit_is_kept_as_theirs(
    database: Database, world: World, lists: list[Checklist], scene: Scene
) -> None:
    from fieldops.visits.models import Assignment  # noqa: PLC0415 - only this test ends one

    async with database.transaction() as session:
        row = (
            await session.scalars(
                select(Assignment).where(
                    Assignment.region_id == 1,
                    Assignment.visit_id == scene.visit_id,
                    Assignment.technician_id == world.bob.id,
                )
            )
        ).one()
        row.ended_at, row.ended_reason = row.assigned_at, "reassigned"
    await answer(database, world.bob, lists[0], {"speed_down": 50})
    assert [row.by_other_technician for row in await answers_of(database, lists[0])] == [True]


async def test_somebody_elses_visit_and_list_do_not_exist_for_a_technician(
    database: Database, world: World, lists: list[Checklist]
) -> None:
    with pytest.raises(NotFound):
        await answer(database, world.carol, lists[0], {"speed_down": 50})
    async with database.transaction() as session:
        for name in ("carol", "kim", "dan", "tess"):
            scope = world.actors[name].scope(Permission.CHECKLIST_READ)
            with pytest.raises(NotFound):
                await queries.checklist(session, scope, lists[0].id)
        for name in ("alice", "bob", "dora", "sam"):
            scope = world.actors[name].scope(Permission.CHECKLIST_READ)
            assert (await queries.checklist(session, scope, lists[0].id)).id == lists[0].id


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"colour": "red"}, "unknown_item"),
        ({"speed_down": "fast"}, "measurement"),
        ({"speed_down": -1}, "measurement"),
        ({"computer_checked": "yes"}, "yes_no"),
        ({"free_materials": "many"}, "choice"),
        ({"free_materials_number": 501}, "number"),
    ],
)
async def test_a_wrong_answer_is_refused_with_its_item_and_nothing_is_stored(
    database: Database, world: World, lists: list[Checklist], values: dict[str, Any], rule: str
) -> None:
    with pytest.raises(AnswerInvalid) as caught:
        await answer(database, world.alice, lists[0], {"sites_shown": True, **values})
    [error] = caught.value.details["errors"]
    assert (error["field"], error["rule"]) == (f"answers.{next(iter(values))}", rule)
    assert await answers_of(database, lists[0]) == []


@pytest.mark.parametrize("value", ["\ud83d", "a\x00b", {"x": ["\ud83d"]}, {"\ud83d": 1}])
async def test_ch_02_an_answer_no_database_can_hold_is_bad_input_and_not_an_internal_error(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    lists: list[Checklist],
    value: Any,
) -> None:
    body = {"answers": [{"item_key": "sites_shown", "value": value}]}
    refused = await client.post(
        f"/v1/visits/{lists[0].visit_id}/checklists/{lists[0].id}/answers",
        headers=bearer(settings, world.alice) | {"Content-Type": "application/json"},
        content=json.dumps(body),
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_arguments")
    assert await answers_of(database, lists[0]) == []


async def test_vi_04_completion_is_refused_naming_what_each_list_lacks(
    database: Database, world: World, scene: Scene, lists: list[Checklist]
) -> None:
    values = {**INSTALL_ANSWERS}
    del values["lightning_label"]
    await answer(database, world.alice, lists[0], values)
    async with database.transaction() as session:
        lacking = await commands.missing_of(session, 1, lists)
    assert [(m.item_key, m.lacks) for m in lacking[lists[0].id]] == [("lightning_label", "answer")]
    with pytest.raises(ChecklistIncomplete) as caught:
        await tell(
            database, world.alice, completing(scene, world.alice), reactions.refuse_incomplete
        )
    named = {(m["checklist_id"], m["item_key"]) for m in caught.value.details["missing"]}
    assert (str(lists[0].id), "lightning_label") in named
    assert (str(lists[1].id), "dial_tone") in named
    assert caught.value.next_steps == ("checklist.answer", "visit.fail")


async def test_vi_04_a_full_list_is_complete_and_a_linked_photo_counts(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], ("fixed_line", "install", "copper"))
    [checklist] = await bind(database, world.dora, scene)
    items = (await body_of(database, checklist)).items
    keys = [line.key for line in items if line.mandatory]
    await answer(database, world.alice, checklist, dict.fromkeys(keys, True))
    async with database.transaction() as session:
        [lacking] = (await commands.missing_of(session, 1, [checklist])).values()
    assert [(m.item_key, m.lacks) for m in lacking] == [("outlet_firm", "photo")]
    await promise(
        database, world.alice, content(), subject_id=checklist.id, subject_type="checklist",
        item_key="outlet_firm", visit_id=scene.visit_id,
    )  # fmt: skip
    async with database.transaction() as session:
        assert (await commands.missing_of(session, 1, [checklist])) == {checklist.id: []}


async def test_a_published_version_says_what_was_published(
    database: Database, world: World
) -> None:
    sent = body(item("a", photo_needed=True), item("n", "number", **NUMBER))
    await publish(database, world.sam, body=sent)
    async with database.transaction() as session:
        stored = (await session.scalars(select(TemplateVersion))).one()
    assert Body.model_validate(stored.body) == Body.model_validate(sent)


SPEED_DOWN = {"kind": "speed", "value": "down_mbps"}
RANGE = {"least": 0, "most": 1000}


def bound_to(test: dict[str, str], type_: str = "measurement", **more: Any) -> Body:
    return Body.model_validate(body(item("a", type_, test=test, **RANGE, **more)))


def test_ch_02_a_bound_measurement_takes_its_unit_from_the_value_of_its_test() -> None:
    known = bound_to(SPEED_DOWN)
    rules.check_body(known)
    assert known.items[0].unit == "Mbit/s"
    stored = known.model_dump(mode="json", exclude_defaults=True)
    assert stored["items"][0]["unit"] == "Mbit/s"


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (bound_to({"kind": "line", "value": "down_mbps"}, unit="Mbit/s"), "test_value"),
        (bound_to(SPEED_DOWN, unit="kbit/s"), "unit_of_test"),
        (bound_to(SPEED_DOWN, "number"), "measurement_only"),
    ],
)
def test_ch_02_a_test_that_has_no_such_value_or_another_unit_is_refused(
    made: Body, rule: str
) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        rules.check_body(made)
    assert [error["rule"] for error in caught.value.details["errors"]] == [rule]


def test_ch_02_the_values_an_item_can_be_bound_to_are_those_of_the_tests() -> None:
    assert set(rules.TEST_VALUES[rules.TestKind.LINE]) == set(LINE_VALUES)
    columns = set(SpeedTest.__table__.columns.keys())
    assert set(rules.TEST_VALUES[rules.TestKind.SPEED]) <= columns


@pytest.mark.parametrize(
    ("typed", "recorded", "agreed"),
    [(942, 942.1, True), (943, 942.7, True), (942.1, 942.1, True), (940, 942.1, False),
     (942.3, 942.1, False), (0, 0.04, True), (-18.5, -18.47, True), (18.5, -18.5, False)],
)  # fmt: skip
def test_ch_02_a_typed_number_agrees_when_it_is_the_recorded_one_rounded(
    typed: float, recorded: float, agreed: bool
) -> None:
    assert rules.agrees(typed, recorded) is agreed


async def test_ch_02_a_visit_is_not_completed_without_the_test_of_a_mandatory_bound_item(
    database: Database, world: World
) -> None:
    scene = await make_scene(database, [world.alice], INSTALL)
    [checklist] = await bind(database, world.dora, scene)
    await answer(database, world.alice, checklist, INSTALL_ANSWERS)
    ending = completing(scene, world.alice)
    with pytest.raises(TestsMissing) as caught:
        await tell(database, world.alice, ending, reactions.refuse_incomplete)
    assert [one["item_key"] for one in caught.value.details["tests"]] == ["speed_down", "speed_up"]
    test = await run(
        database, world.alice, "measurement.record_speed_test", visit_id=scene.visit,
        service_id=scene.service, down_mbps=98.5, up_mbps=19.9, method="wired",
    )  # fmt: skip
    test_id = test["id"]
    await answer_bound(database, world.alice, checklist, "0190a000-0000-7000-8000-000000000001")
    with pytest.raises(TestsMissing) as caught:
        await tell(database, world.alice, ending, reactions.refuse_incomplete)
    assert [one["item_key"] for one in caught.value.details["tests"]] == ["speed_down"]
    await answer_bound(database, world.alice, checklist, test_id)
    await tell(database, world.alice, ending, reactions.refuse_incomplete)


async def answer_bound(
    database: Database, actor: Actor, checklist: Checklist, test_id: str
) -> None:
    await run(
        database, actor, "checklist.answer", visit_id=str(checklist.visit_id),
        checklist_id=str(checklist.id),
        answers=[{"item_key": "speed_down", "value": 98.5, "test_id": test_id}],
    )  # fmt: skip
