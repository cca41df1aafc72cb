from datetime import timedelta

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.models import Person
from tests.support.clients import bearer
from tests.support.world import World, id_of

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
HASH = passwords.hash(PASSWORD)


@pytest.fixture
async def alice_can_sign_in(database: Database, world: World) -> None:
    async with database.transaction() as session:
        alice = await session.get(Person, id_of("alice"))
        assert alice is not None
        alice.password_hash = HASH


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    body = {"email": "Alice@fieldops.example", "password": password}
    return await client.post("/v1/sign-in", json=body)


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_a_technician_signs_in_and_learns_who_they_are(client: httpx.AsyncClient) -> None:
    answer = (await sign_in(client)).json()
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    me = (await client.get("/v1/me", headers=headers)).json()
    assert me["person_id"] == str(id_of("alice"))
    assert [role["role"] for role in me["roles"]] == ["technician"]
    assert "visit:work" in me["permissions"]


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_a_wrong_password_is_refused_and_ten_of_them_make_one_wait(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(10):
        refused = await sign_in(client, "wrong")
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_failed")
    waiting = await sign_in(client)
    assert (waiting.status_code, waiting.json()["code"]) == (429, "too_many_requests")
    assert waiting.headers["Retry-After"] == "900"


async def test_an_unknown_account_gets_the_same_answer_as_a_wrong_password(
    client: httpx.AsyncClient, world: World
) -> None:
    refused = await client.post(
        "/v1/sign-in", json={"email": "nobody@fieldops.example", "password": "x"}
    )
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_failed")


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_a_refresh_token_rotates_and_an_old_one_ends_the_sign_in(
    client: httpx.AsyncClient,
) -> None:
    async def renew(token: str) -> httpx.Response:
        return await client.post("/v1/sign-in/renew", json={"refresh_token": token})

    first = (await sign_in(client)).json()["refresh_token"]
    second = (await renew(first)).json()["refresh_token"]
    assert second != first
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        stolen = await renew(first)
        assert (stolen.status_code, stolen.json()["code"]) == (401, "sign_in_revoked")
        ended = await renew(second)
        assert (ended.status_code, ended.json()["code"]) == (401, "sign_in_failed")


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_a_renewal_whose_answer_was_lost_may_be_sent_once_more(
    client: httpx.AsyncClient,
) -> None:
    first = (await sign_in(client)).json()["refresh_token"]
    await client.post("/v1/sign-in/renew", json={"refresh_token": first})
    again = await client.post("/v1/sign-in/renew", json={"refresh_token": first})
    assert again.status_code == 200


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_an_access_token_runs_out_by_our_clock(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    token = (await sign_in(client)).json()["access_token"]
    with clock.frozen(clock.now() + timedelta(minutes=settings.access_token_minutes)):
        late = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (late.status_code, late.json()["code"]) == (401, "unauthenticated")


async def test_a_closed_account_is_out_at_once(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    body = {"reason": "left the firm"}
    closed = await client.post(
        f"/v1/people/{id_of('alice')}/close", json=body, headers=bearer(settings, world.ada)
    )
    assert closed.status_code == 200, closed.text
    out = await client.get("/v1/me", headers=bearer(settings, world.alice))
    assert out.status_code == 401


async def test_a_refusal_is_a_problem_document_with_code_and_correlation_id(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    refused = await client.get(
        f"/v1/technicians/{id_of('tom')}",
        headers={**bearer(settings, world.sam), "X-Request-Id": "call-7"},
    )
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "not_found"
    assert refused.json()["correlation_id"] == "call-7" == refused.headers["x-request-id"]


async def test_a_body_over_a_mebibyte_is_refused(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    refused = await client.post(
        "/v1/people", content=b" " * 1_100_000, headers=bearer(settings, world.ada)
    )
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


@pytest.mark.usefixtures("alice_can_sign_in")
async def test_a_lost_phone_is_signed_out_from_the_office(
    client: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    token = (await sign_in(client)).json()["refresh_token"]
    ended = await client.post(
        f"/v1/people/{id_of('alice')}/end-sign-ins",
        json={"reason": "phone lost"},
        headers=bearer(settings, world.dora),
    )
    assert ended.status_code == 200, ended.text
    refused = await client.post("/v1/sign-in/renew", json={"refresh_token": token})
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_failed")
    assert (await sign_in(client)).status_code == 200
    for stranger in ("tom", "carol", "sam"):
        hidden = await client.post(
            f"/v1/people/{id_of(stranger)}/end-sign-ins",
            json={"reason": "not mine"},
            headers=bearer(settings, world.dora),
        )
        assert hidden.status_code == 404
