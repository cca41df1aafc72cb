"""Registering installations of the app, and steering them (SYNC section 6)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Text, command, refuse_on
from fieldops.kernel.direct import line_of
from fieldops.kernel.errors import NotFound
from fieldops.kernel.events import DeviceEnded
from fieldops.kernel.permissions import Permission
from fieldops.sync import cases, grants, held, queries
from fieldops.sync.errors import DeviceNotActive, DeviceTaken, QueueLost
from fieldops.sync.models import Device
from fieldops.sync.rules import DeviceState

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]


class Register(Args):
    id: UUID | None = Field(None, description="The device's id; made by the app once an install.")
    name: Annotated[Text, Field(min_length=1, max_length=80, examples=["Alice's phone"])]
    app_version: Annotated[Text, Field(min_length=1, max_length=40, examples=["1.4.0"])]
    app_schema: int = Field(ge=1, le=1_000_000, description="Schema version the app stores.")
    replaces: UUID | None = Field(None, description="The user's former installation, if known.")
    key_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its key, in hex.")


@command("device.register", permission=Permission.DEVICE_REGISTER)
async def register(ctx: Context, args: Register) -> Device:
    """Register an installation of the app for its user (SYNC section 6).

    A former installation, named or of the same name, is marked as replaced; if commands still
    waited on it when it was last heard of, a case tells the desk and the technician. Raises
    DeviceTaken when the id belongs to another registration.
    """
    seen = grants.written(ctx.actor.grants)
    device = Device(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        person_id=ctx.actor.id,
        centre_id=min(ctx.actor.centre_ids, default=None),
        name=args.name,
        state=DeviceState.ACTIVE.value,
        key_hash=bytes.fromhex(args.key_hash),
        registered_at=ctx.now,
        app_version=args.app_version,
        schema=args.app_schema,
        last_seen_at=ctx.now,
        grants_seen=seen,
        grants_former=seen,
        grants_since=ctx.now,
    )
    ctx.add(device)
    await _replace(ctx, device, args.replaces)
    return device


async def _replace(ctx: Context, device: Device, named: UUID | None) -> None:
    """Mark the installations that this one replaces; what was captured there counts from then."""
    former = await queries.installations(ctx.session, ctx.region_id, ctx.actor.id)
    replaced = [
        row
        for row in former
        if row.id != device.id and (row.id == named or row.name == device.name)
    ]
    for row in replaced:
        if row.replaced_at is not None:
            continue  # by the other of two copies, or long ago
        row.replaced_by, row.replaced_at = device.id, ctx.now
        if row.queued and row.state == DeviceState.ACTIVE.value:
            lost = QueueLost(
                queued=row.queued,
                name=row.name,
                oldest=row.oldest_queued or "unknown",
                last_seen=f"{row.last_seen_at:%Y-%m-%d %H:%M} UTC",
            )
            await ctx.session.flush()
            ctx.add(cases.announced(device, lost, ctx.now, "device.register"))
    begun = [row.captures_from or row.registered_at for row in replaced]
    device.captures_from = min(begun, default=None)


refuse_on("pk_sync_device", DeviceTaken)


class Steer(Args):
    device_id: UUID
    reason: Reason


async def _turn(ctx: Context, args: Steer, state: DeviceState, *allowed: DeviceState) -> Device:
    scope = ctx.actor.scope(Permission.DEVICE_MANAGE)
    device = await queries.lock_device(ctx.session, scope, args.device_id)
    if device.state not in {s.value for s in allowed}:
        raise DeviceNotActive(state=device.state)
    device.state, device.state_reason = state.value, args.reason
    ctx.reason = args.reason
    return device


@command("device.lock", permission=Permission.DEVICE_MANAGE, subject="device_id")
async def lock(ctx: Context, args: Steer) -> Device:
    """Lock a device: it keeps what it has, hands nothing in and gets nothing until unlocked.

    Raises DeviceNotActive for a revoked one.
    """
    return await _turn(ctx, args, DeviceState.LOCKED, DeviceState.ACTIVE, DeviceState.LOCKED)


@command("device.unlock", permission=Permission.DEVICE_MANAGE, subject="device_id")
async def unlock(ctx: Context, args: Steer) -> Device:
    """Let a locked device go on; raises DeviceNotActive for a revoked one."""
    device = await _turn(ctx, args, DeviceState.ACTIVE, DeviceState.ACTIVE, DeviceState.LOCKED)
    device.anomalies = 0  # whoever unlocks it has seen to there being one phone only
    return device


@command("device.revoke", permission=Permission.DEVICE_MANAGE, subject="device_id")
async def revoke(ctx: Context, args: Steer) -> Device:
    """Revoke a device for good: its queue goes to quarantine, it is told to wipe itself (I13).

    Its sign-ins end with it.
    """
    device = await _turn(ctx, args, DeviceState.REVOKED, *DeviceState)
    await ctx.emit(DeviceEnded(device.id, device.person_id))
    return device


class Wiped(Args):
    device_id: UUID


@command("device.wiped", permission=Permission.SYNC_USE, subject="device_id")
async def wiped(ctx: Context, args: Wiped) -> Device:
    """Confirm that a revoked device has wiped itself; raises DeviceNotActive for another one."""
    scope = ctx.actor.scope(Permission.SYNC_USE)
    device = await queries.lock_device(ctx.session, scope, args.device_id)
    if device.person_id != ctx.actor.id:
        raise NotFound(thing="device")
    if device.state != DeviceState.REVOKED.value:
        raise DeviceNotActive(state=device.state)
    if device.wiped_at is None:
        device.wiped_at = ctx.now
        await held.forget_rows(await line_of(ctx.session), ctx.region_id, device.id)
    return device
