"""Deciding about late work: one case, or many of a phone or a record (SYNC section 2)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Field, StrictBool, model_validator
from pydantic_core import to_jsonable_python

from fieldops.files import promises
from fieldops.kernel import commands
from fieldops.kernel.commands import Applied, Args, Context, command
from fieldops.kernel.errors import REGISTRY, Coded, Hold
from fieldops.kernel.permissions import Permission
from fieldops.sync import policy, queries
from fieldops.sync.commands import entries
from fieldops.sync.commands.devices import Reason
from fieldops.sync.errors import (
    CannotDecide,
    CaseChanged,
    NotAmendable,
    NotAStewards,
    NotInCase,
)
from fieldops.sync.models import Case, CaseEntry, Device
from fieldops.sync.rules import MOST_DECIDED, CaseState, Decision, Status

Finite = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Version = Field(None, ge=1, le=2**31 - 1, description="Refuse when it has another version by now.")


class Judge(Args):
    """A decision; with the versions the dispatcher looked at, a stale view is refused."""

    case_id: UUID
    reason: Reason
    case_version: int | None = Version
    record_version: int | None = Version


class Amendment(Args):
    """Arguments of a held command that are other than captured; texts stay the technician's own."""

    command_id: UUID = Field(description="The entry's `id`.")
    args: dict[Annotated[str, Field(min_length=1, max_length=64)], UUID | StrictBool | Finite] = (
        Field(min_length=1, max_length=10, description="By name: ids, numbers, true or false.")
    )


class Accept(Judge):
    amended: list[Amendment] | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="What is to be done otherwise than captured, for instance another free pair.",
    )
    command_ids: list[UUID] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="The entries to accept; the others are discarded. All when left out.",
    )


class HandOver(Judge):
    person_id: UUID = Field(description="Who is to decide.")


async def _looked_at(ctx: Context, args: Judge) -> tuple[Case, Device]:
    """Lock an open case; raises NotFound, CaseClosed, CaseChanged, NotAStewards."""
    scope = ctx.actor.scope(ctx.spec.permission)
    case, device = await queries.lock_case(ctx.session, scope, args.case_id)
    if ctx.spec.permission is Permission.NETWORK_STEWARD:
        _check_stewarded(case)
    if args.case_version not in {None, case.version}:
        raise CaseChanged(what="case", present=case.version)
    if args.record_version is not None:
        present = await queries.version_of(
            ctx.session, ctx.actor, case.subject_type, case.subject_id
        )
        if present != args.record_version:
            raise CaseChanged(what="record", present=present)
    return case, device


def _check_stewarded(case: Case) -> None:
    """Raise NotAStewards unless the record's own state keeps this case waiting (RE-05)."""
    held = REGISTRY.get(case.code)
    if held is None or not issubclass(held, Hold) or not held.stewarded:
        raise NotAStewards(case_code=case.code)


async def _still_as_seen(ctx: Context, case: Case, args: Judge, own: Collection[UUID]) -> None:
    """Refuse when somebody changed the record after it was looked at and before it was locked.

    Asked again once the commands have run: by then they hold the record's lock.
    """
    if args.record_version is None:
        return
    others = await queries.changed_by_others(
        ctx.session, ctx.region_id, case.subject_type, case.subject_id, args.record_version, own
    )
    if others is not None:
        raise CaseChanged(what="record", present=others)


@command("desk.accept", permission=Permission.DESK_DECIDE, subject="case_id")
async def accept(ctx: Context, args: Accept) -> Case:
    """Accept late work: run the case's commands in the device's order, as their technician.

    All of the chosen ones take effect or none; `amended` ones with other arguments than captured
    (RE-05). Raises CaseClosed, CaseChanged, NotInCase, NotAmendable, and what a command still
    refuses; `refused` then names that command.
    """
    case, device = await _looked_at(ctx, args)
    kept = await queries.entries_of(ctx.session, ctx.region_id, case.id)
    chosen = {e.id for e in kept} if args.command_ids is None else set(args.command_ids)
    if not chosen <= {e.id for e in kept}:
        raise NotInCase
    amended = {one.command_id: to_jsonable_python(one.args) for one in args.amended or ()}
    if not amended.keys() <= chosen:
        raise NotInCase
    applied = []
    for entry in kept:
        if entry.id in chosen:
            changes = amended.get(entry.id, {})
            _check_amendable(entry, changes)
            done = await _run(ctx, device, entry, changes)
            ctx.warnings += done.warnings
            applied.append(entries.shown(entry, done) | ({"amended": changes} if changes else {}))
    await _still_as_seen(ctx, case, args, {*chosen, ctx.envelope.id})
    discarded = [e for e in kept if e.id not in chosen]
    await _close(ctx, discarded, CaseState.DISCARDED)
    outcome = {"applied": applied, "discarded": [str(e.id) for e in discarded]}
    return await _decide(ctx, case, CaseState.ACCEPTED, args.reason, outcome)


