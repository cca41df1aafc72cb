"""The customer's page with several at once, and without a database."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import select

from fieldops.appointments import links
from fieldops.appointments.links import Link, Purpose
from fieldops.appointments.models import Appointment, Reservation
from fieldops.kernel.db import Database, connect
from fieldops.kernel.settings import Settings
from tests.support import databases
from tests.support.clients import application
from tests.support.factories.appointments import book, local, planned_visit
from tests.support.run import run
from tests.support.world import build_world, id_of

pytestmark = pytest.mark.anyio

HOURS = timedelta(hours=2)
WISHED = f"{int(local(26, 10).timestamp()) // 60}-120"


async def test_ap_01_of_customers_who_take_the_same_window_at_once_one_has_it(
    committed: tuple[Database, Settings],
) -> None:
    database, settings = committed
    world = await build_world(database)
    for name in ("bob", "kim"):
        await run(
            database,
            world.dora,
            "leave.add",
            technician_id=str(id_of(name)),
            kind="leave",
            starts_at=local(26, 6).isoformat(),
            ends_at=local(26, 20).isoformat(),
        )
    pages = []
    for start in (local(24, 9), local(24, 13), local(25, 9), local(25, 13)):
        planned = await planned_visit(database, world.dora, locale="en")
        id_ = await book(database, world.dora, planned.visit_id, start)
        link = Link.made(Purpose.ANSWER, 1, id_, (start, start + HOURS), HOURS)
        pages.append(f"/a/{links.sign(settings.secret.get_secret_value(), link)}")
    async with application(database, settings) as client:

        async def take(page: str) -> httpx.Response:
            return await client.post(page, data={"do": "move", "window": WISHED})

        answers = await asyncio.gather(*(take(page) for page in pages))
    async with database.transaction() as session:
        promised = list(
            await session.scalars(select(Appointment).where(Appointment.region_id == 1))
        )
        reserved = list(
            await session.scalars(select(Reservation).where(Reservation.region_id == 1))
        )
    won = sum(answer.status_code == 303 for answer in answers)
    assert {answer.status_code for answer in answers} == {303, 409}
    assert sum(row.window_start == local(26, 10) for row in promised) == won
    assert len(reserved) == len(promised)
    spans = sorted((row.during.lower, row.during.upper) for row in reserved)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


async def test_without_a_database_the_page_says_so_and_nothing_was_changed() -> None:
    settings = databases.settings_for("a_database_that_is_not_there")
    database = connect(settings)
    link = Link.made(Purpose.ANSWER, 1, id_of("x"), (local(25, 9), local(25, 11)), HOURS)
    page = f"/a/{links.sign(settings.secret.get_secret_value(), link)}"
    async with application(database, settings) as client:
        answers = [await client.get(page), await client.post(page, data={"do": "cancel"})]
    await database.close()
    for answer in answers:
        assert answer.status_code == 503
        assert "We cannot answer just now" in answer.text
        assert int(answer.headers["retry-after"]) > 0
