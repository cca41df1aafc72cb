"""What retention makes of booked and ended care work, and of an erasure (CU-09, CU-07)."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.events import AppointmentBooked
from fieldops.followups.events import CareTaskTaken
from fieldops.kernel.commands import Context
from fieldops.kernel.erasure import Reach, on_erasure
from fieldops.kernel.events import on
from fieldops.kernel.gathering import row_of
from fieldops.orders.events import WorkOrderAside, WorkOrderCancelled, WorkOrderReturned
from fieldops.retention import queries
from fieldops.retention.queries import churn
from fieldops.retention.rules import Way
from fieldops.visits.events import VisitCompleted
from fieldops.visits.models import Visit


@on(AppointmentBooked)
async def answered_by_a_window(ctx: Context, event: AppointmentBooked) -> None:
    """Take a promised window as the field's answer to a retention visit (CU-09)."""
    visit = await row_of(ctx.session, Visit, ctx.region_id, event.visit_id)
    for row in await churn.of_orders(ctx.session, ctx.region_id, [visit.order_id] if visit else []):
        row.answered_at = row.answered_at or ctx.now


@on(WorkOrderReturned, WorkOrderCancelled)
async def answered_by_a_return(ctx: Context, event: WorkOrderAside) -> None:
    """Take care work that comes back with a reason as an answer (CU-09)."""
    for row in await churn.of_orders(ctx.session, ctx.region_id, [event.order_id]):
        row.answered_at = row.answered_at or ctx.now


@on(VisitCompleted)
async def revisited(ctx: Context, event: VisitCompleted) -> None:
    """Note that the customer was visited; what came of it is recorded by a person (CU-09)."""
    visit = await row_of(ctx.session, Visit, ctx.region_id, event.visit_id)
    for row in await churn.of_orders(ctx.session, ctx.region_id, [visit.order_id] if visit else []):
        if row.done_at is None:
            row.done_at, row.done_by, row.way = event.at, ctx.actor.id, Way.VISIT.value


@on(CareTaskTaken)
async def one_owner(ctx: Context, event: CareTaskTaken) -> None:
    """Give the repair of the relationship to whoever cares for the customer now (CU-08)."""
    task = await queries.lock_open_task(ctx.session, ctx.region_id, event.customer_id)
    if task is not None:
        task.owner_id = event.person_id


@on_erasure
async def end_what_is_open(session: AsyncSession, reach: Reach) -> None:
    """Close what is open about an erased customer: nobody can be spoken to any more."""
    await queries.end_tasks(session, reach)
    await churn.end(session, reach)
