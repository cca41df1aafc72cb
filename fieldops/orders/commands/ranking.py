"""What work is worth now: the one place that sets a work order's priority anew (WO-06)."""

from collections.abc import Collection
from uuid import UUID

from fieldops.customers.models import Customer
from fieldops.emergencies import queries as emergencies
from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.orders import queries, rules
from fieldops.orders.models import ServiceOrder, WorkOrder


async def rank(ctx: Context, order: ServiceOrder, rows: Collection[WorkOrder]) -> None:
    """Set the priority of an order's open work by class, urges, service and tier (WO-05, WO-06).

    What is in force for an emergency counts too (EM-01). Work that has ended keeps what it had.
    The caller holds the order's lock.
    """
    tier = ""
    if order.customer_id is not None:
        customer = await ctx.session.get(Customer, (ctx.region_id, order.customer_id))
        tier = customer.tier if customer is not None else ""
    most = await configuration.value(ctx.session, ctx.region_id, rules.URGES_RAISING)
    plan = await emergencies.active(ctx.session, ctx.region_id, order.centre_id, ctx.now)
    for row in rows:
        if row.state in rules.OPEN:
            row.priority = rules.priority(
                row.kind,
                row.service,
                tier,
                order.urgency,
                min(order.urges, most),
                raised_classes=plan.classes_raised(row.kind) if plan else 0,
            )


async def rank_centre(ctx: Context, centre_id: UUID | None) -> None:
    """Set the priority of all open work of a centre, or of the region, anew (EM-01, WO-06).

    Only work whose priority is another now is locked and written.
    """
    most = await configuration.value(ctx.session, ctx.region_id, rules.URGES_RAISING)
    changed: dict[UUID, int] = {}
    order_ids: set[UUID] = set()
    for centre, rows in (
        await queries.open_by_centre(ctx.session, ctx.region_id, centre_id)
    ).items():
        plan = await emergencies.active(ctx.session, ctx.region_id, centre, ctx.now)
        for row in rows:
            wanted = rules.priority(
                row.kind,
                row.service,
                row.tier,
                row.urgency,
                min(row.urges, most),
                raised_classes=plan.classes_raised(row.kind) if plan else 0,
            )
            if wanted != row.priority:
                changed[row.work_order_id] = wanted
                order_ids.add(row.order_id)
    if not changed:
        return
    await queries.lock_orders(ctx.session, ctx.region_id, order_ids)
    for work in await queries.lock_work_orders_anew(ctx.session, ctx.region_id, changed):
        if work.state in rules.OPEN:
            work.priority = changed[work.id]
