"""QA-06: scores rank centres, firms and people, with a comparison before and after."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import and_, select

from fieldops.customers.models import Customer
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.quality.models import FilledForm
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.checklists import make_scene
from tests.support.factories.inspections import REMOTE, as_form, ended, lay_out, plan
from tests.support.run import run
from tests.support.world import FIRM, NORTH, World

pytestmark = pytest.mark.anyio

COPPER = ("broadband", "install", "copper")
BAD = {"signed": False, "place_and_time": False}


async def inspected(
    database: Database, world: World, whom: list[Actor], *, finding: str | None = None,
    give: bool = True, **changes: Any,
) -> None:  # fmt: skip
    """Have sam look at one visit of each technician."""
    day = clock.now().date().isoformat()
    made = await plan(database, world.sam, planned_for=day)
    of = {"inspection_id": made}
    for who in whom:
        scene = await make_scene(database, [who], COPPER)
        await ended(database, scene.visit_id)
        await run(database, world.sam, "inspection.add_visits", **of, visit_ids=[scene.visit])
        await run(database, world.sam, "inspection.fill", **of, visit_id=scene.visit,
                  answers=as_form(REMOTE, **changes))  # fmt: skip
    if finding is not None:
        await run(database, world.sam, "inspection.note_finding", **of, severity=finding,
                  words="Not signed.", technician_id=str(whom[0].id))  # fmt: skip
    if give:
        await run(database, world.sam, "inspection.report", **of)


async def ranked(
    client: httpx.AsyncClient, settings: Settings, world: World, of: str, **params: Any
) -> list[dict[str, Any]]:
    answer = await client.get(
        "/v1/quality-rankings", params={"of": of, **params}, headers=bearer(settings, world.sam)
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_qa_06_people_rank_by_score_against_the_time_before(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings, at: datetime
) -> None:
    """By hand: signed (10) and place_and_time (15) are missing of 90 points: 72.22."""
    await lay_out(database)
    await run(
        database, world.ada, "rule.set_number", name="quality_least_ranked", value=2, reason="few"
    )
    await inspected(database, world, [world.alice, world.alice], finding="major", **BAD)
    with clock.frozen(at + timedelta(days=100)):
        await inspected(database, world, [world.alice, world.alice])
        await inspected(database, world, [world.kim, world.kim], finding="minor", signed=False)
        await inspected(database, world, [world.bob], **BAD)
        await inspected(database, world, [world.bob], give=False)  # not given: not counted
        people = await ranked(client, settings, world, "technician")
        assert [(one["name"], one["place"], one["score"], one["forms"]) for one in people] == [
            ("Alice", 1, 100.0, 2), ("Kim", 2, 88.89, 2), ("Bob", None, 72.22, 1),
        ]  # fmt: skip
        alice, kim, _bob = people
        assert (alice["before_score"], alice["before_findings"], alice["change"]) == (
            72.22, 1, 27.78,
        )  # fmt: skip
        assert (kim["minor"], kim["before_score"], kim["change"]) == (1, None, None)
        firms = await ranked(client, settings, world, "firm")
        assert [(one["id"], one["score"], one["minor"]) for one in firms] == [(str(FIRM), 88.89, 1)]
        (north,) = await ranked(client, settings, world, "centre")
        assert (north["id"], north["forms"], north["before_forms"]) == (str(NORTH), 5, 2)
        assert north["score"] == round((200 + 2 * 88.89 + 72.22) / 5, 2)
        worst = await ranked(client, settings, world, "technician", sort="score", enough=True)
        assert [one["name"] for one in worst] == ["Kim", "Alice"]
        picture = await client.get(
            "/v1/quality-rankings/chart.svg", params={"of": "technician"},
            headers=bearer(settings, world.sam),
        )  # fmt: skip
        assert "Alice before: 72.22" in picture.text
        assert "Bob" not in picture.text


async def test_qa_06_rankings_are_for_supervisors_and_their_centres(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    people = await lay_out(database)
    await inspected(database, world, [world.alice])
    for actor in (world.alice, world.dora, world.mia):
        answer = await client.get(
            "/v1/quality-rankings", params={"of": "technician"}, headers=bearer(settings, actor)
        )
        assert answer.status_code == 403
    answer = await client.get(
        "/v1/quality-rankings", params={"of": "technician"},
        headers=bearer(settings, people["stan"]),
    )  # fmt: skip
    assert answer.json()["items"] == []
    turned = await client.get(
        "/v1/quality-rankings",
        params={"of": "firm", "starts": "2026-11-02T00:00:00Z", "ends": "2026-11-01T00:00:00Z"},
        headers=bearer(settings, world.sam),
    )
    assert turned.status_code == 400


async def test_kp_03_a_ranking_weighs_each_form_by_the_visit_it_is_about(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    """By hand: 72.22 at a diamond customer's (weight 2) and 100 at a basic one's: 81.48."""
    await lay_out(database)
    await inspected(database, world, [world.alice], **BAD)
    await inspected(database, world, [world.alice])
    async with database.transaction() as session:
        for score, customer in await session.execute(
            select(FilledForm.score, Customer)
            .join(Visit, and_(Visit.region_id == 1, Visit.id == FilledForm.visit_id))
            .join(Customer, and_(Customer.region_id == 1, Customer.id == Visit.customer_id))
            .where(FilledForm.region_id == 1)
        ):
            customer.tier = "basic" if score == 100 else "diamond"
    (alice,) = await ranked(client, settings, world, "technician")
    assert (alice["forms"], alice["mean"], alice["score"]) == (2, 86.11, 81.48)
