"""The timetable of retention: tasks for customers to whom something happened."""

import structlog

from fieldops.kernel import actor, clock, commands, jobs
from fieldops.kernel.commands import Envelope
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.retention import queries

log = structlog.get_logger()


@jobs.every("*/10 * * * *", "retention.open_repair_tasks")
async def open_repair_tasks() -> None:
    """Open a task for every red or yellow customer who has none for what happened (CU-08)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            due = await queries.without_task(session, region_id, clock.now())
        for customer_id, *_ in due:
            envelope = Envelope(new_id(), "repair_task.open", {"customer_id": str(customer_id)})
            try:
                async with database.transaction() as session:
                    await commands.run(session, actor.system(region_id), envelope, clock.now())
            except Coded as refusal:
                # Somebody was quicker, or the customer was erased; the others go on.
                log.warning("task not opened", customer_id=str(customer_id), code=refusal.code)
