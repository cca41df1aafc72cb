"""07:30, Alice is ill, and nine visits are hers: the day is mended by one decision.

Over HTTP from the leave to the last phone: the replan is offered and looked for by the real search
process, the dispatcher sees what can be kept and what cannot, publishes it, and every technician
and customer is told what concerns them. Nobody's window moves silently.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.appointments.models import Appointment, CallTask, Reservation
from fieldops.dispatch.jobs import compute_plan
from fieldops.kernel import clock, jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits.models import Visit
from tests.journeys.desks import Desks
from tests.support.device import Phone
from tests.support.factories.appointments import BROADBAND, FIXED, local
from tests.support.factories.plans import booked_visit, person, read
from tests.support.rows import every
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

HALF_PAST_SEVEN, EVENING = local(23, 7, 30), local(23, 18)


STARTS = [local(23, 12, 30), *(local(23, hour) for hour in (8, 9, 10, 11, 13, 14, 15, 16))]
ONLY_KIM = {1, 2, 3, 4, 5}  # broadband: Bob does fixed lines only
Windows = dict[UUID, tuple[datetime | None, datetime | None]]


class Office(Desks):
    """The dispatcher's desk, and the windows behind it."""

    async def windows(self) -> Windows:
        rows = await every(self.database, Visit)
        return {row.id: (row.window_start, row.window_end) for row in rows}


