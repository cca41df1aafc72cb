"""The answer comes after the commit: a write whose commit fails is never answered as done."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select

from fieldops.customers.models import Premises
from fieldops.kernel.db import Database, UnitOfWork
from fieldops.kernel.settings import Settings
from tests.api.test_bad_input import PREMISES
from tests.support.clients import bearer
from tests.support.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def commits_fail() -> Iterator[None]:
    """Let the database go away at the very last step of every transaction."""

    def fail(_session: Any) -> None:
        raise ConnectionError("the database went away at the commit")

    event.listen(UnitOfWork, "before_commit", fail)
    yield
    event.remove(UnitOfWork, "before_commit", fail)


async def stored(database: Database) -> int:
    async with database.sessions() as session:
        count = select(func.count()).select_from(Premises).where(Premises.region_id == 1)
        return int(await session.scalar(count) or 0)


async def test_a_write_whose_commit_fails_is_not_answered_as_done(
    client: httpx.AsyncClient,
    database: Database,
    settings: Settings,
    world: World,
    commits_fail: None,
) -> None:
    answer = await client.post("/v1/premises", json=PREMISES, headers=bearer(settings, world.dora))
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_fault"
    assert await stored(database) == 0


async def test_the_same_write_is_done_when_the_commit_holds(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    answer = await client.post("/v1/premises", json=PREMISES, headers=bearer(settings, world.dora))
    assert answer.status_code == 200
    assert await stored(database) == 1
