"""What publishing refuses by itself, and that a refused line leaves the day as it was."""

import httpx
import pytest

from fieldops.appointments.models import CallTask, Reservation
from fieldops.kernel import clock
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits.models import Assignment, Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import local, planned_visit
from tests.support.factories.plans import ask, of, person, read
from tests.support.rows import every, one
from tests.support.run import run
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_org_07_a_line_that_meets_new_leave_is_refused_with_its_cause_and_nothing_stays(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    waiting = await planned_visit(database, world.dora)
    other = await planned_visit(database, world.dora, longitude=24.95)
    plan = await read(client, await ask(database, settings, world.dora), dora)
    for name in ("alice", "bob", "kim"):
        if person(name) in of(plan, waiting.visit_id)["technician_ids"]:
            await run(
                database,
                world.ada,
                "leave.add",
                technician_id=person(name),
                kind="leave",
                starts_at=local(23, 0).isoformat(),
                ends_at=local(24, 0).isoformat(),
            )
    address = f"/v1/dispatch/plans/{plan['id']}/publish"
    refused = await client.post(address, headers=dora, json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_lines_refused")
    (named,) = refused.json()["lines"]
    assert named["code"] == "outside_calendar"
    assert named["message"]
    for visit_id in (waiting.visit_id, other.visit_id):
        assert (await one(database, Visit, id=visit_id)).window_start is None
        for table in (Assignment, Reservation, CallTask):
            assert not await every(database, table, visit_id=visit_id)
    again = await read(client, plan["id"], dora)
    assert again["state"] == "proposed"
    assert {line["published_at"] for line in again["lines"]} == {None}


async def test_ap_06_only_a_window_that_moves_is_agreed_with_a_customer(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    waiting = await planned_visit(database, world.dora)
    plan = await read(client, await ask(database, settings, world.dora), dora)
    agreed = {
        "line_id": of(plan, waiting.visit_id)["id"],
        "customer_contacted_at": clock.now().isoformat(),
        "channel": "phone",
        "customer_said": "That suits me.",
    }
    refused = await client.post(
        f"/v1/dispatch/plans/{plan['id']}/publish", headers=dora, json={"agreed": [agreed]}
    )
    assert refused.json()["code"] == "no_window_to_agree"
    assert (await one(database, Visit, id=waiting.visit_id)).window_start is None
