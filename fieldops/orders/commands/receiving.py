"""The verb that takes an order in: its customer, premises and work orders (WO-01)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from fieldops.customers import commands as customers
from fieldops.customers import queries as customer_queries
from fieldops.customers.models import Customer, Premises
from fieldops.customers.rules import Segment
from fieldops.emergencies import queries as emergencies
from fieldops.emergencies.rules import ActivePlan
from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Moment, Text, command, shown
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.ids import new_id
from fieldops.kernel.ledger import canonical
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries, rules
from fieldops.orders.commands import limits, states
from fieldops.orders.commands.plant import PLANT_PREFIX
from fieldops.orders.commands.ranking import rank
from fieldops.orders.errors import (
    OrderDiffers,
    OrderNotOpen,
    PremisesOfAnotherCentre,
    ReceivedAtUnlikely,
    UnknownReference,
)
from fieldops.orders.events import OrderReceived, WorkAdded
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Kind, State

EARLIEST_RECEIPT = timedelta(days=366)
CLOCKS_APART = timedelta(minutes=5)


class GivenCustomer(Args):
    """A customer by id or reference; `details` register one that is not known yet."""

    id: UUID | None = Field(None, description="The customer's id.")
    external_ref: Text | None = Field(
        None, min_length=1, max_length=64, description="The reference another system knows it by."
    )
    details: customers.RegisterCustomer | None = Field(
        None, description="What to register when the reference is not known yet."
    )

    @model_validator(mode="after")
    def _named(self) -> "GivenCustomer":
        if (self.id is None) == (self.external_ref is None):
            raise ValueError("name the customer by id or by external_ref")
        return self


class GivenPremises(Args):
    """Premises by id or reference; `details` register premises that are not known yet."""

    id: UUID | None = Field(None, description="The premises' id.")
    external_ref: Text | None = Field(
        None, min_length=1, max_length=64, description="The reference another system knows it by."
    )
    details: customers.RegisterPremises | None = Field(
        None, description="What to register when the reference is not known yet."
    )

    @model_validator(mode="after")
    def _named(self) -> "GivenPremises":
        if (self.id is None) == (self.external_ref is None):
            raise ValueError("name the premises by id or by external_ref")
        return self


class OrderItem(Args):
    """One item of an order; it gives one work order (WO-01)."""

    kind: Kind = Field(description="The kind of work.")
    service: Literal["broadband", "fixed_line", "tv", "indoor_network"] = Field(
        description="What the work is about."
    )
    technology: Literal["copper", "fibre"] | None = Field(
        None, description="The technology; without it the service's own, else copper."
    )
    product: Text | None = Field(None, max_length=120, description="The product as sold.")
    symptom: Text | None = Field(None, max_length=500, description="What the customer reports.")
    service_id: UUID | None = Field(None, description="The service in the network record.")
    account: Text | None = Field(
        None, min_length=1, max_length=64, description="The service's account number instead."
    )
    skill: (
        Literal["fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise"] | None
    ) = Field(None, description="The skill it needs; without it by service (ORG-03).")
    duration_minutes: int | None = Field(
        None, ge=5, le=720, description="Planned time on site; without it by kind and customer."
    )
    premises: GivenPremises | None = Field(
        None,
        description="Where this work is when it is not at the order's premises: the old home of a "
        "move. It gets a visit of its own there.",
    )


class ReceiveOrder(Args):
    model_config = shown(
        external_ref="S-2026-118423",
        customer={"external_ref": "C100042"},
        premises={"external_ref": "P-7781"},
        items=[
            {"kind": "install", "service": "fixed_line"},
            {"kind": "install", "service": "broadband", "product": "Home 100"},
        ],
        wish="mornings",
        received_at="2026-11-21T08:15:00+02:00",
    )
    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    external_ref: Text = Field(
        min_length=1,
        max_length=64,
        description="The order's number where it came from; the same again changes nothing.",
    )
    customer: GivenCustomer = Field(description="Who ordered.")
    premises: GivenPremises = Field(description="Where the work is, if no item says else.")
    items: list[OrderItem] = Field(min_length=1, max_length=20, description="What is ordered.")
    urgency: Literal["normal", "major_fault", "complaint"] = Field(
        "normal", description="What raises its priority above its kind's (WO-06)."
    )
    wish: Text | None = Field(None, max_length=500, description="When the customer wants it.")
    received_at: Moment | None = Field(
        None, description="When it was received; without it now. Due times start here."
    )

    @field_validator("external_ref")
    @classmethod
    def _not_ours(cls, value: str) -> str:
        if value.startswith(PLANT_PREFIX):
            raise ValueError(f"references that start with {PLANT_PREFIX} are made here")
        return value


@command("order.receive", permission=Permission.ORDER_WRITE)
async def receive(ctx: Context, args: ReceiveOrder) -> list[ServiceOrder | WorkOrder]:
    """Take an order in; each item gives one work order with due time and priority (WO-01, WO-04).

    The same reference with the same content changes nothing. Raises OrderDiffers for other
    content, UnknownReference, NotFound outside the scope, ReceivedAtUnlikely,
    PremisesOfAnotherCentre.
    """
    digest = _digest(args)
    known = await queries.order_by_ref(ctx.session, ctx.region_id, args.external_ref)
    if known is not None:
        if known.content_hash != digest:
            raise OrderDiffers(external_ref=args.external_ref)
        await queries.order(ctx.session, ctx.actor.scope(ctx.spec.permission), known.id)
        return [known]
    received_at = _receipt(ctx, args.received_at)
    premises = await _premises(ctx, args.premises)
    customer = await _customer(ctx, args.customer)
    order = ServiceOrder(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        external_ref=args.external_ref,
        customer_id=customer.id,
        premises_id=premises.id,
        centre_id=premises.centre_id,
        state=State.RECEIVED.value,
        urgency=args.urgency,
        wish=args.wish,
        received_at=received_at,
        content_hash=digest,
    )
    ctx.add(order)
    await ctx.session.flush()
    work = await _add_work(ctx, order, customer, 1, args.items, received_at)
    ids = tuple(row.id for row in work)
    await ctx.emit(OrderReceived(order.id, ids, customer.id, order.centre_id))
    return [order, *work]


def _digest(args: ReceiveOrder) -> str:
    """Return the hash of an order's content, to know the same order when it comes again."""
    content = args.model_dump(mode="json", exclude={"id"})
    for item in content["items"]:
        # Left out where it says nothing: orders taken in before it was known stay the same.
        if item["premises"] is None:
            del item["premises"]
    return hashlib.sha256(canonical(content)).hexdigest()


