"""What work is worth now: the one place that sets a work order's priority anew (WO-06)."""

from collections.abc import Collection

from fieldops.customers.models import Customer
from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.orders import rules
from fieldops.orders.models import ServiceOrder, WorkOrder


async def rank(ctx: Context, order: ServiceOrder, rows: Collection[WorkOrder]) -> None:
    """Set the priority of an order's open work by class, urges, service and tier (WO-05, WO-06).

    Work that has ended keeps what it had. The caller holds the order's lock.
    """
    tier = ""
    if order.customer_id is not None:
        customer = await ctx.session.get(Customer, (ctx.region_id, order.customer_id))
        tier = customer.tier if customer is not None else ""
    most = await configuration.value(ctx.session, ctx.region_id, rules.URGES_RAISING)
    for row in rows:
        if row.state in rules.OPEN:
            row.priority = rules.priority(
                row.kind, row.service, tier, order.urgency, min(order.urges, most)
            )
