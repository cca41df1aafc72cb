"""A visit is not completed without the health record of its broadband work."""

from fieldops.health import commands
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.visits.events import VisitCompleting


@on(VisitCompleting)
async def refuse_without_reading(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a broadband line has no reading of this visit (VI-04)."""
    await commands.require_readings(ctx, event.visit_id, event.work_order_ids)
