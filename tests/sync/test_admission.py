"""SYNC, storms: many phones at once are all served, in turn or told when to come again."""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from starlette.types import Message, Receive, Scope, Send

from api.app import Guard
from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings
from fieldops.sync.admission import AGAIN_SECONDS, WAIT_SECONDS, Admission
from fieldops.sync.errors import Busy
from tests.support.clients import bearer
from tests.support.device import Phone, Refused
from tests.support.servers import serving
from tests.support.world import World, build_world
from tests.sync.scenarios import make_day

pytestmark = pytest.mark.anyio

PHONES, COMMANDS = 100, 3


async def holding(admission: Admission, who: str, log: list[str], let: asyncio.Event) -> None:
    async with admission.admitted(who):
        log.append(who)
        await let.wait()


async def test_who_came_first_is_served_first_and_the_line_is_short() -> None:
    """Storms: one place, two in line, the third is told when to come again."""
    admission = Admission(most_waiting=2)
    admission.open(3)
    log: list[str] = []
    let = asyncio.Event()
    tasks = [asyncio.create_task(holding(admission, who, log, let)) for who in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as busy:
        async with admission.admitted("d"):
            pass
    assert busy.value.details["retry_after"] >= AGAIN_SECONDS
    assert log == ["a"]
    let.set()
    await asyncio.gather(*tasks)
    assert log == ["a", "b", "c"]
    async with admission.admitted("d"):
        log.append("d")


async def test_a_line_that_does_not_move_is_left() -> None:
    admission = Admission(wait=0.05)
    admission.open(1)
    let = asyncio.Event()
    first = asyncio.create_task(holding(admission, "a", [], let))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        async with admission.admitted("b"):
            pass
    assert admission.waiting == 0
    let.set()
    await first


async def test_a_second_request_of_the_same_phone_is_not_let_in() -> None:
    """Storms: it would only wait for the lock of its twin, and hold a connection for it."""
    admission = Admission()
    admission.open(10)
    async with admission.admitted("a"):
        with pytest.raises(Busy):
            async with admission.admitted("a"):
                pass
        async with admission.admitted("b"):
            pass
    async with admission.admitted("a"):
        pass


class Trickle:
    """A request of a phone whose network carries a byte now and then, over a real connection."""

    def __init__(self, url: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.host, self.port = url.removeprefix("http://").split(":")
        lines = [f"POST {path} HTTP/1.1", "Host: fieldops", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.head, self.body = "\r\n".join(lines).encode(), body

    async def begin(self) -> None:
        """Send the headers and go on with the body, byte by byte, until cancelled."""
        self.reader, self.writer = await asyncio.open_connection(self.host, int(self.port))
        self.writer.write(self.head)
        await self.writer.drain()
        self.task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        with suppress(ConnectionError):
            for at in range(len(self.body)):
                self.writer.write(self.body[at : at + 1])
                await self.writer.drain()
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        self.task.cancel()
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def trickling(slow: list[Trickle]) -> AsyncIterator[None]:
    for one in slow:
        await one.begin()
    try:
        await asyncio.sleep(0.3)  # the server has seen their headers
        yield
    finally:
        for one in slow:
            await one.end()


SLOW_BODY = b'{"commands": [' + b" " * 5_000 + b"]}"
SLOW_PATHS = ["/v1/sync/push", "/v1/sync/pull", "/v1/sync/replicache/push"]


@pytest.mark.parametrize("path", SLOW_PATHS)
async def test_slow_phones_keep_nobody_out(committed: tuple[Database, Settings], path: str) -> None:
    """Storms: eight bodies that are still on their way, two places, and a phone that is quick."""
    database, settings = committed
    settings = settings.model_copy(update={"database_pool_size": 4})
    world = await build_world(database)
    day = await make_day(database, world)
    sign_in = bearer(settings, world.alice)
    with serving(settings) as url:
        slow = [
            Trickle(url, path, {**sign_in, "Device-Key": f"slow {n}"}, SLOW_BODY) for n in range(8)
        ]
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            phone = Phone(client)
            phone.use_token(sign_in["Authorization"].removeprefix("Bearer "))
            await phone.register("quick")
            phone.capture("note.add", visit_id=str(day.visit_id), text="at once")
            async with trickling(slow):
                await asyncio.wait_for(phone.sync(), timeout=WAIT_SECONDS / 2)
            assert phone.waiting() == {}
            phone.db.close()


async def test_a_phone_whose_request_died_on_the_way_is_served_on_its_next_one(
    committed: tuple[Database, Settings],
) -> None:
    """Storms: nobody tells the server that a network is gone; the half body is no twin."""
    database, settings = committed
    world = await build_world(database)
    day = await make_day(database, world)
    sign_in = bearer(settings, world.alice)
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            phone = Phone(client)
            phone.use_token(sign_in["Authorization"].removeprefix("Bearer "))
            await phone.register("in a cellar")
            phone.capture("note.add", visit_id=str(day.visit_id), text="again")
            headers = {**sign_in, "Device-Key": phone.get("key")}
            async with trickling([Trickle(url, path, headers, SLOW_BODY) for path in SLOW_PATHS]):
                await phone.sync()
            assert phone.waiting() == {}
            phone.db.close()


@pytest.mark.parametrize("path", [*SLOW_PATHS, "/v1/sign-in"])
async def test_a_body_that_takes_too_long_is_answered_and_its_connection_closed(
    settings: Settings, world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits: body_too_slow, so that bodies without an end do not gather."""
    monkeypatch.setattr("api.app.MOST_BODY_SECONDS", 0.4)
    with serving(settings) as url:
        one = Trickle(url, path, bearer(settings, world.alice), SLOW_BODY)
        await one.begin()
        said = b""
        with contextlib.suppress(ConnectionResetError):  # what trickled on after the answer
            while part := await asyncio.wait_for(one.reader.read(4096), timeout=5):
                said += part  # to the end: it was closed
        await one.end()
    assert said.startswith(b"HTTP/1.1 408 "), said
    assert b'"code": "body_too_slow"' in said or b'"code":"body_too_slow"' in said


async def test_what_follows_a_whole_body_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits: a stream that listens for the end of its connection may do so for hours."""
    monkeypatch.setattr("api.app.MOST_BODY_SECONDS", 0.05)
    arrived = asyncio.Queue[Message]()
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    async def nowhere(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "GET", "path": "/v1/sync/events", "headers": []}
    arrived.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    running = asyncio.create_task(Guard(app)(scope, arrived.get, nowhere))
    await asyncio.sleep(0.2)
    arrived.put_nowait({"type": "http.disconnect"})
    await running
    assert seen == ["http.request", "http.disconnect"]


async def test_a_phone_on_a_slow_network_sends_less_at_a_time(client: httpx.AsyncClient) -> None:
    """Limits: told that its body took too long, the client halves what it sends."""
    sizes: list[int] = []

    async def post(_: str, body: Any) -> Any:
        sizes.append(len(body["commands"]))
        raise Refused(httpx.Response(408, json={"code": "body_too_slow"}))

    phone = Phone(client)
    phone.put(next_seq=1)
    phone.batch_bytes = 4_000
    for _ in range(40):
        phone.capture("note.add", visit_id="v", text="x" * 100)
    phone.send = post  # type: ignore[method-assign]
    assert not await phone.keep_trying(2, lambda _: asyncio.sleep(0))
    phone.db.close()
    assert sizes[1] <= sizes[0] // 2 + 1


async def sooner(seconds: float, slept: list[float]) -> None:
    """Wait a quarter of what a phone was asked to wait."""
    slept.append(seconds)
    await asyncio.sleep(seconds / 4)


async def test_a_storm_of_phones_is_served_whole(committed: tuple[Database, Settings]) -> None:
    """Storms, I1: all come at once; none fails, none loses a command, the offices go on."""
    database, settings = committed
    settings = settings.model_copy(update={"database_pool_size": 4})
    world = await build_world(database)
    day = await make_day(database, world)
    token = bearer(settings, world.alice)["Authorization"].removeprefix("Bearer ")
    limits = httpx.Limits(max_connections=PHONES + 5)
    asked: list[float] = []
    slept: list[float] = []

    async def note(answer: httpx.Response) -> None:
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            asked.append(float(answer.headers["Retry-After"]))

    with serving(settings) as url:
        async with httpx.AsyncClient(
            base_url=url, timeout=120, limits=limits, event_hooks={"response": [note]}
        ) as client:
            phones = [Phone(client) for _ in range(PHONES)]
            for phone in phones:
                phone.use_token(token)
                await phone.register("one of many")
                for number in range(COMMANDS):
                    phone.capture("note.add", visit_id=str(day.visit_id), text=f"note {number}")
            wait = functools.partial(sooner, slept=slept)
            storm = asyncio.gather(*(phone.keep_trying(60, wait) for phone in phones))
            office = []
            while not storm.done():
                answer = await client.get("/v1/visits", headers=bearer(settings, world.dora))
                office.append(answer.status_code)
                await asyncio.sleep(0.2)
            assert all(await storm), "never served"
    assert all(seconds >= AGAIN_SECONDS for seconds in asked)
    # A connection that the server closed as idle is tried again sooner: nobody was sent away there.
    assert not Counter(asked) - Counter(slept), "they come when they were told to"
    assert set(office) == {200}
    assert all(phone.queued() == 0 for phone in phones)
    async with database.transaction() as session:
        taken = await session.scalar(
            select(func.count()).where(LedgerEntry.region_id == 1, LedgerEntry.name == "note.add")
        )
    assert taken == PHONES * COMMANDS
    for phone in phones:
        phone.db.close()
