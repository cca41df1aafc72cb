"""Work for the cable department that the plant needs, without a customer's order (RE-03)."""

from uuid import UUID

from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.kernel.ids import new_id
from fieldops.orders import queries, rules
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Department, Kind, State

PLANT = "plant"
PLANT_PREFIX = "PLANT-"


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
