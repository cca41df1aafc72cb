"""The verbs of sync: registering and steering devices, deciding about late work."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationError

from fieldops.kernel import commands
from fieldops.kernel.clock import Confidence
from fieldops.kernel.commands import (
    Applied,
    Args,
    Captured,
    Context,
    Envelope,
    Text,
    command,
    refuse_on,
)
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.sync import grants, held, queries, receipt
from fieldops.sync.errors import DeviceNotActive, DeviceTaken, MalformedCommand, NotInCase
from fieldops.sync.models import Case, CaseEntry, Device
from fieldops.sync.rules import CaseState, DeviceState
from fieldops.sync.schemas import CommandIn

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]


class Register(Args):
    id: UUID | None = Field(None, description="The device's id; made by the app once an install.")
    name: Annotated[Text, Field(min_length=1, max_length=80, examples=["Alice's phone"])]
    app_version: Annotated[Text, Field(min_length=1, max_length=40, examples=["1.4.0"])]
    app_schema: int = Field(ge=1, le=1_000_000, description="Schema version the app stores.")
    key_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its key, in hex.")


@command("device.register", permission=Permission.DEVICE_REGISTER)
async def register(ctx: Context, args: Register) -> Device:
    """Register an installation of the app for its user (SYNC section 6).

    Raises DeviceTaken when the id belongs to another registration.
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
    return device


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
    return await _turn(ctx, args, DeviceState.ACTIVE, DeviceState.ACTIVE, DeviceState.LOCKED)


@command("device.revoke", permission=Permission.DEVICE_MANAGE, subject="device_id")
async def revoke(ctx: Context, args: Steer) -> Device:
    """Revoke a device for good: its queue goes to quarantine, it is told to wipe itself (I13)."""
    return await _turn(ctx, args, DeviceState.REVOKED, *DeviceState)


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
        await held.forget_rows(ctx.session, ctx.region_id, device.id)
    return device


class Accept(Args):
    case_id: UUID
    reason: Reason
    command_ids: list[UUID] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="The entries to accept; the others are discarded. All when left out.",
    )


@command("desk.accept", permission=Permission.DESK_DECIDE, subject="case_id")
async def accept(ctx: Context, args: Accept) -> Case:
    """Accept late work: run the case's commands in the device's order, as their technician.

    All of the chosen ones take effect or none. Raises CaseClosed, NotInCase, and what a command
    still refuses.
    """
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    case, device = await queries.lock_case(ctx.session, scope, args.case_id)
    entries = await queries.entries_of(ctx.session, ctx.region_id, case.id)
    chosen = {e.id for e in entries} if args.command_ids is None else set(args.command_ids)
    if not chosen <= {e.id for e in entries}:
        raise NotInCase
    applied = [await _run_accepted(ctx, device, entry) for entry in entries if entry.id in chosen]
    discarded = [e for e in entries if e.id not in chosen]
    await _close(ctx, discarded, CaseState.DISCARDED)
    outcome = {"applied": applied, "discarded": [str(e.id) for e in discarded]}
    return await _decide(ctx, case, CaseState.ACCEPTED, args.reason, outcome)


async def _run_accepted(ctx: Context, device: Device, entry: CaseEntry) -> dict[str, Any]:
    """Run one entry; without its base, for the person at the desk has seen both versions."""
    try:
        sent = CommandIn.model_validate(entry.command)
    except ValidationError:
        raise MalformedCommand from None
    captured = None
    if entry.captured_at is not None and entry.estimated_at is not None:
        captured = Captured(
            entry.captured_at,
            entry.estimated_at,
            Confidence(entry.confidence or Confidence.LOW),
            entry.clock_far_off,
        )
    envelope = Envelope(
        entry.id,
        sent.name,
        sent.args,
        v=sent.v,
        device_id=device.id,
        seq=entry.seq,
        depends_on=tuple(sent.depends_on),
        captured=captured,
        attachments=tuple(a.model_dump() for a in sent.attachments),
    )
    actor = grants.actor_as_seen(device)
    done = await commands.run(ctx.session, actor, envelope, ctx.now, accepted=True)
    await receipt.of_accepted(ctx.session, ctx.region_id, envelope)
    entry.status = "merged" if done.merged else "applied"
    await queries.close_in_ledger(ctx.session, ctx.region_id, [entry.id], entry.status)
    return {"id": str(entry.id), "status": entry.status, "refs": _refs(done)}


def _refs(done: Applied) -> list[dict[str, Any]]:
    return [{"type": r.type, "id": str(r.id), "version": r.version} for r in done.refs]


class Judge(Args):
    case_id: UUID
    reason: Reason


@command("desk.discard", permission=Permission.DESK_DECIDE, subject="case_id")
async def discard(ctx: Context, args: Judge) -> Case:
    """Discard late work: it takes no effect, and the reason goes back to the technician.

    Raises CaseClosed.
    """
    return await _without_effect(ctx, args, CaseState.DISCARDED)


@command("desk.credit", permission=Permission.DESK_DECIDE, subject="case_id")
async def credit(ctx: Context, args: Judge) -> Case:
    """Credit late work without effect: it was done and counts, but changes nothing any more.

    Raises CaseClosed.
    """
    return await _without_effect(ctx, args, CaseState.CREDITED)


class HandOver(Args):
    case_id: UUID
    person_id: UUID = Field(description="Who is to decide.")
    reason: Reason


@command("desk.hand_over", permission=Permission.DESK_DECIDE, subject="case_id")
async def hand_over(ctx: Context, args: HandOver) -> Case:
    """Hand an open case over to somebody else to decide; raises CaseClosed."""
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    case, _device = await queries.lock_case(ctx.session, scope, args.case_id)
    case.handler_id = args.person_id
    ctx.reason = args.reason
    return case


async def _without_effect(ctx: Context, args: Judge, state: CaseState) -> Case:
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    case, _device = await queries.lock_case(ctx.session, scope, args.case_id)
    entries = await queries.entries_of(ctx.session, ctx.region_id, case.id)
    await _close(ctx, entries, state)
    outcome: dict[str, Any] = {"applied": [], state.value: [str(e.id) for e in entries]}
    return await _decide(ctx, case, state, args.reason, outcome)


async def _close(ctx: Context, entries: Sequence[CaseEntry], state: CaseState) -> None:
    for entry in entries:
        entry.status = state.value
    ids = [entry.id for entry in entries]
    if ids:
        await queries.close_in_ledger(ctx.session, ctx.region_id, ids, state.value)


async def _decide(
    ctx: Context, case: Case, state: CaseState, reason: str, outcome: dict[str, Any]
) -> Case:
    case.state = state.value
    case.decided_at, case.decided_by = ctx.now, ctx.actor.id
    case.reason = ctx.reason = reason
    case.outcome = outcome
    await queries.news_of_cases(ctx.session, ctx.region_id, case.device_id)
    return case
