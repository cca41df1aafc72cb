"""Complaints of the tests, taken by the agent about a visit or an order."""

from typing import Any
from uuid import UUID

from fieldops.complaints.models import Complaint
from fieldops.kernel.actor import Actor
from fieldops.kernel.db import Database
from tests.support.run import first_id, run


async def complain(database: Database, actor: Actor, customer_id: UUID, **args: Any) -> UUID:
    """Take a complaint of a customer about an appointment, by telephone."""
    given = {
        "customer_id": str(customer_id),
        "channel": "phone",
        "topic": "appointment",
        "words": "Nobody came, and nobody called.",
        **args,
    }
    return first_id(await run(database, actor, "complaint.receive", **given), "complaint")


async def step(
    database: Database, actor: Actor, complaint_id: UUID, name: str, **args: Any
) -> dict[str, Any]:
    """Do something about a complaint."""
    return await run(database, actor, f"complaint.{name}", complaint_id=str(complaint_id), **args)


async def standing(database: Database, complaint_id: UUID) -> Complaint:
    """Return a complaint as it is now."""
    async with database.transaction() as session:
        return await session.get_one(Complaint, (1, complaint_id))
