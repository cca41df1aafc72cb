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
    found = await _ranked_otherwise(ctx, centre_id)
    if not found:
        return
    await queries.lock_orders(ctx.session, ctx.region_id, {row.order_id for row, _ in found})
    # An urge that held an order until now has raised its work meanwhile.
    anew = {row.work_order_id: wanted for row, wanted in await _ranked_otherwise(ctx, centre_id)}
    ids = [row.work_order_id for row, _ in found if row.work_order_id in anew]
    for work in await queries.lock_work_orders_anew(ctx.session, ctx.region_id, ids):
        if work.state in rules.OPEN:
            work.priority = anew[work.id]


async def _ranked_otherwise(
    ctx: Context, centre_id: UUID | None
) -> list[tuple[queries.Ranked, int]]:
    """Return open work that has another priority than it is worth now, with what it is worth."""
    most = await configuration.value(ctx.session, ctx.region_id, rules.URGES_RAISING)
    changed: list[tuple[queries.Ranked, int]] = []
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
                changed.append((row, wanted))
    return changed
