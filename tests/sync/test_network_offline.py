"""What a phone does to the network record in a cellar, and what becomes of it (RE-03 to RE-05)."""

from datetime import timedelta

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature
from tests.support.clients import bearer
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import REPAIR
from tests.support.factories.visits import begun_visit
from tests.support.run import run
from tests.support.world import World, id_of
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio


async def test_sy_02_a_transfer_without_its_test_is_a_case_and_the_captured_facts_stay(
    database: Database,
    world: World,
    client: httpx.AsyncClient,
    settings: Settings,
    new_phone: MakePhone,
) -> None:
    made = await begun_visit(database, world, REPAIR)
    async with database.transaction() as session:
        plant = await make_plant(session)
        await make_service(session, plant, premises=made.premises, customer=made.customer)
    phone = await new_phone(world.alice)
    await phone.pull()
    phone.capture(
        "network.mark_pair_bad",
        visit_id=made.visit_id, feature_id=plant.pairs[0].id, reason="no tone on it",
    )  # fmt: skip
    phone.capture(
        "visit.fail",
        visit_id=made.visit_id, told_customer="Repaired today.", reason="plant_fault",
        next_step="transfer", department="cable",
    )  # fmt: skip
    marked, failed = await phone.push()
    assert (marked["status"], failed["status"]) == ("applied", "rejected")
    assert (failed["code"], failed["next_steps"]) == (
        "transfer_untested", ["measurement.record_line_test", "visit.fail"],
    )  # fmt: skip
    async with database.transaction() as session:
        pair = await session.get_one(NetworkFeature, (1, plant.pairs[0].id))
    assert pair.state == "bad"
    await run(  # the dispatcher accepts the decision as it was captured
        database, world.dora, "desk.accept", case_id=failed["case_id"], reason="It is cut, I know."
    )
    listed = await client.get("/v1/cable-work", headers=bearer(settings, world.dora))
    assert [row["state"] for row in listed.json()["items"] if row["department"] == "field"] == [
        "transferred"
    ]


async def test_re_04_a_claim_captured_offline_loses_to_an_earlier_one_and_the_phone_has_another(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """Both captured in a cellar; whose phone comes first to the server has it."""
    made = await begun_visit(database, world, REPAIR)
    later = clock.now() + timedelta(hours=5)
    other = await begun_visit(database, world, REPAIR, start=later)
    async with database.transaction() as session:
        plant = await make_plant(session)
        one = await make_service(session, plant, premises=made.premises)
        two = await make_service(session, plant, number=1, premises=other.premises)
    first, second = await new_phone(world.alice), await new_phone(world.alice)
    await first.pull()
    await second.pull()
    wanted = plant.pairs[2].id
    for phone, visit, service in ((second, other, two), (first, made, one)):
        phone.capture(
            "network.claim", visit_id=visit.visit_id, service_id=service.id, feature_id=wanted
        )
    (won,), (lost,) = await first.push(), await second.push()
    assert (won["status"], won.get("warnings")) == ("applied", None)
    assert (lost["status"], lost["warnings"][0]["code"]) == ("applied", "claim_lost")
    await second.pull()
    held = second.row("feature", plant.pairs[3].id)
    assert held is not None
    assert (held["state"], held["service_id"]) == ("reserved", str(two.id))
    assert (held["claim_visit_id"], held["claim_until"] is not None) == (str(other.visit_id), True)
    taken = second.row("feature", wanted)
    assert taken is not None
    assert taken["claim_visit_id"] == str(made.visit_id)
    second.capture(  # wired in the cellar all the same: the steward is shown the other choice
        "network.swap_pair",
        visit_id=other.visit_id, service_id=two.id, reason="noise on it",
        from_id=plant.pairs[1].id, to_id=wanted,
    )  # fmt: skip
    (held_back,) = await second.push()
    assert (held_back["status"], held_back["code"]) == ("held", "resource_changed")


async def test_re_02_a_colleague_swaps_to_the_pair_their_own_visit_claimed_without_a_steward(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    """Bob's phone saw the pairs before Alice claimed them for the visit that both are on."""
    made = await begun_visit(database, world, {**REPAIR, "service": "fixed_line"})
    async with database.transaction() as session:
        plant = await make_plant(session)
        service = await make_service(session, plant, premises=made.premises, customer=made.customer)
    await run(
        database, world.dora, "visit.assign",
        visit_id=made.visit_id, technician_ids=[id_of("alice"), id_of("bob")],
    )  # fmt: skip
    alice, bob = await new_phone(world.alice), await new_phone(world.bob)
    await alice.pull()
    await bob.pull()
    for number in (2, 3):
        alice.capture(
            "network.claim",
            visit_id=made.visit_id, service_id=service.id, feature_id=plant.pairs[number].id,
        )  # fmt: skip
    bob.capture(
        "network.mark_pair_bad",
        visit_id=made.visit_id, feature_id=plant.pairs[2].id, reason="no tone on it",
    )  # fmt: skip
    bob.capture(
        "network.swap_pair",
        visit_id=made.visit_id, service_id=service.id, reason="noise on it",
        from_id=plant.pairs[0].id, to_id=plant.pairs[3].id,
    )  # fmt: skip
    assert [one["status"] for one in await alice.push()] == ["applied", "applied"]
    assert [one["status"] for one in await bob.push()] == ["applied", "applied"]
    async with database.transaction() as session:
        rows = [await session.get_one(NetworkFeature, (1, row.id)) for row in plant.pairs]
    assert [row.state for row in rows] == ["bad", "free", "bad", "occupied"]
