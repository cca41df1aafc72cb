"""What follows from the past months, worked out by the product itself: findings and tasks.

The same commands as the worker's nightly jobs run, once, as of now.
"""

from typing import Any

from fieldops.demo.copying import REGION
from fieldops.health.commands.declining import look_for_decline
from fieldops.kernel import actor, clock, commands
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.retention import queries as retention
from fieldops.retention.commands.repairing import open_task


async def work_out(database: Database) -> dict[str, int]:
    """Look for declining lines and for customers let down; return how many of these."""
    await _run(database, look_for_decline)
    async with database.transaction() as session:
        let_down = await retention.without_task(session, REGION, clock.now())
    for customer_id, *_ in let_down:
        await _run(database, open_task, customer_id=str(customer_id))
    return {"customers to be called": len(let_down)}


async def _run(database: Database, verb: Any, **args: Any) -> None:
    async with database.transaction() as session:
        envelope = Envelope(new_id(), commands.spec_of(verb).name, args)
        await commands.run(session, actor.system(REGION), envelope, clock.now())
