"""SYNC 8: a connected phone is poked when its view may have changed, over a real server."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from fieldops.kernel import announcing, clock
from fieldops.kernel.changes import touch
from fieldops.kernel.db import Database
from fieldops.kernel.ids import NIL, new_id
from fieldops.kernel.settings import Settings
from fieldops.sync import pokes
from fieldops.sync.pokes import Pokes
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.servers import free_port, serving
from tests.support.world import NORTH, World, build_world

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
SOON = 8.0  # seconds: gathering, spread and a busy machine


class Served:
    """A real server with people in its database, and phones that listen."""

    def __init__(self, url: str, world: World, database: Database, settings: Settings) -> None:
        self.url, self.world, self.database, self.settings = url, world, database, settings
        self.client = httpx.AsyncClient(base_url=url, timeout=30)

    async def phone(self, name: str) -> Phone:
        phone = Phone(self.client)
        actor = self.world.actors[name]
        phone.use_token(bearer(self.settings, actor)["Authorization"].removeprefix("Bearer "))
        await phone.register(name)
        await phone.pull()
        return phone

    async def change(self) -> None:
        """Change something in North."""
        body = {"segment": "household", "tier": "basic", "centre_id": str(NORTH)}
        headers = bearer(self.settings, self.world.dora)
        (await self.client.post("/v1/customers", json=body, headers=headers)).raise_for_status()

    @asynccontextmanager
    async def listening(self, phone: Phone, **headers: str) -> AsyncIterator["Listening"]:
        own = {
            "Authorization": f"Bearer {phone.get('token')}",
            "Device-Key": phone.get("key"),
            "Accept-Encoding": "identity",
        }
        request = self.client.stream(
            "GET", "/v1/sync/events", params={"device_id": str(phone.id)}, headers=own | headers
        )
        async with request as response:
            response.raise_for_status()
            listening = Listening(response)
            await listening.until("retry: 5000")
            yield listening


class Listening:
    """A stream of pokes, read line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def until(self, line: str, seconds: float = SOON) -> None:
        async with asyncio.timeout(seconds):
            async for got in self.lines:
                if got == line:
                    return
        raise AssertionError(f"the stream ended before {line!r}")

    async def poke(self, seconds: float = SOON) -> None:
        await self.until("event: poke", seconds)

    async def pokes_within(self, seconds: float) -> int:
        count = 0
        try:
            while True:
                start = asyncio.get_running_loop().time()
                await self.poke(seconds)
                count += 1
                seconds -= asyncio.get_running_loop().time() - start
        except TimeoutError:
            return count

    async def end(self, seconds: float = SOON) -> list[str]:
        """Return the lines until the stream ends."""
        async with asyncio.timeout(seconds):
            return [line async for line in self.lines]


@pytest.fixture
async def served(committed: tuple[Database, Settings]) -> AsyncIterator[Served]:
    database, settings = committed
    world = await build_world(database)
    with serving(settings.model_copy(update={"database_pool_size": 2})) as url:
        made = Served(url, world, database, settings)
        yield made
        await made.client.aclose()


async def test_a_change_in_a_phones_centre_pokes_it_and_no_other(served: Served) -> None:
    """SYNC 8: content-less, to those whose view may have changed; streams hold no connection."""
    alice, bob, carol = [await served.phone(name) for name in ("alice", "bob", "carol")]
    async with (
        served.listening(alice) as at_alice,
        served.listening(bob) as at_bob,
        served.listening(carol) as at_carol,
    ):
        await served.change()
        await at_alice.poke()
        await at_bob.poke()
        assert await at_carol.pokes_within(2.0) == 0


async def test_many_changes_are_one_poke(served: Served) -> None:
    """SYNC 8: coalesced, at most one poke a phone every few seconds."""
    alice = await served.phone("alice")
    async with served.listening(alice) as stream:
        for _ in range(10):
            await served.change()
        assert 1 <= await stream.pokes_within(5.0) <= 2


