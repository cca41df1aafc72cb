"""QA-01 to QA-04: inspections planned in time, drawn repeatably, scored, answered, accepted."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.files.models import FileLink
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation
from fieldops.quality.errors import (
    AlreadyDrawn,
    FormUsedOtherwise,
    InspectionEnded,
    InspectionNotOfCentre,
    InspectorNotFit,
    LevelTooHigh,
    NothingFilled,
    NothingToDraw,
    NotInSample,
    NotYourInspection,
    OwnInspection,
    PlannedInThePast,
    SheetNotOpen,
    TechnicianNotNamed,
    TimeOutOfOrder,
)
from fieldops.quality.forms import shipped
from fieldops.quality.models import FilledForm, Form, Inspection, SampledVisit
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, make_scene
from tests.support.factories.complaints import complain
from tests.support.factories.inspections import (
    REMOTE,
    TODAY,
    UNIT,
    as_form,
    draw,
    ended,
    lay_out,
    plan,
)
from tests.support.factories.measurements import take_line_test
from tests.support.factories.visits import from_phone
from tests.support.run import run
from tests.support.world import NORTH, SOUTH, World, id_of

pytestmark = pytest.mark.anyio

COPPER = ("broadband", "install", "copper")
OLD = datetime.fromisoformat("2025-01-01T00:00:00+00:00")


@pytest.fixture
async def people(database: Database, world: World) -> dict[str, Actor]:
    return await lay_out(database)


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    made = await make_scene(database, [world.alice, world.bob], COPPER)
    await ended(database, made.visit_id)
    return made


async def read(
    client: httpx.AsyncClient, settings: Settings, actor: Actor, path: str, **params: Any
) -> Any:
    answer = await client.get(f"/v1/{path}", params=params, headers=bearer(settings, actor))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rows(database: Database, model: Any, inspection_id: str) -> list[Any]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(model)
            .where(model.region_id == 1, model.inspection_id == UUID(inspection_id))
            .order_by(model.id)
        )
        return list(found)


async def standing(database: Database, inspection_id: str) -> Inspection:
    async with database.transaction() as session:
        return await session.get_one(Inspection, (1, UUID(inspection_id)))


async def fill(
    database: Database, actor: Actor, inspection: str, visit: str | None, **changes: Any
) -> None:
    await run(
        database, actor, "inspection.fill", inspection_id=inspection, visit_id=visit,
        answers=as_form(REMOTE, **changes),
    )  # fmt: skip


async def test_qa_01_who_inspects_fits_the_kind_and_the_level(
    database: Database, world: World, people: dict[str, Actor]
) -> None:
    nora, stan, pia = (str(id_of(name)) for name in ("nora", "stan", "pia"))
    centre = str(NORTH)
    for refused in (
        {"kind": "mutual", "inspector_id": nora},  # of the inspected unit
        {"kind": "mutual", "inspector_id": pia},  # above it
        {"kind": "self", "inspector_id": stan},  # of another unit
        {"kind": "remote", "inspector_id": stan},
        {"kind": "remote", "inspector_id": nora},  # of the centre, and the region's duty
        {"kind": "remote", "inspector_id": str(world.alice.id)},
        {"level": "province", "centre_id": None},  # sam is of the region
        {"level": "province", "centre_id": None, "kind": "mutual", "inspector_id": pia},
    ):
        with pytest.raises(InspectorNotFit):
            await plan(database, world.sam, **refused)
    await plan(database, world.sam, kind="mutual", inspector_id=stan)
    await plan(database, world.sam, kind="self", level="centre", inspector_id=nora)
    await plan(database, world.sam, level="province", centre_id=None, inspector_id=pia)
    await plan(database, people["nora"], kind="self", level="centre", centre_id=centre)


async def test_qa_01_a_plan_names_its_place_its_time_its_form_and_who_is_ridden_along_with(
    database: Database, world: World, people: dict[str, Actor]
) -> None:
    with pytest.raises(LevelTooHigh):
        await plan(database, people["nora"])
    with pytest.raises(NotFound):
        await plan(database, people["nora"], level="centre", centre_id=str(SOUTH))
    with pytest.raises(InspectionNotOfCentre):
        await plan(database, world.sam, centre_id=None)
    with pytest.raises(PlannedInThePast):
        await plan(database, world.sam, planned_for="2026-11-22")
    with pytest.raises(FormUsedOtherwise):
        await plan(database, world.sam, form_code="unit_self")
    with pytest.raises(TechnicianNotNamed):
        await plan(database, world.sam, kind="ride_along")
    with pytest.raises(TechnicianNotNamed):
        await plan(database, world.sam, kind="ride_along", technician_id=str(world.carol.id))
    await plan(database, world.sam, kind="ride_along", technician_id=str(world.alice.id))


async def test_qa_01_another_units_people_see_the_inspection_and_its_evidence_but_not_the_unit(
    database: Database, world: World, people: dict[str, Actor], scene: Scene,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    stan, nora = people["stan"], people["nora"]
    mutual = await plan(database, world.sam, kind="mutual", inspector_id=str(stan.id))
    other = await plan(database, world.sam)
    await draw(database, stan, mutual)
    await draw(database, world.sam, other)

    async def seen(actor: Actor) -> list[str]:
        found = await read(client, settings, actor, "inspections")
        return [one["id"] for one in found["items"]]

    assert await seen(stan) == [mutual]
    assert await seen(nora) == await seen(world.sam) == [mutual, other]
    path = f"inspections/{mutual}/visits/{scene.visit}/evidence"
    assert (await read(client, settings, stan, path))["evidence"]["visit_id"] == scene.visit
    with pytest.raises(NotYourInspection):
        await draw(database, nora, mutual)
    hidden = await client.get(f"/v1/visits/{scene.visit}", headers=bearer(settings, stan))
    assert hidden.status_code == 404


async def test_qa_01_a_remote_inspection_has_all_the_evidence_of_a_visit_in_one_answer(
    database: Database, world: World, people: dict[str, Actor],
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    scene = await make_scene(database, [world.alice], COPPER)
    far = {"type": "Point", "coordinates": [24.941, 60.18]}
    await from_phone(database, world.alice, "visit.arrive", visit_id=scene.visit, point=far)
    await take_line_test(database, world.alice, scene, loop_resistance_ohm=310)
    await run(database, world.sam, "evidence.check", visit_id=scene.visit)
    await ended(database, scene.visit_id)
    inspection = await plan(database, world.sam)
    await draw(database, world.sam, inspection)
    body = await read(
        client, settings, world.sam, f"inspections/{inspection}/visits/{scene.visit}/evidence"
    )
    assert body["evidence"]["crew"][0]["technician_id"] == str(world.alice.id)
    assert [one["kind"] for one in body["evidence"]["facts"]] == ["arrival"]
    assert body["line_tests"][0]["loop_resistance_ohm"] == 310
    assert [one["kind"] for one in body["flags"]] == ["position_far"]
    assert (body["longitude"], body["latitude"]) == (24.941, 60.17)
    assert "flagged_evidence" in body["reasons"]
    other = await make_scene(database, [world.alice], COPPER)
    outside = await client.get(
        f"/v1/inspections/{inspection}/visits/{other.visit}/evidence",
        headers=bearer(settings, world.sam),
    )
    assert outside.status_code == 404


async def test_qa_02_what_is_not_inspected_in_its_year_quarter_or_month_is_overdue(
    database: Database, world: World, people: dict[str, Actor], at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    async def duties(actor: Actor, **params: Any) -> dict[tuple[str, str], Any]:
        found = await read(client, settings, actor, "inspection-duties", **params)
        return {(one["level"], one["unit_name"]): one for one in found["items"]}

    inspection = await plan(database, world.sam, kind="remote")
    before = await duties(world.sam)
    assert [(key, one["due_by"]) for key, one in before.items()] == [
        (("province", "Helsinki"), "2026-12-31"),
        (("region", "North"), "2026-12-31"), (("centre", "North"), "2026-11-30"),
        (("region", "South"), "2026-12-31"), (("centre", "South"), "2026-11-30"),
    ]  # fmt: skip
    assert before["region", "North"]["planned_for"] == TODAY
    await run(
        database, world.sam, "inspection.fill", inspection_id=inspection, answers=as_form(REMOTE)
    )
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    with clock.frozen(at + timedelta(days=45)):  # the 7th of January
        found = await duties(world.sam, overdue=True)
        assert set(found) == {
            ("province", "Helsinki"), ("region", "South"), ("centre", "North"), ("centre", "South"),
        }  # fmt: skip
        after = await duties(world.sam)
        north = after["region", "North"]
        assert (north["last_done_on"], north["due_by"]) == (TODAY, "2027-03-31")
        assert set(await duties(people["stan"])) == {("region", "South"), ("centre", "South")}


async def test_qa_02_the_periods_are_the_regions_own_and_the_list_has_parts(
    database: Database, world: World, people: dict[str, Actor],
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    await run(
        database, world.ada, "rule.set_number", name="quality_duty_centre", value=6, reason="calm"
    )
    first = await read(
        client, settings, world.sam, "inspection-duties", level="centre", limit=1, sort="unit_name"
    )
    assert [(one["unit_name"], one["due_by"]) for one in first["items"]] == [
        ("North", "2026-12-31")
    ]
    rest = await read(
        client, settings, world.sam, "inspection-duties", level="centre", sort="unit_name",
        after=first["next"],
    )  # fmt: skip
    assert ([one["unit_name"] for one in rest["items"]], rest["next"]) == (["South"], None)


async def test_qa_02_an_inspection_called_off_or_late_is_known_as_that(
    database: Database, world: World, people: dict[str, Actor], at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    late, off = await plan(database, world.sam), await plan(database, world.sam)
    await run(database, world.sam, "inspection.cancel", inspection_id=off, reason="no time")
    with pytest.raises(InspectionEnded):
        await run(database, world.sam, "inspection.cancel", inspection_id=off, reason="no time")

    async def said_late() -> list[str]:
        found = await read(client, settings, world.sam, "inspections", late=True)
        return [one["id"] for one in found["items"]]

    assert await said_late() == []
    with clock.frozen(at + timedelta(days=1)):
        assert await said_late() == [late]


async def test_qa_04_a_draw_keeps_seed_and_population_and_gives_the_same_again(
    database: Database, world: World, people: dict[str, Actor],
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    for _ in range(6):
        made = await make_scene(database, [world.bob], COPPER)
        await ended(database, made.visit_id)
    inspection = await plan(database, world.sam)
    await draw(database, world.sam, inspection, share=50, risk_share=0, seed=None)
    with pytest.raises(AlreadyDrawn):
        await draw(database, world.sam, inspection)
    body = await read(client, settings, world.sam, f"inspections/{inspection}/draw")
    sample = await read(
        client, settings, world.sam, f"inspections/{inspection}/visits", sort="place"
    )
    drawn = [one["visit_id"] for one in sample["items"]]
    assert (len(body["population"]), len(drawn), body["same"]) == (6, 3, True)
    assert body["drawn_again"] == drawn
    assert [one["place"] for one in sample["items"]] == [1, 2, 3]
    again = await plan(database, world.sam)
    await draw(database, world.sam, again, share=50, risk_share=0, seed=body["seed"])
    other = await read(client, settings, world.sam, f"inspections/{again}/visits", sort="place")
    assert [one["visit_id"] for one in other["items"]] == drawn


async def made_risky(database: Database, world: World) -> dict[str, Scene]:
    """One ended visit for each risk, by people who are not new, but for Bob."""
    async with database.transaction() as session:
        for actor in (world.alice, world.kim):
            technician = await organisation.technician(session, 1, actor.id)
            technician.created_at = OLD
    made = {
        name: await make_scene(database, [who], COPPER)
        for name, who in (
            ("plain", world.alice), ("new_technician", world.bob), ("contractor", world.kim),
            ("red_customer", world.alice), ("flagged_evidence", world.alice),
            ("complaint", world.alice),
        )
    }  # fmt: skip
    far = {"type": "Point", "coordinates": [24.941, 60.18]}
    visit = made["flagged_evidence"].visit
    await from_phone(database, world.alice, "visit.arrive", visit_id=visit, point=far)
    await run(database, world.sam, "evidence.check", visit_id=visit)
    for one in made.values():
        await ended(database, one.visit_id)
    red = await complain(database, world.ann, made["red_customer"].customer_id,
                         centre_id=str(NORTH))  # fmt: skip
    await run(
        database, world.sam, "complaint.decide", complaint_id=str(red), justified=True,
        words="They were right.", department="field",
    )  # fmt: skip
    about = made["complaint"]
    await complain(
        database, world.ann, about.customer_id, visit_ids=[about.visit], centre_id=str(NORTH)
    )
    return made


async def test_qa_04_risks_are_new_people_contractors_red_customers_odd_evidence_and_complaints(
    database: Database, world: World, people: dict[str, Actor], at: datetime
) -> None:
    made = await made_risky(database, world)
    inspection = await plan(database, world.sam)
    with clock.frozen(at + timedelta(minutes=1)):
        await draw(database, world.sam, inspection, share=0, risk_share=100)
    sample = {row.visit_id: row.reasons for row in await rows(database, SampledVisit, inspection)}
    assert sample == {scene.visit_id: [name] for name, scene in made.items() if name != "plain"}


async def test_qa_04_a_complaint_of_the_time_brings_its_older_visit_into_the_draw(
    database: Database, world: World, people: dict[str, Actor], at: datetime
) -> None:
    old = await make_scene(database, [world.alice], COPPER)
    await ended(database, old.visit_id, hours_ago=24 * 60)
    recent = await make_scene(database, [world.alice], COPPER)
    await ended(database, recent.visit_id)
    await complain(
        database, world.ann, old.customer_id, visit_ids=[old.visit], centre_id=str(NORTH)
    )
    inspection = await plan(database, world.sam)
    with clock.frozen(at + timedelta(minutes=1)):
        await draw(database, world.sam, inspection, share=0, risk_share=0)
    (row,) = await rows(database, SampledVisit, inspection)
    assert row.visit_id == old.visit_id
    assert "complaint" in row.reasons


async def test_qa_04_a_complaint_enters_the_sample_that_is_looked_at_now(
    database: Database, world: World, people: dict[str, Actor], scene: Scene,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    other = await make_scene(database, [world.alice], COPPER)
    await ended(database, other.visit_id, hours_ago=24 * 50)
    inspection = await plan(database, world.sam)
    undrawn = await plan(database, world.sam)
    await draw(database, world.sam, inspection)
    for one in (other, scene):
        await complain(
            database, world.ann, one.customer_id, visit_ids=[one.visit], centre_id=str(NORTH)
        )
    sample = {row.visit_id: row.reasons for row in await rows(database, SampledVisit, inspection)}
    assert sample[other.visit_id] == ["complaint"]
    assert sample[scene.visit_id][-1] == "complaint"
    assert "share" in sample[scene.visit_id]
    assert await rows(database, SampledVisit, undrawn) == []
    body = await read(client, settings, world.sam, f"inspections/{inspection}/draw")
    assert body["same"] is True  # what was added later is no part of the draw


async def test_qa_04_a_draw_wants_a_time_that_is_over_and_visits_in_it(
    database: Database, world: World, people: dict[str, Actor], at: datetime
) -> None:
    inspection = await plan(database, world.sam)
    with pytest.raises(NothingToDraw):
        await draw(database, world.sam, inspection)
    with pytest.raises(TimeOutOfOrder):
        await draw(
            database, world.sam, inspection, ended_before=(at + timedelta(days=1)).isoformat()
        )


async def test_qa_04_visits_can_be_chosen_beside_the_draw(
    database: Database, world: World, people: dict[str, Actor], scene: Scene
) -> None:
    inspection = await plan(database, world.sam)
    open_ = await make_scene(database, [world.alice], COPPER)
    with pytest.raises(NotFound):
        await run(database, world.sam, "inspection.add_visits", inspection_id=inspection,
                  visit_ids=[open_.visit])  # fmt: skip
    for _ in range(2):
        await run(database, world.sam, "inspection.add_visits", inspection_id=inspection,
                  visit_ids=[scene.visit])  # fmt: skip
    (row,) = await rows(database, SampledVisit, inspection)
    assert row.reasons == ["chosen"]


async def test_qa_03_each_form_has_its_score_and_the_inspection_the_mean(
    database: Database, world: World, people: dict[str, Actor], scene: Scene
) -> None:
    inspection = await plan(database, world.sam)
    with pytest.raises(NotInSample):
        await fill(database, world.sam, inspection, scene.visit)
    await draw(database, world.sam, inspection)
    with pytest.raises(NothingFilled):
        await run(database, world.sam, "inspection.report", inspection_id=inspection)
    await fill(database, world.sam, inspection, scene.visit, signed=False)
    await fill(database, world.sam, inspection, scene.visit, tests_whole=False)
    await fill(database, world.sam, inspection, None)
    first, unit = await rows(database, FilledForm, inspection)
    assert first.score == round(70 / 90 * 100, 2)  # the optional item was left out
    assert (first.technician_id, first.answers["tests_whole"]["note"]) == (
        world.alice.id, "Not so.",
    )  # fmt: skip
    assert (unit.score, unit.technician_id) == (100, None)
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    row = await standing(database, inspection)
    assert (row.score, row.state) == (round((first.score + 100) / 2, 2), "accepted")
    with pytest.raises(InspectionEnded):
        await fill(database, world.sam, inspection, scene.visit)


async def test_qa_03_visits_without_a_form_are_left_out_only_with_a_reason(
    database: Database, world: World, people: dict[str, Actor], scene: Scene
) -> None:
    inspection = await plan(database, world.sam)
    await draw(database, world.sam, inspection)
    await fill(database, world.sam, inspection, None)
    with pytest.raises(NothingFilled):
        await run(database, world.sam, "inspection.report", inspection_id=inspection)
    await run(database, world.sam, "inspection.report", inspection_id=inspection,
              left_out="Its photos are gone.")  # fmt: skip
    assert (await standing(database, inspection)).state == "accepted"


async def test_qa_03_an_inspection_keeps_the_version_of_the_form_it_was_planned_with(
    database: Database, world: World, people: dict[str, Actor],
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    first = await plan(database, world.sam)
    body = next(one.body for one in shipped() if one.code == "remote_visit").model_dump()
    body["items"] = body["items"][:1]
    await run(database, world.sam, "inspection_form.publish", code="remote_visit", kind="remote",
              body=body)  # fmt: skip
    with pytest.raises(FormUsedOtherwise):
        await run(database, world.sam, "inspection_form.publish", code="remote_visit",
                  kind="self", body=body)  # fmt: skip
    second = await plan(database, world.sam)
    async with database.transaction() as session:
        numbers = [
            (await session.get_one(Form, (await standing(database, one)).form_id)).number
            for one in (first, second)
        ]
    assert numbers == [1, 2]
    listed = await read(client, settings, world.sam, "inspection-forms", code="remote_visit")
    assert [one["number"] for one in listed["items"]] == [1, 2]
    assert listed["items"][0]["body"]["title_zh"]


async def reported(
    database: Database, world: World, scene: Scene, *, severity: str = "minor", **changes: Any
) -> str:
    """An inspection by sam whose sheet has one finding on Alice's work."""
    inspection = await plan(database, world.sam, **changes)
    await draw(database, world.sam, inspection)
    await fill(database, world.sam, inspection, scene.visit, signed=False)
    await run(
        database, world.sam, "inspection.note_finding", inspection_id=inspection,
        visit_id=scene.visit, severity=severity, item_key="signed", words="Not signed.",
        technician_id=str(world.alice.id),
    )  # fmt: skip
    await run(database, world.sam, "inspection.report", inspection_id=inspection,
              summary="One list is not signed.")  # fmt: skip
    return inspection


