"""An area fault at noon, over real HTTP: from the third call to the last customer who is asked.

The hotline takes the calls, the dispatcher confirms, the afternoon's visits are held, the
technicians' phones are told by their pull, customers by message; a fourth customer hears the time
instead of being offered a window; when it is repaired, every held repair is resolved.
"""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import send_due
from tests.journeys.desks import Desks
from tests.support.device import Phone
from tests.support.factories.appointments import local, window
from tests.support.factories.faults import make_street
from tests.support.servers import serving
from tests.support.world import build_world, id_of

pytestmark = pytest.mark.anyio

NOON = local(23, 12)
REPAIRED = local(23, 15)
EXPECTED = "2026-11-23T16:00:00+02:00"
CAUSE = "Excavator cut the cable in Kaivokatu"


class Day(Desks):
    """Everybody's way to the server: the offices' API, the worker and its outbox."""

    async def call(self, account: str | None) -> dict[str, str]:
        """A customer calls the hotline, which reports it for the account."""
        return await self.post(
            "/v1/fault-reports", "ann", account=account, symptom="Nothing works", channel="phone"
        )

    async def book(self, visit_id: str, hour: int) -> None:
        await self.post(
            "/v1/appointments",
            "ann",
            visit_id=visit_id,
            **window(local(23, hour)),
            technician_ids=[str(id_of("alice"))],
            channel="phone",
            customer_said="This afternoon suits.",
        )

    async def sent(self, kind: str) -> list[str]:
        """Let the worker send what is due; the texts of a kind that are in the outbox by now."""
        await send_due()
        subject = {
            "area_fault": "A fault in your area",
            "area_fault_over": "The fault in your area is over",
        }[kind]
        return [message["text"] for message in self.outbox() if message["subject"] == subject]


async def test_fa_02_an_area_fault_at_noon(
    committed: tuple[Database, Settings], tmp_path: Path
) -> None:
    database, settings = committed
    settings = settings.model_copy(update={"outbox_path": tmp_path / "outbox"})
    world = await build_world(database)
    street = await make_street(database, homes=4)
    accounts = [home.account for home in street.homes]
    with serving(settings) as url:
        jobs.use(jobs.Machine(database, settings))
        async with httpx.AsyncClient(base_url=url) as http:
            day = Day(http, database, settings, world)
            with clock.frozen(NOON):
                fault_id, visits, reports, phone = await _three_calls(day, accounts)
                await _confirmed(day, fault_id, visits, phone)
                fourth = await _a_fourth_call(day, accounts[3], fault_id)
            with clock.frozen(REPAIRED):
                await _over(day, fault_id, [*reports, fourth], phone)


async def _three_calls(
    day: Day, accounts: list[str | None]
) -> tuple[str, list[str], list[str], Phone]:
    """Two customers were promised the afternoon; the third call proposes the area fault."""
    first = await day.call(accounts[0])
    await day.book(first["visit"], 13)
    second = await day.call(accounts[1])
    await day.book(second["visit"], 15)
    phone = await day.phone("alice")
    visits = [first["visit"], second["visit"]]
    assert all(phone.row("visit", visit_id) is not None for visit_id in visits)
    assert (await day.get("/v1/area-faults", "ann"))["items"] == []
    third = await day.call(accounts[2])
    (proposed,) = (await day.get("/v1/area-faults", "dora"))["items"]
    assert (proposed["id"], proposed["state"], proposed["reports"]) == (
        third["area_fault"],
        "proposed",
        3,
    )
    assert (proposed["feature_kind"], proposed["services"]) == ("distribution_box", 4)
    reports = [made["fault_report"] for made in (first, second, third)]
    return proposed["id"], visits, reports, phone


