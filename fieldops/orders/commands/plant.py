"""Work for the cable department that the plant needs, without a customer's order (RE-03)."""

from uuid import UUID

from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Scope
from fieldops.orders import queries, rules
from fieldops.orders.commands.states import Why, cancel_work
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Cause, Department, Kind, State

PLANT = "plant"
PLANT_PREFIX = "PLANT-"
IN_ERROR = "reported_in_error"  # a reason of the list


async def open_cable_work(
    ctx: Context, *, feature_id: UUID, centre_id: UUID, premises_id: UUID | None, reason: str
) -> WorkOrder:
    """Open the cable department's work order for a bad pair, fibre or port (RE-03).

    One open work order is enough for a feature: a second report returns the first.
    """
    known = await queries.open_work_at_feature(ctx.session, ctx.region_id, feature_id)
    if known is not None:
        return known
    limit = await configuration.duration(ctx.session, ctx.region_id, rules.CABLE_LIMIT)
    minutes = await configuration.value(ctx.session, ctx.region_id, rules.WORK_MINUTES[Kind.REPAIR])
    seconds = int(limit.total_seconds())
    order = ServiceOrder(
        region_id=ctx.region_id,
        external_ref=f"{PLANT_PREFIX}{new_id()}",
        centre_id=centre_id,
        premises_id=premises_id,
        state=State.RECEIVED.value,
        received_at=ctx.now,
    )
    ctx.add(order)
    await ctx.session.flush()
    work = WorkOrder(
        region_id=ctx.region_id,
        order_id=order.id,
        premises_id=premises_id,
        centre_id=centre_id,
        number=1,
        kind=Kind.REPAIR.value,
        service=PLANT,
        symptom=reason,
        feature_id=feature_id,
        skill="indoor_network",
        department=Department.CABLE.value,
        state=State.RECEIVED.value,
        state_since=ctx.now,
        received_at=ctx.now,
        limit_seconds=seconds,
        due_at=rules.due_at(ctx.now, seconds),
        duration_minutes=int(minutes),
        priority=rules.priority(Kind.REPAIR, PLANT, ""),
    )
    ctx.add(work)
    await ctx.session.flush()
    ctx.also.append(work)
    return work


async def take_back_cable_work(
    ctx: Context, work_order_id: UUID, *, opened_for: str, why: str
) -> bool:
    """Cancel work for the plant that was called for in error, when nobody has begun it.

    Returns False and changes nothing for work that somebody has at hand, that was made urgent
    since, or that was open for another reason than `opened_for` already.
    """
    (work,) = await queries.lock_work_orders(ctx.session, ctx.region_id, [work_order_id])
    order = await queries.lock_order(
        ctx.session, Scope(ctx.region_id, whole_region=True), work.order_id
    )
    begun = work.state != State.RECEIVED or order.urgency != "normal"
    if begun or work.symptom != opened_for:
        return False
    ctx.reason = why
    await cancel_work(ctx, [work], Why(IN_ERROR, Cause.OPERATOR, why))
    return True
