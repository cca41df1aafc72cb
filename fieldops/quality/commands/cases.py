"""Accountability: opened by a serious finding or complaint, heard, decided, closed (QA-06)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.complaints import queries as complaints
from fieldops.kernel import configuration
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.quality import rules
from fieldops.quality.errors import OwnCase
from fieldops.quality.models import AccountabilityCase, InspectionFinding
from fieldops.quality.queries import feedback
from fieldops.quality.rules import CaseState, Measure
from fieldops.visits.commands import telling
from fieldops.visits.rules import NoticeKind

DECIDE = Permission.QUALITY_DECIDE
Words = Annotated[Text, Field(min_length=3, max_length=4000)]


class OfCase(Args):
    accountability_case_id: UUID = Field(description="The case.")


class State(OfCase):
    statement: Words = Field(description="What the person concerned says, in their own words.")


class DecideCase(OfCase):
    measure: Measure = Field(description="What follows; `none` when nobody is to blame.")
    reason: Words = Field(description="Why.")


class CloseCase(OfCase):
    words: Words = Field(description="How the measure was carried out.")


async def open_about_finding(ctx: Context, finding: InspectionFinding) -> AccountabilityCase:
    """Open the case of a serious finding and tell the person concerned (QA-06)."""
    return await _open(
        ctx,
        AccountabilityCase(
            region_id=ctx.region_id,
            centre_id=finding.centre_id,
            inspection_finding_id=finding.id,
            visit_id=finding.visit_id,
            technician_id=finding.technician_id,
            unit_id=finding.unit_id,
        ),
    )


async def follow_complaint(ctx: Context, complaint_id: UUID, visit_ids: list[UUID]) -> None:
    """Open the case of a grave complaint whose person or firm is known, once (QA-06).

    Where the complaint was decided anew, and nobody or somebody else answers for it, the case
    that was opened before is dropped; one that is decided already stays what it is.
    """
    whole = system(ctx.region_id).scope(Permission.COMPLAINT_READ)
    found = await complaints.complaint(ctx.session, whole, complaint_id)
    technician_id, unit_id = found.responsible_technician_id, found.responsible_firm_id
    grave = bool(found.justified and found.serious)
    former = await feedback.case_of_complaint(ctx.session, ctx.region_id, complaint_id)
    if former is not None:
        same = (former.technician_id, former.unit_id) == (technician_id, unit_id)
        if (grave and same) or former.state not in rules.UNDECIDED_CASES:
            return
        await _drop(ctx, former)
    if not grave or (technician_id is None and unit_id is None):
        return  # a department has no person to hear
    await _open(
        ctx,
        AccountabilityCase(
            region_id=ctx.region_id,
            centre_id=found.centre_id,
            complaint_id=complaint_id,
            visit_id=visit_ids[-1] if visit_ids else None,
            technician_id=technician_id,
            unit_id=unit_id,
        ),
    )


async def _drop(ctx: Context, row: AccountabilityCase) -> None:
    row.state = CaseState.DROPPED.value
    await ctx.session.flush()  # before the complaint's next case is written
    if row.technician_id is not None:
        ctx.reason = CaseState.DROPPED.value
        await telling.tell_technician(ctx, row.technician_id, NoticeKind.CASE_DECIDED, row.visit_id)


async def _open(ctx: Context, row: AccountabilityCase) -> AccountabilityCase:
    within = await configuration.duration(ctx.session, ctx.region_id, rules.STATEMENT)
    row.state, row.opened_at = CaseState.OPENED.value, ctx.now
    row.statement_until = ctx.now + within
    ctx.add(row)
    if row.technician_id is not None:
        await telling.tell_technician(ctx, row.technician_id, NoticeKind.CASE_OPENED, row.visit_id)
    return row


@command(
    "accountability_case.state",
    permission=Permission.QUALITY_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="accountability_case_id",
)
async def state(ctx: Context, args: State) -> AccountabilityCase:
    """Say in one's own words what was the case; until it is decided, also anew (QA-06).

    By the person concerned alone. From a phone it is kept beside the decision too: it was said
    before the phone knew of it. Raises NotFound for somebody else's, CaseNotOpen online.
    """
    row = await feedback.lock_case(
        ctx.session, ctx.actor.scope(Permission.QUALITY_ANSWER), args.accountability_case_id
    )
    if row.technician_id != ctx.actor.id:
        raise NotFound(thing="accountability case")
    if ctx.from_device and row.state not in rules.UNDECIDED_CASES:
        row.statement, row.stated_by, row.stated_at = args.statement, ctx.actor.id, ctx.happened_at
        return row
    return _heard(ctx, row, args)


@command("accountability_case.state_for_unit", permission=DECIDE, subject="accountability_case_id")
async def state_for_unit(ctx: Context, args: State) -> AccountabilityCase:
    """Say for a centre or firm concerned what was the case (QA-06).

    Whoever says it does not decide. Raises NotFound for a person's case, CaseNotOpen.
    """
    row = await feedback.lock_case(
        ctx.session, ctx.actor.scope(DECIDE), args.accountability_case_id
    )
    if row.unit_id is None:
        raise NotFound(thing="case of a unit")
    return _heard(ctx, row, args)


def _heard(ctx: Context, row: AccountabilityCase, args: State) -> AccountabilityCase:
    rules.check_case(row.state, CaseState.OPENED, CaseState.HEARD)
    row.state = CaseState.HEARD.value
    row.statement, row.stated_by, row.stated_at = args.statement, ctx.actor.id, ctx.happened_at
    return row


async def _others_case(ctx: Context, case_id: UUID) -> AccountabilityCase:
    """Return a case locked that is not the actor's own; raises NotFound, OwnCase."""
    row = await feedback.lock_case(ctx.session, ctx.actor.scope(DECIDE), case_id)
    if ctx.actor.id in (row.technician_id, row.stated_by):
        raise OwnCase
    return row


@command("accountability_case.decide", permission=DECIDE, subject="accountability_case_id")
async def decide(ctx: Context, args: DecideCase) -> AccountabilityCase:
    """Decide a case with a measure and the reason, after hearing the person (QA-06).

    Or when the time for a statement is over. Nobody decides the own case. Raises NotFound,
    OwnCase, CaseNotOpen, StatementAwaited.
    """
    row = await _others_case(ctx, args.accountability_case_id)
    rules.check_heard(row.state, row.statement_until, ctx.now)
    row.state, row.measure = CaseState.DECIDED.value, args.measure.value
    row.decision_reason = args.reason
    row.decided_by, row.decided_at = ctx.actor.id, ctx.now
    if row.technician_id is not None:
        ctx.reason = args.measure.value
        await telling.tell_technician(ctx, row.technician_id, NoticeKind.CASE_DECIDED, row.visit_id)
    return row


@command("accountability_case.close", permission=DECIDE, subject="accountability_case_id")
async def close(ctx: Context, args: CloseCase) -> AccountabilityCase:
    """Close a decided case when its measure was carried out (QA-06).

    Raises NotFound, OwnCase, CaseNotOpen.
    """
    row = await _others_case(ctx, args.accountability_case_id)
    rules.check_case(row.state, CaseState.DECIDED)
    row.state, row.closing_words = CaseState.CLOSED.value, args.words
    row.closed_by, row.closed_at = ctx.actor.id, ctx.now
    return row