async def test_qa_03_the_unit_answers_with_measures_and_files_and_the_inspector_accepts(
    database: Database, world: World, people: dict[str, Actor], scene: Scene, at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    inspection = await reported(database, world, scene)
    row = await standing(database, inspection)
    assert (row.state, row.done_on, row.round) == ("reported", at.date(), 1)
    assert row.answer_due_at == clock.now() + timedelta(days=15)
    of = {"inspection_id": inspection}
    with pytest.raises(SheetNotOpen):
        await run(database, world.sam, "inspection.judge", **of, verdict="accepted", words="Good.")
    with pytest.raises(OwnInspection):
        await run(database, world.sam, "inspection.answer", **of, measures="Nothing.")
    with pytest.raises(NotFound):
        await run(database, people["stan"], "inspection.answer", **of, measures="Nothing.")
    shown = {"sha256": "c" * 64, "bytes": 900, "mime": "application/pdf"}
    await run(database, people["nora"], "inspection.answer", **of, measures="Signed now.",
              files=[shown])  # fmt: skip
    with pytest.raises(SheetNotOpen):
        await run(database, people["nora"], "inspection.answer", **of, measures="Again.")
    with pytest.raises(NotYourInspection):
        await run(database, people["nora"], "inspection.judge", **of, verdict="accepted",
                  words="Good.")  # fmt: skip
    await run(database, world.sam, "inspection.judge", **of, verdict="accepted", words="Good.")
    (only,) = (await read(client, settings, world.sam, f"inspections/{inspection}/rounds"))["items"]
    assert (only["measures"], only["verdict"]) == ("Signed now.", "accepted")
    assert [one["sha256"] for one in only["files"]] == ["c" * 64]
    async with database.transaction() as session:
        link = await session.get_one(FileLink, (1, UUID(only["files"][0]["id"])))
    assert link.centre_id == NORTH
    (finding,) = (
        await read(client, settings, world.sam, "inspection-findings", inspection_id=inspection)
    )["items"]
    assert finding["state"] == "settled"


async def test_qa_03_a_reopened_sheet_has_another_round_with_its_own_time(
    database: Database, world: World, people: dict[str, Actor], scene: Scene, at: datetime,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    inspection = await reported(database, world, scene)
    of = {"inspection_id": inspection}
    with clock.frozen(at + timedelta(days=16)):
        late = await read(client, settings, world.sam, "inspections", late=True)
        assert [one["id"] for one in late["items"]] == [inspection]
        await run(database, people["nora"], "inspection.answer", **of, measures="We look.")
        await run(database, world.sam, "inspection.judge", **of, verdict="reopened", words="By?")
        row = await standing(database, inspection)
        assert (row.state, row.round) == ("reported", 2)
        assert row.answer_due_at == clock.now() + timedelta(days=15)
        await run(database, people["nora"], "inspection.answer", **of, measures="By Friday.")
        await run(database, world.sam, "inspection.judge", **of, verdict="accepted", words="Good.")
    found = await read(client, settings, people["nora"], f"inspections/{inspection}/rounds")
    assert [(one["number"], one["measures"], one["verdict"]) for one in found["items"]] == [
        (1, "We look.", "reopened"), (2, "By Friday.", "accepted"),
    ]  # fmt: skip


async def test_qa_03_the_time_to_answer_is_the_regions_own_and_a_unit_may_answer_its_own(
    database: Database, world: World, people: dict[str, Actor]
) -> None:
    await run(
        database, world.ada, "rule.set_number", name="quality_answer_sheet", value=5, reason="fast"
    )
    nora = people["nora"]
    inspection = await plan(database, nora, level="centre", kind="self")
    of = {"inspection_id": inspection}
    await run(database, nora, "inspection.fill", **of, answers=as_form(UNIT, stock=False))
    await run(database, nora, "inspection.note_finding", **of, severity="major",
              words="Stock does not agree.", unit_id=str(NORTH))  # fmt: skip
    await run(database, nora, "inspection.report", **of)
    row = await standing(database, inspection)
    assert row.answer_due_at == clock.now() + timedelta(days=5)
    await run(database, nora, "inspection.answer", **of, measures="Counted anew.")
    await run(database, nora, "inspection.judge", **of, verdict="accepted", words="It agrees.")
