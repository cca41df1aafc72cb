"""What a phone does to the network record in a cellar, and what becomes of it (RE-03 to RE-05)."""

import httpx
import pytest

from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.network.models import NetworkFeature
from tests.support.clients import bearer
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.orders import REPAIR
from tests.support.factories.visits import begun_visit
from tests.support.run import run
from tests.support.world import World
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
