"""Web push to technicians' browsers (SY-01), against a push service and a browser that decrypts."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from fieldops.kernel import jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications import push
from fieldops.notifications.jobs import PushServiceAway, wake_browser
from fieldops.notifications.models import PushSubscription
from tests.support.clients import application, bearer
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.pushing import Browser, Peer, serving, vapid_claims
from tests.support.world import World

pytestmark = pytest.mark.anyio


def with_keys(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "push_private_key": SecretStr(push.new_private_key()),
            "push_hosts": ["127.0.0.1"],
        }
    )


async def rows(database: Database) -> list[PushSubscription]:
    async with database.transaction() as session:
        found = await session.scalars(
            select(PushSubscription).where(PushSubscription.region_id == 1)
        )
        return list(found)


async def subscribe(
    database: Database, settings: Settings, world: World, browser: Browser
) -> httpx.Response:
    async with application(database, settings) as client:
        key = await client.get("/v1/push-subscriptions/key", headers=bearer(settings, world.alice))
        assert key.json()["key"] == push.public_key(settings)
        return await client.post(
            "/v1/push-subscriptions",
            json={**browser.subscription(), "label": "tablet"},
            headers=bearer(settings, world.alice),
        )


async def queued(database: Database, world: World) -> list[dict[str, Any]]:
    """Give Alice a visit and return the jobs that wake browsers for it."""
    deferred: list[dict[str, Any]] = []
    real = jobs.enqueue

    async def note(session: Any, task: Any, **args: Any) -> None:
        if task.name == "notifications.wake_browser":
            deferred.append(args)
        await real(session, task, **args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "enqueue", note)
        visit = await planned_visit(database, world.dora)
        await book(database, world.dora, visit.visit_id, local(25, 13))
    return deferred


async def test_a_browser_is_woken_when_its_technician_gains_a_visit_and_learns_nothing_personal(
    database: Database, world: World, settings: Settings
) -> None:
    settings = with_keys(settings)
    async with serving(lambda _request: (201, {})) as service:
        browser = Browser(service.port)
        assert (await subscribe(database, settings, world, browser)).status_code == 200
        jobs.use(jobs.Machine(database, settings))
        (job,) = await queued(database, world)
        await wake_browser(**job)
    (request,) = service.requests
    assert browser.read(request) == {"type": "visits_changed", "notice": "gained"}
    claims = vapid_claims(request, str(push.public_key(settings)))
    assert claims["sub"] == "mailto:operations@fieldops.example"
    assert (request.headers["topic"], request.headers["ttl"]) == ("visits", "43200")
    assert (await rows(database))[0].sent_at is not None


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(
    database: Database, world: World, settings: Settings, status: int
) -> None:
    settings = with_keys(settings)
    async with serving(lambda _request: (status, {})) as service:
        await subscribe(database, settings, world, Browser(service.port))
        jobs.use(jobs.Machine(database, settings))
        (row,) = await rows(database)
        await wake_browser(region_id=1, browser_id=str(row.id), kind="assigned")
        await wake_browser(region_id=1, browser_id=str(row.id), kind="assigned")
    assert await rows(database) == []
    assert len(service.requests) == 1


async def test_a_push_service_that_is_away_is_tried_again(
    database: Database, world: World, settings: Settings
) -> None:
    settings = with_keys(settings)
    async with serving(lambda _request: (503, {})) as service:
        await subscribe(database, settings, world, Browser(service.port))
        jobs.use(jobs.Machine(database, settings))
        (row,) = await rows(database)
        with pytest.raises(PushServiceAway):
            await wake_browser(region_id=1, browser_id=str(row.id), kind="assigned")
    assert len(await rows(database)) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://internal.example/x",
        "http://fcm.googleapis.com/x",
        "https://127.0.0.1.evil.example/",
        "https://127.0.0.1\\.fcm.googleapis.com/x",
        "https://somebody@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:22/x",
        "https://fcm.googleapis.com:port/x",
        "https://[fcm.googleapis.com/x",
    ],
)
async def test_no_address_is_called_that_is_not_a_push_services(
    database: Database, world: World, settings: Settings, endpoint: str
) -> None:
    """As installed: the test servers' http and loopback are no push services there."""
    hosts = Settings.model_fields["push_hosts"].default
    settings = with_keys(settings).model_copy(
        update={"push_hosts": hosts, "environment": "production"}
    )
    browser = Browser(1)
    async with application(database, settings) as client:
        answer = await client.post(
            "/v1/push-subscriptions",
            json={**browser.subscription(), "endpoint": endpoint},
            headers=bearer(settings, world.alice),
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "browser_refused")
        answer = await client.post(
            "/v1/push-subscriptions",
            json={**browser.subscription(), "endpoint": "https://fcm.googleapis.com/fcm/send/1"},
            headers=bearer(settings, world.alice),
        )
        assert answer.status_code == 200, answer.text


async def test_org_02_nobody_sees_or_removes_anothers_browser(
    database: Database, world: World, settings: Settings
) -> None:
    settings = with_keys(settings)
    async with serving(lambda _request: (201, {})) as service:
        await subscribe(database, settings, world, Browser(service.port))
        await subscribe(database, settings, world, Browser(service.port))
    first, second = await rows(database)
    async with application(database, settings) as client:
        bob, alice = bearer(settings, world.bob), bearer(settings, world.alice)
        listed = await client.get("/v1/push-subscriptions", headers=bob)
        assert listed.json()["items"] == []
        path = f"/v1/push-subscriptions/{first.id}/remove"
        assert (await client.post(path, headers=bob)).status_code == 404
        assert (await client.post(path, headers=alice)).status_code == 200
        listed = await client.get("/v1/push-subscriptions", headers=alice)
        assert [item["id"] for item in listed.json()["items"]] == [str(second.id)]
        assert "endpoint" not in listed.json()["items"][0]


def test_a_service_that_gets_the_message_of_another_browser_cannot_read_it() -> None:
    mine, other = Browser(1), Browser(1)
    keys = mine.subscription()["keys"]
    body = push.encrypt(keys["p256dh"], keys["auth"], "http://127.0.0.1", b'{"type": "x"}')
    sent = Peer(lambda _request: (201, {}))
    from tests.support.pushing import Request  # noqa: PLC0415 - only here

    request = Request("/", {"content-encoding": "aes128gcm"}, body)
    assert mine.read(request) == {"type": "x"}
    with pytest.raises(Exception, match=r".*"):
        other.read(request)
    assert sent.requests == []
