"""Work that the plant needs, without a customer: the cable department's, and rounds (RE-03)."""

from datetime import timedelta
from uuid import UUID

from pydantic import Field

from fieldops.customers.models import Premises
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, command
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import queries as network
from fieldops.network.rules import FindingState
from fieldops.orders import queries, rules
from fieldops.orders.commands.states import Why, cancel_work
from fieldops.orders.errors import FindingSettled, FindingWithoutPlant
from fieldops.orders.events import OrderReceived
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Cause, Department, Kind, State

PLANT = "plant"
INDOORS = "indoor_network"  # what of the catalogue of services a round is about
PLANT_PREFIX = "PLANT-"
IN_ERROR = "reported_in_error"  # a reason of the list


async def open_cable_work(
    ctx: Context, *, feature_id: UUID, centre_id: UUID, premises_id: UUID | None, reason: str
) -> WorkOrder:
    """Open the cable department's work order for a bad pair, fibre or port (RE-03).

    One open work order is enough for a feature: a second report returns the first.
    """
    known = await queries.open_work_at_feature(ctx.session, ctx.region_id, feature_id)
    if known is not None:
        return known
    limit = await configuration.duration(ctx.session, ctx.region_id, rules.CABLE_LIMIT)
    _, work = await _open(
        ctx,
        kind=Kind.REPAIR,
        service=PLANT,
        department=Department.CABLE,
        centre_id=centre_id,
        premises_id=premises_id,
        feature_id=feature_id,
        reason=reason,
        limit=limit,
    )
    ctx.also.append(work)
    return work


class OpenForFinding(Args):
    finding_id: UUID = Field(description="The open finding, at a piece of plant.")


@command("finding.open_work", permission=Permission.ORDER_WRITE, subject="finding_id")
async def open_for_finding(ctx: Context, args: OpenForFinding) -> WorkOrder:
    """Open the cable department's work order for a finding (VI-06).

    The plant's open one is returned when it has one already. Raises NotFound, FindingSettled,
    FindingWithoutPlant.
    """
    scope = ctx.actor.scope(Permission.ORDER_WRITE)
    finding = await network.lock_finding(ctx.session, scope, args.finding_id)
    if finding.state != FindingState.OPEN:
        raise FindingSettled(state=finding.state)
    if finding.feature_id is None:
        raise FindingWithoutPlant
    return await open_cable_work(
        ctx,
        feature_id=finding.feature_id,
        centre_id=finding.centre_id,
        premises_id=None,
        reason=finding.text[:500],
    )


async def open_round_work(
    ctx: Context,
    *,
    kind: Kind,
    centre_id: UUID,
    place: Premises,
    feature_id: UUID | None,
    reason: str,
    limit: timedelta,
) -> tuple[ServiceOrder, WorkOrder]:
    """Open work that plant needs on site, with a visit and without a customer (VI-06, CH-04)."""
    order, work = await _open(
        ctx,
        kind=kind,
        service=INDOORS,
        department=Department.FIELD,
        centre_id=centre_id,
        premises_id=place.id,
        feature_id=feature_id,
        reason=reason,
        limit=limit,
    )
    await ctx.emit(OrderReceived(order.id, (work.id,), None, order.centre_id))
    return order, work


async def _open(
    ctx: Context,
    *,
    kind: Kind,
    service: str,
    department: Department,
    centre_id: UUID,
    premises_id: UUID | None,
    feature_id: UUID | None,
    reason: str,
    limit: timedelta,
) -> tuple[ServiceOrder, WorkOrder]:
    """Add an order of nobody with its one work order."""
    minutes = await configuration.value(ctx.session, ctx.region_id, rules.WORK_MINUTES[kind])
    seconds = int(limit.total_seconds())
    order = ServiceOrder(
        region_id=ctx.region_id,
        external_ref=f"{PLANT_PREFIX}{new_id()}",
        centre_id=centre_id,
        premises_id=premises_id,
        state=State.RECEIVED.value,
        received_at=ctx.now,
    )
    ctx.add(order)
    await ctx.session.flush()
    work = WorkOrder(
        region_id=ctx.region_id,
        order_id=order.id,
        premises_id=premises_id,
        centre_id=centre_id,
        number=1,
        kind=kind.value,
        service=service,
        symptom=reason,
        feature_id=feature_id,
        skill=rules.skill_for(service, None, kind),
        department=department.value,
        state=State.RECEIVED.value,
        state_since=ctx.now,
        received_at=ctx.now,
        limit_seconds=seconds,
        due_at=rules.due_at(ctx.now, seconds),
        duration_minutes=int(minutes),
        priority=rules.priority(kind, service, ""),
    )
    ctx.add(work)
    await ctx.session.flush()
    return order, work


async def take_back_cable_work(
    ctx: Context, work_order_id: UUID, *, opened_for: str, why: str
) -> bool:
    """Cancel work for the plant that was called for in error, when nobody has begun it.

    Returns False and changes nothing for work that somebody has at hand, that was made urgent
    since, or that was open for another reason than `opened_for` already.
    """
    (work,) = await queries.lock_work_orders(ctx.session, ctx.region_id, [work_order_id])
    order = await queries.lock_order(
        ctx.session, Scope(ctx.region_id, whole_region=True), work.order_id
    )
    begun = work.state != State.RECEIVED or order.urgency != "normal"
    if begun or work.symptom != opened_for:
        return False
    ctx.reason = why
    await cancel_work(ctx, [work], Why(IN_ERROR, Cause.OPERATOR, why))
    return True
