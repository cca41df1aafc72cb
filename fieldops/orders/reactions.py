"""What orders do when the plant, a tier or a standard changes, in an emergency, at an erasure."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.events import StandardChanged, TierChanged
from fieldops.customers.models import Customer, Premises
from fieldops.emergencies.events import (
    EmergencyBegan,
    EmergencyChanged,
    EmergencyEnded,
    EmergencyEvent,
)
from fieldops.kernel import erasure, jobs
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.kernel.permissions import Scope
from fieldops.network.events import PairMarkedBad
from fieldops.orders import queries
from fieldops.orders.commands import limits
from fieldops.orders.commands.plant import open_cable_work
from fieldops.orders.commands.ranking import rank_centre
from fieldops.orders.queries import premises


@on(PairMarkedBad)
async def give_bad_pair_to_cable_department(ctx: Context, event: PairMarkedBad) -> None:
    """Open a cable work order for a pair that was found bad (RE-03)."""
    await open_cable_work(
        ctx,
        feature_id=event.feature_id,
        centre_id=event.centre_id,
        premises_id=event.premises_id,
        reason=event.reason,
    )


@on(EmergencyBegan, EmergencyChanged, EmergencyEnded)
async def rank_anew(ctx: Context, event: EmergencyEvent) -> None:
    """Let the priorities of all open work follow what is in force, at once (EM-01)."""
    await rank_centre(ctx, event.centre_id)


@on(TierChanged)
async def follow_tier(ctx: Context, event: TierChanged) -> None:
    """Let a customer's open work follow the new tier: limits, due times, priority (WO-04)."""
    ids = await queries.open_orders(ctx.session, ctx.region_id, customer_id=event.customer_id)
    scope = Scope(ctx.region_id, whole_region=True)
    for order_id in ids:
        order = await queries.lock_order(ctx.session, scope, order_id)
        ctx.also += await limits.follow_customer(ctx, order)


@on(StandardChanged)
async def follow_standard(ctx: Context, _event: StandardChanged) -> None:
    """Let the region's open work follow a changed standard, order by order behind this (WO-04)."""
    task = jobs.app.tasks["orders.follow_standards"]
    await jobs.enqueue(ctx.session, task, region_id=ctx.region_id)


@erasure.on_erasure
async def reach_own_premises(session: AsyncSession, reach: erasure.Reach) -> None:
    """Let an erasure reach the customer's own premises (CU-07).

    The address is the plant's and stays; the access notes go.
    """
    own = await premises.of_alone(session, reach.region_id, reach.of(Customer))
    if own:
        reach.add(Premises, own)
