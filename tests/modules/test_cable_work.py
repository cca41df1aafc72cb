"""RE-03: what the cable department has to do, with the tests that speak for it and the 4 hours."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import application, bearer
from tests.support.factories.network import make_feature, make_plant, make_service
from tests.support.factories.orders import REPAIR
from tests.support.factories.visits import begun_visit, from_phone
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio

TEST = {"kind": "insulation_resistance", "value": 0.2, "unit": "MOhm"}


@pytest.fixture
async def client(
    database: Database, settings: Settings, world: World
) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as made:
        lasting = settings.model_copy(update={"access_token_minutes": 60 * 24})
        made.headers.update(bearer(lasting, world.dora))
        yield made


async def listed(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/cable-work{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_re_03_one_swap_restores_the_customer_and_gives_the_bad_pair_away_with_its_test(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
    old = plant.pairs[0]
    await from_phone(
        database,
        world.alice,
        "measurement.record_line_test",
        visit_id=str(made.visit_id),
        feature_id=str(old.id),
        measured_at_place="box",
        insulation_mohm=0.2,
    )
    for_visit = {"visit_id": str(made.visit_id), "reason": "noise on the pair", "test": TEST}
    await from_phone(
        database, world.alice, "network.mark_pair_bad", feature_id=str(old.id), **for_visit
    )
    await from_phone(
        database,
        world.alice,
        "network.swap_pair",
        service_id=str(service.id),
        from_id=str(old.id),
        to_id=str(plant.pairs[2].id),
        **for_visit,
    )
    (work,) = await listed(client)
    assert (work["department"], work["feature_id"], work["feature_name"]) == (
        "cable", str(old.id), old.name,
    )  # fmt: skip
    assert (work["feature_state"], work["symptom"]) == ("bad", "noise on the pair")
    assert (work["pair_test"]["value"], work["tests_missing"]) == (0.2, False)
    assert [test["insulation_mohm"] for test in work["tests"]] == [0.2]
    assert (work["transfer_due_at"], work["transferred_late"]) == (None, None)
    assert await listed(client, "?unanswered=true") == []
    history = (await client.get(f"/v1/network/features/{old.id}/history")).json()["items"]
    marked, swapped = history[-2:]
    assert (marked["command"], marked["after"]["state_test"]["unit"]) == (
        "network.mark_pair_bad", "MOhm",
    )  # fmt: skip
    assert (swapped["command"], swapped["after"]["service_id"]) == ("network.swap_pair", None)
    assert {marked["visit_id"], swapped["visit_id"]} == {str(made.visit_id)}  # RE-05


@pytest.mark.parametrize(("hours", "late"), [(3, False), (5, True)])
async def test_re_03_a_transfer_shows_its_tests_and_whether_it_came_within_four_hours(
    client: httpx.AsyncClient,
    database: Database,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    late: bool,
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        box = await make_feature(session, "distribution_box")
    await from_phone(
        database,
        world.alice,
        "measurement.record_line_test",
        visit_id=str(made.visit_id),
        feature_id=str(box.id),
        measured_at_place="box",
        insulation_mohm=0.1,
    )
    at = clock.now()
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(hours=hours))
    await run(
        database, world.dora, "order.transfer",
        order_id=str(made.id), reason="cable_fault", department="cable",
    )  # fmt: skip
    (work,) = await listed(client, "?unanswered=true&sort=due_at")
    assert work["transfer_due_at"][:16] == (at + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")
    assert (work["department"], work["transferred_late"]) == ("field", late)
    assert [test["insulation_mohm"] for test in work["tests"]] == [0.1]
    assert not work["tests_missing"]
    await run(database, world.dora, "order.accept_transfer", order_id=str(made.id))
    assert await listed(client, "?unanswered=true") == []
    assert len(await listed(client)) == 1


async def test_re_03_a_transfer_without_tests_is_seen_and_can_be_refused_for_it(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    await run(
        database, world.dora, "order.transfer",
        order_id=str(made.id), reason="cable_fault", department="cable",
    )  # fmt: skip
    (work,) = await listed(client)
    assert (work["tests"], work["tests_missing"]) == ([], True)
    await run(
        database, world.dora, "order.refuse_transfer",
        order_id=str(made.id), reason="tests_missing", note="Measure the line first.",
    )  # fmt: skip
    assert await listed(client) == []
