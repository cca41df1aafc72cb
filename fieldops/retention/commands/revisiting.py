"""Revisits: the field is asked for a visit and answers, and what came of it (CU-09)."""

from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from pydantic import Field

from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command, shown
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission, Scope
from fieldops.orders.commands import receiving
from fieldops.orders.models import ServiceOrder
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
from fieldops.organisation.queries.calendars import working_days
from fieldops.retention import rules
from fieldops.retention.commands import churning
from fieldops.retention.errors import NoVisitAsked, RevisitOver, VisitAsked
from fieldops.retention.models import Revisit
from fieldops.retention.queries import churn
from fieldops.retention.rules import Purpose, Said, Way

ASK = Permission.ORDER_WRITE
HANDLE = Permission.RETENTION_HANDLE
CARE_PREFIX = "CARE-"


class _Visit(Args):
    premises_id: UUID = Field(description="Where the customer is visited.")
    service: Literal["broadband", "fixed_line", "tv", "indoor_network"] = Field(
        "broadband", description="What it is about."
    )
    wish: Text | None = Field(None, max_length=500, description="When the customer wants it.")


class AskForVisit(_Visit):
    revisit_id: UUID = Field(description="The revisit that a technician is to make.")


class AskRetentionVisit(_Visit):
    model_config = shown(
        customer_id="01938f5e-0000-7000-8000-000000000001",
        premises_id="01938f5e-0000-7000-8000-000000000002",
        words="The contract ends in January",
    )
    customer_id: UUID = Field(description="Whose contract is to be renewed.")
    words: Text | None = Field(None, max_length=500, description="What to speak about.")


class AnswerVisit(Args):
    revisit_id: UUID = Field(description="The revisit that the field was asked for.")
    answer: Text = Field(min_length=3, max_length=1000, description="When, or why not.")


class RecordRevisit(Args):
    model_config = shown(
        revisit_id="01938f5e-0000-7000-8000-000000000001",
        way="phone",
        outcome="stays",
        words="Took the larger product for the same price",
    )
    revisit_id: UUID = Field(description="The revisit.")
    way: Way = Field(description="How the customer was spoken to.")
    outcome: Said = Field(description="What the customer does.")
    words: Text | None = Field(None, max_length=2000, description="What the customer said.")


@command("revisit.ask_visit", permission=ASK, subject="revisit_id")
async def ask_visit(ctx: Context, args: AskForVisit) -> list[Regional]:
    """Ask the field to make a revisit, by a care work order answered in one working day (CU-09).

    Raises NotFound, RevisitOver, VisitAsked, and what `order.receive` raises.
    """
    row = await _open(ctx, args.revisit_id)
    if row.order_id is not None:
        order = await ctx.session.get_one(ServiceOrder, (ctx.region_id, row.order_id))
        raise VisitAsked(external_ref=order.external_ref)
    order, made = await _care_order(ctx, args, row.customer_id, row.purpose)
    await _asked(ctx, row, order)
    return [row, *made]


@command("retention_visit.ask", permission=ASK, subject="customer_id")
async def ask_retention_visit(ctx: Context, args: AskRetentionVisit) -> list[Regional]:
    """Ask for a retention visit of a customer whose contract is to be renewed (CU-09).

    Dispatched as a care work order, answered within one working day. Raises what `order.receive`
    raises.
    """
    order, made = await _care_order(
        ctx, args, args.customer_id, args.words or Purpose.RENEWAL.value
    )
    within = await configuration.duration(ctx.session, ctx.region_id, rules.RENEWAL_WITHIN)
    row = Revisit(
        region_id=ctx.region_id,
        customer_id=args.customer_id,
        centre_id=order.centre_id,
        purpose=Purpose.RENEWAL.value,
        opened_at=ctx.now,
        due_at=ctx.now + within,
    )
    await _asked(ctx, row, order)
    ctx.add(row)
    await ctx.session.flush()
    return [row, *made]


@command("revisit.answer", permission=ASK, subject="revisit_id")
async def answer(ctx: Context, args: AnswerVisit) -> Revisit:
    """Answer for the field that a visit is asked for; a booked window answers by itself (CU-09).

    Raises NotFound, RevisitOver, NoVisitAsked.
    """
    row = await _open(ctx, args.revisit_id)
    if row.order_id is None or row.answered_at is not None:
        raise NoVisitAsked
    row.answered_at, row.answer = ctx.now, args.answer
    return row


@command("revisit.record", permission=HANDLE, subject="revisit_id")
async def record(ctx: Context, args: RecordRevisit) -> list[Regional]:
    """Record what came of a revisit: the customer stays, goes, or is undecided (CU-09).

    The first two close the case; for an undecided customer another revisit is due. Raises
    NotFound, RevisitOver.
    """
    row = await _open(ctx, args.revisit_id)
    if row.done_at is None:  # a completed visit has set it already
        row.done_at, row.done_by, row.way = ctx.now, ctx.actor.id, args.way.value
    row.outcome, row.words = args.outcome.value, args.words
    if row.churn_case_id is None:
        return [row]
    scope = ctx.actor.scope(ctx.spec.permission)
    case = await churn.lock_case(ctx.session, scope, row.churn_case_id)
    if args.outcome is Said.UNDECIDED:
        return [row, await churning.due(ctx, case)]
    case.outcome, case.closed_at = args.outcome.value, ctx.now
    return [row, case]


async def _open(ctx: Context, revisit_id: UUID) -> Revisit:
    scope: Scope = ctx.actor.scope(ctx.spec.permission)
    row = await churn.lock_revisit(ctx.session, scope, revisit_id)
    if row.outcome is not None or row.withdrawn_at is not None:
        raise RevisitOver
    return row


async def _care_order(
    ctx: Context, args: _Visit, customer_id: UUID, about: str
) -> tuple[ServiceOrder, list[Regional]]:
    """Take in the care order of a visit; returns it, and everything that was made."""
    order_id = new_id()
    item = receiving.OrderItem(kind=Kind.CARE, service=args.service, symptom=about)
    made = await receiving.receive(
        ctx,
        receiving.ReceiveOrder(
            id=order_id,
            external_ref=f"{CARE_PREFIX}{order_id}",
            customer=receiving.GivenCustomer(id=customer_id),
            premises=receiving.GivenPremises(id=args.premises_id),
            items=[item],
            wish=args.wish,
        ),
    )
    rows = cast("list[Regional]", made)
    return next(row for row in rows if isinstance(row, ServiceOrder)), rows


async def _asked(ctx: Context, row: Revisit, order: ServiceOrder) -> None:
    due = await _answer_due(ctx, order.centre_id)  # before: reading writes what is half done
    row.order_id, row.asked_at, row.answer_due_at = order.id, ctx.now, due


async def _answer_due(ctx: Context, centre_id: UUID) -> datetime:
    """Return by when the centre answers, by its working days (ORG-07)."""
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    within = await configuration.value(ctx.session, ctx.region_id, rules.ANSWERED_WITHIN)
    first = ctx.now.astimezone(zone).date()
    last = first + rules.LOOKED_AHEAD
    working = await working_days(ctx.session, ctx.region_id, centre_id, first, last, zone)
    return rules.answer_due(ctx.now, working, int(within), zone)
