"""RE-03: what the cable department has to do, with the tests that speak for it and the 4 hours."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.measurements.errors import TransferUntested
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders.jobs import warn_of_late_work
from fieldops.orders.models import LateWarning, WorkOrder
from fieldops.organisation.models import Technician
from fieldops.visits.errors import BadInUse
from tests.support.clients import application, bearer
from tests.support.factories.network import Plant, make_feature, make_plant, make_service
from tests.support.factories.orders import REPAIR, MadeOrder, make_order
from tests.support.factories.visits import begun_visit, complete, from_phone, get_visit
from tests.support.rows import every
from tests.support.run import run
from tests.support.warned import warned as people_warned
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

TEST = {"kind": "insulation_resistance", "value": 0.2, "unit": "MOhm"}


async def repair_on_a_pair(
    database: Database, world: World
) -> tuple[MadeOrder, NetworkService, Plant]:
    """Alice at a home whose broadband leads over the first pair of a cable."""
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
    return made, service, plant


async def mark_bad(
    database: Database, world: World, made: MadeOrder, pair: NetworkFeature, **more: Any
) -> None:
    await from_phone(
        database, world.alice, "network.mark_pair_bad",
        visit_id=str(made.visit_id), feature_id=str(pair.id), reason="noise on the pair", **more,
    )  # fmt: skip


async def pair_now(database: Database, pair: NetworkFeature) -> NetworkFeature:
    async with database.transaction() as session:
        return await session.get_one(NetworkFeature, (1, pair.id))


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


async def test_re_03_a_repair_goes_to_the_cable_department_with_a_test_or_an_offices_reason(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    made = await begun_visit(database, world, REPAIR)
    args: dict[str, Any] = {
        "order_id": str(made.id), "reason": "cable_fault", "department": "cable",
    }  # fmt: skip
    with pytest.raises(TransferUntested) as caught:
        await run(database, world.dora, "order.transfer", **args)
    assert caught.value.next_steps == ("measurement.record_line_test", "order.transfer")
    with pytest.raises(TransferUntested):  # a technician measures; an office may have a reason
        await from_phone(database, world.alice, "order.transfer", untested="cut off", **args)
    ending = {"visit_id": str(made.visit_id), "told_customer": "The cable is repaired today."}
    failing = {"reason": "plant_fault", "next_step": "transfer", "department": "cable"}
    with pytest.raises(TransferUntested):
        await from_phone(database, world.alice, "visit.fail", **ending, **failing)
    await run(database, world.dora, "order.transfer", untested="An excavator cut it.", **args)
    (work,) = await listed(client)
    assert (work["tests"], work["tests_missing"]) == ([], True)
    assert "An excavator cut it." in work["state_note"]
    await run(
        database, world.dora, "order.refuse_transfer",
        order_id=str(made.id), reason="tests_missing", note="Measure the line first.",
    )  # fmt: skip
    assert await listed(client) == []


async def test_re_03_the_test_a_bad_pair_was_marked_with_goes_with_the_transfer(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    made, service, plant = await repair_on_a_pair(database, world)
    await mark_bad(database, world, made, plant.pairs[0], test=TEST)
    await from_phone(
        database, world.alice, "visit.fail",
        visit_id=str(made.visit_id), told_customer="Repaired today.", reason="plant_fault",
        next_step="transfer", department="cable",
    )  # fmt: skip
    assert {row["feature_id"] for row in await listed(client)} == {str(plant.pairs[0].id), None}
    assert service.id


async def test_re_03_other_work_than_a_repair_is_transferred_without_a_test(
    database: Database, world: World
) -> None:
    made = await begun_visit(database, world)
    await run(
        database, world.dora, "order.transfer",
        order_id=str(made.id), reason="cable_fault", department="cable",
    )  # fmt: skip


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_04_a_pair_marked_bad_is_swapped_or_the_work_transferred_before_completion(
    database: Database, world: World
) -> None:
    made, service, plant = await repair_on_a_pair(database, world)
    await mark_bad(database, world, made, plant.pairs[0])
    with pytest.raises(BadInUse) as caught:
        await complete(database, world.alice, made.visit_id)
    assert caught.value.details["feature_ids"] == [str(plant.pairs[0].id)]
    assert caught.value.next_steps[0] == "network.swap_pair"
    await from_phone(
        database, world.alice, "network.swap_pair",
        visit_id=str(made.visit_id), service_id=str(service.id), reason="noise on the pair",
        from_id=str(plant.pairs[0].id), to_id=str(plant.pairs[2].id),
    )  # fmt: skip
    await complete(database, world.alice, made.visit_id)
    assert (await get_visit(database, made.visit_id)).state == "completed"


@pytest.mark.usefixtures("evidence_is_complete")
async def test_vi_04_a_neighbours_pair_that_was_marked_bad_keeps_nobody_from_completing(
    database: Database, world: World
) -> None:
    made, _service, plant = await repair_on_a_pair(database, world)
    async with database.transaction() as session:
        await make_service(session, plant, number=1)
    await mark_bad(database, world, made, plant.pairs[1])
    await complete(database, world.alice, made.visit_id)


async def test_re_03_the_department_is_warned_at_80_percent_and_the_supervisor_at_the_end(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World, at: datetime
) -> None:
    """A repair on a bad pair that nobody swapped or transferred, and one that waits there."""
    jobs.use(jobs.Machine(database, settings))
    made, _service, plant = await repair_on_a_pair(database, world)
    waiting = await make_order(database, world.dora, REPAIR)
    calm = await make_order(database, world.dora, REPAIR)
    await mark_bad(database, world, made, plant.pairs[0])
    await run(
        database, world.dora, "order.transfer",
        order_id=str(waiting.id), reason="cable_fault", department="cable", untested="cut",
    )  # fmt: skip

    async def warned(name: str = "dora") -> set[tuple[str, str]]:
        await warn_of_late_work()
        lasting = settings.model_copy(update={"access_token_minutes": 60 * 24})
        answer = await client.get(
            "/v1/orders/warnings?mine=true", headers=bearer(lasting, world.actors[name])
        )
        assert answer.status_code == 200, answer.text
        cable = [row for row in answer.json()["items"] if row["audience"].startswith("cable")]
        return {(row["audience"], row["work_order_id"]) for row in cable}

    with clock.frozen(at + timedelta(minutes=191)):
        assert await warned() == set()
    both = {str(made.work[0]), str(waiting.work[0])}
    assert str(calm.work[0]) not in both
    with clock.frozen(at + timedelta(minutes=193)):
        assert await warned() == {("cable_department", id_) for id_ in both}
        assert await warned("sam") == set()
        (bob,) = await every(database, Technician, id=world.bob.id)
        async with database.transaction() as session:
            (await session.merge(bob)).department = "cable"
        department = [("cable_transfer", "responsible", name) for name in ("bob", "dora")]
        assert await people_warned(database, settings, world, "cable_transfer") == sorted(
            2 * department
        )
    with clock.frozen(at + timedelta(hours=4)):
        at_the_end = await people_warned(database, settings, world, "cable_transfer")
        assert at_the_end == sorted(2 * [*department, ("cable_transfer", "supervisor", "sam")])
        assert await warned("sam") == {("cable_supervisor", id_) for id_ in both}
    await run(database, world.dora, "order.accept_transfer", order_id=str(waiting.id))
    with clock.frozen(at + timedelta(hours=4)):
        assert await warned() == {("cable_department", str(made.work[0]))}
        await run(
            database, world.ada, "technician.change_department",
            technician_id=str(id_of("bob")), department="cable",
        )  # fmt: skip
        assert await warned("bob") == {("cable_department", str(made.work[0]))}
        assert await warned("alice") == set()


async def test_re_03_suspended_time_a_neighbours_bad_pair_and_what_was_taken_warn_nobody(
    database: Database, settings: Settings, world: World, at: datetime
) -> None:
    """Suspended for an hour: 80 % of five hours. The neighbour's pair is not this repair's."""
    taken = await make_order(database, world.dora, REPAIR)
    await run(
        database, world.dora, "order.transfer",
        order_id=str(taken.id), reason="cable_fault", department="cable", untested="cut",
    )  # fmt: skip
    await run(database, world.dora, "order.accept_transfer", order_id=str(taken.id))
    jobs.use(jobs.Machine(database, settings))
    made, _service, plant = await repair_on_a_pair(database, world)
    other = await begun_visit(database, world, REPAIR, start=at + timedelta(hours=3))
    async with database.transaction() as session:
        await make_service(session, plant, number=1, premises=other.premises, kind="fixed_line")
        row = await session.get_one(WorkOrder, (1, made.work[0]))
        row.suspended_seconds = 3600
    for number in (0, 1):
        await mark_bad(database, world, made, plant.pairs[number])

    async def warned() -> list[tuple[str, datetime]]:
        await warn_of_late_work()
        async with database.transaction() as session:
            found = await session.execute(
                select(LateWarning.work_order_id, LateWarning.due_at).where(
                    LateWarning.region_id == 1, LateWarning.audience == "cable_department"
                )
            )
            return [(work_id, due_at) for work_id, due_at in found]

    with clock.frozen(at + timedelta(minutes=191 + 60)):
        assert await warned() == []
    with clock.frozen(at + timedelta(minutes=193 + 60)):
        assert await warned() == [(made.work[0], at + timedelta(hours=5))]


async def test_re_03_technicians_of_the_cable_department_and_machines_read_its_work(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    made, _service, plant = await repair_on_a_pair(database, world)
    await mark_bad(database, world, made, plant.pairs[0], test=TEST)

    async def seen(name: str) -> list[str | None]:
        answer = await client.get("/v1/cable-work", headers=bearer(settings, world.actors[name]))
        assert answer.status_code == 200, answer.text
        return [row["feature_id"] for row in answer.json()["items"]]

    assert await seen("bob") == []
    for name in ("bob", "carol"):
        await run(
            database, world.ada, "technician.change_department",
            technician_id=str(id_of(name)), department="cable",
        )  # fmt: skip
    assert await seen("bob") == [str(plant.pairs[0].id)]
    assert await seen("carol") == []  # of another centre
    assert await seen("ivan") == [str(plant.pairs[0].id)]
