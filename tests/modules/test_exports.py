"""Lists in the order of their reader, and as files that the register knows (CU-04)."""

import csv
import hashlib
import io
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from api import exports
from fieldops.customers.models import Export
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.customers import make_customer
from tests.support.factories.orders import REPAIR, make_order
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


def asked(operation: str, **query: Any) -> dict[str, Any]:
    return {"operation": operation, "query": query, "format": "csv", "reason": "for the meeting"}


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_cu_04_a_list_is_exported_to_its_end_and_registered_with_whose_records_it_held(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "A_PAGE", 2)
    made = [await make_order(database, world.dora, REPAIR) for _ in range(5)]
    dora = bearer(settings, world.dora)
    body = asked("order_list", sort="-received_at", state=["received"])
    answer = await client.post("/v1/exports", headers=dora, json=body)
    assert answer.status_code == 200
    assert {row["id"] for row in rows_of(answer)} == {str(order.id) for order in made}
    assert "order_list-" in answer.headers["content-disposition"]
    (kept,) = await every(database, Export)
    assert (kept.operation, kept.rows, kept.reader_id) == ("order_list", 5, world.dora.id)
    assert kept.query == {"sort": "-received_at", "state": ["received"]}
    assert kept.sha256 == hashlib.sha256(answer.content).hexdigest()
    assert set(kept.customer_ids) == {order.customer.id for order in made}
    found = await client.get(
        "/v1/exports",
        params={"customer_id": str(made[0].customer.id)}, headers=bearer(settings, world.sam),
    )  # fmt: skip
    assert [entry["id"] for entry in found.json()["items"]] == [str(kept.id)]
    assert found.json()["items"][0]["reason"] == "for the meeting"


async def test_cu_04_whoever_may_not_read_a_list_cannot_export_it_either(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    mia = bearer(settings, world.mia)
    for operation, status, code in [
        ("order_list", 403, "forbidden"),
        ("board_get", 404, "not_found"),
        ("no_such", 404, "not_found"),
    ]:
        answer = await client.post("/v1/exports", headers=mia, json=asked(operation))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    nobody = await client.post("/v1/exports", json=asked("order_list"))
    assert nobody.status_code == 401
    assert await every(database, Export) == []


async def test_cu_04_an_export_shows_only_what_its_reader_sees(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    await make_order(database, world.dora, REPAIR)
    answer = await client.post(
        "/v1/exports", headers=bearer(settings, world.dan), json=asked("order_list")
    )
    assert (answer.status_code, rows_of(answer)) == (200, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 5}, "invalid_request"),
        ({"after": "x"}, "invalid_request"),
        ({"state": ["nonsense"]}, "invalid_arguments"),
        ({"sort": "password"}, "invalid_arguments"),
    ],
)
async def test_a_question_the_list_does_not_know_is_refused_and_nothing_is_registered(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    query: dict[str, Any],
    code: str,
) -> None:
    answer = await client.post(
        "/v1/exports", headers=bearer(settings, world.dora), json=asked("order_list", **query)
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == code
    assert await every(database, Export) == []


async def test_a_list_with_an_id_in_its_path_is_exported_by_that_id(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    order = await make_order(database, world.dora, REPAIR)
    await run(database, world.dora, "order.urge", order_id=str(order.id), channel="phone")
    dora, operation = bearer(settings, world.dora), "order_urge_list"
    answer = await client.post(
        "/v1/exports", headers=dora, json=asked(operation, order_id=str(order.id))
    )
    assert [row["order_id"] for row in rows_of(answer)] == [str(order.id)]
    for bad in ({}, {"order_id": "../../customers"}):
        refused = await client.post("/v1/exports", headers=dora, json=asked(operation, **bad))
        assert refused.json()["code"] == "invalid_request"


async def test_a_list_too_long_for_a_file_is_refused_with_what_to_do(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    for _ in range(3):
        await make_order(database, world.dora, REPAIR)
    answer = await client.post(
        "/v1/exports", headers=bearer(settings, world.dora), json=asked("order_list")
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "export_too_large")
    assert await every(database, Export) == []


async def test_a_workbook_says_what_it_is(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    await make_order(database, world.dora, REPAIR)
    body = asked("order_list") | {"format": "xlsx"}
    answer = await client.post("/v1/exports", headers=bearer(settings, world.dora), json=body)
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert "for the meeting" in archive.read("xl/sharedStrings.xml").decode()


async def test_a_sorted_list_gives_every_row_once_whatever_is_equal_or_missing(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    async with database.transaction() as session:
        for ref in ("c", None, "a", "b", None, "d"):
            (await make_customer(session)).external_ref = ref
    dora = bearer(settings, world.dora)
    for sort, wanted in [("external_ref", "abcd"), ("-external_ref", "dcba")]:
        seen: list[Any] = []
        after = None
        while True:
            params = {"sort": sort, "limit": 1} | ({"after": after} if after else {})
            answer = (await client.get("/v1/customers", params=params, headers=dora)).json()
            seen += [item["external_ref"] for item in answer["items"]]
            if (after := answer["next"]) is None:
                break
        assert seen == [*wanted, None, None]
    lost = {"sort": "tier", "after": str(world.dora.id)}
    answer = await client.get("/v1/customers", params=lost, headers=dora)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
