"""What accounts do when a device is revoked: its sign-ins end (SYNC section 6)."""

from fieldops.kernel.commands import Context
from fieldops.kernel.events import DeviceEnded, on
from fieldops.organisation import queries


@on(DeviceEnded)
async def end_its_sign_ins(ctx: Context, event: DeviceEnded) -> None:
    """End the sign-ins of a revoked device, and those that named no device.

    An app signs in before it has registered, so that its first sign-in names none; whoever
    signed in from a desk as the same person signs in again.
    """
    for row in await queries.lock_sign_ins(ctx.session, ctx.region_id, event.person_id):
        if row.device_id in {None, event.device_id}:
            row.revoked_at = ctx.now
