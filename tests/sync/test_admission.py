"""SYNC, storms: many phones at once are all served, in turn or told when to come again."""

import asyncio
import functools

import httpx
import pytest
from sqlalchemy import func, select

from fieldops.kernel.db import Database
from fieldops.kernel.ledger import LedgerEntry
from fieldops.kernel.settings import Settings
from fieldops.sync.admission import AGAIN_SECONDS, Admission
from fieldops.sync.errors import Busy
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.servers import serving
from tests.support.world import build_world
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
    slept: list[float] = []
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
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
    assert all(seconds >= AGAIN_SECONDS for seconds in slept), "they come when they were told to"
    assert set(office) == {200}
    assert all(phone.queued() == 0 for phone in phones)
    async with database.transaction() as session:
        taken = await session.scalar(
            select(func.count()).where(LedgerEntry.region_id == 1, LedgerEntry.name == "note.add")
        )
    assert taken == PHONES * COMMANDS
    for phone in phones:
        phone.db.close()
