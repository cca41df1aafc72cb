"""What failed items open by rule: once, with a reference back, also late and corrected."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.checklists import drafting, standard
from fieldops.checklists.commands import ensure_standard_templates
from fieldops.checklists.errors import TaskSettled
from fieldops.checklists.models import Answer, Checklist, Opened
from fieldops.customers.models import Premises
from fieldops.kernel import clock, commands, geo
from fieldops.kernel.actor import Actor
from fieldops.kernel.audit import Audit
from fieldops.kernel.commands import Context, Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.network.models import Finding, NetworkFeature, PathElement
from fieldops.orders.commands.plant import open_cable_work
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation.models import Technician
from tests.modules.test_office_woken import browsers_of, woken
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, as_answers, bind, make_scene
from tests.support.factories.network import make_plant
from tests.support.factories.visits import from_phone
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

INSPECT = ("fixed_line", "inspect", "copper")


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    return await make_scene(database, [world.alice, world.bob], INSPECT)


@pytest.fixture
async def checklist(database: Database, world: World, scene: Scene) -> Checklist:
    (found,) = await bind(database, world.dora, scene)
    return found


async def answer(database: Database, actor: Actor, checklist: Checklist, **values: Any) -> None:
    given = as_answers({key: value for key, value in values.items() if key != "note"})
    if "note" in values:
        given[0]["note"] = values["note"]
    await from_phone(
        database, actor, "checklist.answer", visit_id=str(checklist.visit_id),
        checklist_id=str(checklist.id), answers=given,
    )  # fmt: skip


async def building_at(database: Database, scene: Scene) -> UUID:
    """Put the building's cabling next to the door into the record."""
    async with database.transaction() as session:
        home = await session.get_one(Premises, (1, scene.premises_id))
        door = geo.Point(coordinates=geo.position_of(home.point))
        row = NetworkFeature(
            region_id=1, centre_id=NORTH, kind="building_cabling", name="Riser A",
            shape=door.wkt(),
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return row.id


async def test_ch_04_a_missing_earth_opens_cable_work_once_with_the_answer_it_came_from(
    database: Database, world: World, scene: Scene, checklist: Checklist
) -> None:
    feature_id = await building_at(database, scene)
    await answer(database, world.alice, checklist, trays_earthed=False, note="Wire cut off.")
    (opened,) = await every(database, Opened)
    (given,) = await every(database, Answer)
    assert (opened.visit_id, opened.item_key, opened.answer_id) == (
        scene.visit_id, "trays_earthed", given.id,
    )  # fmt: skip
    work = next(row for row in await every(database, WorkOrder) if row.id == opened.subject_id)
    assert (work.department, work.feature_id) == ("cable", feature_id)
    assert work.symptom == "Metal trays not earthed / 金属桥架未接地: Wire cut off."
    await answer(database, world.bob, checklist, trays_earthed=False)
    assert [row.answer_id for row in await every(database, Opened)] == [given.id]
    assert sum(row.department == "cable" for row in await every(database, WorkOrder)) == 1


async def test_vi_06_without_plant_in_the_record_a_finding_stands_where_the_premises_are(
    database: Database, world: World, scene: Scene, checklist: Checklist
) -> None:
    await answer(database, world.alice, checklist, trays_earthed=False, cabinets_firm=False)
    findings = {row.severity: row for row in await every(database, Finding)}
    assert set(findings) == {"high", "medium"}
    async with database.transaction() as session:
        home = await session.get_one(Premises, (1, scene.premises_id))
    for finding in findings.values():
        assert (finding.kind, finding.state) == ("building_cabling", "open")
        assert finding.feature_id is None
        assert finding.visit_id == scene.visit_id
        assert geo.position_of(finding.point) == geo.position_of(home.point)
    subjects = {row.item_key: row.subject_id for row in await every(database, Opened)}
    assert subjects["trays_earthed"] == findings["high"].id


async def test_the_plant_on_the_lines_own_way_comes_before_what_lies_near(
    database: Database, world: World, scene: Scene, checklist: Checklist
) -> None:
    await building_at(database, scene)
    async with database.transaction() as session:
        await make_plant(session)
        on_way = NetworkFeature(
            region_id=1, centre_id=NORTH, kind="building_cabling", name="Riser B",
            shape="SRID=4326;POINT(24.5 60.5)",
        )  # fmt: skip
        session.add(on_way)
        await session.flush()
        session.add(
            PathElement(
                region_id=1,
                service_id=scene.service_ids[0],
                position=1,
                feature_id=on_way.id,
                centre_id=NORTH,
            )
        )
    await answer(database, world.alice, checklist, cabinets_firm=False)
    (finding,) = await every(database, Finding)
    assert finding.feature_id == on_way.id


async def test_a_correction_takes_the_finding_back_and_a_wrong_answer_again_opens_it_anew(
    database: Database, world: World, checklist: Checklist
) -> None:
    """CH-05, VI-06: nobody is sent to what was reported in error; the history says why."""
    await answer(database, world.alice, checklist, cabinets_firm=False)
    await answer(database, world.alice, checklist, cabinets_firm=True)
    (opened,) = await every(database, Opened)
    given = await every(database, Answer)
    assert (opened.answer_id, opened.corrected_by) == (given[0].id, given[1].id)
    assert opened.withdrawn_at is not None
    (closed,) = await every(database, Finding)
    assert closed.state == "closed"
    async with database.transaction() as session:
        why = await session.scalars(
            select(Audit.reason).where(Audit.region_id == 1, Audit.entity_id == closed.id)
        )
        assert "the answer that reported it was corrected" in list(why)
    await answer(database, world.bob, checklist, cabinets_firm=False)
    (opened,) = await every(database, Opened)
    assert (opened.corrected_by, opened.withdrawn_at) == (None, None)
    again = {row.id: row.state for row in await every(database, Finding)}
    assert again == {closed.id: "closed", opened.subject_id: "open"}
    assert opened.subject_id != closed.id


async def test_a_correction_leaves_a_finding_that_was_closed_meanwhile_as_it_is(
    database: Database, world: World, checklist: Checklist
) -> None:
    await answer(database, world.alice, checklist, cabinets_firm=False)
    (finding,) = await every(database, Finding)
    await run(
        database, world.ada, "network.close_finding", finding_id=str(finding.id), reason="Mended."
    )
    await answer(database, world.alice, checklist, cabinets_firm=True)
    (opened,) = await every(database, Opened)
    assert opened.corrected_by is not None
    assert opened.withdrawn_at is None


async def cable_work(database: Database) -> list[WorkOrder]:
    return [row for row in await every(database, WorkOrder) if row.department == "cable"]


async def test_a_correction_cancels_cable_work_that_nobody_has_begun(
    database: Database, world: World, scene: Scene, checklist: Checklist
) -> None:
    """RE-03: the work goes with a reason of the list, its order with it."""
    await building_at(database, scene)
    await answer(database, world.alice, checklist, trays_earthed=False)
    await answer(database, world.alice, checklist, trays_earthed=True)
    (work,) = await cable_work(database)
    assert (work.state, work.state_reason) == ("cancelled", "reported_in_error")
    (opened,) = await every(database, Opened)
    assert opened.withdrawn_at is not None


@pytest.mark.parametrize("why", ["begun", "urgent", "wanted_otherwise"])
async def test_a_correction_leaves_cable_work_that_somebody_has_at_hand_or_needs_besides(
    database: Database, world: World, scene: Scene, checklist: Checklist,
    client: httpx.AsyncClient, settings: Settings, why: str,
) -> None:  # fmt: skip
    """RE-03: it is marked in the cable department's list and its people are woken."""
    feature_id = await building_at(database, scene)
    async with database.transaction() as session:
        technician = await session.get_one(Technician, (1, world.bob.id))
        technician.department = "cable"
    browsers = await browsers_of(database, world.bob, world.alice)
    if why == "wanted_otherwise":
        spec, _ = commands.find("note.add", 1, {})
        async with database.transaction() as session:
            context = Context(
                session, world.dora, clock.now(), Envelope(new_id(), spec.name, {}), spec
            )
            await open_cable_work(
                context, feature_id=feature_id, centre_id=NORTH, premises_id=None, reason="Storm."
            )
    await answer(database, world.alice, checklist, trays_earthed=False)
    (work,) = await cable_work(database)
    async with database.transaction() as session:
        if why == "begun":
            row = await session.get_one(WorkOrder, (1, work.id))
            row.state, row.resume_on = "suspended", date(2026, 12, 1)
            row.state_reason = "waiting_material"
        elif why == "urgent":
            order = await session.get_one(ServiceOrder, (1, work.order_id))
            order.urgency = "major_fault"
    await answer(database, world.alice, checklist, trays_earthed=True)
    (work,) = await cable_work(database)
    assert work.state != "cancelled"
    listed = await client.get("/v1/cable-work", headers=bearer(settings, world.dora))
    assert [row["corrected"] for row in listed.json()["items"]] == [True]
    assert await woken(database, "reported_in_error", browsers) == {str(world.bob.id)}


async def test_a_correction_leaves_the_work_at_a_pair_that_is_marked_bad_besides(
    database: Database, world: World, scene: Scene
) -> None:
    """RE-03: the mark needs the work, whoever called for it first."""
    async with database.transaction() as session:
        await ensure_standard_templates(session)
        pair = (await make_plant(session)).pairs[0]
        session.add(
            PathElement(
                region_id=1, service_id=scene.service_ids[0], position=1, feature_id=pair.id,
                centre_id=NORTH,
            )
        )  # fmt: skip
    body = draft(opens="cable_work", plant="pair")
    await run(
        database, world.sam, "checklist.publish_template", code="building_inspection",
        kind="inspect", body=body,
    )  # fmt: skip
    (checklist,) = await bind(database, world.dora, scene)
    await answer(database, world.alice, checklist, a=False)
    await from_phone(
        database, world.alice, "network.mark_pair_bad", visit_id=scene.visit,
        feature_id=str(pair.id), reason="Noise on the pair.",
    )  # fmt: skip
    await answer(database, world.alice, checklist, a=True)
    (work,) = await cable_work(database)
    assert (work.feature_id, work.state) == (pair.id, "received")


async def test_a_correction_takes_a_task_off_the_desks_list(
    database: Database, world: World, checklist: Checklist, client: httpx.AsyncClient,
    settings: Settings,
) -> None:  # fmt: skip
    await answer(database, world.alice, checklist, labels_correct=False)
    await answer(database, world.alice, checklist, labels_correct=True)
    headers = bearer(settings, world.dora)
    path = "/v1/checklists/opened?opens=desk_task"
    left = await client.get(f"{path}&settled=false", headers=headers)
    assert left.json()["items"] == []
    (task,) = (await client.get(f"{path}&withdrawn=true", headers=headers)).json()["items"]
    with pytest.raises(TaskSettled):
        await run(
            database, world.dora, "checklist.settle_task", opened_id=task["id"], outcome="Done."
        )


async def test_ch_02_an_answer_in_order_opens_nothing_and_one_that_comes_after_the_end_still_does(
    database: Database, world: World, scene: Scene, checklist: Checklist
) -> None:
    await answer(database, world.alice, checklist, cabinets_firm=True, trays_earthed=True)
    assert await every(database, Opened) == []
    await run(
        database, world.dora, "visit.assign", visit_id=scene.visit,
        technician_ids=[str(world.kim.id)], override="Kim is nearby.",
    )  # fmt: skip
    await answer(database, world.alice, checklist, cabinets_firm=False)
    (opened,) = await every(database, Opened)
    late = next(row for row in await every(database, Answer) if row.id == opened.answer_id)
    assert late.by_other_technician


async def test_a_task_of_the_desk_is_settled_once_by_the_desk_with_what_came_of_it(
    database: Database, world: World, checklist: Checklist, client: httpx.AsyncClient,
    settings: Settings,
) -> None:  # fmt: skip
    await answer(database, world.alice, checklist, labels_correct=False, cabinets_firm=False)
    headers = bearer(settings, world.dora)
    listed = await client.get("/v1/checklists/opened?opens=desk_task", headers=headers)
    (task,) = listed.json()["items"]
    assert (task["item_key"], task["subject_type"]) == ("labels_correct", "checklist_opened")
    every = (await client.get("/v1/checklists/opened", headers=headers)).json()["items"]
    finding = next(row for row in every if row["opens"] == "finding")
    for id_ in (finding["id"],):
        with pytest.raises(TaskSettled):
            await run(database, world.dora, "checklist.settle_task", opened_id=id_, outcome="ok?")
    with pytest.raises(NotFound):
        await run(
            database, world.dan, "checklist.settle_task", opened_id=task["id"], outcome="Mended."
        )
    path = f"/v1/checklists/opened/{task['id']}/settle"
    done = await client.post(path, json={"outcome": "The record is corrected."}, headers=headers)
    assert done.status_code == 200, done.text
    again = await client.post(path, json={"outcome": "Twice."}, headers=headers)
    assert again.json()["code"] == "checklist_task_settled"
    left = await client.get("/v1/checklists/opened?opens=desk_task&settled=false", headers=headers)
    assert left.json()["items"] == []


def draft(**opening: Any) -> dict[str, Any]:
    item = {"key": "a", "type": "yes_no", "text_en": "A", "text_zh": "甲"}
    said = {"text_en": "Wrong", "text_zh": "不对"}
    rules = [{"opens": "finding", "plant": "cable", "values": [False], **said, **opening}]
    return {"title_en": "T", "title_zh": "题", "items": [{**item, "opening": rules}]}


@pytest.mark.parametrize(
    ("opening", "place", "rule"),
    [
        ({"values": None}, "opening.0", "one_condition"),
        ({"values": [False], "least": 1}, "opening.0", "one_condition"),
        ({"values": ["red"]}, "opening.0", "fits"),
        ({"values": None, "least": 1}, "opening.0", "fits"),
        ({"plant": None}, "opening.0.plant", "plant"),
        ({"opens": "desk_task"}, "opening.0.plant", "plant"),
        ({"opens": "ticket"}, "opening.0.opens", "enum"),
        ({"plant": "tree"}, "opening.0.plant", "enum"),
        ({"text_zh": ""}, "opening.0.text_zh", "translation"),
    ],
)
def test_ch_01_a_wrong_rule_is_named_with_its_place(
    opening: dict[str, Any], place: str, rule: str
) -> None:
    found = drafting.findings(draft(**opening))
    assert (f"body.items.0.{place}", rule) in [(one["field"], one["rule"]) for one in found]


def test_a_rule_that_is_right_is_taken_and_one_kind_of_thing_is_opened_once() -> None:
    assert drafting.findings(draft()) == []
    twice = draft()
    twice["items"][0]["opening"] *= 2
    assert [one["rule"] for one in drafting.findings(twice)] == ["unique"]


def test_the_shipped_templates_open_something_where_it_matters() -> None:
    opening = {
        (one.code, item.key): [rule.opens.value for rule in item.opening]
        for one in standard.templates()
        for item in one.body.items
        if item.opening
    }
    assert opening["building_inspection", "trays_earthed"] == ["cable_work"]
    assert opening["building_inspection", "cabinets_firm"] == ["finding"]
    assert opening["removal", "others_unharmed"] == ["desk_task"]
    assert opening["patrol", "works_nearby"] == ["desk_task"]
