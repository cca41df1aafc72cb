"""Emergency plans of the tests, laid down and put in force by the module's own commands."""

from typing import Any
from uuid import UUID

from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from tests.support.run import first_id, run
from tests.support.world import NORTH, id_of

STORM: dict[str, Any] = {
    "name": "Storm damage",
    "kind": "disaster",
    "owner_id": str(id_of("sam")),
    "text_en": "After the storm repairs come first.",
    "text_zh": "风灾后优先抢修。",
}


async def make_plan(
    database: Database, actor: Actor, *, centre_id: UUID | None = NORTH, **changes: Any
) -> UUID:
    """A plan for a disaster in North (or another centre, or the region without one)."""
    where = {} if centre_id is None else {"centre_id": str(centre_id)}
    result = await run(database, actor, "emergency.create_plan", **{**STORM, **where, **changes})
    return first_id(result, "emergency_plan")


async def put_in_force(database: Database, actor: Actor, plan_id: UUID, **args: Any) -> UUID:
    """Put a plan in force now; return its activation."""
    result = await run(
        database,
        actor,
        "emergency.activate",
        plan_id=str(plan_id),
        reason="Storm since six",
        **args,
    )
    return first_id(result, "emergency_activation")
