"""AP-01 under concurrency, over real HTTP: the same capacity is never sold twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from fieldops.appointments.models import Appointment, Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.clients import bearer
from tests.support.factories.appointments import local, planned_visit, window
from tests.support.servers import serving
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

CLIENTS = 64


@dataclass
class Desk:
    """An office that talks to a real server, with the database behind it."""

    http: httpx.AsyncClient
    database: Database
    world: World
    headers: dict[str, str]

    async def visit(self) -> UUID:
        return (await planned_visit(self.database, self.world.dora)).visit_id

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, headers=self.headers, json=body)

    async def hold(self, visit_id: UUID) -> httpx.Response:
        return await self.post(f"/v1/visits/{visit_id}/slots/hold", **LAST)

    async def book(self, visit_id: UUID) -> httpx.Response:
        said = {"channel": "phone", "customer_said": "That suits me."}
        return await self.post("/v1/appointments", visit_id=str(visit_id), **LAST, **said)

    async def rows(self, model: Any) -> list[Any]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(model).where(model.region_id == 1)))


LAST: dict[str, Any] = {
    **window(local(24, 10), 0.5),
    "technician_ids": [str(id_of("alice"))],
}


@pytest.fixture
async def desk(committed: tuple[Database, Settings]) -> AsyncIterator[Desk]:
    database, settings = committed
    world = await build_world(database)
    with serving(settings) as url:
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as http:
            yield Desk(http, database, world, bearer(settings, world.dora))


def codes(answers: list[httpx.Response]) -> dict[str, int]:
    found: dict[str, int] = {}
    for answer in answers:
        said = "done" if answer.status_code == 200 else answer.json()["code"]
        found[said] = found.get(said, 0) + 1
    return found


async def test_ap_01_of_64_clients_at_the_last_slot_one_wins_and_63_hear_that_it_is_taken(
    desk: Desk,
) -> None:
    visits = [await desk.visit() for _ in range(CLIENTS)]

    async def client(number: int) -> httpx.Response:
        if number % 2:  # every second customer thinks it over for a moment
            held = await desk.hold(visits[number])
            if held.status_code != 200:
                return held
        return await desk.book(visits[number])

    answers = await asyncio.gather(*(client(n) for n in range(CLIENTS)))
    assert codes(list(answers)) == {"done": 1, "slot_taken": CLIENTS - 1}
    [appointment], [reserved] = await desk.rows(Appointment), await desk.rows(Reservation)
    assert (appointment.visit_id, reserved.held_until) == (reserved.visit_id, None)


async def test_ap_01_a_hold_keeps_the_slot_from_others_and_its_customer_books_it(
    desk: Desk,
) -> None:
    first, second = await desk.visit(), await desk.visit()
    assert (await desk.hold(first)).status_code == 200
    assert codes([await desk.hold(second), await desk.book(second)]) == {"slot_taken": 2}
    assert (await desk.hold(first)).status_code == 200, "a second hold of one's own is no clash"
    assert (await desk.book(first)).status_code == 200


async def test_ap_01_when_a_hold_runs_out_its_customer_and_another_race_and_one_wins(
    desk: Desk,
) -> None:
    first, second = await desk.visit(), await desk.visit()
    assert (await desk.hold(first)).status_code == 200
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        answers = await asyncio.gather(desk.book(first), desk.book(second), desk.hold(second))
        booked = [a for a in answers[:2] if a.status_code == 200]
        assert len(booked) <= 1
        assert {a.json()["code"] for a in answers if a.status_code != 200} <= {
            "slot_taken",
            "already_booked",
        }
    assert len(await desk.rows(Reservation)) == 1
