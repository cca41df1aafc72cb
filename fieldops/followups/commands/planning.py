"""A follow-up is planned once for each matter: an order's work, a complaint (FO-01, FO-04)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries as appointments
from fieldops.complaints import queries as complaints
from fieldops.complaints.models import Complaint
from fieldops.customers.models import Customer
from fieldops.followups import queries, rules
from fieldops.followups.events import FollowUpPlanned
from fieldops.followups.models import AskedMatter, FollowUp
from fieldops.followups.rules import State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Outcome, command
from fieldops.kernel.erasure import erasure_of
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

    None too while work is open, for kinds that are not followed up, when the matter has its
    follow-up already (FO-04), and when the customer was erased. An open follow-up
    of a complaint about the order asks for both. The caller holds the order.
    """
    if order.customer_id is None:
        return None
    work = await orders.work_orders(ctx.session, ctx.region_id, [order.id])
    if any(row.state in order_rules.OPEN for row in work):
        return None
    matter = rules.matter_of(row.kind for row in work if row.state in queries.DONE)
    if matter is None or await queries.asked_order(ctx.session, ctx.region_id, order.id):
        return None
    both = await queries.about_order(ctx.session, ctx.region_id, order.id)
    if both is not None:
        await _join(ctx, both, order_id=order.id)
        return both
    if await erasure_of(ctx.session, ctx.region_id, order.customer_id) is not None:
        return None
    row = FollowUp(
        region_id=ctx.region_id,
        customer_id=order.customer_id,
        centre_id=order.centre_id,
        order_id=order.id,
        matter=matter,
        finished_at=finished_at,
    )
    await _add(ctx, row, visit)
    ctx.add(_asked(ctx, row, order_id=order.id))
    return row


async def plan_complaint(ctx: Context, complaint: Complaint) -> FollowUp | None:
    """Plan the follow-up of a closed complaint; None when it is asked about already (FO-04).

    While the customer has not answered about its order, or about the complaint it repeats, or a
    person is still settling that answer, one question is for both.
    """
    session, region_id = ctx.session, ctx.region_id
    if complaint.closed_at is None:
        return None
    if await queries.asked_complaint(session, region_id, complaint.id):
        return None
    ids = await complaints.visit_ids(session, region_id, complaint.id)
    about = await queries.orders_of(session, region_id, complaint.order_id, ids)
    both = await queries.about_complaint(session, region_id, about, complaint.repeat_of_id)
    if both is not None:
        await _join(ctx, both, complaint_id=complaint.id)
        return both
    if await erasure_of(session, region_id, complaint.customer_id) is not None:
        return None
    row = FollowUp(
        region_id=region_id,
        customer_id=complaint.customer_id,
        centre_id=complaint.centre_id,
        order_id=complaint.order_id or (about[0] if about else None),
        matter="complaint",
        finished_at=complaint.closed_at,
    )
    visit = await queries.last_visit(session, region_id, visit_ids=ids) if ids else None
    await _add(ctx, row, visit)
    ctx.add(_asked(ctx, row, complaint_id=complaint.id))
    return row


async def speak_first(ctx: Context, order_id: UUID | None, visit_ids: tuple[UUID, ...]) -> None:
    """Let a person ask who complains meanwhile: no message asks them how satisfied they are."""
    about = await queries.orders_of(ctx.session, ctx.region_id, order_id, visit_ids)
    if about:
        for row in await queries.lock_open_of_order(ctx.session, ctx.region_id, about):
            await to_a_person(ctx, row)


async def to_a_person(ctx: Context, row: FollowUp) -> None:
    """Put a locked follow-up onto the call list, to be called outside the quiet hours (AP-09)."""
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    row.state = State.TO_CALL.value
    row.call_at = quiet.end_after(ctx.now) if quiet.covers(ctx.now) else ctx.now


async def _join(
    ctx: Context,
    row: FollowUp,
    *,
    order_id: UUID | None = None,
    complaint_id: UUID | None = None,
) -> None:
    """Let a locked follow-up ask about another matter too: by a person, who can speak of both."""
    ctx.add(_asked(ctx, row, order_id=order_id, complaint_id=complaint_id))
    if row.state == State.WAITING:
        await to_a_person(ctx, row)


def _asked(
    ctx: Context,
    row: FollowUp,
    *,
    order_id: UUID | None = None,
    complaint_id: UUID | None = None,
) -> AskedMatter:
    return AskedMatter(
        region_id=ctx.region_id,
        follow_up_id=row.id,
        centre_id=row.centre_id,
        order_id=order_id,
        complaint_id=complaint_id,
    )


async def _add(ctx: Context, row: FollowUp, visit: Visit | None) -> None:
    row.tries, row.visit_id = 0, None
    if visit is not None:
        await _by_whom(ctx, row, visit)
    await _when_and_how(ctx, row)
    ctx.add(row)
    await ctx.session.flush()
    by_message = row.state == State.WAITING
    await ctx.emit(
        FollowUpPlanned(
            row.id,
            row.customer_id,
            row.visit_id,
            row.centre_id,
            by_message,
            row.ask_at,
            row.latest_at,
        )
    )


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
    row.call_at = row.ask_at
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
    visit = await queries.last_visit(ctx.session, ctx.region_id, order_id=order.id)
    done = await plan(ctx, order, visit, order.closed_at or ctx.now)
    return [] if done is None else done


class PlanComplaintFollowUp(Args):
    complaint_id: UUID = Field(description="The complaint that was closed.")


@command("follow_up.plan_complaint", permission=HANDLE, subject="complaint_id")
async def plan_complaint_follow_up(ctx: Context, args: PlanComplaintFollowUp) -> Outcome:
    """Plan the follow-up of a closed complaint that has none (FO-01).

    Nothing happens when it has one. Raises NotFound outside the scope.
    """
    scope = ctx.actor.scope(Permission.COMPLAINT_HANDLE)
    complaint = await complaints.lock_complaint(ctx.session, scope, args.complaint_id)
    done = await plan_complaint(ctx, complaint)
    return [] if done is None else done
