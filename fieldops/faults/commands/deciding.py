"""What a person decides about an area fault: confirm, dismiss, change, end (FA-02)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.faults import queries, rules
from fieldops.faults.commands import analysing, holding
from fieldops.faults.commands.matching import claim
from fieldops.faults.errors import AreaFaultKnown, AreaFaultOver, NotBoxOrCable, NotHeld
from fieldops.faults.models import AreaFault
from fieldops.faults.rules import State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.network import queries as network
from fieldops.network.models import NetworkFeature
from fieldops.orders.commands.plant import open_cable_work
from fieldops.orders.commands.ranking import rank
from fieldops.orders.models import ServiceOrder

DECIDE = Permission.FAULT_DECIDE

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why.")]
Cause = Annotated[
    Text, Field(min_length=3, max_length=500, description="What is broken, for the hotline.")
]
Expected = Annotated[Moment, Field(description="When it is expected to be repaired.")]


class DeclareAreaFault(Args):
    model_config = shown(
        feature_id="01938f5e-0000-7000-8000-000000000001",
        cause="Excavator cut the cable in Kaivokatu",
        expected_repair_at="2026-11-23T18:00:00+02:00",
    )
    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    feature_id: UUID = Field(description="The box or cable.")
    cause: Cause
    expected_repair_at: Expected


class ConfirmAreaFault(Args):
    area_fault_id: UUID = Field(description="The area fault that was proposed.")
    feature_id: UUID | None = Field(
        None, description="The box or cable it really is; without it the proposed one."
    )
    cause: Cause
    expected_repair_at: Expected


class ChangeAreaFault(Args):
    area_fault_id: UUID = Field(description="The area fault.")
    cause: Cause
    expected_repair_at: Expected
    reason: Reason


class DismissAreaFault(Args):
    area_fault_id: UUID = Field(description="The area fault that was proposed.")
    reason: Reason


class EndAreaFault(Args):
    area_fault_id: UUID = Field(description="The area fault.")
    reason: Annotated[Text, Field(min_length=3, max_length=500, description="What was repaired.")]


class ReleaseHeldWork(Args):
    area_fault_id: UUID = Field(description="The area fault that holds it.")
    work_order_id: UUID = Field(description="The work that has another cause.")
    reason: Reason


@command("area_fault.declare", permission=DECIDE)
async def declare(ctx: Context, args: DeclareAreaFault) -> Outcome:
    """Declare an area fault that nobody had to report three times, a cable seen cut (FA-02).

    Raises NotFound, NotBoxOrCable, RepairTimePast, AreaFaultKnown.
    """
    rules.check_repair_time(args.expected_repair_at, ctx.now)
    await holding.lock_touched(ctx, args.feature_id)
    feature = await _place(ctx, args.feature_id)
    if await queries.lock_open_at(ctx.session, ctx.region_id, [feature.id]):
        raise AreaFaultKnown(next_steps=("area_fault.confirm", "area_fault.change"))
    fault = AreaFault(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        centre_id=feature.centre_id,
        feature_id=feature.id,
        state=State.PROPOSED.value,
    )
    ctx.add(fault)
    await ctx.session.flush()
    await _confirm(ctx, fault, args.cause, args)
    return fault


@command("area_fault.confirm", permission=DECIDE, subject="area_fault_id")
async def confirm(ctx: Context, args: ConfirmAreaFault) -> Outcome:
    """Confirm an area fault: the hotline has cause and time, single visits are held (FA-02).

    Raises NotFound, NotBoxOrCable, RepairTimePast, AreaFaultKnown, AreaFaultOver.
    """
    rules.check_repair_time(args.expected_repair_at, ctx.now)
    known = await queries.area_fault(ctx.session, ctx.actor.scope(DECIDE), args.area_fault_id)
    feature_id = args.feature_id or known.feature_id
    await holding.lock_touched(ctx, feature_id)
    feature = await _place(ctx, feature_id)
    fault = await _lock(ctx, args.area_fault_id, State.PROPOSED)
    if feature.id != fault.feature_id:
        if await queries.lock_open_at(ctx.session, ctx.region_id, [feature.id]):
            raise AreaFaultKnown(next_steps=("area_fault.dismiss",))
        fault.feature_id, fault.centre_id = feature.id, feature.centre_id
    await _confirm(ctx, fault, args.cause, args)
    return fault


async def _place(ctx: Context, feature_id: UUID) -> NetworkFeature:
    """Return a box or cable of the scope, which one transaction after the other looks at.

    Raises NotFound, NotBoxOrCable.
    """
    feature = await network.feature(ctx.session, ctx.actor.scope(DECIDE), feature_id)
    if feature.kind not in rules.PLACES:
        raise NotBoxOrCable(kind=feature.kind.replace("_", " "))
    await network.lock_places(ctx.session, ctx.region_id, [feature.id])
    return feature


async def _lock(ctx: Context, area_fault_id: UUID, state: State) -> AreaFault:
    fault = await queries.lock_area_fault(ctx.session, ctx.actor.scope(DECIDE), area_fault_id)
    if fault.state != state:
        raise AreaFaultOver(state=fault.state)
    return fault


async def _confirm(
    ctx: Context, fault: AreaFault, cause: str, args: DeclareAreaFault | ConfirmAreaFault
) -> None:
    """Confirm: take in what was reported lately, open the cable work, hold the single visits."""
    fault.state = State.CONFIRMED.value
    fault.confirmed_at, fault.confirmed_by = ctx.now, ctx.actor.id
    fault.cause, fault.expected_repair_at = cause, args.expected_repair_at
    within = await configuration.duration(ctx.session, ctx.region_id, rules.WITHIN)
    near = await queries.unclaimed(
        ctx.session, ctx.region_id, [fault.feature_id], ctx.now - within, ctx.now
    )
    await claim(ctx, fault, [row.report_id for row in near[fault.feature_id]])
    await _open_cable_work(ctx, fault, cause)
    chosen = await queries.to_hold(ctx.session, ctx.region_id, fault.feature_id)
    await holding.hold(ctx, fault, chosen)


async def _open_cable_work(ctx: Context, fault: AreaFault, cause: str) -> None:
    """Open the cable department's work, as urgent as a major fault is (WO-06)."""
    work = await open_cable_work(
        ctx,
        feature_id=fault.feature_id,
        centre_id=fault.centre_id,
        premises_id=None,
        reason=cause,
    )
    fault.cable_work_id = work.id
    order = await ctx.session.get(ServiceOrder, (ctx.region_id, work.order_id))
    if order is not None:
        order.urgency = "major_fault"
        await rank(ctx, order, [work])


