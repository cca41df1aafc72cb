"""What upkeep does when the work of a round ends."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.orders.events import WorkOrderAside, WorkOrderCancelled, WorkOrderReturned
from fieldops.upkeep import commands, queries
from fieldops.visits.events import VisitCompleted


@on(VisitCompleted)
async def note_what_was_looked_at(ctx: Context, event: VisitCompleted) -> None:
    """Note that a patrol or an inspection was done on a visit (VI-06, CH-04)."""
    done = await queries.done_on(ctx.session, ctx.region_id, event.visit_id)
    await commands.close_rounds(ctx, done, visit_id=event.visit_id, at=event.at)


@on(WorkOrderCancelled, WorkOrderReturned)
async def let_it_be_opened_again(ctx: Context, event: WorkOrderAside) -> None:
    """Close a round whose work will not be done; it stays due (VI-06, CH-04)."""
    await commands.close_rounds(ctx, [event.work_order_id], visit_id=None, at=ctx.now)
