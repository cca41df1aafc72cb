"""A follow-up is planned once for each matter, and follows the clock from there (FO-01, FO-02)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries as appointments
from fieldops.customers.models import Customer
from fieldops.followups import queries, rules
from fieldops.followups.events import FollowUpPlanned
from fieldops.followups.models import FollowUp
from fieldops.followups.rules import State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Outcome, command
from fieldops.kernel.gathering import row_of
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries as orders
from fieldops.orders import rules as order_rules
from fieldops.orders.models import ServiceOrder
from fieldops.organisation.models import Technician
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

HANDLE = Permission.FOLLOW_UP_HANDLE


async def plan(
    ctx: Context, order: ServiceOrder, visit: Visit | None, finished_at: datetime
) -> FollowUp | None:
    """Plan the follow-up of an order whose last work is done; None when there is none to plan.

    None too while work is open, for kinds that are not followed up, and when the matter has its
    follow-up already (FO-04). The caller holds the order.
    """
    if order.customer_id is None:
        return None
    work = await orders.work_orders(ctx.session, ctx.region_id, [order.id])
    if any(row.state in order_rules.OPEN for row in work):
        return None
    matter = rules.matter_of(row.kind for row in work if row.state in queries.DONE)
    if matter is None or await queries.of_order(ctx.session, ctx.region_id, order.id):
        return None
    row = FollowUp(
        region_id=ctx.region_id,
        customer_id=order.customer_id,
        centre_id=order.centre_id,
        order_id=order.id,
        visit_id=None,
        matter=matter,
        finished_at=finished_at,
        tries=0,
    )
    if visit is not None:
        await _by_whom(ctx, row, visit)
    await _when_and_how(ctx, row)
    ctx.add(row)
    await ctx.emit(
        FollowUpPlanned(
            row.id,
            row.customer_id,
            row.visit_id,
            row.centre_id,
            row.state == State.WAITING,
            row.ask_at,
            row.latest_at,
        )
    )
    return row


async def _by_whom(ctx: Context, row: FollowUp, visit: Visit) -> None:
    row.visit_id = visit.id
    present = await visits.present(ctx.session, ctx.region_id, [visit.id])
    if present:
        row.technician_id = present[0].technician_id
        technician = await row_of(ctx.session, Technician, ctx.region_id, present[0].technician_id)
        row.firm_id = technician.firm_id if technician else None


async def _when_and_how(ctx: Context, row: FollowUp) -> None:
    """Set by whom and when the customer is asked: by tier, not at night (FO-02, AP-09)."""
    customer = await row_of(ctx.session, Customer, ctx.region_id, row.customer_id)
    person = customer is None or rules.by_person(customer.segment, customer.tier)
    # A message goes out about a visit: what was done without one is asked by a person.
    person = person or row.visit_id is None
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    latest = await configuration.duration(ctx.session, ctx.region_id, rules.LATEST)
    row.ask_at = quiet.end_after(ctx.now) if quiet.covers(ctx.now) else ctx.now
    row.due_at = rules.due_at(row.ask_at, quiet.zone)
    row.latest_at = max(row.finished_at + latest, row.due_at)
    row.channel = "person" if person else "message"
    row.state = State.TO_CALL.value if person else State.WAITING.value


class PlanFollowUp(Args):
    order_id: UUID = Field(description="The order whose work is done.")


@command("follow_up.plan", permission=HANDLE, subject="order_id")
async def plan_follow_up(ctx: Context, args: PlanFollowUp) -> Outcome:
    """Plan the follow-up of an order that ended without a visit of its own (FO-01).

    Nothing happens when it has one. Raises NotFound outside the scope.
    """
    order = await orders.lock_order(ctx.session, ctx.actor.scope(HANDLE), args.order_id)
    visit = await queries.last_visit(ctx.session, ctx.region_id, order.id)
    done = await plan(ctx, order, visit, order.closed_at or ctx.now)
    return [] if done is None else done


class FollowClock(Args):
    """Nothing to say: what is due follows from the time."""


@command("follow_up.follow_clock", permission=HANDLE)
async def follow_clock(ctx: Context, args: FollowClock) -> Outcome:  # noqa: ARG001 - none
    """Hand unanswered messages to the call list, and escalate what is overdue (FO-01, FO-02)."""
    session, region_id = ctx.session, ctx.region_id
    wait = await configuration.duration(session, region_id, rules.WAIT)
    unanswered = await queries.lock_unanswered(session, region_id, ctx.now - wait)
    for row in unanswered:
        row.state = State.TO_CALL.value
    late = await queries.lock_late(session, region_id, ctx.now)
    tasks = await queries.lock_late_tasks(session, region_id, ctx.now)
    for row in late:
        row.escalated_at = ctx.now
    for task in tasks:
        task.escalated_at = ctx.now
    return [*{row.id: row for row in (*unanswered, *late)}.values(), *tasks]
