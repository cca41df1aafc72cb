"""A complaint comes in: its clocks start, its order rises, its technicians hear of it (CO-01)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, Field

from fieldops.complaints import queries, rules
from fieldops.complaints.errors import ArrivalNotPast, CentreNotNamed
from fieldops.complaints.events import ComplaintTaken
from fieldops.complaints.models import Complaint, ComplaintVisit
from fieldops.complaints.rules import Channel, Department, Grade, State, Topic
from fieldops.customers import queries as customers
from fieldops.customers.models import Customer
from fieldops.customers.rules import Task
from fieldops.kernel import configuration
from fieldops.kernel.actor import Kind
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command, shown
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission, Scope
from fieldops.orders import queries as orders
from fieldops.orders import rules as order_rules
from fieldops.orders.commands.ranking import rank
from fieldops.orders.models import ServiceOrder
from fieldops.visits.commands import telling
from fieldops.visits.models import Visit
from fieldops.visits.rules import NoticeKind


class ReceiveComplaint(Args):
    model_config = shown(
        customer_id="01938f5e-0000-7000-8000-000000000001",
        channel="phone",
        topic="appointment",
        words="Nobody came, and nobody called.",
    )
    id: UUID | None = Field(None, description="The complaint's id; the command's id without it.")
    customer_id: UUID = Field(description="Who complains.")
    channel: Channel = Field(description="How it came in.")
    topic: Topic = Field(description="What it is about.")
    words: Text = Field(min_length=3, max_length=4000, description="What the customer said.")
    grade: Grade = Field(Grade.GENERAL, description="Its class, which gives the total limit.")
    department: Department = Field(Department.CARE, description="Who takes it and will reply.")
    order_id: UUID | None = Field(None, description="The order it is about.")
    visit_ids: list[UUID] = Field(
        [], max_length=rules.MOST_VISITS, description="The visits; empty: those of the order."
    )
    centre_id: UUID | None = Field(
        None, description="The centre, when neither order nor customer says it."
    )
    wants_report: bool = Field(False, description="The customer asks for a written report.")
    arrived_at: AwareDatetime | None = Field(
        None, description="When it came in, of a letter say; now without it."
    )


@command("complaint.receive", permission=Permission.COMPLAINT_RECEIVE, subject="customer_id")
async def receive(ctx: Context, args: ReceiveComplaint) -> list[Regional]:
    """Take a complaint: whoever takes it owns it, and both its clocks run from the arrival.

    CO-01, CO-02, CO-04: a complaint of the same customer about the same matter within 30 days
    marks it as a repetition. Open work of its order becomes as urgent as complaints are (WO-06),
    the technicians of its visits are told. Raises NotFound, CentreNotNamed, ArrivalNotPast.
    """
    arrived = _arrival(ctx, args.arrived_at)
    scope = ctx.actor.scope(ctx.spec.permission)
    customer = await customers.lock_customer(ctx.session, scope, args.customer_id)
    order = await _order(ctx, scope, args.order_id, customer)
    visits = await _visits(ctx, args, customer)
    row = await _written(ctx, args, customer, order, arrived)
    row.centre_id = await _centre(ctx, scope, args, order, visits, customer)
    ctx.add(row)
    await ctx.session.flush()
    ctx.add(
        *(
            ComplaintVisit(
                region_id=ctx.region_id,
                complaint_id=row.id,
                visit_id=visit.id,
                centre_id=row.centre_id,
            )
            for visit in visits
        )
    )
    changed = await _raise(ctx, order)
    await _tell(ctx, row, visits)
    ids = tuple(visit.id for visit in visits)
    await ctx.emit(
        ComplaintTaken(
            row.id, row.customer_id, row.order_id, ids, row.centre_id, row.repeat_of_id is not None
        )
    )
    return [row, *changed]


def _arrival(ctx: Context, given: datetime | None) -> datetime:
    arrived = given or ctx.now
    if not ctx.now - rules.EARLIEST_ARRIVAL <= arrived <= ctx.now:
        raise ArrivalNotPast(days=rules.EARLIEST_ARRIVAL.days)
    return arrived


async def _order(
    ctx: Context, scope: Scope, order_id: UUID | None, customer: Customer
) -> ServiceOrder | None:
    if order_id is None:
        return None
    order = await orders.lock_order(ctx.session, scope, order_id)
    if order.customer_id != customer.id:
        raise NotFound(thing="order")
    return order


async def _visits(ctx: Context, args: ReceiveComplaint, customer: Customer) -> list[Visit]:
    """Return the visits it is about; raises NotFound for one of another customer."""
    wanted: Sequence[UUID] = args.visit_ids
    if not wanted and args.order_id is not None:
        wanted = await queries.visits_of_order(ctx.session, ctx.region_id, args.order_id)
    found = await queries.visits(ctx.session, ctx.region_id, wanted)
    for id_ in wanted:
        if id_ not in found or found[id_].customer_id != customer.id:
            raise NotFound(thing="visit")
    return [found[id_] for id_ in sorted(found)]


async def _centre(
    ctx: Context,
    scope: Scope,
    args: ReceiveComplaint,
    order: ServiceOrder | None,
    visits: Sequence[Visit],
    customer: Customer,
) -> UUID:
    """Return the centre it is about: of the order, else of a visit, as named, of the customer."""
    if order is not None:
        return order.centre_id
    named = visits[-1].centre_id if visits else args.centre_id or customer.centre_id
    if named is None:
        raise CentreNotNamed
    return await customers.centre_in(ctx.session, scope, named)


async def _written(
    ctx: Context,
    args: ReceiveComplaint,
    customer: Customer,
    order: ServiceOrder | None,
    arrived: datetime,
) -> Complaint:
    owned = ctx.actor.kind is Kind.PERSON and ctx.actor.allows(Permission.COMPLAINT_HANDLE)
    owner = ctx.actor.id if owned else None
    limit = await configuration.duration(ctx.session, ctx.region_id, rules.LIMITS[args.grade])
    within = await configuration.duration(ctx.session, ctx.region_id, rules.REPEATED_WITHIN)
    former = await queries.former(
        ctx.session, ctx.region_id, customer.id, args.topic, arrived - within
    )
    return Complaint(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        customer_id=customer.id,
        order_id=order.id if order else None,
        repeat_of_id=former,
        channel=args.channel.value,
        grade=args.grade.value,
        topic=args.topic.value,
        words=args.words,
        wants_report=args.wants_report,
        state=(State.HANDLED if owned else State.WAITING).value,
        arrived_at=arrived,
        contact_due_at=arrived + await _contact_within(ctx, customer),
        due_at=arrived + limit,
        department=args.department.value,
        owner_id=owner,
        handling_department=args.department.value,
        handler_id=owner,
    )


async def _contact_within(ctx: Context, customer: Customer) -> timedelta:
    """Return by when a customer is spoken to: two hours, or what the standard says (CU-02)."""
    standard = await customers.standard(
        ctx.session,
        customer.segment,
        customer.tier,
        None,
        Task.COMPLAINT_CONTACT,
        region_id=ctx.region_id,
    )
    most = await configuration.duration(ctx.session, ctx.region_id, rules.CONTACT_AT_MOST)
    return min(most, timedelta(minutes=standard.minutes))


async def _raise(ctx: Context, order: ServiceOrder | None) -> list[Regional]:
    """Make the open work of an order as urgent as a complaint (WO-06)."""
    if order is None or not order_rules.is_open(order_rules.State(order.state)):
        return []
    order.urgency = "complaint"
    work = await orders.work_orders(ctx.session, ctx.region_id, [order.id])
    await rank(ctx, order, work)
    return [order, *(row for row in work if row.state in order_rules.OPEN)]


async def _tell(ctx: Context, row: Complaint, visits: Sequence[Visit]) -> None:
    """Tell the technicians of the visits what it is about; they can answer by a note."""
    crews = await queries.crews(ctx.session, ctx.region_id, [visit.id for visit in visits])
    ctx.reason = row.topic  # the notice says no more of it
    for visit in visits:
        await telling.tell(ctx, visit, crews[visit.id], NoticeKind.COMPLAINT)
