"""A registered phone for the tests of sync."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from fieldops.kernel import jobs
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support import databases
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.world import World
from tests.sync import morning as mornings
from tests.sync import trial
from tests.sync.morning import Morning, Prepared, Server

MakePhone = Callable[..., Awaitable[Phone]]


@pytest.fixture
def faults() -> Iterator[trial.Faults]:
    """The trial trade, registered for this test."""
    with trial.registered() as made:
        yield made


@pytest.fixture
async def new_phone(client: httpx.AsyncClient, settings: Settings) -> AsyncIterator[MakePhone]:
    """Make registered phones for named people: `await new_phone(world.alice)`."""
    lasting = settings.model_copy(update={"access_token_minutes": 60 * 24 * 60})
    async with AsyncExitStack() as stack:

        async def make(actor: Actor, **options: Any) -> Phone:
            phone = Phone(client, **options)
            stack.callback(phone.db.close)
            phone.use_token(bearer(lasting, actor)["Authorization"].removeprefix("Bearer "))
            await phone.register(f"phone of {actor.id}")
            return phone

        yield make


@pytest.fixture
async def phone(
    faults: trial.Faults, database: Database, world: World, new_phone: MakePhone
) -> Phone:
    """Alice's phone, with the trial trade registered."""
    return await new_phone(world.alice)


@pytest.fixture
def worker(database: Database, settings: Settings) -> None:
    """Let the worker's jobs run on the test's database, when they are called."""
    jobs.use(jobs.Machine(database, settings))


@pytest.fixture(scope="module")
async def prepared(
    template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prepared]:
    """The morning on the tests' own server."""
    server = Server(databases.server_url())
    made = await mornings.prepare(server, template, tmp_path_factory.mktemp("morning"))
    yield made
    server.drop(made.database)


@pytest.fixture
async def morning(prepared: Prepared, tmp_path: Path) -> AsyncIterator[Morning]:
    async with mornings.played(prepared, tmp_path) as made:
        yield made
