"""What the end of work, complaints and an erasure make of follow-ups (FO-01, FO-04, CU-07)."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints.events import ComplaintClosed, ComplaintTaken
from fieldops.complaints.models import Complaint
from fieldops.followups import queries
from fieldops.followups.commands import planning
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.rules import State
from fieldops.kernel.commands import Context
from fieldops.kernel.erasure import Reach, on_erasure
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


@on(ComplaintClosed)
async def plan_when_answered(ctx: Context, event: ComplaintClosed) -> None:
    """Plan the follow-up of a complaint with the reply that closes it."""
    complaint = await row_of(ctx.session, Complaint, ctx.region_id, event.complaint_id)
    if complaint is not None:
        await planning.plan_complaint(ctx, complaint)


@on(ComplaintTaken)
async def let_a_person_ask(ctx: Context, event: ComplaintTaken) -> None:
    """Keep the automatic question from a customer who has just complained of the same work."""
    await planning.speak_first(ctx, event.order_id, event.visit_ids)


@on_erasure
async def end_what_is_open(session: AsyncSession, reach: Reach) -> None:
    """Take an erased customer off the call list and close their care: nobody can be asked."""
    asked, tasks = await queries.lock_open(
        session, reach.region_id, reach.of(FollowUp), reach.of(CareTask)
    )
    for row in asked:
        row.state = State.WITHDRAWN.value
    for task in tasks:
        task.closed_at = reach.now
    await session.flush()
