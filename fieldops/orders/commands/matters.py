"""Urges, and the matters that have one owner from the first contact to the answer (WO-05)."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from fieldops.kernel import configuration
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries, rules
from fieldops.orders.commands.ranking import rank
from fieldops.orders.errors import (
    AnothersMatter,
    CannotOwnMatters,
    MatterAnswered,
    MatterOpen,
    MatterTaken,
    NotOfferedToYou,
    NotYourMatter,
    OrderNotOpen,
    UrgeNotCounted,
)
from fieldops.orders.events import MatterOffered, OrderUrged
from fieldops.orders.models import Matter, ServiceOrder, Urge, WorkOrder
from fieldops.orders.queries import matters as reads
from fieldops.orders.rules import Channel, MatterState, State
from fieldops.organisation import queries as organisation

refuse_on("uq_orders_matter_open", MatterOpen)

Words = Text | None


class UrgeOrder(Args):
    order_id: UUID = Field(description="The order.")
    side: Literal["customer", "agent"] = Field(
        "customer", description="Who presses: the customer, or an agent for them."
    )
    channel: Channel = Field(description="How it reached us.")
    words: Words = Field(None, max_length=1000, description="What was said.")


class OpenMatter(Args):
    order_id: UUID = Field(description="The order it is about.")
    kind: Literal["question", "change"] = Field(description="What the customer wants.")
    channel: Channel = Field(description="How it reached us.")
    words: Text = Field(min_length=3, max_length=1000, description="What the customer said.")


class _OfMatter(Args):
    matter_id: UUID = Field(description="The matter.")


class TakeMatter(_OfMatter):
    pass


class HandOver(_OfMatter):
    to: UUID = Field(description="The person who is asked to take it.")
    note: Text = Field(min_length=3, max_length=1000, description="What they need to know.")


class AcceptMatter(_OfMatter):
    pass


class DeclineMatter(_OfMatter):
    reason: Text = Field(min_length=3, max_length=500, description="Why not.")


class AnswerMatter(_OfMatter):
    answer: Text = Field(min_length=3, max_length=2000, description="What the customer was told.")
    channel: Channel = Field(description="How they were told.")


@command("order.urge", permission=Permission.ORDER_WRITE, subject="order_id")
async def urge(ctx: Context, args: UrgeOrder) -> list[ServiceOrder | Matter | Urge | WorkOrder]:
    """Press for an order: counted, its open work rises within its class, and somebody owns it.

    WO-05. The first person who takes it up owns the matter; an order urged again stays with that
    owner, whom the answer names. Raises NotFound, OrderNotOpen.
    """
    order = await _open_order(ctx, args.order_id)
    return await press(ctx, order, args.side, args.channel, args.words)


async def press(
    ctx: Context, order: ServiceOrder, side: str, channel: str, words: str | None
) -> list[ServiceOrder | Matter | Urge | WorkOrder]:
    """Count an urge of a locked order that is open, and give it an owner."""
    matter = await reads.open_matter(ctx.session, ctx.region_id, order.id)
    if matter is None:
        matter = _begin(ctx, order, rules.Matter.URGE, channel, words)
    elif matter.owner_id is None:
        _own(ctx, matter)
    await ctx.session.flush()
    await _name_owner(ctx, matter)
    last = await reads.last_urge(ctx.session, ctx.region_id, order.id)
    apart = await configuration.duration(ctx.session, ctx.region_id, rules.URGES_APART)
    counts = last is None or ctx.now - last >= apart
    row = Urge(
        region_id=ctx.region_id,
        order_id=order.id,
        centre_id=order.centre_id,
        matter_id=matter.id,
        side=side,
        channel=channel,
        words=words,
        taken_by=ctx.actor.id,
        at=ctx.now,
        raises=counts,
    )
    ctx.add(row)
    if not counts:
        ctx.warn(UrgeNotCounted(minutes=int(apart / timedelta(minutes=1))))
        return [order, matter, row]
    order.urges += 1
    work = await queries.work_orders(ctx.session, ctx.region_id, [order.id])
    await rank(ctx, order, work)
    await ctx.emit(OrderUrged(order.id, order.urges, matter.id, matter.owner_id))
    return [order, matter, row, *(entry for entry in work if entry.state in rules.OPEN)]


@command("matter.open", permission=Permission.MATTER_HANDLE, subject="order_id")
async def open_matter(ctx: Context, args: OpenMatter) -> Matter:
    """Take up what a customer asks about an order; who takes it owns it until answered (WO-05).

    Raises NotFound, MatterOpen with its owner when somebody has a matter of this order already.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    order = await queries.lock_order(ctx.session, scope, args.order_id)
    known = await reads.open_matter(ctx.session, ctx.region_id, order.id)
    if known is not None:
        raise MatterOpen(next_steps=("order.urge",), **await _owner_of(ctx, known))
    matter = _begin(ctx, order, rules.Matter(args.kind), args.channel, args.words)
    await ctx.session.flush()
    return matter


@command("matter.take", permission=Permission.MATTER_HANDLE, subject="matter_id")
async def take(ctx: Context, args: TakeMatter) -> Matter:
    """Take a matter that waits, or whose owner cannot answer any more (WO-05).

    Raises NotFound, MatterAnswered, MatterTaken with its owner.
    """
    matter = await _unanswered(ctx, args.matter_id)
    if matter.owner_id is not None and matter.owner_id != ctx.actor.id:
        if await _may_own(ctx, matter.owner_id, matter.centre_id):
            raise MatterTaken(next_steps=("matter.hand_over",), **await _owner_of(ctx, matter))
        ctx.reason = "the owner takes no matters of this centre any more"
    _own(ctx, matter)
    return matter


