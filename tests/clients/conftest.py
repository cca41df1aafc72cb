"""A server process of its own with a day of Alice's visits, for clients that are not Python."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.organisation.commands.accounts import passwords
from fieldops.organisation.models import Person
from tests.support import node
from tests.support.factories.appointments import local
from tests.support.factories.visits import assigned_visit
from tests.support.servers import server_process
from tests.support.world import build_world

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def npm_clients() -> None:
    """The npm packages installed and the examples compiled; skips on a machine without node."""
    reason = node.missing()
    if reason:
        pytest.skip(reason)
    node.prepare()


@pytest.fixture
async def field(
    committed: tuple[Database, Settings], tmp_path: Path
) -> AsyncIterator[dict[str, Any]]:
    """What a client needs to know: the server's address, a password for all, Alice's visits.

    The server's clock goes on from the tests' Monday morning.
    """
    database, settings = committed
    world = await build_world(database)
    async with database.transaction() as session:
        await session.execute(update(Person).values(password_hash=passwords.hash(PASSWORD)))
    visits = [
        await assigned_visit(database, world, start=local(day, hour))
        for day in (23, 24)
        for hour in (9, 13, 15)
    ]
    with server_process(settings, tmp_path, now=clock.now()) as server:
        yield {
            "url": server.url,
            "password": PASSWORD,
            "people": {name: str(actor.id) for name, actor in world.actors.items()},
            "visits": [str(made.visit_id) for made in visits],
        }
