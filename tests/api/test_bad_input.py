"""Bad input: a clear 4xx with the field and the rule, and nothing stored."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from fieldops.customers.models import Premises
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings
from fieldops.organisation.models import Leave
from tests.support.clients import bearer
from tests.support.world import NORTH, World, id_of

pytestmark = pytest.mark.anyio

PREMISES: dict[str, Any] = {
    "centre_id": str(NORTH),
    "street": "Esimerkkikatu",
    "house_number": "7",
    "postcode": "00100",
    "city": "Helsinki",
    "point": {"type": "Point", "coordinates": [24.941, 60.17]},
    "external_ref": "P-1",
}
LEAVE: dict[str, Any] = {
    "kind": "leave",
    "starts_at": "2026-11-24T08:00:00+02:00",
    "ends_at": "2026-11-25T08:00:00+02:00",
}


def but(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**base, **changes}


def at(*coordinates: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(coordinates), **more}


NOTICE = "/v1/rules/qualification_notice"
LEAVES = f"/v1/technicians/{id_of('bob')}/leaves"
CASES: list[tuple[str, str, str, Any, str, str]] = [
    # what, who, path, body, the field named, the rule named
    ("unknown field", "dora", "/v1/premises", but(PREMISES, colour="red"), "colour", "forbidden"),
    ("missing field", "dora", "/v1/premises", {"street": "x"}, "centre_id", "missing"),
    ("wrong type", "dora", "/v1/premises", but(PREMISES, street=7), "street", "string_type"),
    ("oversized text", "dora", "/v1/premises", but(PREMISES, street="x" * 500), "street", "long"),
    ("NUL in a text", "dora", "/v1/premises", but(PREMISES, street="a\x00b"), "street", "error"),
    ("half an emoji", "dora", "/v1/premises", but(PREMISES, street="\ud83d"), "street", "error"),
    ("half an emoji as a name", "dora", "/v1/premises", but(PREMISES, **{"\ud83d": 1}), "", ""),
    ("off the earth", "dora", "/v1/premises", but(PREMISES, point=at(24.9, 95)), "point", "equal"),
    ("wrong SRID", "dora", "/v1/premises", but(PREMISES, point=at(1, 2, srid=3067)), "srid", "val"),
    (
        "metres as degrees",
        "dora",
        "/v1/premises",
        but(PREMISES, point=at(385000, 6672000)),
        "point",
        "equal",
    ),
    ("no number", "dora", "/v1/premises", but(PREMISES, point=at("a", "b")), "point", "float"),
    ("three axes", "dora", "/v1/premises", but(PREMISES, point=at(24.9, 60, 5)), "point", "long"),
    ("not an id", "dora", "/v1/premises", but(PREMISES, centre_id="north"), "centre_id", "uuid"),
    (
        "naive time",
        "ada",
        LEAVES,
        but(LEAVE, starts_at="2026-11-24T08:00:00"),
        "starts_at",
        "timezone",
    ),
    (
        "no such day",
        "ada",
        LEAVES,
        but(LEAVE, ends_at="2026-02-30T08:00:00Z"),
        "ends_at",
        "datetime",
    ),
    (
        "before any zone's time",
        "ada",
        LEAVES,
        but(LEAVE, starts_at="0001-01-01T00:00:00+14:00"),
        "starts_at",
        "value",
    ),
    (
        "after any zone's time",
        "dora",
        "/v1/call-tasks",
        {"visit_id": str(NORTH), "kind": "reply", "due_at": "9999-12-31T23:59:59Z"},
        "due_at",
        "value",
    ),
    (
        "ends before it starts",
        "ada",
        LEAVES,
        but(LEAVE, ends_at="2026-11-24T05:59:00Z"),
        "",
        "value",
    ),
    ("unknown choice", "ada", LEAVES, but(LEAVE, kind="holiday"), "kind", "literal"),
    ("out of range", "ada", NOTICE, {"value": 1e9, "reason": "test"}, "", ""),
    (
        "not a number",
        "ada",
        NOTICE,
        {"value": "NaN", "reason": "test"},
        "value",
        "finite",
    ),
    ("no object", "ada", LEAVES, ["a", "list"], "body", "model"),
]


async def rows_stored(database: Database) -> int:
    async with database.transaction() as session:
        counts = [
            await session.scalar(
                select(func.count()).select_from(table).where(table.region_id == 1)
            )
            for table in (Premises, Leave, LedgerEntry)
        ]
    return sum(count or 0 for count in counts)


@pytest.mark.parametrize(
    ("who", "path", "body", "field", "rule"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
async def test_it_is_refused_with_field_and_rule_and_leaves_nothing(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    who: str,
    path: str,
    body: Any,
    field: str,
    rule: str,
) -> None:
    before = await rows_stored(database)
    headers = {**bearer(settings, world.actors[who]), "Content-Type": "application/json"}
    answer = await client.post(path, content=json.dumps(body), headers=headers)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    if rule:
        assert problem["code"] == "invalid_arguments"
        named = [(e["field"], e["rule"]) for e in problem["errors"]]
        assert any(field in f and rule in r for f, r in named), named
    assert await rows_stored(database) == before


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"{", "application/json"),
        (b'{"kind": "leave"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"kind=leave", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_json_is_a_clear_4xx(
    client: httpx.AsyncClient, settings: Settings, world: World, content: bytes, mime: str
) -> None:
    headers = {**bearer(settings, world.ada), "Content-Type": mime}
    answer = await client.post(LEAVES, content=content, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] in {"invalid_arguments", "invalid_request"}


async def test_the_good_ones_go_in(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    made = await client.post("/v1/premises", json=PREMISES, headers=bearer(settings, world.dora))
    assert made.status_code == 200, made.text
    leave = await client.post(LEAVES, json=LEAVE, headers=bearer(settings, world.ada))
    assert leave.status_code == 200, leave.text
