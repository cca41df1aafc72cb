"""What several tests of the API stand on."""

import pytest

from fieldops.kernel.db import Database
from tests.support.factories.network import Plant, make_plant
from tests.support.world import World


@pytest.fixture
async def plant(database: Database, world: World) -> Plant:
    """A small piece of plant of Dora's centre."""
    async with database.transaction() as session:
        return await make_plant(session)
