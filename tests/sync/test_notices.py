"""No visit is taken from a technician silently (SYNC sections 1 and 2, SY-01)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits.wording import LANGUAGES
from tests.support.clients import bearer
from tests.support.device import Phone
from tests.support.factories.appointments import book, local, window
from tests.support.factories.orders import BROADBAND, FIXED_LINE, make_order
from tests.support.run import run
from tests.support.world import NORTH, World, id_of
from tests.sync.conftest import MakePhone

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Booked:
    """Alice's visit this morning, with its order and its appointment."""

    visit_id: UUID
    order_id: UUID
    appointment_id: UUID
    work: tuple[UUID, ...]


async def booked(
    database: Database, world: World, *items: dict[str, Any], hour: int = 10
) -> Booked:
    made = await make_order(database, world.dora, *items)
    appointment_id = await book(database, world.dora, made.visit_id, local(23, hour), "alice")
    return Booked(made.visit_id, made.id, appointment_id, made.work)


Way = Callable[[Database, World, Booked], Awaitable[Any]]


async def reassign(database: Database, world: World, visit: Booked, *names: str) -> None:
    await run(
        database, world.dora, "visit.assign", visit_id=str(visit.visit_id),
        technician_ids=[str(id_of(name)) for name in names or ("kim",)],
        reason="Alice is held up.",
    )  # fmt: skip


async def cancel(database: Database, world: World, visit: Booked) -> None:
    await run(database, world.dora, "visit.cancel", visit_id=str(visit.visit_id), reason="planning")


async def cancel_order(database: Database, world: World, visit: Booked) -> None:
    await run(database, world.ann, "order.cancel", order_id=str(visit.order_id), reason="withdrawn")


async def suspend_order(database: Database, world: World, visit: Booked) -> None:
    await run(
        database, world.dora, "order.suspend", order_id=str(visit.order_id),
        reason="no_free_resource", resume_on="2026-12-20",
    )  # fmt: skip


async def transfer_order(database: Database, world: World, visit: Booked) -> None:
    await run(
        database, world.dora, "order.transfer", order_id=str(visit.order_id),
        reason="cable_fault", department="cable",
    )  # fmt: skip


async def move(
    database: Database, world: World, visit: Booked, start: datetime, name: str = "alice"
) -> None:
    await run(
        database, world.dora, "appointment.reschedule", appointment_id=str(visit.appointment_id),
        **window(start), technician_ids=[str(id_of(name))], cause="operator", reason="capacity",
        channel="phone", customer_said="Then come that day.",
        customer_contacted_at=clock.now().isoformat(),
    )  # fmt: skip


async def move_away(database: Database, world: World, visit: Booked) -> None:
    """Move the visit out of the fourteen days that a phone holds."""
    await move(database, world, visit, local(23, 10) + timedelta(days=28))


async def move_to_another(database: Database, world: World, visit: Booked) -> None:
    await move(database, world, visit, local(24, 10), "kim")


async def call_off(database: Database, world: World, visit: Booked) -> None:
    await run(
        database, world.dora, "appointment.cancel", appointment_id=str(visit.appointment_id),
        customer_said="I am ill.", channel="phone",
    )  # fmt: skip


WAYS: dict[str, tuple[Way, str]] = {
    "given to another": (reassign, "reassigned"),
    "moved and given to another": (move_to_another, "reassigned"),
    "moved out of the days a phone holds": (move_away, "moved"),
    "its appointment called off": (call_off, "unscheduled"),
    "cancelled": (cancel, "cancelled"),
    "cancelled with its order": (cancel_order, "cancelled"),
    "its order suspended": (suspend_order, "cancelled"),
    "its order given to another department": (transfer_order, "cancelled"),
}


async def unread(phone: Phone) -> list[dict[str, Any]]:
    await phone.pull()
    return phone.rows("notice")


async def read_all(phone: Phone) -> None:
    for notice in await unread(phone):
        phone.capture("notice.read", notice_id=notice["id"])
    await phone.sync()
    assert phone.rows("notice") == []


@pytest.mark.parametrize("way", WAYS)
async def test_sync_2_whatever_takes_a_visit_away_its_notice_comes_with_the_same_pull(
    database: Database, world: World, new_phone: MakePhone, way: str
) -> None:
    visit = await booked(database, world)
    phone = await new_phone(world.alice)
    await read_all(phone)
    before = phone.row("visit", visit.visit_id)
    assert before is not None
    take, kind = WAYS[way]
    await take(database, world, visit)
    (notice,) = await unread(phone)
    assert (notice["kind"], notice["visit_id"]) == (kind, str(visit.visit_id))
    assert notice["by_name"] in {"Dora", "Ann"}
    assert notice["window_start"] == before["window_start"]
    assert notice["reason"]
    assert set(notice["text"]) == set(LANGUAGES)
    assert all(notice["text"].values())
    now = phone.row("visit", visit.visit_id)
    assert now is None or now["state"] == "cancelled"


@pytest.mark.parametrize("rows", [1, 2])
async def test_sync_3_the_page_that_takes_a_visit_away_is_followed_by_its_notice(
    database: Database, world: World, new_phone: MakePhone, rows: int
) -> None:
    """However small the pages: of all puts the notice is the first."""
    visit = await booked(database, world)
    phone = await new_phone(world.alice, rows_per_page=rows)
    await read_all(phone)
    other = await booked(database, world, hour=14)
    await reassign(database, world, visit)
    puts: list[str] = []
    while True:
        answer = await phone.pull_once()
        puts += [type_ for type_, found in answer.get("puts", {}).items() if found]
        if not answer.get("more"):
            break
    assert puts[0] == "notice"
    assert phone.row("visit", other.visit_id)
    assert phone.row("visit", visit.visit_id) is None


