"""QA-06: findings with a responsible person, cases heard and decided by others."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock
from fieldops.kernel.actor import Actor, Grant
from fieldops.kernel.db import Database
from fieldops.kernel.errors import NotFound
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Role
from fieldops.kernel.settings import Settings
from fieldops.quality.errors import (
    CaseNotOpen,
    InspectionEnded,
    OneResponsible,
    OwnCase,
    StatementAwaited,
)
from fieldops.quality.models import AccountabilityCase, InspectionFinding
from fieldops.visits.models import Notice
from tests.modules.test_health_views import held
from tests.support.clients import bearer
from tests.support.factories.checklists import Scene, make_scene
from tests.support.factories.complaints import complain
from tests.support.factories.inspections import (
    REMOTE,
    as_form,
    draw,
    ended,
    lay_out,
    plan,
)
from tests.support.run import run
from tests.support.world import FIRM, NORTH, SOUTH, World

pytestmark = pytest.mark.anyio

COPPER = ("broadband", "install", "copper")


@pytest.fixture
async def people(database: Database, world: World) -> dict[str, Actor]:
    return await lay_out(database)


@pytest.fixture
async def scene(database: Database, world: World) -> Scene:
    made = await make_scene(database, [world.alice], COPPER)
    await ended(database, made.visit_id)
    return made


@pytest.fixture
async def inspection(
    database: Database, world: World, people: dict[str, Actor], scene: Scene
) -> str:
    """An inspection by sam whose form about Alice's visit is filled."""
    assert people
    made = await plan(database, world.sam)
    await draw(database, world.sam, made)
    await run(
        database, world.sam, "inspection.fill", inspection_id=made, visit_id=scene.visit,
        answers=as_form(REMOTE, signed=False),
    )  # fmt: skip
    return made


async def note(database: Database, world: World, inspection: str, **args: Any) -> UUID:
    given = {
        "inspection_id": inspection, "severity": "serious", "words": "The signature is copied.",
        **args,
    }  # fmt: skip
    made = await run(database, world.sam, "inspection.note_finding", **given)
    return UUID(made["refs"][0]["id"])


async def opened(database: Database, world: World, inspection: str, scene: Scene) -> str:
    """Have a case against Alice, and return its id."""
    await note(database, world, inspection, visit_id=scene.visit, technician_id=str(world.alice.id))
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    async with database.transaction() as session:
        found = await session.scalars(
            select(AccountabilityCase.id).where(AccountabilityCase.region_id == 1)
        )
        return str(found.one())


async def told(database: Database) -> list[tuple[str, str | None]]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(Notice).where(Notice.region_id == 1).order_by(Notice.id)
        )
        return [(row.kind, row.reason) for row in found]


async def seen(
    client: httpx.AsyncClient, settings: Settings, actor: Actor, path: str
) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/{path}", headers=bearer(settings, actor))
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_qa_06_a_finding_has_one_responsible_who_was_there(
    database: Database, world: World, inspection: str, scene: Scene
) -> None:
    bob, alice, north = str(world.bob.id), str(world.alice.id), str(NORTH)
    for refused in (
        {},
        {"technician_id": alice, "unit_id": north},
        {"technician_id": bob, "visit_id": scene.visit},  # was not on it
        {"technician_id": str(world.carol.id)},  # of another centre
    ):
        with pytest.raises(OneResponsible):
            await note(database, world, inspection, **refused)
    with pytest.raises(OneResponsible):  # a centre that was not looked at
        await note(database, world, inspection, unit_id=str(SOUTH))
    for unknown in ({"unit_id": alice}, {"unit_id": north, "item_key": "nothing_like_it"}):
        with pytest.raises(NotFound):
            await note(database, world, inspection, **unknown)
    await note(database, world, inspection, unit_id=str(FIRM), item_key="signed")
    await note(database, world, inspection, technician_id=alice, visit_id=scene.visit)


async def test_qa_06_a_finding_taken_back_before_the_sheet_reaches_nobody(
    database: Database, world: World, inspection: str, scene: Scene
) -> None:
    finding = await note(
        database, world, inspection, visit_id=scene.visit, technician_id=str(world.alice.id)
    )
    of = {"inspection_finding_id": str(finding), "reason": "it was the other visit"}
    await run(database, world.sam, "inspection_finding.withdraw", **of)
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    assert await told(database) == []
    with pytest.raises(InspectionEnded):
        await run(database, world.sam, "inspection_finding.withdraw", **of)


