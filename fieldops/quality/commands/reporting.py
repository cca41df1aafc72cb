"""Findings, the feedback sheet, the unit's answer, and what the inspector says of it (QA-03)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from fieldops.checklists.rules import Key
from fieldops.files import queries as files
from fieldops.files.models import FileLink
from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.quality import forms, rules
from fieldops.quality.commands import cases
from fieldops.quality.commands.filling import Sha256, today
from fieldops.quality.commands.planning import OfInspection, own_inspection
from fieldops.quality.errors import NothingFilled, OneResponsible, OwnInspection
from fieldops.quality.forms import FormBody, InspectionKind
from fieldops.quality.models import FeedbackRound, Inspection, InspectionFinding
from fieldops.quality.queries import feedback
from fieldops.quality.queries import inspections as queries
from fieldops.quality.rules import FindingState, InspectionState, Severity, Verdict
from fieldops.visits.commands import telling
from fieldops.visits.rules import NoticeKind

DECIDE = Permission.QUALITY_DECIDE
Words = Annotated[Text, Field(min_length=3, max_length=4000)]


class NoteFinding(OfInspection):
    visit_id: UUID | None = Field(None, description="The visit of the sample it was found on.")
    severity: Severity = Field(description="How grave it is; a serious one opens a case.")
    item_key: Key | None = Field(None, description="The item of the form it belongs to.")
    words: Words = Field(description="What was found.")
    technician_id: UUID | None = Field(None, description="The person responsible.")
    unit_id: UUID | None = Field(None, description="Or the centre or firm.")


class WithdrawFinding(Args):
    inspection_finding_id: UUID = Field(description="The finding.")
    reason: Text = Field(min_length=3, max_length=500, description="Why it is taken back.")


class AnswerFinding(Args):
    inspection_finding_id: UUID = Field(description="The finding on one's own work.")
    answer: Annotated[Text, Field(min_length=3, max_length=1000, description="What was the case.")]


class Report(OfInspection):
    summary: Words | None = Field(None, description="What the unit reads first.")
    left_out: Annotated[Text, Field(min_length=3, max_length=500)] | None = Field(
        None, description="Why visits of the sample have no form."
    )


class Shown(Args):
    """A file that shows what was done."""

    sha256: Sha256 = Field(description="SHA-256 of the content.")
    bytes: int = Field(ge=1, le=2**40, description="Length of the content (bytes).")
    mime: Literal["application/pdf", "image/heic", "image/jpeg", "image/png", "image/webp"]


class AnswerSheet(OfInspection):
    measures: Words = Field(description="What was done, and what will be, by when.")
    files: list[Shown] = Field(
        default_factory=list, max_length=rules.MOST_EVIDENCE_FILES,
        description="What shows it; the bytes are uploaded before or after.",
    )  # fmt: skip


class AnswerOwnSheet(Args):
    feedback_round_id: UUID = Field(description="The sheet on one's own work.")
    measures: Words = Field(description="What was done, and what will be, by when.")
    files: list[Shown] = Field(
        default_factory=list, max_length=rules.MOST_EVIDENCE_FILES,
        description="What shows it; the bytes are uploaded before or after.",
    )  # fmt: skip


class JudgeAnswer(OfInspection):
    verdict: Verdict = Field(description="Accepted, or reopened for another round.")
    words: Words = Field(description="Why.")


@command("inspection.note_finding", permission=DECIDE, subject="inspection_id")
async def note_finding(ctx: Context, args: NoteFinding) -> InspectionFinding:
    """Note what an inspection found, with severity and one who is responsible (QA-06).

    It is given with the feedback sheet. Raises NotFound, NotYourInspection, InspectionEnded,
    OneResponsible.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    if args.item_key is not None:
        body = FormBody.model_validate((await queries.form(ctx.session, row.form_id)).body)
        if body.item(args.item_key) is None:
            raise NotFound(thing="item of the form")
    centre_id = row.centre_id
    if args.visit_id is not None:
        sample = await queries.sampled(ctx.session, ctx.region_id, row.id)
        if args.visit_id not in sample:
            raise NotFound(thing="visit in the sample")
        centre_id = sample[args.visit_id].centre_id
    await _check_responsible(ctx, row, args, centre_id)
    made = InspectionFinding(
        region_id=ctx.region_id,
        inspection_id=row.id,
        visit_id=args.visit_id,
        centre_id=centre_id,
        severity=args.severity.value,
        item_key=args.item_key,
        words=args.words,
        technician_id=args.technician_id,
        unit_id=args.unit_id,
        state=FindingState.NOTED.value,
        found_by=ctx.actor.id,
        found_at=ctx.now,
    )
    ctx.add(made)
    return made


