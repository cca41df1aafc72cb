"""A coordinated visit of two technicians, the second one late: seen, decided, kept (AP-07, VI-01).

Over real HTTP: the office's API, the phones of all three, the worker that predicts and sends.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fieldops.dispatch import watching
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.orders.commands.catalogue import lay_out_reasons
from tests.journeys.desks import Desks
from tests.support.factories.appointments import BROADBAND, FIXED, local, window
from tests.support.factories.customers import make_customer, make_premises
from tests.support.servers import serving
from tests.support.world import build_world, id_of

pytestmark = pytest.mark.anyio

FAR = 25.16  # twelve kilometres east of where everybody starts: 33 minutes
OPENS, CLOSES = local(23, 14), local(23, 15)
TOO_LATE = local(23, 13, 28)  # an hour of work and the way end after the window from here


class Office(Desks):
    """The dispatcher's API, the phones, and the worker."""

    async def promised(
        self,
        name: str,
        longitude: float,
        items: list[Any],
        start: datetime,
        hours: float,
        *who: str,
    ) -> str:
        """Take in an order and promise its customer a window; its visit's id."""
        async with self.database.transaction() as session:
            await lay_out_reasons(session)
            customer = await make_customer(session, locale="en")
            premises = await make_premises(session, longitude=longitude)
        made = await self.post(
            "/v1/orders",
            "ivan",
            external_ref=name,
            customer={"id": str(customer.id)},
            premises={"id": str(premises.id)},
            items=items,
        )
        await self.post(
            "/v1/appointments",
            visit_id=made["visit"],
            **window(start, hours),
            technician_ids=[str(id_of(technician)) for technician in who],
            channel="phone",
            customer_said="That suits me.",
        )
        return made["visit"]

    async def work(self, at: datetime) -> None:
        """Let the worker do what is due at a moment: predict, and send."""
        with clock.frozen(at):
            await watching.watch(self.database)
            await send_due()

    async def told(self, visit_id: str) -> list[dict[str, Any]]:
        """Return the messages of a visit that have gone out."""
        found = await self.get("/v1/messages", visit_id=visit_id)
        return [m for m in found["items"] if m["state"] == "sent"]


async def test_ap_07_the_second_one_late_is_seen_in_time_and_the_window_is_kept(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed
    settings = settings.model_copy(update={"outbox_path": tmp_path / "outbox"})
    world = await build_world(database)
    with serving(settings) as url:
        settings = settings.model_copy(update={"public_url": url})
        jobs.use(jobs.Machine(database, settings))
        async with httpx.AsyncClient(base_url=url) as http:
            await _play(Office(http, database, settings, world))


async def _play(office: Office) -> None:
    await office.promised("BEFORE", 24.941, [FIXED], local(23, 12, 30), 2, "bob")
    pair = await office.promised("PAIR", FAR, [FIXED, BROADBAND], OPENS, 1, "alice", "bob")
    with clock.frozen(TOO_LATE - timedelta(minutes=10)):
        alice, bob, kim = [await office.phone(name) for name in ("alice", "bob", "kim")]

    # Alice leaves in time; of Bob nobody has heard since lunch.
    with clock.frozen(TOO_LATE - timedelta(minutes=8)):
        alice.capture("visit.depart", visit_id=pair)
        await alice.sync()
    await office.work(TOO_LATE - timedelta(minutes=7))
    assert not (await office.get("/v1/late-warnings"))["items"]

    await office.work(TOO_LATE)
    [warning] = (await office.get("/v1/late-warnings"))["items"]
    assert (warning["visit_id"], warning["technician_id"]) == (pair, str(id_of("bob")))
    assert datetime.fromisoformat(warning["raised_at"]) < OPENS
    assert datetime.fromisoformat(warning["predicted_arrival"]) > CLOSES
    assert [way["kind"] for way in warning["ways"]] == ["reassign", "new_time"]
    with clock.frozen(TOO_LATE):
        board = await office.get("/v1/board", centre_id=warning["centre_id"])
    risks = {row["visit_id"]: row["late_risks"] for row in board["rows"]}
    assert "arrival_after_window" in risks[pair]

    with clock.frozen(TOO_LATE + timedelta(minutes=1)):
        await office.post(f"/v1/late-warnings/{warning['id']}/take", way=0)
        for phone in (alice, bob, kim):
            await phone.sync()
    assert bob.row("visit", pair) is None
    assert [n["kind"] for n in bob.rows("notice") if n["visit_id"] == pair] == [
        "gained",
        "reassigned",
    ]
    assert [n["kind"] for n in kim.rows("notice") if n["visit_id"] == pair] == ["gained"]
    crew = {a["technician_id"]: a["is_contact"] for a in alice.rows("assignment")}
    assert crew[str(id_of("alice"))], "the customer's contact stays"

    # The customer is told who is at the door and when, and hears nothing of the exchange twice.
    for minute in (5, 10, 15):
        await office.work(TOO_LATE + timedelta(minutes=minute))
    notices = [m for m in await office.told(pair) if m["kind"] == "half_hour_notice"]
    assert len(notices) == 1
    assert any("Alice" in message["text"] for message in office.outbox())

    for who, phone, at in (("alice", alice, local(23, 14, 1)), ("kim", kim, local(23, 14, 6))):
        with clock.frozen(at):
            office.sign_in(phone, who)
            phone.capture("visit.arrive", visit_id=pair)
            await phone.sync()
    await office.work(local(23, 14, 7))
    assert not (await office.get("/v1/late-warnings"))["items"]
    [settled] = (await office.get("/v1/late-warnings", settled="true"))["items"]
    assert settled["outcome"] == "reassigned"
    visit = await office.get(f"/v1/visits/{pair}")
    assert OPENS <= datetime.fromisoformat(visit["arrived_at"]) <= CLOSES
