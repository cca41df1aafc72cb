"""How visits end: completed, failed with a next step, or cancelled (VI-04, VI-05)."""

from collections.abc import Collection
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Nature, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.network import queries as network
from fieldops.network.commands import give_back as give_back_claims
from fieldops.orders import commands as orders
from fieldops.orders import queries as order_queries
from fieldops.orders.commands import Why
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Process
from fieldops.orders.rules import State as Work
from fieldops.organisation import queries as organisation
from fieldops.visits import queries
from fieldops.visits.commands import following, planning, telling
from fieldops.visits.commands.facts import record
from fieldops.visits.commands.judging import JudgedVisit, visit_for_decision
from fieldops.visits.errors import (
    BadInUse,
    ContactOnly,
    CustomerNotTold,
    IdentityMissing,
    NextStepIncomplete,
    SignatureMissing,
)
from fieldops.visits.events import (
    NobodyHome,
    VisitCancelled,
    VisitCompleted,
    VisitCompleting,
    VisitFailed,
)
from fieldops.visits.models import Assignment, Visit, VisitFact, VisitWork
from fieldops.visits.rules import FactKind, NextStep, NoticeKind, State, Step

NOBODY_HOME = "nobody_home"

Rows = list[Visit | VisitFact | WorkOrder]


class CompleteVisit(Args):
    model_config = shown(
        visit_id="01938f5e-0000-7000-8000-000000000001",
        signature_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    visit_id: UUID = Field(description="The visit.")
    signature_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the customer's signature; a file link or an attachment has it.",
    )
    signature_refused_reason: Text | None = Field(
        None, min_length=3, max_length=500, description="Why the customer did not sign."
    )
    note: Text | None = Field(None, max_length=2000, description="What else is to be known.")


class _NextStep(Args):
    visit_id: UUID = Field(description="The visit.")
    reason: Text = Field(
        min_length=1, max_length=60, description="Code of a reason of the process's list."
    )
    resume_on: date | None = Field(
        None, description="For suspend: the local day from which the work can go on."
    )
    department: Literal["cable", "exchange", "construction", "business"] | None = Field(
        None, description="For transfer: the department that takes the work."
    )
    note: Text | None = Field(None, max_length=2000, description="What else is to be known.")


class FailVisit(_NextStep):
    """A visit that cannot be completed: reason, what the customer was told, next step (VI-05)."""

    told_customer: Text | None = Field(
        None,
        min_length=3,
        max_length=1000,
        description="What the customer was told, and how; needed where there is a customer.",
    )
    next_step: Literal["suspend", "transfer", "new_appointment"] = Field(
        description="What happens to the work; it is carried out at once."
    )


class CancelVisit(_NextStep):
    next_step: Literal["suspend", "transfer", "new_appointment"] = Field(
        "new_appointment", description="What happens to the work; it is carried out at once."
    )