async def _check_responsible(
    ctx: Context, row: Inspection, args: NoteFinding, centre_id: UUID | None
) -> None:
    """Refuse two or nobody, who was not there, and a centre that was not looked at."""
    if args.technician_id is None:
        if args.unit_id is None:
            raise OneResponsible
        kind = await feedback.responsible_unit(ctx.session, ctx.region_id, args.unit_id)
        if kind is None:
            raise NotFound(thing="centre or firm")
        if kind == "centre" and centre_id not in (None, args.unit_id):
            raise OneResponsible
        return
    if args.unit_id is not None:
        raise OneResponsible
    found = await organisation.technician(ctx.session, ctx.region_id, args.technician_id)
    if args.visit_id is not None:
        if not await feedback.was_on_visit(ctx.session, ctx.region_id, args.visit_id, found.id):
            raise OneResponsible
    elif row.centre_id is not None and found.centre_id != row.centre_id:
        raise OneResponsible


@command("inspection_finding.withdraw", permission=DECIDE, subject="inspection_finding_id")
async def withdraw(ctx: Context, args: WithdrawFinding) -> InspectionFinding:
    """Take back a finding before the sheet is given; the history keeps it (QA-06).

    Raises NotFound, NotYourInspection, InspectionEnded.
    """
    ctx.reason = args.reason
    scope = ctx.actor.scope(DECIDE)
    found = await feedback.lock_finding(
        ctx.session, scope, ctx.actor.id, args.inspection_finding_id
    )
    row = await own_inspection(ctx, found.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    found.state = FindingState.WITHDRAWN.value
    return found


@command(
    "inspection_finding.answer",
    permission=Permission.QUALITY_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="inspection_finding_id",
)
async def answer_finding(ctx: Context, args: AnswerFinding) -> InspectionFinding:
    """Say what was the case with a finding on one's own work; said anew, both stay (QA-06).

    It stands beside the finding whatever became of it. Raises NotFound for somebody else's.
    """
    scope = ctx.actor.scope(Permission.QUALITY_ANSWER)
    found = await feedback.lock_finding(
        ctx.session, scope, ctx.actor.id, args.inspection_finding_id
    )
    if found.technician_id != ctx.actor.id:
        raise NotFound(thing="finding of an inspection")
    found.answer, found.answered_at = args.answer, ctx.happened_at
    return found


@command("inspection.report", permission=DECIDE, subject="inspection_id")
async def report(ctx: Context, args: Report) -> list[Regional]:
    """Give the inspected unit its feedback sheet: the score, and what was found (QA-03).

    With it the duty is fulfilled. The unit answers within 15 days; without findings there is
    nothing to answer. Technicians are told what is said about their work, serious findings open
    cases (QA-06). Raises NotFound, NotYourInspection, InspectionEnded, NothingFilled.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_state(row.state, InspectionState.PLANNED)
    filled = await queries.forms_of(ctx.session, ctx.region_id, row.id)
    sample = await queries.sampled(ctx.session, ctx.region_id, row.id)
    open_ = len(sample.keys() - {one.visit_id for one in filled})
    if not filled or (open_ and args.left_out is None):
        raise NothingFilled(open=open_)
    ctx.reason = args.left_out
    found = await feedback.findings_of(ctx.session, ctx.region_id, row.id)
    day = await today(ctx)
    within = await configuration.duration(ctx.session, ctx.region_id, rules.ANSWER_SHEET)
    row.done_on, row.summary = day, args.summary
    row.score = forms.mean(one.score for one in filled)
    if not found:
        row.state, row.accepted_at = InspectionState.ACCEPTED.value, ctx.now
        return [row]
    changed: list[Regional] = [row, _give(ctx, row, within)]
    for one in found:
        one.state, one.given_at = FindingState.GIVEN.value, ctx.now
        if one.technician_id is not None:
            ctx.reason = one.severity
            await _tell(ctx, one.technician_id, one.visit_id)
    ctx.reason = args.left_out
    if row.technician_id not in {one.technician_id for one in found}:
        await _tell(ctx, row.technician_id)
    serious = [one for one in found if one.severity == Severity.SERIOUS]
    return [*changed, *[await cases.open_about_finding(ctx, one) for one in serious]]


async def _tell(ctx: Context, technician_id: UUID | None, visit_id: UUID | None = None) -> None:
    """Tell who is concerned that an inspection says something about their work."""
    if technician_id is not None:
        await telling.tell_technician(ctx, technician_id, NoticeKind.FINDING_GIVEN, visit_id)


def _give(ctx: Context, row: Inspection, within: timedelta) -> FeedbackRound:
    """Give the sheet for the next round."""
    due = ctx.now + within
    row.state, row.round = InspectionState.REPORTED.value, row.round + 1
    row.answer_due_at = due
    made = FeedbackRound(
        region_id=ctx.region_id,
        inspection_id=row.id,
        centre_id=row.centre_id,
        technician_id=row.technician_id,
        number=row.round,
        given_at=ctx.now,
        due_at=due,
    )
    ctx.add(made)
    return made


@command("inspection.answer", permission=DECIDE, subject="inspection_id")
async def answer(ctx: Context, args: AnswerSheet) -> list[Regional]:
    """Answer a feedback sheet for the inspected unit: measures, and files that show them (QA-03).

    Not by the inspector, but for a self inspection. Late answers are taken. Raises NotFound,
    SheetNotOpen, OwnInspection.
    """
    scope = ctx.actor.scope(DECIDE)
    row = await queries.lock_inspection(ctx.session, scope, ctx.actor.id, args.inspection_id)
    if row.inspector_id == ctx.actor.id and row.kind != InspectionKind.SELF:
        raise OwnInspection
    rules.check_sheet(row.state, InspectionState.REPORTED)
    sheet = await feedback.round_of(ctx.session, ctx.region_id, row.id, row.round)
    return await _answered(ctx, row, sheet, args)


async def _answered(
    ctx: Context, row: Inspection, sheet: FeedbackRound, args: AnswerSheet | AnswerOwnSheet
) -> list[Regional]:
    sheet.measures = args.measures
    sheet.answered_by, sheet.answered_at = ctx.actor.id, ctx.happened_at
    row.state = InspectionState.ANSWERED.value
    return [row, sheet, *await _links(ctx, sheet, args.files)]


@command(
    "feedback_sheet.answer",
    permission=Permission.QUALITY_ANSWER,
    nature=Nature.FACT,
    offline=True,
    subject="feedback_round_id",
)
async def answer_own(ctx: Context, args: AnswerOwnSheet) -> list[Regional]:
    """Answer the feedback sheet on one's own work, whose visits alone were inspected (QA-03).

    Whoever speaks first for the unit, this person or a supervisor, has answered it. What comes
    later stands beside that answer. Raises NotFound for somebody else's.
    """
    scope = ctx.actor.scope(Permission.QUALITY_ANSWER)
    row, sheet = await feedback.lock_own_sheet(
        ctx.session, scope, ctx.actor.id, args.feedback_round_id
    )
    if row.round == sheet.number and row.state == InspectionState.REPORTED:
        return await _answered(ctx, row, sheet, args)
    sheet.addition, sheet.added_at = args.measures, ctx.happened_at
    return [sheet, *await _links(ctx, sheet, args.files)]


async def _links(ctx: Context, sheet: FeedbackRound, files_: Sequence[Shown]) -> list[FileLink]:
    made = [await _linked(ctx, sheet, one) for one in files_]
    ctx.add(*made)
    return made


async def _linked(ctx: Context, sheet: FeedbackRound, one: Shown) -> FileLink:
    file = await files.lock_file(ctx.session, ctx.region_id, one.sha256)
    return FileLink(
        region_id=ctx.region_id,
        centre_id=sheet.centre_id,
        technician_id=None,
        captured_at=ctx.now,
        device_id=None,
        arrived=file.stored_at is not None,
        purpose="report",
        subject_type=FeedbackRound.resource,
        subject_id=sheet.id,
        item_key=None,
        visit_id=None,
        **one.model_dump(),
    )


@command("inspection.judge", permission=DECIDE, subject="inspection_id")
async def judge(ctx: Context, args: JudgeAnswer) -> list[Regional]:
    """Accept a unit's answer, or reopen the sheet for another round with its own time (QA-03).

    By the inspector. Accepted, its findings are settled. Raises NotFound, NotYourInspection,
    SheetNotOpen.
    """
    row = await own_inspection(ctx, args.inspection_id)
    rules.check_sheet(row.state, InspectionState.ANSWERED)
    sheet = await feedback.round_of(ctx.session, ctx.region_id, row.id, row.round)
    sheet.verdict, sheet.verdict_words = args.verdict.value, args.words
    sheet.judged_by, sheet.judged_at = ctx.actor.id, ctx.now
    if args.verdict is Verdict.REOPENED:
        within = await configuration.duration(ctx.session, ctx.region_id, rules.ANSWER_SHEET)
        await _tell(ctx, row.technician_id)
        return [row, sheet, _give(ctx, row, within)]
    row.state, row.accepted_at = InspectionState.ACCEPTED.value, ctx.now
    for one in await feedback.findings_of(ctx.session, ctx.region_id, row.id):
        one.state = FindingState.SETTLED.value
    return [row, sheet]
