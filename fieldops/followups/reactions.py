"""What the end of work makes of follow-ups (FO-01)."""

from fieldops.followups.commands import planning
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.kernel.gathering import row_of
from fieldops.orders.models import ServiceOrder
from fieldops.visits.events import VisitCompleted
from fieldops.visits.models import Visit


@on(VisitCompleted)
async def plan_when_all_is_done(ctx: Context, event: VisitCompleted) -> None:
    """Plan the customer's follow-up with the visit that completes the last work of an order."""
    visit = await row_of(ctx.session, Visit, ctx.region_id, event.visit_id)
    if visit is None:
        return
    order = await row_of(ctx.session, ServiceOrder, ctx.region_id, visit.order_id)
    if order is not None:
        await planning.plan(ctx, order, visit, event.at)