@command("matter.hand_over", permission=Permission.MATTER_HANDLE, subject="matter_id")
async def hand_over(ctx: Context, args: HandOver) -> Matter:
    """Ask somebody to take a matter over; it stays the owner's until they accept (WO-05).

    Raises NotFound, MatterAnswered, NotYourMatter, CannotOwnMatters.
    """
    matter = await _own_matter(ctx, args.matter_id)
    known = await organisation.names(ctx.session, [args.to])
    if args.to == ctx.actor.id or not await _may_own(ctx, args.to, matter.centre_id):
        raise CannotOwnMatters(person=known.get(args.to, "This person"))
    ctx.reason = args.note
    matter.state = MatterState.OFFERED.value
    matter.offered_to, matter.offered_at, matter.offer_note = args.to, ctx.now, args.note
    await ctx.emit(MatterOffered(matter.id, matter.order_id, ctx.actor.id, args.to))
    return matter


@command("matter.accept", permission=Permission.MATTER_HANDLE, subject="matter_id")
async def accept(ctx: Context, args: AcceptMatter) -> Matter:
    """Accept a matter that was offered: from now on it is yours to answer (WO-05).

    Raises NotFound, MatterAnswered, NotOfferedToYou.
    """
    matter = await _offered(ctx, args.matter_id)
    _own(ctx, matter)
    return matter


@command("matter.decline", permission=Permission.MATTER_HANDLE, subject="matter_id")
async def decline(ctx: Context, args: DeclineMatter) -> Matter:
    """Decline a matter that was offered, with a reason; it stays with its owner (WO-05).

    Raises NotFound, MatterAnswered, NotOfferedToYou.
    """
    matter = await _offered(ctx, args.matter_id)
    ctx.reason = args.reason
    _keep(matter)
    return matter


@command("matter.answer", permission=Permission.MATTER_HANDLE, subject="matter_id")
async def answer(ctx: Context, args: AnswerMatter) -> Matter:
    """Record what the customer was told; with that the matter is answered (WO-05).

    Raises NotFound, MatterAnswered, NotYourMatter.
    """
    matter = await _own_matter(ctx, args.matter_id)
    _keep(matter)
    matter.state = MatterState.ANSWERED.value
    matter.answered_at = ctx.now
    matter.answer, matter.answer_channel = args.answer, args.channel.value
    return matter


async def _open_order(ctx: Context, order_id: UUID) -> ServiceOrder:
    scope = ctx.actor.scope(ctx.spec.permission)
    order = await queries.lock_order(ctx.session, scope, order_id)
    if not rules.is_open(State(order.state)):
        raise OrderNotOpen(next_steps=("matter.open",), state=order.state)
    return order


def _begin(
    ctx: Context, order: ServiceOrder, kind: rules.Matter, channel: str, words: str | None
) -> Matter:
    matter = Matter(
        region_id=ctx.region_id,
        order_id=order.id,
        centre_id=order.centre_id,
        kind=kind.value,
        words=words,
        channel=channel,
        state=MatterState.WAITING.value,
        came_at=ctx.now,
    )
    _own(ctx, matter)
    ctx.add(matter)
    return matter


def _own(ctx: Context, matter: Matter) -> None:
    """Make the actor the owner, if it is a person who may answer; a machine owns nothing."""
    if ctx.actor.kind is Kind.PERSON and ctx.actor.allows(Permission.MATTER_HANDLE):
        matter.owner_id, matter.owned_since = ctx.actor.id, ctx.now
        _keep(matter)


def _keep(matter: Matter) -> None:
    """Leave a matter with its owner; an offer to somebody else is over."""
    matter.state = MatterState.OWNED.value
    matter.offered_to = matter.offered_at = matter.offer_note = None


async def _unanswered(ctx: Context, matter_id: UUID) -> Matter:
    matter = await reads.lock_matter(ctx.session, ctx.actor.scope(ctx.spec.permission), matter_id)
    if matter.answered_at is not None:
        raise MatterAnswered(answered_on=matter.answered_at.isoformat())
    return matter


async def _own_matter(ctx: Context, matter_id: UUID) -> Matter:
    matter = await _unanswered(ctx, matter_id)
    if matter.owner_id != ctx.actor.id:
        steps = ("matter.take",) if matter.owner_id is None else ()
        raise NotYourMatter(next_steps=steps, **await _owner_of(ctx, matter))
    return matter


async def _offered(ctx: Context, matter_id: UUID) -> Matter:
    matter = await _unanswered(ctx, matter_id)
    if matter.offered_to != ctx.actor.id:
        raise NotOfferedToYou(**await _owner_of(ctx, matter))
    return matter


async def _may_own(ctx: Context, person_id: UUID, centre_id: UUID) -> bool:
    """Return whether a person's roles let them answer matters of a centre now."""
    actor = await organisation.load_actor(ctx.session, person_id, ctx.region_id)
    if actor is None or actor.kind is not Kind.PERSON:
        return False
    if not actor.allows(Permission.MATTER_HANDLE):
        return False
    scope = actor.scope(Permission.MATTER_HANDLE)
    return scope.whole_region or centre_id in scope.centre_ids


async def _owner_of(ctx: Context, matter: Matter) -> dict[str, Any]:
    known = await organisation.names(ctx.session, [matter.owner_id] if matter.owner_id else [])
    name = known.get(matter.owner_id, "nobody") if matter.owner_id else "nobody"
    since = matter.owned_since or matter.came_at
    return {"owner": name, "since": since.isoformat()}


async def _name_owner(ctx: Context, matter: Matter) -> None:
    if matter.owner_id is not None and matter.owner_id != ctx.actor.id:
        ctx.warn(AnothersMatter(**await _owner_of(ctx, matter)))