@command("area_fault.dismiss", permission=DECIDE, subject="area_fault_id")
async def dismiss(ctx: Context, args: DismissAreaFault) -> Outcome:
    """Answer a proposed area fault with no, with the reason; its reports propose no other (FA-02).

    Raises NotFound, AreaFaultOver.
    """
    ctx.reason = args.reason
    fault = await _lock(ctx, args.area_fault_id, State.PROPOSED)
    _over(ctx, fault, State.DISMISSED, args.reason)
    return fault


@command("area_fault.change", permission=DECIDE, subject="area_fault_id")
async def change(ctx: Context, args: ChangeAreaFault) -> Outcome:
    """Give the hotline another cause or expected time; what is held waits for it (FA-02).

    Raises NotFound, AreaFaultOver, RepairTimePast.
    """
    rules.check_repair_time(args.expected_repair_at, ctx.now)
    ctx.reason = args.reason
    fault = await _lock(ctx, args.area_fault_id, State.CONFIRMED)
    fault.cause, fault.expected_repair_at = args.cause, args.expected_repair_at
    await holding.put_off(ctx, fault)
    return fault


@command("area_fault.release", permission=DECIDE, subject="area_fault_id")
async def release(ctx: Context, args: ReleaseHeldWork) -> Outcome:
    """Take one repair out of the hold, with the reason: its fault is another (FA-02).

    Raises NotFound, AreaFaultOver, NotHeld.
    """
    ctx.reason = args.reason
    fault = await _lock(ctx, args.area_fault_id, State.CONFIRMED)
    held = await queries.waiting(
        ctx.session, ctx.region_id, area_fault_id=fault.id, work_order_ids=[args.work_order_id]
    )
    if not held:
        raise NotHeld
    await holding.bring_back(ctx, fault, held, args.reason)
    return [*held, fault]


@command("area_fault.end", permission=DECIDE, subject="area_fault_id")
async def end(ctx: Context, args: EndAreaFault) -> Outcome:
    """Say that an area fault is repaired: held visits are planned again, customers told (FA-02).

    Raises NotFound, AreaFaultOver.
    """
    ctx.reason = args.reason
    fault = await _lock(ctx, args.area_fault_id, State.CONFIRMED)
    _over(ctx, fault, State.OVER, args.reason)
    await ctx.session.flush()
    held = await queries.waiting(ctx.session, ctx.region_id, area_fault_id=fault.id)
    await holding.bring_back(ctx, fault, held, args.reason)
    await analysing.when_over(ctx, fault)
    return fault


def _over(ctx: Context, fault: AreaFault, state: State, reason: str) -> None:
    fault.state = state.value
    fault.ended_at, fault.ended_by, fault.end_reason = ctx.now, ctx.actor.id, reason