def _check_amendable(entry: CaseEntry, changes: Mapping[str, Any]) -> None:
    """Raise NotAmendable unless a held command has these arguments and stays about its record."""
    if not changes:
        return
    spec = commands.taken_by(entry.name, entry.v)
    known = set(spec.args.model_fields) - {spec.subject} if spec is not None else set()
    if entry.status != Status.HELD or not changes.keys() <= known:
        raise NotAmendable(name=entry.name, amendable=", ".join(sorted(known)))


async def _run(
    ctx: Context, device: Device, entry: CaseEntry, changes: Mapping[str, Any]
) -> Applied:
    """Run a chosen command; its refusal says which of the case's commands it is about."""
    try:
        return await entries.run(
            ctx.session, device, entry, ctx.now, accepted=True, amended=changes
        )
    except Coded as refusal:
        refusal.details["refused"] = {
            "command_id": str(entry.command_id),
            "seq": entry.seq,
            "name": entry.name,
        }
        raise


@command("desk.discard", permission=Permission.DESK_DECIDE, subject="case_id")
async def discard(ctx: Context, args: Judge) -> Case:
    """Discard late work: it takes no effect, and the reason goes back to the technician.

    Raises CaseClosed, CaseChanged.
    """
    return await _without_effect(ctx, args, CaseState.DISCARDED)


@command("stewardship.approve", permission=Permission.NETWORK_STEWARD, subject="case_id")
async def approve(ctx: Context, args: Accept) -> Case:
    """Approve a change that met a newer state, as captured or amended, as a steward (RE-05).

    Raises NotAStewards for a case of another kind, and what desk.accept does.
    """
    return cast("Case", await accept(ctx, args))


@command("stewardship.refuse", permission=Permission.NETWORK_STEWARD, subject="case_id")
async def refuse(ctx: Context, args: Judge) -> Case:
    """Refuse a change that met a newer state; the reason goes to the technician (RE-05).

    Raises NotAStewards for a case of another kind, CaseClosed, CaseChanged.
    """
    return await _without_effect(ctx, args, CaseState.DISCARDED)


@command("desk.credit", permission=Permission.DESK_DECIDE, subject="case_id")
async def credit(ctx: Context, args: Judge) -> Case:
    """Credit late work without effect: it was done and counts, but changes nothing any more.

    Raises CaseClosed, CaseChanged.
    """
    return await _without_effect(ctx, args, CaseState.CREDITED)


@command("desk.hand_over", permission=Permission.DESK_DECIDE, subject="case_id")
async def hand_over(ctx: Context, args: HandOver) -> Case:
    """Hand an open case over to somebody else who may decide it.

    Raises CaseClosed, CaseChanged, CannotDecide.
    """
    case, _device = await _looked_at(ctx, args)
    for may_decide in policy.may_decide:
        if not await may_decide(ctx.session, ctx.region_id, args.person_id, case.centre_id):
            raise CannotDecide
    case.handler_id = args.person_id
    ctx.reason = args.reason
    return case


class Seen(Args):
    case_id: UUID
    version: int = Field(ge=1, le=2**31 - 1)