async def test_a_poke_comes_through_compression_at_once(served: Served) -> None:
    """SYNC 8: the compressing middleware holds nothing back."""
    alice = await served.phone("alice")
    async with served.listening(alice, **{"Accept-Encoding": "gzip"}) as stream:
        assert stream.response.headers["content-encoding"] == "gzip"
        await served.change()
        await stream.poke()


async def test_after_the_listener_lost_its_connection_everybody_is_poked_once(
    served: Served,
) -> None:
    """SYNC 8: something may have been missed; then changes are heard again."""
    alice = await served.phone("alice")
    async with served.listening(alice) as stream:
        async with served.database.transaction() as session:
            ended = await session.scalars(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'fieldops listener'"
                    " and datname = current_database()"
                )
            )
            assert ended.all() == [True]
        await stream.poke()
        await asyncio.sleep(pokes.LEAST_GAP_SECONDS)
        await served.change()
        await stream.poke()


async def test_i13_a_revoked_phone_gets_no_poke(served: Served) -> None:
    """I13: its stream ends without one."""
    alice = await served.phone("alice")
    headers = bearer(served.settings, served.world.dora)
    async with served.listening(alice) as stream:
        answer = await served.client.post(
            f"/v1/devices/{alice.id}/revoke", json={"reason": "lost"}, headers=headers
        )
        answer.raise_for_status()
        await served.change()
        assert "event: poke" not in await stream.end()
    params = {"device_id": str(alice.id)}
    own = {"Authorization": f"Bearer {alice.get('token')}", "Device-Key": alice.get("key")}
    answer = await served.client.get("/v1/sync/events", params=params, headers=own)
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_news_of_the_phone_itself_and_of_the_catalogues_poke_it_too(served: Served) -> None:
    """SYNC 8: a decided case and a new template change no row of a centre."""

    async def office(who: str, path: str, body: dict[str, Any]) -> None:
        headers = bearer(served.settings, served.world.actors[who])
        (await served.client.post(path, json=body, headers=headers)).raise_for_status()

    alice, bob = [await served.phone(name) for name in ("alice", "bob")]
    alice.capture("visit.sing", visit_id=new_id())
    await alice.sync()
    (case,) = alice.rows("case")
    async with served.listening(alice) as at_alice, served.listening(bob) as at_bob:
        await office("dora", f"/v1/desk/cases/{case['id']}/discard", {"reason": "nobody sings"})
        await at_alice.poke()
        asked = {"key": "seen", "type": "yes_no", "text_en": "Seen", "text_zh": "已查看"}
        body = {"title_en": "Care", "title_zh": "维护", "items": [asked]}
        template = {"code": "care", "kind": "care", "body": body}
        await office("sam", "/v1/checklist-templates", template)
        await at_alice.poke()
        await at_bob.poke()


async def test_a_new_stream_of_a_phone_ends_its_old_one(served: Served) -> None:
    alice = await served.phone("alice")
    async with served.listening(alice) as old, served.listening(alice) as new:
        await old.end()
        await served.change()
        await new.poke()


async def test_a_stream_ends_with_its_token(served: Served) -> None:
    """SYNC 8: signed out is signed out; the phone connects again with its next token."""
    alice = await served.phone("alice")
    soon_over = served.settings.model_copy(update={"access_token_minutes": 2 / 60})
    token = bearer(soon_over, served.world.alice)["Authorization"]
    async with served.listening(alice, Authorization=token) as stream:
        await stream.end(SOON)


@pytest.mark.parametrize(("who", "status"), [("bob", 404), ("alice", 403)])
async def test_only_the_phone_itself_may_listen(served: Served, who: str, status: int) -> None:
    """I6: another's phone is not there; the own one needs its key."""
    alice = await served.phone("alice")
    answer = await served.client.get(
        "/v1/sync/events",
        params={"device_id": str(alice.id)},
        headers={**bearer(served.settings, served.world.actors[who]), "Device-Key": "wrong"},
    )
    assert answer.status_code == status