class AddItems(Args):
    order_id: UUID = Field(description="The order.")
    items: list[OrderItem] = Field(min_length=1, max_length=20, description="What comes along.")
    reason: Text = Field(min_length=3, max_length=500, description="Who wanted it, and why.")


@command("order.add_items", permission=Permission.ORDER_WRITE, subject="order_id")
async def add_items(ctx: Context, args: AddItems) -> list[ServiceOrder | WorkOrder]:
    """Take more items onto an order that is open; their work goes on its one visit (WO-02).

    One visit at each premises. Their limits run from now. Raises NotFound, OrderNotOpen,
    UnknownReference, PremisesOfAnotherCentre.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    order = await queries.lock_order(ctx.session, scope, args.order_id)
    if not rules.is_open(State(order.state)) or order.customer_id is None:
        raise OrderNotOpen(next_steps=("order.receive",), state=order.state)
    customer = await ctx.session.get_one(Customer, (ctx.region_id, order.customer_id))
    ctx.reason = args.reason
    known = await queries.work_orders(ctx.session, ctx.region_id, [order.id])
    first = max((row.number for row in known), default=0) + 1
    work = await _add_work(ctx, order, customer, first, args.items, ctx.now)
    await states.follow(ctx, work)
    await ctx.emit(WorkAdded(order.id, tuple(row.id for row in work)))
    return [order, *work]


def _receipt(ctx: Context, given: datetime | None) -> datetime:
    if given is None:
        return ctx.now
    if not ctx.now - EARLIEST_RECEIPT <= given <= ctx.now + CLOCKS_APART:
        raise ReceivedAtUnlikely(now=ctx.now.isoformat())
    return min(given, ctx.now)


async def _customer(ctx: Context, given: GivenCustomer) -> Customer:
    """Return the customer, registered first when only its details are known."""
    scope = ctx.actor.scope(Permission.ORDER_WRITE)
    if given.id is not None:
        return await customer_queries.customer(ctx.session, scope, given.id)
    ref = given.external_ref or ""
    known = await customer_queries.customer_by_ref(ctx.session, ctx.region_id, ref)
    if known is not None:
        return await customer_queries.customer(ctx.session, scope, known.id)
    if given.details is None:
        raise UnknownReference(thing="customer", external_ref=ref)
    _may_register(ctx)
    details = given.details.model_copy(
        update={"id": given.details.id or new_id(), "external_ref": ref}
    )
    rows = cast("list[Regional]", await customers.register_customer(ctx, details))
    return next(row for row in rows if isinstance(row, Customer))


async def _premises(ctx: Context, given: GivenPremises) -> Premises:
    """Return the premises, registered first when only their details are known."""
    scope = ctx.actor.scope(Permission.ORDER_WRITE)
    if given.id is not None:
        return await customer_queries.premises(ctx.session, scope, given.id)
    ref = given.external_ref or ""
    known = await customer_queries.premises_by_ref(ctx.session, ctx.region_id, ref)
    if known is not None:
        return await customer_queries.premises(ctx.session, scope, known.id)
    if given.details is None:
        raise UnknownReference(thing="premises", external_ref=ref)
    _may_register(ctx)
    details = given.details.model_copy(
        update={"id": given.details.id or new_id(), "external_ref": ref}
    )
    premises = cast("Premises", await customers.register_premises(ctx, details))
    await ctx.session.flush()
    return premises


async def _where(ctx: Context, order: ServiceOrder, item: OrderItem) -> UUID | None:
    """Return the premises of an item: its own, or the order's.

    Raises PremisesOfAnotherCentre: whoever sees an order sees all of it, so it has one centre.
    """
    if item.premises is None:
        return order.premises_id
    premises = await _premises(ctx, item.premises)
    if premises.centre_id != order.centre_id:
        raise PremisesOfAnotherCentre(next_steps=("order.receive",))
    return premises.id


def _may_register(ctx: Context) -> None:
    if not ctx.actor.allows(Permission.CUSTOMER_WRITE):
        raise Forbidden(permission=Permission.CUSTOMER_WRITE.value)


async def _add_work(
    ctx: Context,
    order: ServiceOrder,
    customer: Customer,
    first: int,
    items: Sequence[OrderItem],
    received_at: datetime,
) -> list[WorkOrder]:
    """Make the work orders of items, numbered from `first` on, with priority and limit."""
    plan = await emergencies.active(ctx.session, ctx.region_id, order.centre_id, received_at)
    work = [
        await _work_order(ctx, order, customer, number, item, received_at, plan)
        for number, item in enumerate(items, start=first)
    ]
    await rank(ctx, order, work)
    ctx.add(*work)
    await ctx.session.flush()
    return work


async def _work_order(
    ctx: Context,
    order: ServiceOrder,
    customer: Customer,
    number: int,
    item: OrderItem,
    received_at: datetime,
    plan: ActivePlan | None,
) -> WorkOrder:
    """Make the work order of an item: skill, limit, due time, planned time on site."""
    premises_id = await _where(ctx, order, item)
    technology: str | None = item.technology
    service_id = None
    if item.service_id is not None or item.account is not None:
        service = await queries.service_at(
            ctx.session, ctx.region_id, premises_id, item.service_id, item.account
        )
        if service is None:
            ref = item.account or str(item.service_id)
            raise UnknownReference(thing="service at the premises", external_ref=ref)
        technology, service_id = technology or service.technology, service.id
    limit = await limits.limit_of(ctx, customer, item.kind, item.service, plan)
    minutes = item.duration_minutes or await _planned_minutes(ctx, customer, item.kind)
    return WorkOrder(
        region_id=ctx.region_id,
        order_id=order.id,
        premises_id=premises_id,
        centre_id=order.centre_id,
        number=number,
        kind=item.kind.value,
        service=item.service,
        technology=technology,
        product=item.product,
        symptom=item.symptom,
        service_id=service_id,
        skill=item.skill or rules.skill_for(item.service, technology, item.kind),
        department=rules.Department.FIELD.value,
        state=State.RECEIVED.value,
        state_since=ctx.now,
        received_at=received_at,
        limit_seconds=limit,
        due_at=rules.due_at(received_at, limit),
        duration_minutes=minutes,
    )


async def _planned_minutes(ctx: Context, customer: Customer, kind: Kind) -> int:
    """Return the planned time on site by kind of work and customer."""
    numbers = await configuration.values(ctx.session, ctx.region_id)
    usual = numbers[rules.WORK_MINUTES[kind].name]
    return rules.planned_minutes(usual, numbers[rules.TIME_SHARES[Segment(customer.segment)].name])
