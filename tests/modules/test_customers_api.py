from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from fieldops.kernel import commands
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import application, bearer
from tests.support.factories.customers import make_customer, make_premises
from tests.support.world import SOUTH, World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(
    database: Database, settings: Settings, world: World
) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as made:
        made.headers.update(bearer(settings, world.dora))
        yield made


async def test_cu_04_contact_data_comes_with_a_reason_and_the_supervisor_sees_who_asked(
    database: Database, settings: Settings, client: httpx.AsyncClient, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, phone="+9990001234")
    address = f"/v1/customers/{customer.id}/contact-readings"
    assert (await client.post(address, json={})).status_code == 422
    answer = await client.post(address, json={"reason": "call about a move"})
    assert answer.json()["phone"] == "+9990001234"
    assert (await client.get("/v1/contact-readings")).status_code == 403
    client.headers.update(bearer(settings, world.sam))
    (entry,) = (await client.get("/v1/contact-readings")).json()["items"]
    assert (entry["reader_id"], entry["reason"]) == (str(world.dora.id), "call about a move")
    assert entry["source"] == "127.0.0.1"


async def test_customers_and_premises_are_shown_without_contact_data_and_within_the_scope(
    database: Database, client: httpx.AsyncClient, world: World
) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, name="Aino Example")
        elsewhere = await make_customer(session, centre_id=SOUTH)
        premises = await make_premises(session)
    answer = await client.get("/v1/customers")
    assert [item["id"] for item in answer.json()["items"]] == [str(customer.id)]
    assert "Aino" not in answer.text
    assert (await client.get(f"/v1/customers/{elsewhere.id}")).status_code == 404
    found = (await client.get("/v1/premises", params={"street": premises.street})).json()
    assert found["items"][0]["point"] == {"type": "Point", "coordinates": [24.941, 60.17]}


def test_cu_04_nothing_edits_the_register(settings: Settings) -> None:
    paths = create_app(settings).openapi()["paths"]
    assert set(paths["/v1/contact-readings"]) == {"get"}
    assert not [path for path in paths if path.startswith("/v1/contact-readings/")]
    assert not [name for name, _ in commands.REGISTRY if "reading" in name and "contact" in name]
