"""Serious faults get an analysis report: opened by rule, written, reviewed (FA-03)."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from fieldops.faults import queries, rules
from fieldops.faults.errors import (
    AnalysisDone,
    AnalysisTakenByOther,
    FaultLasts,
    NotHandedIn,
    OwnAnalysis,
)
from fieldops.faults.models import AreaFault, FaultAnalysis, FaultReport
from fieldops.faults.queries import analyses
from fieldops.faults.rules import AnalysisState, State
from fieldops.kernel import configuration
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.permissions import Permission

WRITE = Permission.FAULT_DECIDE
REVIEW = Permission.FAULT_REVIEW


async def when_over(ctx: Context, fault: AreaFault) -> None:
    """Open the report of a serious area fault that has ended, or count its time from the end."""
    known = await analyses.of_area_fault(ctx.session, ctx.region_id, fault.id)
    if known is None:
        await open_for(ctx, fault)
    elif known.state in rules.UNWRITTEN:
        await _set_due(ctx, known, fault.ended_at or ctx.now)


async def open_for(ctx: Context, fault: AreaFault) -> FaultAnalysis | None:
    """Open the report of an area fault when it is serious and has none; None when it is not."""
    session, region_id = ctx.session, ctx.region_id
    (touched,) = await queries.touching(session, region_id, [fault])
    begun = fault.proposed_at or fault.confirmed_at or ctx.now
    reasons = rules.serious(
        customers=touched.premises,
        hours=((fault.ended_at or ctx.now) - begun) / timedelta(hours=1),
        key_customers=await analyses.key_customers(session, region_id, fault.feature_id),
        most_customers=await configuration.value(session, region_id, rules.ANALYSIS_CUSTOMERS),
        most_hours=await configuration.value(session, region_id, rules.ANALYSIS_HOURS),
        most_key=await configuration.value(session, region_id, rules.ANALYSIS_KEY),
    )
    if not reasons:
        return None
    row = FaultAnalysis(
        region_id=region_id,
        centre_id=fault.centre_id,
        area_fault_id=fault.id,
        reasons=reasons,
        state=AnalysisState.OPEN.value,
        opened_at=ctx.now,
    )
    await _set_due(ctx, row, fault.ended_at or ctx.now)
    ctx.add(row)
    return row


async def _set_due(ctx: Context, row: FaultAnalysis, since: datetime) -> None:
    within = await configuration.duration(ctx.session, ctx.region_id, rules.ANALYSIS_WITHIN)
    row.due_at = since + within


class OpenAnalysis(Args):
    area_fault_id: UUID | None = Field(None, description="The area fault.")
    report_id: UUID | None = Field(None, description="Or the report of a key customer.")


@command("fault_analysis.open", permission=WRITE)
async def open_analysis(ctx: Context, args: OpenAnalysis) -> Outcome:
    """Open the analysis report of a serious fault (FA-03); the clock alone runs it.

    Nothing happens when the fault is not serious, or has one. Raises NotFound, Forbidden.
    """
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="fault_analysis:open")
    scope = ctx.actor.scope(WRITE)
    if args.area_fault_id is not None:
        fault = await queries.lock_area_fault(ctx.session, scope, args.area_fault_id)
        if await analyses.of_area_fault(ctx.session, ctx.region_id, fault.id):
            return []
        return await open_for(ctx, fault) or []
    if args.report_id is None:
        return []
    report: FaultReport = await queries.lock_report(ctx.session, scope, args.report_id)
    row = FaultAnalysis(
        region_id=ctx.region_id,
        centre_id=report.centre_id,
        report_id=report.id,
        reasons=["key_customers", "long"],
        state=AnalysisState.OPEN.value,
        opened_at=ctx.now,
    )
    await _set_due(ctx, row, ctx.now)
    ctx.add(row)
    return row


class TakeAnalysis(Args):
    analysis_id: UUID = Field(description="The report.")
    instead: bool = Field(default=False, description="Take it over from whoever has it.")


async def _unwritten(ctx: Context, analysis_id: UUID) -> FaultAnalysis:
    row = await analyses.lock_analysis(ctx.session, ctx.actor.scope(WRITE), analysis_id)
    if row.state not in rules.UNWRITTEN:
        raise AnalysisDone(state=row.state)
    return row


@command("fault_analysis.take", permission=WRITE, subject="analysis_id")
async def take(ctx: Context, args: TakeAnalysis) -> FaultAnalysis:
    """Become the one who writes an analysis report (FA-03).

    Raises NotFound, AnalysisDone, AnalysisTakenByOther.
    """
    row = await _unwritten(ctx, args.analysis_id)
    if row.owner_id not in {None, ctx.actor.id} and not args.instead:
        raise AnalysisTakenByOther
    row.owner_id = ctx.actor.id
    return row


class GivenMoment(BaseModel):
    """One moment of a fault as its analysis tells it."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime = Field(description="When.")
    what: Text = Field(min_length=2, max_length=300, description="What happened.")


