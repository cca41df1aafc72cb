"""Time limits of work, which follow the customer's tier and the region's standards (WO-04)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from fieldops.customers import queries as customers
from fieldops.customers.models import Customer
from fieldops.emergencies import queries as emergencies
from fieldops.emergencies.rules import ActivePlan
from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries, rules
from fieldops.orders.commands.ranking import rank
from fieldops.orders.models import ServiceOrder, WorkOrder


async def limit_of(
    ctx: Context, customer: Customer, kind: str, service: str, plan: ActivePlan | None
) -> int:
    """Return the time limit of work for a customer in seconds (CU-02).

    `plan`: the emergency plan that was in force when the work came in; it stretches (EM-01).
    """
    standard = await customers.standard(
        ctx.session,
        customer.segment,
        customer.tier,
        service,
        rules.TASK_OF_KIND.get(rules.Kind(kind), "activation"),
        region_id=ctx.region_id,
    )
    usual = standard.minutes * 60
    return usual if plan is None else plan.stretched(usual)


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

    A limit that an emergency plan stretched when the work came in stays stretched, though the
    plan has ended since (EM-01). Warnings that a longer limit has made untrue are taken back, so
    that they come again in time. Returns the work whose limit or priority changed.
    """
    if order.customer_id is None:
        return []
    customer = await ctx.session.get_one(Customer, (ctx.region_id, order.customer_id))
    rows = [
        row
        for row in await queries.work_orders(ctx.session, ctx.region_id, [order.id])
        if row.state in rules.OPEN and row.department == rules.Department.FIELD
    ]
    before = {row.id: (row.limit_seconds, row.priority) for row in rows}
    plans: dict[datetime, ActivePlan | None] = {}
    for row in rows:
        came = row.received_at
        if came not in plans:
            plans[came] = await emergencies.active(
                ctx.session, ctx.region_id, order.centre_id, came
            )
        row.limit_seconds = await limit_of(ctx, customer, row.kind, row.service, plans[came])
        row.due_at = rules.due_at(came, row.limit_seconds, row.suspended_seconds)
        if before[row.id][0] != row.limit_seconds:
            await _take_back_warnings(ctx, row)
    await rank(ctx, order, rows)
    return [row for row in rows if before[row.id] != (row.limit_seconds, row.priority)]


async def _take_back_warnings(ctx: Context, row: WorkOrder) -> None:
    until = row.clock_stopped_at or ctx.now
    passed = (until - row.received_at).total_seconds() - row.suspended_seconds
    own = {audience for audience, _number in rules.WARNINGS}
    for warning in await queries.warnings_of(ctx.session, ctx.region_id, row.id):
        if warning.audience not in own:  # the time for a transfer follows no standard
            continue
        if passed < row.limit_seconds * warning.percent / 100:
            await ctx.session.delete(warning)
        else:
            warning.due_at = row.due_at