class DecideMany(Args):
    """One decision about the open cases of a phone or of a record, for instance a visit."""

    decision: Decision
    reason: Reason
    device_id: UUID | None = Field(None, description="All open cases of this phone, or ...")
    record_id: UUID | None = Field(None, description="... all about this record.")
    code: str | None = Field(None, max_length=64, description="Only those with this reason.")
    person_id: UUID | None = Field(None, description="To hand over: who is to decide.")
    seen: list[Seen] | None = Field(
        None,
        max_length=MOST_DECIDED,
        description="What the dispatcher saw: others, and those changed since, are left alone.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> "DecideMany":
        if (self.device_id is None) == (self.record_id is None):
            raise ValueError("name a device or a record, and not both")
        if (self.decision is Decision.HAND_OVER) != (self.person_id is not None):
            raise ValueError("a person is named to hand over, and only then")
        return self


@command("desk.decide_many", permission=Permission.DESK_DECIDE)
async def decide_many(ctx: Context, args: DecideMany) -> list[Case]:
    """Decide about up to 50 cases of one phone or one record, each for itself (SYNC section 2).

    A case takes effect wholly or not at all; `results` says of each what came of it, and the
    answer's last result how many are left. Repeated with the same Idempotency-Key it decides
    nothing again.
    """
    scope = ctx.actor.scope(Permission.DESK_DECIDE)
    ctx.reason = args.reason
    found = await queries.open_ids(
        ctx.session, scope, args.device_id, args.record_id, args.code, MOST_DECIDED + 1
    )
    # Every device first, in one order: a push locks its device before any record.
    await queries.lock_devices(ctx.session, ctx.region_id, {device for _, device in found})
    seen = None if args.seen is None else {s.case_id: s.version for s in args.seen}
    decided = []
    for case_id, _device_id in found[:MOST_DECIDED]:
        if seen is not None and case_id not in seen:
            ctx.results.append(_told(case_id, "left", CaseChanged(what="case", present=None)))
            continue
        try:
            async with ctx.session.begin_nested():
                case = await _one(ctx, args, case_id, seen[case_id] if seen else None)
                await ctx.session.flush()
        except Coded as refusal:
            ctx.results.append(_told(case_id, "refused", refusal))
        else:
            decided.append(case)
            ctx.results.append(_told(case_id, case.state))
        finally:
            ctx.session.expunge_all()
    ctx.results.append({"more": len(found) > MOST_DECIDED})
    return decided


async def _one(ctx: Context, args: DecideMany, case_id: UUID, version: int | None) -> Case:
    given: dict[str, Any] = {"case_id": case_id, "reason": args.reason, "case_version": version}
    if args.decision is Decision.ACCEPT:
        done = await accept(ctx, Accept(**given))
    elif args.decision is Decision.HAND_OVER:
        done = await hand_over(ctx, HandOver(**given, person_id=args.person_id))
    else:
        done = await (credit if args.decision is Decision.CREDIT else discard)(ctx, Judge(**given))
    return cast("Case", done)


def _told(case_id: UUID, status: str, refusal: Coded | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"case_id": str(case_id), "status": status}
    if refusal is not None:
        told |= {"code": refusal.code, "message": refusal.message, "advice": refusal.advice}
        if "refused" in refusal.details:
            told["refused"] = refusal.details["refused"]
    return told


async def _without_effect(ctx: Context, args: Judge, state: CaseState) -> Case:
    case, _device = await _looked_at(ctx, args)
    kept = await queries.entries_of(ctx.session, ctx.region_id, case.id)
    await _close(ctx, kept, state)
    outcome: dict[str, Any] = {"applied": [], state.value: [str(e.id) for e in kept]}
    return await _decide(ctx, case, state, args.reason, outcome)


async def _close(ctx: Context, kept: Sequence[CaseEntry], state: CaseState) -> None:
    for entry in kept:
        entry.status = state.value
    ids = [entry.id for entry in kept]
    if ids:
        await queries.close_in_ledger(ctx.session, ctx.region_id, ids, state.value)
    if state is CaseState.DISCARDED:
        await promises.discarded(ctx.session, ctx.region_id, ids, ctx.now)


async def _decide(
    ctx: Context, case: Case, state: CaseState, reason: str, outcome: dict[str, Any]
) -> Case:
    case.state = state.value
    case.decided_at, case.decided_by = ctx.now, ctx.actor.id
    case.reason = ctx.reason = reason
    case.outcome = outcome
    await queries.news_of_cases(ctx.session, ctx.region_id, case.device_id)
    return case
