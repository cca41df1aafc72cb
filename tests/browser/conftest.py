"""One browser and one served world for all tests of a module."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from playwright.async_api import Browser

from fieldops.appointments import links
from fieldops.appointments.links import Link, Purpose
from fieldops.followups.models import FollowUp
from fieldops.kernel import clock
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings
from tests.conftest import MONDAY_MORNING
from tests.support import browsers, databases, servers
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.factories.orders import make_order
from tests.support.world import NORTH, World, build_world

HOURS = timedelta(hours=2)
DAYS = timedelta(days=3)


@dataclass(frozen=True)
class Promise:
    """An appointment of the served world, and the address of its page."""

    id: UUID
    visit_id: UUID
    start: datetime
    page: str


@dataclass
class Site:
    """A served world; windows are given out one after the other, none twice."""

    url: str
    settings: Settings
    world: World
    _free: Iterator[tuple[int, int, str]] = field(
        default_factory=lambda: iter(product((24, 25, 26, 27), (9, 13, 15), ("alice", "kim")))
    )

    async def promise(self) -> Promise:
        """Book a window of two hours for a new customer."""
        day, hour, name = next(self._free)
        database, start = connect(self.settings), local(day, hour)
        planned = await planned_visit(database, self.world.dora, locale="en")
        made = await book(database, self.world.dora, planned.visit_id, start, name)
        await database.close()
        link = Link.made(Purpose.ANSWER, 1, made, (start, start + HOURS), HOURS)
        token = links.sign(self.settings.secret.get_secret_value(), link)
        return Promise(made, planned.visit_id, start, f"{self.url}/a/{token}")

    async def question(self) -> str:
        """Let a customer's finished repair be asked about; the address of the page."""
        database, at = connect(self.settings), MONDAY_MORNING
        made = await make_order(database, self.world.dora)
        async with database.transaction() as session:
            row = FollowUp(
                region_id=1, customer_id=made.customer.id, centre_id=NORTH, order_id=made.id,
                matter="repair", channel="message", state="waiting", finished_at=at, ask_at=at,
                call_at=at, due_at=at + HOURS, latest_at=at + DAYS, tries=0,
            )  # fmt: skip
            session.add(row)
        await database.close()
        link = Link.made(Purpose.FOLLOW_UP, 1, row.id, (at, at + DAYS), HOURS)
        return f"{self.url}/f/{links.sign(self.settings.secret.get_secret_value(), link)}"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsers.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(template: str) -> Iterator[Site]:
    name = databases.clone(template)
    settings = databases.settings_for(name, public_phone="+358 9 000 0000")

    async def fill() -> World:
        database = connect(settings)
        world = await build_world(database)
        await database.close()
        return world

    with clock.frozen(MONDAY_MORNING):
        world = asyncio.run(fill())
    with servers.serving(settings) as url:
        yield Site(url, settings, world)
    databases.drop(name)