async def test_sy_01_who_gains_a_visit_is_told_and_who_did_it_is_not(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    visit = await booked(database, world)
    phone, kims = await new_phone(world.alice), await new_phone(world.kim)
    assert [n["kind"] for n in await unread(phone)] == ["gained"]
    assert await unread(kims) == []
    await reassign(database, world, visit, "alice", "kim")
    assert [n["kind"] for n in await unread(kims)] == ["gained"]
    assert len(await unread(phone)) == 1, "she keeps the visit: there is nothing to tell"
    await run(
        database, world.alice, "order.suspend", order_id=str(visit.order_id),
        reason="no_free_resource", resume_on="2026-12-20",
    )  # fmt: skip
    assert [n["kind"] for n in await unread(kims)][1:] == ["cancelled"]
    assert len(await unread(phone)) == 1, "she did it herself"


async def test_sync_2_a_moved_visit_tells_both_times(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    visit = await booked(database, world)
    phone = await new_phone(world.alice)
    await read_all(phone)
    await move(database, world, visit, local(24, 14))
    (notice,) = await unread(phone)
    assert notice["kind"] == "moved"
    times = [datetime.fromisoformat(notice[n]) for n in ("window_start", "new_window_start")]
    assert times == [local(23, 10), local(24, 14)]


async def test_wo_02_work_that_leaves_a_visit_is_told(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    visit = await booked(database, world, BROADBAND, FIXED_LINE)
    phone = await new_phone(world.alice)
    await read_all(phone)
    await run(
        database, world.dora, "visit.split", visit_id=str(visit.visit_id),
        work_order_ids=[str(visit.work[1])], reason="The line is not there yet.",
    )  # fmt: skip
    (notice,) = await unread(phone)
    assert (notice["kind"], notice["reason"]) == ("work_changed", "The line is not there yet.")


async def test_sync_6_a_lost_role_is_told_though_everything_else_leaves(
    database: Database, world: World, new_phone: MakePhone
) -> None:
    await booked(database, world)
    phone = await new_phone(world.alice)
    await read_all(phone)
    result = await run(
        database, world.ada, "grant.take", person_id=str(world.alice.id), unit_id=str(NORTH),
        role="technician",
    )  # fmt: skip
    (warning,) = result["warnings"]
    assert warning["code"] == "visits_without_technician"
    assert warning["details"]["count"] == 1
    (notice,) = await unread(phone)
    assert notice["kind"] == "role_lost"
    assert {type_ for type_, _ in phone.everything()} == {"notice"}


async def test_org_07_a_leave_over_booked_visits_is_taken_and_names_them(
    database: Database, world: World, client: httpx.AsyncClient, settings: Settings
) -> None:
    visit = await booked(database, world)
    await booked(database, world, hour=14)
    address = f"/v1/technicians/{world.alice.id}/leaves"
    body = {"kind": "sick", "starts_at": "2026-11-23T07:00:00Z", "ends_at": "2026-11-23T10:30:00Z"}
    answer = await client.post(address, json=body, headers=bearer(settings, world.ada))
    assert answer.status_code == 200
    warning, offer = answer.json()["warnings"]
    assert (warning["code"], offer["code"]) == ("visits_during_absence", "replan_offered")
    assert [v["id"] for v in warning["details"]["visits"]] == [str(visit.visit_id)]
    body = {
        "kind": "rest_day",
        "starts_at": "2026-11-25T00:00:00Z",
        "ends_at": "2026-11-26T00:00:00Z",
    }
    free = await client.post(address, json=body, headers=bearer(settings, world.ada))
    assert free.json()["warnings"] == []


async def test_a_closed_account_names_the_visits_it_leaves(
    database: Database, world: World
) -> None:
    await booked(database, world)
    result = await run(
        database, world.ada, "person.close", person_id=str(world.alice.id), reason="has left"
    )
    assert [w["code"] for w in result["warnings"]] == ["visits_without_technician"]


async def test_a_notice_is_read_offline_once_and_only_by_whom_it_is_for(
    database: Database, world: World, new_phone: MakePhone, at: datetime
) -> None:
    await booked(database, world)
    phone, kims = await new_phone(world.alice), await new_phone(world.kim)
    (notice,) = await unread(phone)
    kims.capture("notice.read", notice_id=notice["id"])
    assert (await kims.push())[0]["code"] == "not_found"
    phone.capture("notice.read", notice_id=notice["id"])
    phone.capture("notice.read", notice_id=notice["id"])
    with clock.frozen(at + timedelta(hours=6)):
        assert [r["status"] for r in await phone.push()] == ["applied", "applied"]
        assert await unread(phone) == []


async def test_a_notice_that_nobody_reads_leaves_after_fourteen_days(
    database: Database, world: World, new_phone: MakePhone, at: datetime
) -> None:
    await booked(database, world)
    phone = await new_phone(world.alice)
    for days, there in ((0, 1), (13, 1), (14, 0)):
        with clock.frozen(at + timedelta(days=days, minutes=1)):
            assert len(await unread(phone)) == there, days
