"""What orders do when the network record changes."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.network.events import PairMarkedBad
from fieldops.orders.commands.plant import open_cable_work


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
