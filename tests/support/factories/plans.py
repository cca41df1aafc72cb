"""Days to plan: visits booked into them, proposals looked for by the real search process."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from fieldops.dispatch.jobs import compute_plan
from fieldops.kernel import jobs
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from fieldops.kernel.settings import Settings
from tests.support.factories.appointments import FIXED, book, planned_visit, window
from tests.support.run import first_id, run
from tests.support.world import NORTH, World, id_of

SECONDS = 0.3


async def booked_visit(
    database: Database,
    world: World,
    start: datetime,
    *technicians: str,
    hours: float = 2,
    **args: Any,
) -> UUID:
    """A visit with an appointment in a window of so many hours; returns the visit's id."""
    planned = await planned_visit(database, world.dora, **args)
    await book(database, world.dora, planned.visit_id, start, *technicians, **window(start, hours))
    return planned.visit_id


async def ask(
    database: Database,
    settings: Settings,
    actor: Actor,
    name: str = "plan.ask",
    *,
    day: str = "2026-11-23",
    seconds: float = SECONDS,
    centre_id: UUID = NORTH,
    **args: Any,
) -> UUID:
    """Ask for a plan and let the search process look for it; returns the plan's id."""
    result = await run(
        database, actor, name, centre_id=str(centre_id), day=day, seconds=seconds, **args
    )
    plan_id = first_id(result, "day_plan")
    jobs.use(jobs.Machine(database, settings))
    await compute_plan(region_id=actor.region_id, plan_id=str(plan_id))
    return plan_id


async def read(client: httpx.AsyncClient, plan_id: UUID, headers: dict[str, str]) -> Any:
    """The plan as the dispatcher reads it."""
    answer = await client.get(f"/v1/dispatch/plans/{plan_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of(plan: Any, visit_id: UUID) -> Any:
    """The line of a visit in a plan as read."""
    return next(line for line in plan["lines"] if line["visit_id"] == str(visit_id))


def person(name: str) -> str:
    return str(id_of(name))


__all__ = ["FIXED", "ask", "booked_visit", "of", "person", "read"]