async def test_a_server_that_is_told_to_end_does_not_wait_for_streams(
    committed: tuple[Database, Settings],
) -> None:
    database, settings = committed
    world = await build_world(database)
    port = free_port()
    environment = {
        **os.environ,
        "FIELDOPS_ENVIRONMENT": "test",
        "FIELDOPS_SECRET": settings.secret.get_secret_value(),
        "FIELDOPS_DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "fieldops.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 - started once
    try:
        served = Served(f"http://127.0.0.1:{port}", world, database, settings)
        async with asyncio.timeout(60):
            while True:
                try:
                    (await served.client.get("/health")).raise_for_status()
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
        with clock.frozen(clock.datetime.now(clock.UTC)):
            alice = await served.phone("alice")
            async with served.listening(alice) as stream:
                process.send_signal(signal.SIGTERM)
                await stream.end(10)
        await asyncio.to_thread(process.wait, 10)
        await served.client.aclose()
    finally:
        process.kill()
    assert process.returncode in {0, -signal.SIGTERM}


async def test_a_stream_says_that_it_is_alive() -> None:
    """SYNC 8: proxies close what is silent."""
    quiet = Pokes(keep_alive=0.05)
    quiet._database = object()  # type: ignore[assignment]
    stream = quiet.connect(1, new_id(), [NORTH], 0.3)
    lines = [line async for line in quiet.events(stream)]
    assert lines[0].startswith("retry: ")
    assert lines.count(pokes.KEEP_ALIVE) >= 3
    assert not quiet.streams


async def test_a_change_for_many_phones_wakes_them_one_after_the_other() -> None:
    """SYNC 8: with jitter, for what wakes a region must not bring all of its phones at once."""
    made = Pokes()
    made._database = object()  # type: ignore[assignment]
    streams = [made.connect(1, new_id(), [NORTH], 60) for _ in range(600)]
    now = asyncio.get_running_loop().time()
    made._poke(streams)
    planned = sorted((stream.poke_at or now) - now for stream in streams)
    assert planned[-1] <= len(streams) / pokes.POKES_A_SECOND + 1
    seconds = Counter(int(at) for at in planned)
    assert max(seconds.values()) < 2 * pokes.POKES_A_SECOND, "about a hundred a second"
    before = [stream.poke_at for stream in streams]
    made._poke(streams)
    assert [stream.poke_at for stream in streams] == before, "the next change is the same poke"


async def test_a_phone_that_was_just_poked_waits_for_its_next_one() -> None:
    """SYNC 8: a busy centre costs a phone a pull every few seconds, not one a change."""
    made = Pokes()
    made._database = object()  # type: ignore[assignment]
    stream = made.connect(1, new_id(), [NORTH], 60)
    stream.last_poke = asyncio.get_running_loop().time()
    made._poke([stream])
    assert stream.poke_at is not None
    assert stream.poke_at - stream.last_poke >= pokes.LEAST_GAP_SECONDS


async def test_an_announcement_comes_after_the_commit_and_not_after_a_rollback(
    committed: tuple[Database, Settings],
) -> None:
    """SYNC 8: whoever is woken by it finds the change."""
    database, _settings = committed
    told: list[Any] = []
    database.after_commit.append(told.append)

    async def change(*, fails: bool) -> None:
        async with database.transaction() as session:
            touch(session, 1, NORTH)
            assert told == []
            if fails:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change(fails=True)
    assert told == []
    await change(fails=False)
    assert told == [{(1, NORTH)}]


def test_a_payload_says_what_it_was_made_of() -> None:
    changes = {(1, NORTH), (2, NIL)}
    assert announcing.read(announcing.written(changes)) == changes
    assert announcing.read("nonsense,1:x,:,") == set()
    most = [(2**31, new_id()) for _ in range(announcing.MOST_IN_ONE)]
    assert len(announcing.written(most)) < 8000
