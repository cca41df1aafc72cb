"""What health does when visits end and findings about lines are closed."""

from fieldops.health import commands
from fieldops.health.commands import declining
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.network.events import FindingClosed
from fieldops.visits.events import VisitCompleting


@on(VisitCompleting)
async def refuse_without_reading(ctx: Context, event: VisitCompleting) -> None:
    """Refuse the completion while a broadband line has no reading of this visit (VI-04)."""
    await commands.require_readings(ctx, event.visit_id, event.work_order_ids)


@on(FindingClosed)
async def end_what_was_closed(ctx: Context, event: FindingClosed) -> None:
    """Take lines off the list of those getting worse when a person closed their finding (HR-04)."""
    await declining.end_closed(ctx, event.finding_id)
