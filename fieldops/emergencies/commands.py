"""The verbs of emergency plans: make, change, propose, put in force, prolong, end (EM-01)."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.customers import queries as customers
from fieldops.emergencies import queries, rules
from fieldops.emergencies.errors import (
    ActivationOver,
    OwnerUnknown,
    PlanInForce,
    PlanRetired,
    ReserveUnknown,
)
from fieldops.emergencies.events import EmergencyBegan, EmergencyChanged, EmergencyEnded
from fieldops.emergencies.models import Activation, EmergencyPlan, ReserveTechnician
from fieldops.emergencies.rules import Kind, State, WorkKind
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command, shown
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation

EDIT, ACTIVATE = Permission.EMERGENCY_EDIT, Permission.EMERGENCY_ACTIVATE

Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why.")]


class PlanContent(Args):
    """What a plan says: triggers, owner, helpers, and the promises it changes."""

    name: Text = Field(min_length=3, max_length=120, description="What people call it.")
    kind: Kind = Field(description="For too much work, or for a disaster.")
    owner_id: UUID = Field(description="Who is responsible for it.")
    open_work_percent: int | None = Field(
        None, ge=10, le=1000, description="Trigger: open work in percent of capacity."
    )
    area_faults: int | None = Field(
        None, ge=1, le=1000, description="Trigger: how many area faults are open."
    )
    automatic: bool = Field(
        False, description="A trigger puts it in force instead of proposing it to the owner."
    )
    put_off_kinds: list[WorkKind] = Field(
        [], max_length=8, description="Work that is offered later than usual."
    )
    put_off_days: int = Field(
        0, ge=0, le=60, description="How many days later that work is offered."
    )
    window_minutes: int | None = Field(
        None, ge=30, le=480, description="Length of the windows offered; empty: as usual."
    )
    offer_days: int | None = Field(
        None, ge=1, le=60, description="How many days ahead windows are offered; empty: as usual."
    )
    limit_percent: int = Field(
        100, ge=100, le=1000, description="Time limits of work that comes in, in percent of usual."
    )
    raised_kinds: list[WorkKind] = Field(
        [], max_length=8, description="Work that is more urgent than usual (WO-06)."
    )
    raised_classes: int = Field(
        0, ge=0, le=4, description="By how many classes of urgency it is raised."
    )
    reserve_percent: int | None = Field(
        None, ge=0, le=90, description="Share of the time kept free for urgent work; empty: usual."
    )
    reserve_technician_ids: list[UUID] = Field(
        [], max_length=rules.MOST_RESERVE, description="Technicians of other centres who help out."
    )
    text_en: Text = Field(
        min_length=3, max_length=500, description="What customers are told, in English."
    )
    text_zh: Text = Field(
        min_length=3, max_length=500, description="What customers are told, in Chinese."
    )

    @model_validator(mode="after")
    def _whole(self) -> "PlanContent":
        if self.automatic and self.open_work_percent is None and self.area_faults is None:
            raise ValueError("an automatic plan needs a trigger")
        if bool(self.put_off_kinds) != bool(self.put_off_days):
            raise ValueError("name the kinds of work that are put off, and by how many days")
        if bool(self.raised_kinds) != bool(self.raised_classes):
            raise ValueError("name the kinds of work that are raised, and by how many classes")
        return self


class CreatePlan(PlanContent):
    model_config = shown(
        centre_id="01938f5e-0000-7000-8000-000000000001",
        name="Storm damage",
        kind="disaster",
        owner_id="01938f5e-0000-7000-8000-000000000002",
        area_faults=3,
        put_off_kinds=["install", "move"],
        put_off_days=5,
        raised_kinds=["repair"],
        raised_classes=1,
        reserve_technician_ids=["01938f5e-0000-7000-8000-000000000003"],
        text_en="After the storm repairs come first; new lines take longer.",
        text_zh="风灾后优先抢修,新装时间顺延。",
    )
    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    centre_id: UUID | None = Field(
        None, description="The centre it is for; without one the whole region."
    )


class ChangePlan(PlanContent):
    plan_id: UUID = Field(description="The plan; what is sent replaces what it says.")
    retired: bool = Field(False, description="It is not used any more.")
    reason: Reason


@command("emergency.create_plan", permission=EDIT)
async def create_plan(ctx: Context, args: CreatePlan) -> Outcome:
    """Lay down a plan for an emergency (EM-01).

    Raises NotFound for a centre outside the scope, Forbidden for the whole region's plan by
    whoever works for some centres only, OwnerUnknown, ReserveUnknown.
    """
    scope = ctx.actor.scope(EDIT)
    if args.centre_id is None and not scope.whole_region:
        raise Forbidden(permission=EDIT.value)
    if args.centre_id is not None:
        await customers.centre_in(ctx.session, scope, args.centre_id)
    plan = EmergencyPlan(
        region_id=ctx.region_id, id=args.id or ctx.envelope.id, centre_id=args.centre_id
    )
    await _fill(ctx, plan, args)
    ctx.add(plan)
    await ctx.session.flush()
    await _set_reserve(ctx, plan, args.reserve_technician_ids)
    return plan


@command("emergency.change_plan", permission=EDIT, subject="plan_id")
async def change_plan(ctx: Context, args: ChangePlan) -> Outcome:
    """Change a plan; while it is in force the change counts at once (EM-01).

    Raises NotFound, OwnerUnknown, ReserveUnknown, PlanInForce when it would be retired meanwhile.
    """
    plan = await queries.lock_plan(ctx.session, ctx.actor.scope(EDIT), args.plan_id)
    ctx.reason = args.reason
    opened = await queries.lock_open(ctx.session, ctx.region_id, plan.id)
    if args.retired and opened is not None:
        raise PlanInForce(next_steps=("emergency.end",))
    plan.retired = args.retired
    await _fill(ctx, plan, args)
    await _set_reserve(ctx, plan, args.reserve_technician_ids)
    if opened is not None:
        if opened.owner_id != plan.owner_id:  # who has not heard of it yet
            opened.owner_id = plan.owner_id
            opened.owner_told_at = opened.owner_reminded_at = None
        await ctx.session.flush()
        if opened.state == State.ACTIVE:
            await ctx.emit(EmergencyChanged(opened.id, plan.id, plan.centre_id))
    return plan


async def _fill(ctx: Context, plan: EmergencyPlan, args: PlanContent) -> None:
    if not await queries.is_person(ctx.session, ctx.region_id, args.owner_id):
        raise OwnerUnknown
    own = {"reserve_technician_ids"}
    for name in PlanContent.model_fields.keys() - own:
        value = getattr(args, name)
        setattr(plan, name, sorted(set(value)) if isinstance(value, list) else value)
    plan.kind = args.kind.value


async def _set_reserve(ctx: Context, plan: EmergencyPlan, wanted: Collection[UUID]) -> None:
    """Replace the reserve technicians of a plan; raises ReserveUnknown."""
    known = await organisation.technicians(ctx.session, ctx.region_id, wanted)
    if len(known) != len(set(wanted)) or not all(
        row.active and row.centre_id != plan.centre_id for row in known.values()
    ):
        raise ReserveUnknown
    present = await queries.reserve_of(ctx.session, ctx.region_id, plan.id)
    for row in present:
        if row.technician_id not in known:
            await ctx.session.delete(row)
    have = {row.technician_id for row in present}
    ctx.add(
        *(
            ReserveTechnician(
                region_id=ctx.region_id,
                plan_id=plan.id,
                technician_id=id_,
                centre_id=technician.centre_id,
            )
            for id_, technician in known.items()
            if id_ not in have
        )
    )


class OfPlan(Args):
    plan_id: UUID = Field(description="The plan.")
    reason: Reason


class ProposePlan(OfPlan):
    open_work_percent: int | None = Field(
        None, ge=0, le=rules.MOST_PERCENT, description="Open work in percent of capacity, now."
    )
    area_faults: int | None = Field(
        None, ge=0, le=100_000, description="How many area faults are open now."
    )


class ActivatePlan(OfPlan):
    model_config = shown(
        plan_id="01938f5e-0000-7000-8000-000000000001",
        reason="Storm since six in the morning, three area faults",
        until="2026-11-25T18:00:00+02:00",
    )
    until: Moment | None = Field(
        None, description="When it ends by itself; without it somebody has to end it."
    )


@command("emergency.propose", permission=ACTIVATE, subject="plan_id")
async def propose(ctx: Context, args: ProposePlan) -> Outcome:
    """Propose to a plan's owner to put it in force (EM-01).

    Raises NotFound, PlanRetired, PlanInForce.
    """
    plan = await _plan_to_open(ctx, args)
    activation = _opened(ctx, plan, args.reason)
    activation.state = State.PROPOSED.value
    activation.proposed_by, activation.proposed_at = ctx.actor.id, ctx.now
    activation.open_work_percent = args.open_work_percent
    activation.area_faults = args.area_faults
    ctx.add(activation)
    return activation


@command("emergency.activate", permission=ACTIVATE, subject="plan_id")
async def activate(ctx: Context, args: ActivatePlan) -> Outcome:
    """Put a plan in force at once; an open proposal of it is answered by this (EM-01).

    Raises NotFound, PlanRetired, PlanInForce, UntilInvalid.
    """
    rules.check_until(args.until, ctx.now)
    plan = await queries.lock_plan(ctx.session, ctx.actor.scope(ACTIVATE), args.plan_id)
    ctx.reason = args.reason
    if plan.retired:
        raise PlanRetired
    activation = await queries.lock_open(ctx.session, ctx.region_id, plan.id)
    if activation is None:
        activation = _opened(ctx, plan, args.reason)
        ctx.add(activation)
    elif activation.state == State.ACTIVE:
        raise PlanInForce(next_steps=("emergency.prolong", "emergency.end"))
    activation.state, activation.reason = State.ACTIVE.value, args.reason
    activation.activated_by, activation.since = ctx.actor.id, ctx.now
    activation.until = args.until
    await ctx.session.flush()
    await ctx.emit(EmergencyBegan(activation.id, plan.id, plan.centre_id))
    return activation


async def _plan_to_open(ctx: Context, args: OfPlan) -> EmergencyPlan:
    """Lock a plan of which no activation is open; raises NotFound, PlanRetired, PlanInForce."""
    plan = await queries.lock_plan(ctx.session, ctx.actor.scope(ACTIVATE), args.plan_id)
    ctx.reason = args.reason
    if plan.retired:
        raise PlanRetired
    if await queries.lock_open(ctx.session, ctx.region_id, plan.id) is not None:
        raise PlanInForce
    return plan


def _opened(ctx: Context, plan: EmergencyPlan, reason: str) -> Activation:
    return Activation(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        plan_id=plan.id,
        centre_id=plan.centre_id,
        owner_id=plan.owner_id,
        reason=reason,
    )


class OfActivation(Args):
    activation_id: UUID = Field(description="The activation.")
    reason: Reason


class Prolong(OfActivation):
    until: Moment | None = Field(
        None, description="When it ends by itself; without it somebody has to end it."
    )


class EndEmergency(OfActivation):
    pass


class DismissProposal(OfActivation):
    pass


async def _activation(ctx: Context, args: OfActivation, state: State) -> Activation:
    """Lock an activation that is in a state; raises NotFound, ActivationOver."""
    ctx.reason = args.reason
    return await _open(ctx, args.activation_id, state)


async def _open(ctx: Context, activation_id: UUID, state: State) -> Activation:
    row = await queries.lock_activation(ctx.session, ctx.actor.scope(ACTIVATE), activation_id)
    if row.state != state:
        raise ActivationOver(state=row.state)
    return row


@command("emergency.prolong", permission=ACTIVATE, subject="activation_id")
async def prolong(ctx: Context, args: Prolong) -> Outcome:
    """Set another end of what is in force (EM-01).

    Raises NotFound, ActivationOver, UntilInvalid.
    """
    rules.check_until(args.until, ctx.now)
    activation = await _activation(ctx, args, State.ACTIVE)
    activation.until = args.until
    return activation


@command("emergency.dismiss", permission=ACTIVATE, subject="activation_id")
async def dismiss(ctx: Context, args: DismissProposal) -> Outcome:
    """Answer a proposal with no, with the reason (EM-01). Raises NotFound, ActivationOver."""
    activation = await _activation(ctx, args, State.PROPOSED)
    _over(ctx, activation, State.DISMISSED, args.reason, ctx.now)
    return activation


class NoteTold(Args):
    activation_id: UUID = Field(description="The proposal.")
    owner_id: UUID = Field(description="Who was told.")


@command("emergency.note_told", permission=ACTIVATE, subject="activation_id")
async def note_told(ctx: Context, args: NoteTold) -> Outcome:
    """Note that the owner of a proposal was told of it, or again, by the machine (EM-01).

    Nothing is noted for who is not its owner any more. Raises NotFound, ActivationOver.
    """
    row = await _open(ctx, args.activation_id, State.PROPOSED)
    if row.owner_id == args.owner_id:
        if row.owner_told_at is None:
            row.owner_told_at = ctx.now
        else:
            row.owner_reminded_at = ctx.now
    return row


@command("emergency.end", permission=ACTIVATE, subject="activation_id")
async def end(ctx: Context, args: EndEmergency) -> Outcome:
    """End what is in force; offers and priorities are as before at once (EM-01).

    Raises NotFound, ActivationOver.
    """
    activation = await _activation(ctx, args, State.ACTIVE)
    _over(ctx, activation, State.ENDED, args.reason, ctx.now)
    await ctx.session.flush()
    await ctx.emit(EmergencyEnded(activation.id, activation.plan_id, activation.centre_id))
    return activation


def _over(ctx: Context, row: Activation, state: State, reason: str, now: datetime) -> None:
    row.state, row.end_reason = state.value, reason
    row.ended_by, row.ended_at = ctx.actor.id, now