async def _confirmed(day: Day, fault_id: str, visits: list[str], phone: Phone) -> None:
    """The afternoon is held: the board, the phone, the hotline and the customers know."""
    await day.post(
        f"/v1/area-faults/{fault_id}/confirm",
        "dora",
        cause=CAUSE,
        expected_repair_at=EXPECTED,
    )
    (freed,) = (await day.get("/v1/dispatch/disturbances", "dora"))["items"]
    assert (freed["cause"], freed["subject_id"]) == ("area_fault", fault_id)
    assert sorted(freed["visit_ids"]) == sorted(visits)
    board = await day.get("/v1/board", "dora", centre_id=str(id_of("north")), day="2026-11-23")
    assert {row["visit_id"]: row["state"] for row in board["rows"]} == dict.fromkeys(
        visits, "cancelled"
    )
    await phone.sync()
    told = {row["visit_id"]: row["reason"] for row in phone.rows("notice")}
    assert [told[visit_id] for visit_id in visits] == ["area_fault", "area_fault"]
    texts = await day.sent("area_fault")
    assert len(texts) == 3
    assert all("16:00" in text for text in texts)
    assert len(await day.sent("area_fault")) == 3  # nobody twice (AP-10)
    held = (await day.get(f"/v1/area-faults/{fault_id}/held-work", "dora"))["items"]
    promised = sorted(datetime.fromisoformat(h["window_start"]) for h in held if h["window_start"])
    assert promised == [local(23, 13), local(23, 15)]
    tasks = (await day.get("/v1/call-tasks", "dora"))["items"]
    assert not [task for task in tasks if task["kind"] == "reschedule"]  # they were told


async def _a_fourth_call(day: Day, account: str | None, fault_id: str) -> str:
    """The next customer hears cause and time, and is offered no window."""
    answer = await day.get("/v1/hotline/area-fault", "ann", account=str(account))
    assert answer["area_fault"]["cause"] == CAUSE
    assert datetime.fromisoformat(answer["area_fault"]["expected_repair_at"]) == (
        datetime.fromisoformat(EXPECTED)
    )
    made = await day.call(account)
    assert (await day.get(f"/v1/visits/{made['visit']}/slots", "ann"))["items"] == []
    report = await day.get(f"/v1/fault-reports/{made['fault_report']}", "ann")
    assert report["area_fault_id"] == fault_id
    assert len(await day.sent("area_fault")) == 4
    return made["fault_report"]


async def _over(day: Day, fault_id: str, reports: list[str], phone: Phone) -> None:
    """Repaired at three: everybody is told and asked; one still fails and gets a window."""
    await day.post(f"/v1/area-faults/{fault_id}/end", "dora", reason="Cable spliced")
    assert (await day.get("/v1/area-faults", "ann"))["items"] == []
    texts = await day.sent("area_fault_over")
    assert len(texts) == 4
    assert all("15:00" in text for text in texts)
    for report_id in reports[1:]:
        await day.post(f"/v1/fault-reports/{report_id}/settle", "ann", works=True)
    await day.post(f"/v1/fault-reports/{reports[0]}/settle", "ann", works=False)
    held = (await day.get(f"/v1/area-faults/{fault_id}/held-work", "dora"))["items"]
    orders = [await day.get(f"/v1/orders/{row['order_id']}", "dora") for row in held]
    assert sorted(order["state"] for order in orders) == ["cancelled"] * 3 + ["received"]
    failing = next(
        row for row, order in zip(held, orders, strict=True) if order["state"] == "received"
    )
    offered = await day.get(f"/v1/visits/{failing['new_visit_id']}/slots", "ann")
    first = offered["items"][0]
    await day.post(
        "/v1/appointments",
        "ann",
        visit_id=failing["new_visit_id"],
        window_start=first["start"],
        window_end=first["end"],
        technician_ids=first["technician_ids"],
        channel="phone",
        customer_said="Please come.",
    )
    assert datetime.fromisoformat(first["start"]) < REPAIRED + timedelta(days=1)
    tasks = (await day.get("/v1/call-tasks", "dora"))["items"]
    assert [task for task in tasks if task["subject"] == "area_fault"] == []
    day.sign_in(phone, "alice")
    await phone.sync()
    assert "area_fault" in {row["reason"] for row in phone.rows("notice")}
