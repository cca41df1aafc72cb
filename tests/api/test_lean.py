"""The short way of the two sync routes keeps what every route promises: codes, caps, the log."""

import gzip
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from api.lean import LeanRoute
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.sync import rules
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.world import World
from tests.sync.conftest import MakePhone, new_phone  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio

PULL, PUSH = "/v1/sync/pull", "/v1/sync/push"
ASKED: dict[str, Any] = {"device_id": "01938f5e-0000-7000-8000-00000000000d", "schema": 1}


async def send(
    client: httpx.AsyncClient, content: bytes, path: str = PULL, **headers: str
) -> tuple[int, dict[str, Any]]:
    given = {"Content-Type": "application/json", **headers}
    answer = await client.post(path, content=content, headers=given)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["correlation_id"]
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("content", "headers", "status", "field", "rule"),
    [
        (b"{", {}, 422, "body.1", "json_invalid"),
        (b'{"schema": NaN}', {}, 422, "body.0", "json_invalid"),
        (b'{"schema": 1e999}', {}, 422, "body.0", "json_invalid"),
        (b"\xff\xfe", {}, 422, "body", "json_invalid"),
        (b"", {}, 422, "body", "missing"),
        (b"[1]", {}, 422, "body", "model_type"),
        (b"{}", {"Content-Type": "text/plain"}, 422, "body", "model_type"),
        (b'{"colour": 1}', {}, 422, "body.colour", "extra_forbidden"),
        (b"{}", {}, 422, "body.device_id", "missing"),
        (json.dumps(ASKED).encode(), {"Device-Key": "k" * 201}, 422, "header.Device-Key", "long"),
        (json.dumps(ASKED).encode(), {"FieldOps-Region": "0"}, 422, "header.FieldOps", "greater"),
        (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 400, "", ""),
        (b"x" * (rules.MOST_BYTES + 1), {}, 413, "", ""),
        (gzip.compress(b" " * 10**6), {"Content-Encoding": "gzip"}, 413, "", ""),
        (b"{}", {"Content-Encoding": "br"}, 415, "", ""),
    ],
    ids=[
        "half a body",
        "NaN",
        "a number out of range",
        "no text",
        "nothing",
        "a list",
        "another type of content",
        "an unknown field",
        "a missing field",
        "a long key",
        "no such region",
        "a cut stream",
        "too long",
        "too long inflated",
        "an unknown encoding",
    ],
)
async def test_what_does_not_fit_is_a_clear_4xx_with_field_and_rule(
    client: httpx.AsyncClient,
    settings: Settings,
    world: World,
    content: bytes,
    headers: dict[str, str],
    status: int,
    field: str,
    rule: str,
) -> None:
    found, problem = await send(client, content, **{**bearer(settings, world.alice), **headers})
    assert found == status, problem
    if rule:
        named = [(e["field"], e["rule"]) for e in problem["errors"]]
        assert any(field in f and rule in r for f, r in named), named


@pytest.mark.parametrize("path", [PULL, PUSH])
async def test_who_is_not_signed_in_learns_nothing_of_the_body(
    client: httpx.AsyncClient, settings: Settings, world: World, path: str
) -> None:
    status, problem = await send(client, b"{}", path)
    assert (status, problem["code"]) == (401, "unauthenticated")
    status, problem = await send(client, b"{}", path, **bearer(settings, world.dora))
    assert (status, problem["code"]) == (403, "forbidden")


async def test_the_log_names_the_route_and_other_methods_are_refused(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    with capture_logs() as lines:
        await client.post(PULL, json=ASKED, headers=bearer(settings, world.alice))
    line = next(line for line in lines if line["event"] == "request")
    assert (line["route"], line["status"]) == (PULL, 404)
    other = await client.get(PULL, headers=bearer(settings, world.alice))
    assert (other.status_code, other.json()["code"]) == (405, "method_not_allowed")


async def test_a_fault_is_answered_as_one_and_logged(
    client: httpx.AsyncClient, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("fieldops.sync.pull._Pull.read", fail)
    with capture_logs() as lines:
        status, problem = await send(
            client, json.dumps(ASKED).encode(), **bearer(settings, world.alice)
        )
    assert (status, problem["code"]) == (500, "internal_fault")
    assert any(line["event"] == "fault" and line["route"] == PULL for line in lines)


async def test_a_closed_account_and_an_expired_token_are_noticed_by_the_next_pull(
    database: Database,
    world: World,
    new_phone: MakePhone,  # noqa: F811 - the fixture
    client: httpx.AsyncClient,
    settings: Settings,
) -> None:
    """Neither the token's claims, which are kept, nor the unchanged view may hide it."""
    phone: Phone = await new_phone(world.alice)
    phone.use_token(bearer(settings, world.alice)["Authorization"].removeprefix("Bearer "))
    await phone.pull()
    body = json.dumps(phone.pull_request(phone.get("cursor"))).encode()
    headers = {"Authorization": f"Bearer {phone.get('token')}", "Device-Key": phone.get("key")}
    at = clock.now()
    with clock.frozen(at.replace(hour=at.hour + 1)):
        assert (await send(client, body, **headers))[0] == 401
    assert (await client.post(PULL, content=body, headers={**headers, **_JSON})).status_code == 200
    async with database.transaction() as session:
        await session.execute(
            text("update organisation_person set active = false where id = :id"),
            {"id": world.alice.id},
        )
    assert (await send(client, body, **headers))[0] == 401


_JSON = {"Content-Type": "application/json"}


async def test_the_framework_finds_the_same_answer_under_another_root(
    client: httpx.AsyncClient, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the short way does not know the address, the route itself answers alike."""
    headers = bearer(settings, world.alice)
    short = await client.post(PULL, json=ASKED, headers=headers)
    bad = await client.post(PULL, json={}, headers=headers)
    monkeypatch.setattr("api.lean.Lean.path_of", lambda *_: None)
    assert LeanRoute.paths
    for first, body in ((short, ASKED), (bad, {})):
        again = await client.post(PULL, json=body, headers=headers)
        assert again.status_code == first.status_code
        assert {**again.json(), "correlation_id": 0} == {**first.json(), "correlation_id": 0}