async def test_qa_06_technicians_see_what_is_said_of_their_work_once_it_is_given_and_answer(
    database: Database, world: World, inspection: str, scene: Scene,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    finding = await note(
        database, world, inspection, severity="minor", visit_id=scene.visit,
        technician_id=str(world.alice.id),
    )  # fmt: skip
    path = "inspection-findings"
    answer = {"inspection_finding_id": str(finding), "answer": "They signed on my phone."}
    assert await seen(client, settings, world.alice, path) == []
    with pytest.raises(NotFound):
        await run(database, world.alice, "inspection_finding.answer", **answer)
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    assert await told(database) == [("finding_given", "minor")]
    (one,) = await seen(client, settings, world.alice, path)
    assert one["words"] == "The signature is copied."
    for other in (world.bob, world.mia):
        assert await seen(client, settings, other, path) == []
    with pytest.raises(NotFound):
        await run(database, world.bob, "inspection_finding.answer", **answer)
    await run(database, world.alice, "inspection_finding.answer", **answer)
    (one,) = await seen(client, settings, world.sam, path)
    assert one["answer"] == "They signed on my phone."
    assert await seen(client, settings, world.alice, "accountability-cases") == []


async def test_qa_06_a_serious_finding_opens_a_case_that_is_heard_decided_and_closed(
    database: Database, world: World, people: dict[str, Actor], inspection: str, scene: Scene
) -> None:
    case = await opened(database, world, inspection, scene)
    assert await told(database) == [("finding_given", "serious"), ("case_opened", None)]
    of = {"accountability_case_id": case}
    decision = {**of, "measure": "training", "reason": "It was the app."}
    with pytest.raises(StatementAwaited):
        await run(database, world.sam, "accountability_case.decide", **decision)
    with pytest.raises(NotFound):
        await run(database, world.bob, "accountability_case.state", **of, statement="Not me.")
    with pytest.raises(NotFound):
        await run(database, people["nora"], "accountability_case.state_for_unit", **of,
                  statement="Not us.")  # fmt: skip
    await run(database, world.alice, "accountability_case.state", **of, statement="The app did.")
    with pytest.raises(CaseNotOpen):
        await run(database, world.sam, "accountability_case.close", **of, words="Done.")
    await run(database, world.sam, "accountability_case.decide", **decision)
    assert (await told(database))[-1] == ("case_decided", "training")
    with pytest.raises(CaseNotOpen):
        await run(database, world.alice, "accountability_case.state", **of, statement="And more.")
    await run(database, world.sam, "accountability_case.close", **of, words="Trained on Friday.")
    async with database.transaction() as session:
        row = await session.get_one(AccountabilityCase, (1, UUID(case)))
    assert (row.state, row.statement, row.measure, row.decided_by) == (
        "closed", "The app did.", "training", world.sam.id,
    )  # fmt: skip


async def test_qa_06_without_a_statement_a_case_is_decided_when_the_time_for_it_is_over(
    database: Database, world: World, inspection: str, scene: Scene, at: datetime
) -> None:
    case = await opened(database, world, inspection, scene)
    with clock.frozen(at + timedelta(days=5)):
        await run(database, world.sam, "accountability_case.decide", accountability_case_id=case,
                  measure="warning", reason="Nothing was said.")  # fmt: skip


async def test_qa_06_nobody_decides_about_an_own_case(
    database: Database, world: World, people: dict[str, Actor], inspection: str, scene: Scene
) -> None:
    case = await opened(database, world, inspection, scene)
    of = {"accountability_case_id": case}
    await run(database, world.alice, "accountability_case.state", **of, statement="The app did.")
    grant = Grant(Role.SUPERVISOR, centre_ids=frozenset({NORTH}))
    risen = Actor(world.alice.id, 1, grants=(*world.alice.grants, grant))
    with pytest.raises(OwnCase):
        await run(database, risen, "accountability_case.decide", **of, measure="none",
                  reason="I was right.")  # fmt: skip
    await run(database, people["nora"], "accountability_case.decide", **of, measure="talk",
              reason="They were told.")  # fmt: skip
    with pytest.raises(OwnCase):
        await run(database, risen, "accountability_case.close", **of, words="Told.")


async def test_qa_06_a_units_case_is_answered_for_it_and_decided_by_another(
    database: Database, world: World, people: dict[str, Actor], inspection: str,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    await note(database, world, inspection, unit_id=str(FIRM))
    await run(database, world.sam, "inspection.report", inspection_id=inspection)
    (case,) = await seen(client, settings, world.mia, "accountability-cases")
    of = {"accountability_case_id": case["id"]}
    nora = people["nora"]
    await run(database, nora, "accountability_case.state_for_unit", **of, statement="They say so.")
    with pytest.raises(OwnCase):
        await run(database, nora, "accountability_case.decide", **of, measure="firm_notice",
                  reason="So it is.")  # fmt: skip
    await run(database, world.sam, "accountability_case.decide", **of, measure="firm_notice",
              reason="So it is.")  # fmt: skip
    assert await seen(client, settings, world.alice, "accountability-cases") == []


@pytest.mark.parametrize("serious", [True, False])
async def test_qa_06_a_justified_complaint_that_is_grave_opens_a_case_once(
    database: Database, world: World, people: dict[str, Actor], scene: Scene,
    client: httpx.AsyncClient, settings: Settings, *, serious: bool,
) -> None:  # fmt: skip
    assert people
    complaint = await complain(
        database, world.ann, scene.customer_id, visit_ids=[scene.visit], centre_id=str(NORTH)
    )
    for _ in range(2):
        await run(
            database, world.sam, "complaint.decide", complaint_id=str(complaint), justified=True,
            serious=serious, words="They were right.", technician_id=str(world.alice.id),
        )  # fmt: skip
    found = await seen(client, settings, world.alice, "accountability-cases")
    assert [one["complaint_id"] for one in found] == ([str(complaint)] if serious else [])
    assert await seen(client, settings, world.bob, "accountability-cases") == []


async def test_qa_06_an_answer_to_a_finding_stands_whatever_became_of_the_sheet(
    database: Database, world: World, people: dict[str, Actor], inspection: str, scene: Scene
) -> None:
    finding = await note(
        database, world, inspection, severity="major", visit_id=scene.visit,
        technician_id=str(world.alice.id),
    )  # fmt: skip
    of = {"inspection_id": inspection}
    await run(database, world.sam, "inspection.report", **of)
    await run(database, people["nora"], "inspection.answer", **of, measures="Signed now.")
    await run(database, world.sam, "inspection.judge", **of, verdict="accepted", words="Good.")
    await run(database, world.alice, "inspection_finding.answer",
              inspection_finding_id=str(finding), answer="It was signed.")  # fmt: skip
    async with database.transaction() as session:
        row = await session.get_one(InspectionFinding, (1, finding))
    assert (row.state, row.answer) == ("settled", "It was signed.")


async def decided(
    database: Database, world: World, complaint: UUID, *, justified: bool = True,
    technician: Actor | None = None,
) -> None:  # fmt: skip
    whose = {"technician_id": str(technician.id)} if technician else {}
    await run(
        database, world.sam, "complaint.decide", complaint_id=str(complaint), justified=justified,
        serious=justified, words="So it was.", **whose,
    )  # fmt: skip


async def test_qa_06_a_case_is_dropped_when_its_complaint_is_decided_otherwise(
    database: Database, world: World, people: dict[str, Actor], scene: Scene,
    client: httpx.AsyncClient, settings: Settings,
) -> None:  # fmt: skip
    assert people
    complaint = await complain(
        database, world.ann, scene.customer_id, visit_ids=[scene.visit], centre_id=str(NORTH)
    )

    async def states() -> list[str]:
        found = await seen(client, settings, world.alice, "accountability-cases")
        return [one["state"] for one in found]

    await decided(database, world, complaint, technician=world.alice)
    await decided(database, world, complaint, justified=False)
    assert await states() == ["dropped"]
    assert (await told(database))[-1] == ("case_decided", "dropped")
    await decided(database, world, complaint, technician=world.alice)
    assert await states() == ["dropped", "opened"]
    (_, case) = await seen(client, settings, world.alice, "accountability-cases")
    of = {"accountability_case_id": case["id"]}
    await run(database, world.alice, "accountability_case.state", **of, statement="The app did.")
    await run(database, people["nora"], "accountability_case.decide", **of, measure="talk",
              reason="They were told.")  # fmt: skip
    await decided(database, world, complaint, justified=False)
    assert await states() == ["dropped", "decided"]  # what was decided stays what it was


async def test_qa_06_a_statement_from_a_phone_is_kept_beside_a_decision_it_did_not_know(
    database: Database, world: World, inspection: str, scene: Scene, at: datetime
) -> None:
    case = await opened(database, world, inspection, scene)
    (row,) = await held(database, world.alice, "accountability_case")
    assert (row["id"], row["state"], row["about_visit_id"]) == (case, "opened", scene.visit)
    assert await held(database, world.bob, "accountability_case") == []
    of = {"accountability_case_id": case}
    with clock.frozen(at + timedelta(days=5)):
        await run(database, world.sam, "accountability_case.decide", **of, measure="warning",
                  reason="Nothing was said.")  # fmt: skip
        late = {**of, "statement": "I was ill."}
        with pytest.raises(CaseNotOpen):
            await run(database, world.alice, "accountability_case.state", **late)
        with pytest.raises(NotFound):
            await run(database, world.bob, "accountability_case.state", device=new_id(), **late)
        await run(database, world.alice, "accountability_case.state", device=new_id(), **late)
        (row,) = await held(database, world.alice, "accountability_case")
        assert (row["state"], row["statement"], row["measure"]) == (
            "decided", "I was ill.", "warning",
        )  # fmt: skip
        await run(database, world.sam, "accountability_case.close", **of, words="Talked.")
    with clock.frozen(at + timedelta(days=64)):
        assert await held(database, world.alice, "accountability_case") != []
    with clock.frozen(at + timedelta(days=66)):
        assert await held(database, world.alice, "accountability_case") == []
