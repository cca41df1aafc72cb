"""A diamond customer's line is dead, and the day is full: urgent work is placed, openly.

Over HTTP: the fault comes in by the dispatcher, the replan shows whom it displaces, and nothing
goes out before somebody takes that on. The displaced customer keeps the promise until a person has
called; complaints and other important customers are not displaced by it.
"""

from typing import Any
from uuid import UUID

import httpx
import pytest

from fieldops.appointments.models import Appointment, CallTask
from fieldops.dispatch.jobs import compute_plan
from fieldops.kernel import jobs
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from fieldops.visits.models import Visit
from tests.support.clients import bearer
from tests.support.factories.appointments import BROADBAND, local, planned_visit
from tests.support.factories.plans import booked_visit, of, person, read
from tests.support.rows import every, one
from tests.support.run import run
from tests.support.world import NORTH, World

pytestmark = pytest.mark.anyio

INSTALL = {**BROADBAND, "kind": "install"}
REPAIR = {**BROADBAND, "kind": "repair"}


async def full_day(database: Database, world: World) -> tuple[UUID, list[UUID]]:
    """Alice alone, from eight to five: a gold customer first, then installs of an hour each."""
    for name in ("bob", "kim"):
        await run(database, world.ada, "leave.add", technician_id=person(name), kind="leave",
                  starts_at=local(23, 0).isoformat(), ends_at=local(24, 0).isoformat())  # fmt: skip
    complaint = await booked_visit(
        database, world, local(23, 8), "alice", hours=1, items=(INSTALL,), tier="gold"
    )
    installs = [
        await booked_visit(
            database, world, local(23, hour), "alice", hours=0.25, items=(INSTALL,), tier="basic"
        )
        for hour in (9, 10, 11, 13, 14, 15, 16)
    ]
    return complaint, installs


async def replan(
    client: httpx.AsyncClient, database: Database, settings: Settings, dora: Any, visit_id: UUID
) -> Any:
    asked = await client.post(
        "/v1/dispatch/replans",
        headers=dora,
        json={
            "centre_id": str(NORTH),
            "day": "2026-11-23",
            "cause": "urgent",
            "seconds": 0.5,
            "urgent_visit_ids": [str(visit_id)],
        },
    )
    assert asked.status_code == 200, asked.text
    plan_id = asked.json()["refs"][0]["id"]
    jobs.use(jobs.Machine(database, settings))
    await compute_plan(region_id=1, plan_id=plan_id)
    plan = await read(client, plan_id, dora)
    assert plan["state"] == "proposed", plan["failed_reason"]
    return plan


async def test_wo_06_a_diamond_customers_fault_into_a_full_day(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    important, installs = await full_day(database, world)
    fault = await planned_visit(database, world.dora, items=(REPAIR,), tier="diamond")
    # It is due within hours, and nobody is free: the desk is offered a replan by itself.
    (upset,) = (await client.get("/v1/dispatch/disturbances", headers=dora)).json()["items"]
    assert (upset["cause"], upset["visit_ids"]) == ("urgent", [str(fault.visit_id)])
    plan = await replan(client, database, settings, dora, fault.visit_id)
    placed = of(plan, fault.visit_id)
    assert (placed["kind"], placed["priority_class"]) == ("placed", "vip")
    displaced = [line for line in plan["lines"] if line["breaks_promise"]]
    assert len(displaced) == 1  # one install makes room, no more than that
    (out,) = displaced
    assert UUID(out["visit_id"]) in installs
    assert out["priority_class"] == "install"
    assert "cannot be kept" in out["words"]["en"]
    assert str(important) not in {line["visit_id"] for line in displaced}
    assert out["id"] in placed["requires"]

    # The fault alone cannot go out: it needs the other's time, and that is said.
    path = f"/v1/dispatch/plans/{plan['id']}/publish"
    alone = await client.post(path, headers=dora, json={"line_ids": [placed["id"]]})
    assert (alone.status_code, alone.json()["code"]) == (409, "plan_lines_belong_together")
    refused = await client.post(path, headers=dora, json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_breaks_promises")
    assert [line["visit_id"] for line in refused.json()["lines"]] == [out["visit_id"]]

    done = await client.post(
        path,
        headers=dora,
        json={"take_on_broken_promises": True, "reason": "A diamond customer has no line"},
    )
    assert done.status_code == 200, done.text
    assert not (await client.get("/v1/dispatch/disturbances", headers=dora)).json()["items"]
    visit = await one(database, Visit, id=fault.visit_id)
    assert (visit.state, visit.window_start.date()) == ("dispatched", local(23, 12).date())
    other = await one(database, Visit, id=UUID(out["visit_id"]))
    assert other.state == "scheduled"
    assert other.window_start.isoformat().replace("+00:00", "Z") == out_window(plan, out)
    calls = {row.visit_id: row for row in await every(database, CallTask)}
    assert (calls[other.id].kind, calls[other.id].subject) == ("reschedule", "capacity")
    assert calls[fault.visit_id].kind == "new_appointment"
    promise = await one(database, Appointment, visit_id=other.id)
    assert (promise.state, promise.operator_reschedules) == ("booked", 0)
    kept = {row.id: row for row in await every(database, Visit)}
    for id_ in (important, *installs):
        if id_ != other.id:
            assert kept[id_].state == "dispatched"


def out_window(plan: Any, line: Any) -> str:
    """The window that was promised: what the line's visit had when the plan was made."""
    assert line in plan["lines"]
    return str(line["promised"][0])


async def test_wo_06_an_ordinary_customers_install_displaces_nobody(
    client: httpx.AsyncClient, database: Database, settings: Settings, world: World
) -> None:
    dora = bearer(settings, world.dora)
    await full_day(database, world)
    wish = await planned_visit(database, world.dora, items=(INSTALL,), tier="basic")
    plan = await replan(client, database, settings, dora, wish.visit_id)
    assert of(plan, wish.visit_id)["kind"] == "left_out"
    assert not any(line["breaks_promise"] for line in plan["lines"])
