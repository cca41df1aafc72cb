"""A customer cancels at the last minute, over the page, while the technician is on the way.

From the order to the silence afterwards over real HTTP: the office's API, a real browser that
opens the link of the message, the technician's phone, the worker that sends.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from fieldops.orders.commands.catalogue import lay_out_reasons
from tests.journeys.desks import Desks
from tests.support.browsers import chromium
from tests.support.factories.appointments import FIXED, local, window
from tests.support.factories.customers import make_customer, make_premises
from tests.support.servers import serving
from tests.support.world import build_world, id_of

pytestmark = pytest.mark.anyio

START = local(24, 13)
LAST_MINUTE = START - timedelta(minutes=20)


class Office(Desks):
    """The dispatcher's API, and the worker with its outbox."""

    async def order(self, name: str) -> tuple[str, str]:
        """Take in an order over the API; its id and its visit's."""
        async with self.database.transaction() as session:
            await lay_out_reasons(session)
            customer = await make_customer(session, locale="en")
            premises = await make_premises(session)
        ids = await self.post(
            "/v1/orders",
            "ivan",
            external_ref=name,
            customer={"id": str(customer.id)},
            premises={"id": str(premises.id)},
            items=[FIXED],
        )
        return ids["order"], ids["visit"]

    async def book(self, visit_id: str, start: datetime) -> str:
        made = await self.post(
            "/v1/appointments",
            visit_id=visit_id,
            **window(start),
            technician_ids=[str(id_of("alice"))],
            channel="phone",
            customer_said="That suits me.",
        )
        return made["appointment"]

    async def sent(self, until: datetime) -> list[dict[str, Any]]:
        """Let the worker run through the time up to a moment; everything in the outbox."""
        with clock.frozen(until):
            await send_due()
        return self.outbox()


async def test_ap_02_a_customer_cancels_at_the_last_minute_over_the_page(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed
    settings = settings.model_copy(update={"outbox_path": tmp_path / "outbox"})
    world = await build_world(database)
    with serving(settings) as url:
        settings = settings.model_copy(update={"public_url": url})
        jobs.use(jobs.Machine(database, settings))
        async with httpx.AsyncClient(base_url=url) as http:
            office = Office(http, database, settings, world)
            await _play(office)


async def _play(office: Office) -> None:
    order_id, visit_id = await office.order("LAST-MINUTE")
    appointment_id = await office.book(visit_id, START)
    (question,) = await office.sent(START - timedelta(hours=23))
    link = re.findall(r"https?://\S+/a/\S+", question["text"])[0]

    with clock.frozen(LAST_MINUTE - timedelta(minutes=1)):
        phone = await office.phone("alice")
    with clock.frozen(LAST_MINUTE):
        phone.capture("visit.accept", visit_id=visit_id)
        phone.capture("visit.depart", visit_id=visit_id)
        await phone.sync()
    told_once = await office.sent(LAST_MINUTE)

    with clock.frozen(LAST_MINUTE + timedelta(minutes=5)):
        await _cancel(link)
        await phone.sync()
    assert phone.row("visit", visit_id) is None
    notice = next(row for row in phone.rows("notice") if row["kind"] == "unscheduled")
    assert (notice["visit_id"], notice["reason"]) == (
        visit_id,
        "customer_cancelled: We are not at home",
    )

    appointment = await office.get(f"/v1/appointments/{appointment_id}")
    assert (appointment["state"], appointment["channel"], appointment["customer_said"]) == (
        "cancelled",
        "web_link",
        "We are not at home",
    )
    assert [a["answer"] for a in appointment["answers"]] == ["cancelled"]
    order = await office.get(f"/v1/orders/{order_id}")
    assert order["state"] not in {"cancelled", "closed", "completed"}
    tasks = (await office.get("/v1/call-tasks", visit_id=visit_id))["items"]
    assert [(t["kind"], t["subject"]) for t in tasks] == [("withdrawn", "We are not at home")]

    await _time_is_free(office)
    assert await office.sent(START + timedelta(hours=4)) == told_once


async def _cancel(link: str) -> None:
    """Do as the customer: open the link of the message, think twice, say why, cancel."""
    async with chromium() as browser:
        page = await browser.new_page(java_script_enabled=False, locale="en")
        await page.goto(link)
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Your technician is on the way"
        )
        await page.get_by_role("link", name="Cancel the appointment").click()
        await page.get_by_label("Reason (optional)").fill("We are not at home")
        await page.get_by_role("button", name="Yes, cancel it").click()
        await expect(page.get_by_role("status")).to_contain_text("You cancelled the appointment")


async def _time_is_free(office: Office) -> None:
    """Give the freed hours to the next customer, to the same technician."""
    with clock.frozen(LAST_MINUTE + timedelta(minutes=10)):
        _, next_visit = await office.order("NEXT")
        await office.book(next_visit, START)
        (kept,) = (await office.get("/v1/appointments", visit_id=next_visit))["items"]
        assert kept["state"] == "booked"
        await office.post(
            f"/v1/appointments/{kept['id']}/cancel", channel="phone", customer_said="A trial."
        )