@pytest.fixture
def office(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> Office:
    return Office(client, database, settings, world)


@pytest.fixture
async def nine(database: Database, world: World) -> AsyncIterator[dict[UUID, datetime]]:
    """Alice's day: nine half-hour jobs in windows of an hour; five only she, Kim or nobody can do.

    Kim is full until 12, Bob does fixed lines only and has two visits of his own.
    """
    with clock.frozen(local(22, 12)):
        booked = {}
        for number, start in enumerate(STARTS):
            work = {**(BROADBAND if number in ONLY_KIM else FIXED), "kind": "change"}
            visit_id = await booked_visit(
                database, world, start, "alice", hours=0.5 if number == 0 else 1,
                items=(work,), longitude=24.93 + 0.002 * number,
            )  # fmt: skip
            booked[visit_id] = start
        for hour in (8, 9, 10, 11):
            await booked_visit(
                database, world, local(23, hour), "kim", hours=1,
                items=({**BROADBAND, "kind": "install"},),
            )  # fmt: skip
        await booked_visit(database, world, local(23, 9), "bob")
        await booked_visit(database, world, local(23, 14), "bob")
    with clock.frozen(HALF_PAST_SEVEN):
        yield booked


async def fall_ill(office: Office, nine: dict[UUID, datetime]) -> None:
    """The leave is entered; the answer says what it upsets and offers a replan."""
    leave = await office.ask(
        f"/v1/technicians/{person('alice')}/leaves",
        "ada",
        kind="sick",
        starts_at=HALF_PAST_SEVEN.isoformat(),
        ends_at=EVENING.isoformat(),
    )
    assert leave.status_code == 200, leave.text
    warned = {w["code"]: w["details"] for w in leave.json()["warnings"]}
    assert len(warned["visits_during_absence"]["visits"]) == 9
    assert warned["replan_offered"]["command"] == "plan.replan"
    (upset,) = (await office.get("/v1/dispatch/disturbances"))["items"]
    assert (upset["cause"], upset["technician_id"]) == ("absence", person("alice"))
    concerned = await office.get(
        "/v1/dispatch/affected",
        technician_id=person("alice"),
        starts=HALF_PAST_SEVEN.isoformat(),
        ends=EVENING.isoformat(),
    )
    assert {row["visit_id"] for row in concerned} == {str(id_) for id_ in nine}
    assert {row["appointment"] for row in concerned} == {"booked"}


async def replan(office: Office) -> Any:
    """The dispatcher asks for the replan; the worker looks for it."""
    asked = await office.ask(
        "/v1/dispatch/replans",
        centre_id=str(NORTH),
        day="2026-11-23",
        cause="absence",
        seconds=0.6,
    )
    plan_id = asked.json()["refs"][0]["id"]
    jobs.use(jobs.Machine(office.database, office.settings))
    await compute_plan(region_id=1, plan_id=plan_id)
    plan = await read(office.http, plan_id, office.headers("dora"))
    assert plan["state"] == "proposed", plan["failed_reason"]
    return plan


async def test_org_07_ap_06_a_sick_technician_at_half_past_seven_with_nine_visits(
    office: Office, nine: dict[UUID, datetime]
) -> None:
    windows = await office.windows()
    phones = {name: await office.phone(name) for name in ("alice", "bob", "kim")}
    assert len(phones["alice"].rows("visit")) == 9
    await fall_ill(office, nine)
    plan = await replan(office)
    lines = {UUID(line["visit_id"]): line for line in plan["lines"]}
    kept = {id_ for id_ in nine if lines[id_]["kind"] == "reassigned"}
    broken = {id_ for id_ in nine if lines[id_]["breaks_promise"]}
    assert kept | broken == set(nine)
    assert len(kept) >= 5  # four fixed lines fit into Bob's day, Kim has the afternoon
    assert broken  # four broadband visits before noon, and only Kim could do them
    assert {lines[id_]["kind"] for id_ in lines.keys() - nine.keys()} <= {"retimed"}
    before, after = plan["figures"]["before"], plan["figures"]["after"]
    assert before["promised_left_out"] == 9
    assert after["promised_left_out"] + after["late_visits"] == len(broken)

    # Without taking it on, nothing that breaks a promise is published.
    path = f"/v1/dispatch/plans/{plan['id']}/publish"
    refused = await office.ask(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_breaks_promises")
    named = {UUID(line["visit_id"]) for line in refused.json()["lines"]}
    assert named == broken
    whole = await office.ask(path, take_on_broken_promises=True, reason="Alice is ill")
    assert whole.status_code == 200, whole.text
    assert await office.windows() == windows  # no window has moved silently
    await check_day(office, kept, broken, windows)
    await check_phones(phones, kept, broken)
    assert (await office.get("/v1/dispatch/disturbances"))["items"] == []


async def check_day(office: Office, kept: set[UUID], broken: set[UUID], windows: Windows) -> None:
    """Who was kept has somebody able inside the window; who was not has a call to come."""
    visits = {row.id: row for row in await every(office.database, Visit)}
    reserved = {row.visit_id: row for row in await every(office.database, Reservation)}
    assert person("alice") not in {str(row.technician_id) for row in reserved.values()}
    for id_ in kept:
        start, end = windows[id_]
        assert start is not None
        assert end is not None
        assert visits[id_].state == "dispatched"
        assert start <= visits[id_].expected_arrival < end
        assert reserved[id_].during.lower == visits[id_].expected_arrival
    calls = {row.visit_id: row for row in await every(office.database, CallTask)}
    assert calls.keys() == broken
    for id_, call in calls.items():
        assert (call.kind, call.subject) == ("reschedule", "technician_ill")
        assert call.due_at >= local(23, 8)  # AP-09: after the quiet hours
        assert visits[id_].state == "scheduled"
        assert id_ not in reserved
    promises = {row.visit_id: row.state for row in await every(office.database, Appointment)}
    assert {promises[id_] for id_ in broken} == {"booked"}


async def check_phones(phones: dict[str, Phone], kept: set[UUID], broken: set[UUID]) -> None:
    """Alice's phone is empty and says why; those who help hold what is theirs now."""
    own = {UUID(row["id"]) for name in ("bob", "kim") for row in phones[name].rows("visit")}
    for phone in phones.values():
        await phone.sync()
    assert phones["alice"].rows("visit") == []
    told = {UUID(n["visit_id"]): n["kind"] for n in phones["alice"].rows("notice")}
    assert {id_ for id_, kind in told.items() if kind == "reassigned"} == kept
    assert {id_ for id_, kind in told.items() if kind == "unscheduled"} == broken
    helped = [row for name in ("bob", "kim") for row in phones[name].rows("visit")]
    assert kept <= {UUID(row["id"]) for row in helped}
    gained = [n for name in ("bob", "kim") for n in phones[name].rows("notice")]
    assert {UUID(n["visit_id"]) for n in gained if n["kind"] == "gained"} - own == kept