class HandIn(Args):
    model_config = shown(
        analysis_id="01938f5e-0000-7000-8000-000000000001",
        cause="An excavator of the waterworks cut the feeder cable; its plan was a year old",
        lesson="The plan given out did not show the cable laid in spring",
        prevention="Plans are given out by the record of the day; the waterworks have been told",
    )
    analysis_id: UUID = Field(description="The report.")
    cause: Text = Field(min_length=20, max_length=4000, description="What broke, and why.")
    timeline: list[GivenMoment] = Field(
        [], max_length=100, description="What happened when; empty: as the record has it."
    )
    lesson: Text = Field(min_length=20, max_length=4000, description="What is learnt from it.")
    prevention: Text = Field(
        min_length=20, max_length=4000, description="What keeps it from happening again."
    )


@command("fault_analysis.hand_in", permission=WRITE, subject="analysis_id")
async def hand_in(ctx: Context, args: HandIn) -> FaultAnalysis:
    """Hand in an analysis report: cause, timeline, lesson and prevention (FA-03).

    Without a timeline of its own it keeps what the record has. Raises NotFound, AnalysisDone,
    AnalysisTakenByOther, FaultLasts while the fault is not over.
    """
    row = await _unwritten(ctx, args.analysis_id)
    if row.owner_id not in {None, ctx.actor.id}:
        raise AnalysisTakenByOther
    if row.area_fault_id is not None:
        fault = await ctx.session.get_one(AreaFault, (ctx.region_id, row.area_fault_id))
        if fault.state == State.CONFIRMED:
            raise FaultLasts
    given = [{"at": one.at.isoformat(), "what": one.what} for one in args.timeline]
    if not given:
        given = [
            {"at": one.at.isoformat(), "what": f"{one.what}: {one.detail}"}
            if one.detail
            else {"at": one.at.isoformat(), "what": one.what}
            for one in await analyses.timeline(ctx.session, row)
        ]
    row.owner_id = ctx.actor.id
    row.cause, row.lesson, row.prevention = args.cause, args.lesson, args.prevention
    row.timeline = sorted(given, key=lambda one: one["at"])
    row.handed_in_at, row.state = ctx.now, AnalysisState.HANDED_IN.value
    return row


class ReviewAnalysis(Args):
    analysis_id: UUID = Field(description="The report.")
    note: Text = Field(min_length=3, max_length=1000, description="What the reviewer says.")


async def _to_review(ctx: Context, args: ReviewAnalysis) -> FaultAnalysis:
    row = await analyses.lock_analysis(ctx.session, ctx.actor.scope(REVIEW), args.analysis_id)
    if row.state != AnalysisState.HANDED_IN:
        raise NotHandedIn
    if row.owner_id == ctx.actor.id:
        raise OwnAnalysis
    row.reviewed_at, row.reviewed_by, row.review_note = ctx.now, ctx.actor.id, args.note
    return row


@command("fault_analysis.accept", permission=REVIEW, subject="analysis_id")
async def accept(ctx: Context, args: ReviewAnalysis) -> FaultAnalysis:
    """Accept an analysis report, as a supervisor who did not write it (FA-03).

    Raises NotFound, NotHandedIn, OwnAnalysis.
    """
    row = await _to_review(ctx, args)
    row.state = AnalysisState.ACCEPTED.value
    return row


@command("fault_analysis.give_back", permission=REVIEW, subject="analysis_id")
async def give_back(ctx: Context, args: ReviewAnalysis) -> FaultAnalysis:
    """Give an analysis report back to who wrote it, with what is missing (FA-03).

    Its due time stays. Raises NotFound, NotHandedIn, OwnAnalysis.
    """
    row = await _to_review(ctx, args)
    row.state = AnalysisState.RETURNED.value
    return row