@command(
    "visit.complete",
    permission=Permission.VISIT_WORK,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def complete(ctx: Context, args: CompleteVisit) -> Rows:
    """Complete a visit with the signature or its recorded refusal, and all evidence (VI-04).

    A visit to plant has nobody who shows who they are, or signs.
    Raises NotFound, IllegalVisitChange, ContactOnly, IdentityMissing, SignatureMissing, BadInUse,
    what the evidence modules miss, and what judging refuses or holds.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.complete")
    visit = judged.visit
    await _contact_only(ctx, judged)
    if visit.customer_id is not None:
        if visit.identity_confirmed_at is None:
            raise IdentityMissing(next_steps=("visit.confirm_identity",))
        await _check_signature(ctx, visit, args)
    work = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    await _check_plant(ctx, visit, [row for _, row in work])
    ids = tuple(row.id for _, row in work)
    await ctx.emit(
        VisitCompleting(
            visit_id=visit.id,
            order_id=visit.order_id,
            premises_id=visit.premises_id,
            customer_id=visit.customer_id,
            centre_id=visit.centre_id,
            technician_id=ctx.actor.id,
            work_order_ids=ids,
            attachments=_attached(ctx),
        )
    )
    visit.signature_sha256 = args.signature_sha256
    visit.signature_refused_reason = args.signature_refused_reason
    visit.end_note = args.note
    fact = record(ctx, judged, FactKind.COMPLETION, {"note": args.note})
    await _end(ctx, visit, State.COMPLETED, work, "completed")
    rows = await orders.advance(ctx, ids, Work.COMPLETED)
    await ctx.emit(VisitCompleted(visit.id, ctx.happened_at))
    return [visit, fact, *rows]


def _attached(ctx: Context) -> frozenset[str]:
    return frozenset(str(a["sha256"]) for a in ctx.envelope.attachments if a.get("sha256"))


async def _contact_only(ctx: Context, judged: JudgedVisit) -> None:
    """Refuse whoever is not the customer's contact: one voice tells the customer (VI-01)."""
    if judged.assignment is not None and judged.assignment.is_contact:
        return
    present = await queries.present(ctx.session, ctx.region_id, [judged.visit.id])
    contacts = [row.technician_id for row in present if row.is_contact]
    known = await organisation.technicians(ctx.session, ctx.region_id, contacts)
    names = ", ".join(row.name for row in known.values()) or "nobody"
    raise ContactOnly(next_steps=("note.add",), contact=names)


async def _check_signature(ctx: Context, visit: Visit, args: CompleteVisit) -> None:
    """Demand a signature that was promised, or the reason it was refused, not both (VI-04)."""
    missing = SignatureMissing(next_steps=("file.link", "visit.complete"))
    if (args.signature_sha256 is None) == (args.signature_refused_reason is None):
        raise missing
    if args.signature_sha256 is None or args.signature_sha256 in _attached(ctx):
        return
    if not await queries.signature_promised(
        ctx.session, ctx.region_id, visit.id, args.signature_sha256
    ):
        raise missing


async def _check_plant(ctx: Context, visit: Visit, work: Collection[WorkOrder]) -> None:
    """Demand the resource change for what was marked bad on this visit (VI-04, RE-03).

    Work that is completed leaves its line on no bad pair, fibre or port: it was swapped, or the
    work was transferred and is not completed here.
    """
    bad = await network.bad_in_use(ctx.session, ctx.region_id, visit.id, visit.premises_id)
    lines = {row.service_id for row in work}
    in_use = [row for row in bad if row.service_id in lines or None in lines]
    if in_use:
        raise BadInUse(
            names=", ".join(row.name for row in in_use),
            feature_ids=[str(row.id) for row in in_use],
            next_steps=("network.swap_pair", "network.change_port", "order.transfer", "visit.fail"),
        )


@command(
    "visit.fail",
    permission=Permission.VISIT_WORK,
    nature=Nature.DECISION,
    offline=True,
    subject="visit_id",
)
async def fail(ctx: Context, args: FailVisit) -> Rows:
    """End a visit that cannot be completed, and carry out its next step (VI-05).

    Raises NotFound, IllegalVisitChange, ContactOnly, CustomerNotTold, UnknownReason,
    NextStepIncomplete, ResumeDateMissing, and what judging refuses or holds.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.fail")
    visit = judged.visit
    await _contact_only(ctx, judged)
    _customer_told(visit, args.told_customer)
    why = await _why(ctx, args, Process.FAIL, args.told_customer)
    fact = record(
        ctx, judged, FactKind.FAILURE, {"reason": why.code, "told_customer": why.told_customer}
    )
    notices = await queries.facts(ctx.session, ctx.region_id, visit.id, (FactKind.NOTICE,))
    work = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    _say_why(visit, why, NextStep(args.next_step))
    await _end(ctx, visit, State.FAILED, work, args.next_step)
    rows = [row for _, row in work]
    new = await _carry_out(ctx, visit, rows, why, args)
    if why.code == NOBODY_HOME and not notices:
        await ctx.emit(NobodyHome(visit.id, ctx.happened_at))
    await ctx.emit(
        VisitFailed(visit.id, why.code, args.next_step, why.cause, new.id if new else None)
    )
    return [visit, fact, *rows]


@command("visit.cancel", permission=Permission.VISIT_ASSIGN, subject="visit_id")
async def cancel(ctx: Context, args: CancelVisit) -> Rows:
    """Cancel a visit with a reason; its work gets its next step at once (VI-05).

    Raises NotFound, IllegalVisitChange, UnknownReason, NextStepIncomplete, ResumeDateMissing.
    """
    judged = await visit_for_decision(ctx, args.visit_id, "visit.cancel")
    visit = judged.visit
    why = await _why(ctx, args, Process.CANCEL, None)
    work = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    _say_why(visit, why, NextStep(args.next_step))
    visit.cancelled_at = ctx.now
    await _end(ctx, visit, State.CANCELLED, work, "cancelled")
    rows = [row for _, row in work]
    new = await _carry_out(ctx, visit, rows, why, args)
    await telling.tell_present(ctx, visit, NoticeKind.CANCELLED)
    await following.free_the_way(ctx, visit)
    await ctx.emit(VisitCancelled(visit.id, why.code, new.id if new else None))
    return [visit, *rows]


def _customer_told(visit: Visit, told: str | None) -> None:
    if told is None and visit.customer_id is not None:
        raise CustomerNotTold(next_steps=("visit.fail",))


async def _why(ctx: Context, args: _NextStep, process: Process, told: str | None) -> Why:
    """Look up the reason and check that the next step has what it needs."""
    step = getattr(args, "next_step", None)
    if step == NextStep.SUSPEND and args.resume_on is None:
        raise NextStepIncomplete(next_step=step, missing="resume_on")
    if step == NextStep.TRANSFER and args.department is None:
        raise NextStepIncomplete(next_step=step, missing="department")
    reason = await order_queries.reason(ctx.session, process, args.reason)
    ctx.reason = f"{reason.code}: {args.note}" if args.note else reason.code
    return Why(reason.code, reason.cause, args.note, told)


def _say_why(visit: Visit, why: Why, next_step: NextStep) -> None:
    visit.end_reason, visit.end_cause, visit.end_note = why.code, why.cause, why.note
    visit.told_customer, visit.next_step = why.told_customer, next_step.value


async def _end(
    ctx: Context,
    visit: Visit,
    state: State,
    work: Collection[tuple[VisitWork, WorkOrder]],
    outcome: str,
) -> None:
    """End a visit: its work leaves it with an outcome; its technicians stay on it, done.

    What it claimed of the plant and did not use is free again (RE-02).
    """
    await give_back_claims(ctx, visit.id)
    visit.state = state.value
    # A cancellation counts from the server's time, an end on site from when it happened.
    visit.ended_at = ctx.now if state is State.CANCELLED else ctx.happened_at
    for entry, _ in work:
        entry.ended_at, entry.outcome = ctx.now, outcome
    if state is not State.CANCELLED:
        present: list[Assignment] = await queries.present(ctx.session, ctx.region_id, [visit.id])
        for row in present:
            row.state = Step.DONE.value
    await ctx.session.flush()


async def _carry_out(
    ctx: Context, visit: Visit, rows: list[WorkOrder], why: Why, args: FailVisit | CancelVisit
) -> Visit | None:
    """Carry out the next step for a visit's work; return the visit planned instead (VI-05)."""
    next_step = NextStep(args.next_step)
    if next_step is NextStep.SUSPEND:
        await orders.suspend_work(ctx, rows, why, args.resume_on)
        return None
    if next_step is NextStep.TRANSFER:
        await orders.transfer_work(ctx, rows, why, args.department or "")
        return None
    await orders.advance(ctx, [row.id for row in rows], Work.RECEIVED, why.code)
    order = await queries.order_of(ctx.session, ctx.region_id, visit.order_id)
    return await planning.plan(ctx, order, rows, former=visit)


async def take_off(
    ctx: Context, work_order_id: UUID, outcome: str, next_step: NextStep, why: Why
) -> None:
    """Take work that was set aside off its visit; without work the visit ends with it.

    Raises CustomerNotTold when a technician ends a visit on site without having told the
    customer (VI-05).
    """
    for entry in await queries.visits_of_work(ctx.session, ctx.region_id, [work_order_id]):
        visit = await queries.lock_any_visit(ctx.session, ctx.region_id, entry.visit_id)
        entry.ended_at, entry.outcome = ctx.now, outcome
        on_site = visit.state in {State.ON_SITE, State.IN_PROGRESS}
        if on_site and ctx.actor.is_technician:
            await _end_on_site(ctx, visit, next_step, why)
        else:
            await following.close_if_empty(
                ctx, visit, why.code, next_step=next_step, cause=why.cause
            )


async def _end_on_site(ctx: Context, visit: Visit, next_step: NextStep, why: Why) -> None:
    await ctx.session.flush()
    left = await queries.open_work(ctx.session, ctx.region_id, visit.id)
    if left:
        following.resize(visit, left)
        return
    _customer_told(visit, why.told_customer)
    _say_why(visit, why, next_step)
    await _end(ctx, visit, State.FAILED, (), next_step)
    ctx.also.append(visit)
    await ctx.emit(VisitFailed(visit.id, why.code, next_step.value, why.cause, None))
