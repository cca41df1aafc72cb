"""The customer's signed link (AP-03, AP-04), and bookings at the same moment (AP-01)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event, select

from fieldops.appointments import links
from fieldops.appointments.errors import LinkExpired, LinkInvalid, SlotTaken
from fieldops.appointments.links import Link, Purpose
from fieldops.appointments.models import Appointment, Reconfirmation, Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.settings import Settings
from tests.support.clients import application, bearer
from tests.support.factories.appointments import book, local, planned_visit, window
from tests.support.run import run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

SECRET = "another-secret-of-the-tests-0123456789"
KEPT = timedelta(hours=48)
WINDOW = local(25, 13), local(25, 15)
LINK = Link.made(Purpose.ANSWER, 1, UUID(int=5), WINDOW, KEPT)


@pytest.fixture
async def client(database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database, settings) as opened:
        yield opened


@pytest.fixture
async def address(database: Database, world: World, settings: Settings) -> str:
    planned = await planned_visit(database, world.dora)
    appointment_id = await book(database, world.dora, planned.visit_id, local(25, 13))
    link = Link.made(Purpose.ANSWER, 1, appointment_id, WINDOW, KEPT)
    return f"/v1/public/appointments/{links.sign(settings.secret.get_secret_value(), link)}"


def read(token: str, now: datetime, secret: str = SECRET) -> Link:
    return links.read(secret, token, Purpose.ANSWER, now)


def test_a_token_speaks_for_one_appointment_and_window_until_two_days_after_it() -> None:
    token = links.sign(SECRET, LINK)
    assert read(token, local(25, 12)) == LINK
    assert read(token, local(27, 14, 59)) == LINK
    with pytest.raises(LinkExpired):
        read(token, local(27, 15))


def test_a_changed_token_or_another_secret_is_refused() -> None:
    token = links.sign(SECRET, LINK)
    assert len(token) == 56
    for index in range(len(token)):
        forged = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        with pytest.raises(LinkInvalid):
            read(forged, local(25, 12))
    for nonsense in ("", token[:-4], token + "AAAA", "x" * 56, "ä" * 56, "\x00" * 56):
        with pytest.raises(LinkInvalid):
            read(nonsense, local(25, 12))
    with pytest.raises(LinkInvalid):
        read(token, local(25, 12), SECRET + "x")


def test_a_link_for_one_purpose_does_not_open_another() -> None:
    calendar = links.sign(SECRET, Link.made(Purpose.CALENDAR, 1, UUID(int=5), WINDOW, KEPT))
    with pytest.raises(LinkInvalid):
        read(calendar, local(25, 12))
    with pytest.raises(LinkInvalid):
        links.read(SECRET, links.sign(SECRET, LINK), Purpose.CALENDAR, local(25, 12))


async def test_ap_03_a_customer_sees_the_window_and_nothing_personal(
    client: httpx.AsyncClient, address: str
) -> None:
    shown = await client.get(address)
    assert shown.status_code == 200
    assert shown.json() == {
        "situation": "waiting",
        "state": "booked",
        "window_start": "2026-11-25T13:00:00+02:00",
        "window_end": "2026-11-25T15:00:00+02:00",
        "expected_arrival": "2026-11-25T13:00:00+02:00",
        "work": ["install"],
        "technician_name": "Alice",
        "certificate_number": "C-ALICE",
        "answers": ["confirmed", "change_wanted", "cancelled"],
        "link": address.rsplit("/", 1)[1],
    }


async def test_ap_04_a_customer_confirms_by_the_link_and_a_repeat_changes_nothing(
    client: httpx.AsyncClient, address: str, database: Database
) -> None:
    for _ in range(2):
        answered = await client.post(address, json={"answer": "confirmed"})
        assert answered.json()["state"] == "confirmed"
    async with database.transaction() as session:
        (kept,) = await session.scalars(select(Reconfirmation).where(Reconfirmation.region_id == 1))
    assert (kept.channel, kept.by_id, kept.answer) == ("text_link", None, "confirmed")


async def test_a_link_takes_only_the_answers_it_offers(
    client: httpx.AsyncClient, address: str
) -> None:
    for body in ({"answer": "unreachable"}, {"answer": "confirmed", "visit_id": "x"}, {}):
        assert (await client.post(address, json=body)).status_code == 422


async def test_a_link_of_a_former_window_shows_the_present_one_and_changes_nothing(
    client: httpx.AsyncClient, address: str, database: Database, world: World
) -> None:
    async with database.transaction() as session:
        (appointment,) = await session.scalars(
            select(Appointment).where(Appointment.region_id == 1)
        )
    await run(
        database,
        world.dora,
        "appointment.reschedule",
        **window(local(26, 13)),
        appointment_id=str(appointment.id),
        technician_ids=[str(id_of("alice"))],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Later, please.",
    )
    shown = (await client.get(address)).json()
    assert (shown["situation"], shown["answers"]) == ("moved", [])
    assert shown["window_start"] == "2026-11-26T13:00:00+02:00"
    refused = await client.post(address, json={"answer": "confirmed"})
    assert (refused.status_code, refused.json()["code"]) == (409, "appointment_moved")
    present = f"/v1/public/appointments/{shown['link']}"
    assert (await client.post(present, json={"answer": "confirmed"})).json()["state"] == "confirmed"


async def test_from_the_opening_of_the_window_a_link_only_shows_how_it_stands(
    client: httpx.AsyncClient, address: str
) -> None:
    with clock.frozen(local(25, 13)):
        shown = (await client.get(address)).json()
        assert (shown["situation"], shown["answers"]) == ("opened", [])
        refused = await client.post(address, json={"answer": "cancelled"})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_late_by_link")
    with clock.frozen(local(27, 15)):
        gone = await client.get(address)
    assert (gone.status_code, gone.json()["code"]) == (410, "link_expired")


async def test_a_forged_link_asks_the_database_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        forged = links.sign(SECRET, Link.made(Purpose.ANSWER, 1, uuid4(), WINDOW, KEPT))
        refused = await client.get(f"/v1/public/appointments/{forged}")
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert (refused.status_code, refused.json()["code"], asked) == (404, "link_invalid", [])


async def test_nobody_signed_in_may_answer_as_a_customer(database: Database, world: World) -> None:
    with pytest.raises(Forbidden):
        await run(
            database,
            world.dora,
            "appointment.answer_by_link",
            appointment_id=str(uuid4()),
            window_start=local(25, 13).isoformat(),
            answer="confirmed",
        )


async def test_the_free_windows_of_a_visit_take_few_statements_and_fewer_the_second_time(
    client: httpx.AsyncClient, database: Database, world: World, settings: Settings
) -> None:
    planned = await planned_visit(database, world.dora)
    for day in (24, 25, 26):
        other = await planned_visit(database, world.dora)
        await book(database, world.dora, other.visit_id, local(day, 10))
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lower().startswith(("savepoint", "release")):
            asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        path = f"/v1/visits/{planned.visit_id}/slots"
        listed = await client.get(path, headers=bearer(settings, world.dora))
        first, asked[:] = len(asked), []
        again = await client.get(path, headers=bearer(settings, world.dora))
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(listed.json()["items"]) == 20
    assert again.json() == listed.json()
    assert (first <= 14, len(asked) <= 7) == (True, True), "\n".join(
        [str(first), *(a[:90] for a in asked)]
    )


async def test_ap_01_of_many_clients_that_book_the_same_time_one_wins(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    visits = [(await planned_visit(database, world.dora)).visit_id for _ in range(6)]
    starts = [local(24, 9) + timedelta(minutes=5 * n) for n in range(6)]
    results = await asyncio.gather(
        *(
            book(database, world.dora, visit_id, start, **window(start, 0.5))
            for visit_id, start in zip(visits, starts, strict=True)
        ),
        return_exceptions=True,
    )
    refused = [r for r in results if isinstance(r, BaseException)]
    assert [type(r) for r in refused] == [SlotTaken] * 5, refused
    async with database.transaction() as session:
        kept = (await session.scalars(select(Reservation).where(Reservation.region_id == 1))).all()
    assert len(kept) == 1


async def test_ap_01_two_visits_that_need_the_same_two_technicians_do_not_block_each_other(
    committed: tuple[Database, Settings],
) -> None:
    database, _ = committed
    world = await build_world(database)
    visits = [(await planned_visit(database, world.dora)).visit_id for _ in range(4)]
    teams = (("alice", "bob"), ("bob", "alice")) * 2
    results = await asyncio.gather(
        *(
            book(
                database,
                world.dora,
                visit_id,
                local(24, 10),
                *team,
                **window(local(24, 10), 1),
            )
            for visit_id, team in zip(visits, teams, strict=True)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(r, UUID) for r in results) == 1
    assert sum(isinstance(r, SlotTaken) for r in results) == 3
