"""Services follow the work done on them (RE-02, VI-04, WO-03)."""

import pytest

from fieldops.kernel.db import Database
from fieldops.network.models import NetworkFeature, NetworkService
from tests.support.factories.customers import make_customer, make_premises
from tests.support.factories.network import make_plant, make_service
from tests.support.factories.visits import begun_visit, from_phone
from tests.support.world import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "before", "after", "pair"),
    [
        ("install", "planned", "active", "occupied"),
        ("remove", "active", "ceased", "free"),
        ("repair", "active", "active", "occupied"),
    ],
)
async def test_vi_04_re_02_completed_work_brings_its_service_and_pair_along(
    database: Database, world: World, kind: str, before: str, after: str, pair: str
) -> None:
    async with database.transaction() as session:
        plant = await make_plant(session)
        premises, customer = await make_premises(session), await make_customer(session)
        service = await make_service(
            session, plant, premises=premises, customer=customer, state=before
        )
    item = {
        "kind": kind,
        "service": "fixed_line",
        "technology": "copper",
        "service_id": str(service.id),
    }
    made = await begun_visit(database, world, item, premises=premises, customer=customer)
    visit = {"visit_id": str(made.visit_id)}
    await from_phone(
        database,
        world.alice,
        "measurement.record_line_test",
        **visit,
        service_id=str(service.id),
        measured_at_place="outlet",
        attenuation_db=20,
    )
    await from_phone(
        database,
        world.alice,
        "visit.complete",
        **visit,
        signature_refused_reason="In a hurry.",
    )
    async with database.transaction() as session:
        row = await session.get_one(NetworkService, (1, service.id))
        first = await session.get_one(NetworkFeature, (1, plant.pairs[0].id))
    assert (row.state, first.state) == (after, pair)
