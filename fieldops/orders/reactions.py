"""What orders do when the network record changes, in an emergency, and at an erasure."""

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer, Premises
from fieldops.emergencies.events import (
    EmergencyBegan,
    EmergencyChanged,
    EmergencyEnded,
    EmergencyEvent,
)
from fieldops.kernel import erasure
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.network.events import PairMarkedBad
from fieldops.orders import queries
from fieldops.orders.commands.plant import open_cable_work
from fieldops.orders.commands.ranking import rank_centre


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


@erasure.on_erasure
async def reach_own_premises(session: AsyncSession, reach: erasure.Reach) -> None:
    """Let an erasure reach the customer's own premises (CU-07).

    The address is the plant's and stays; the access notes go.
    """
    own = await queries.premises_of_alone(session, reach.region_id, reach.of(Customer))
    if own:
        reach.add(Premises, own)
