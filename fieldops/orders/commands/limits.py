"""Time limits of work, which follow the customer's tier and the region's standards (WO-04)."""

from uuid import UUID

from pydantic import Field

from fieldops.customers import queries as customers
from fieldops.customers.models import Customer
from fieldops.emergencies import queries as emergencies
from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries, rules
from fieldops.orders.commands.ranking import rank
from fieldops.orders.models import ServiceOrder, WorkOrder


async def limit_of(ctx: Context, customer: Customer, kind: str, service: str) -> int:
    """Return the time limit of work for a customer in seconds (CU-02)."""
    standard = await customers.standard(
        ctx.session,
        customer.segment,
        customer.tier,
        service,
        rules.TASK_OF_KIND.get(rules.Kind(kind), "activation"),
        region_id=ctx.region_id,
    )
    return standard.minutes * 60


class FollowStandards(Args):
    order_id: UUID = Field(description="The order.")


@command("order.follow_standards", permission=Permission.ORDER_WRITE, subject="order_id")
async def follow_standards(ctx: Context, args: FollowStandards) -> list[WorkOrder]:
    """Work out limits, due times and priorities of open work anew (WO-04, WO-06).

    By the customer's present tier and the standards as they are; what stood still stays out of
    the limit. Raises NotFound.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    order = await queries.lock_order(ctx.session, scope, args.order_id)
    return await follow_customer(ctx, order)


async def follow_customer(ctx: Context, order: ServiceOrder) -> list[WorkOrder]:
    """Let the open work of a locked order follow its customer's tier and the standards.

    Warnings that a longer limit has made untrue are taken back, so that they come again in time.
    Returns the work whose limit or priority changed.
    """
    if order.customer_id is None:
        return []
    customer = await ctx.session.get_one(Customer, (ctx.region_id, order.customer_id))
    rows = await queries.work_orders(ctx.session, ctx.region_id, [order.id])
    changed = []
    for row in rows:
        if row.state not in rules.OPEN or row.department != rules.Department.FIELD:
            continue
        before = (row.limit_seconds, row.priority)
        row.limit_seconds = await limit_of(ctx, customer, row.kind, row.service)
        plan = await emergencies.active(
            ctx.session, ctx.region_id, order.centre_id, row.received_at
        )
        if plan is not None:  # still in force, it stretches what came in under it (EM-01)
            row.limit_seconds = plan.stretched(row.limit_seconds)
        row.due_at = rules.due_at(row.received_at, row.limit_seconds, row.suspended_seconds)
        await rank(ctx, order, [row])
        if before[0] != row.limit_seconds:
            await _take_back_warnings(ctx, row)
        if before != (row.limit_seconds, row.priority):
            changed.append(row)
    return changed


async def _take_back_warnings(ctx: Context, row: WorkOrder) -> None:
    until = row.clock_stopped_at or ctx.now
    passed = (until - row.received_at).total_seconds() - row.suspended_seconds
    for warning in await queries.warnings_of(ctx.session, ctx.region_id, row.id):
        if passed < row.limit_seconds * warning.percent / 100:
            await ctx.session.delete(warning)
        else:
            warning.due_at = row.due_at
