"""The verbs of training: plan, attend, examine, qualify (ORG-03, ORG-04)."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.organisation.commands import staff
from fieldops.organisation.models import Qualification, Technician, Unit
from fieldops.training import queries, rules
from fieldops.training.errors import (
    ExamUsed,
    NoSkillExamined,
    NotPassed,
    NotYetHeld,
    TrainingClosed,
)
from fieldops.training.models import Attendance, Exam, TrainingSession

Subject = Annotated[Text, Field(min_length=1, max_length=200)]
Name = Annotated[Text, Field(min_length=1, max_length=120)]
Reason = Annotated[Text, Field(min_length=3, max_length=500, description="Why; it is kept.")]
Skill = Literal["fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise"]
Points = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
MOST_PEOPLE = 300


class Plan(Args):
    centre_id: UUID | None = Field(None, description="Without one it is for the whole region.")
    subject_zh: Subject
    subject_en: Subject
    skill: Skill | None = Field(None, description="The skill it is about, where it is about one.")
    held_on: date = Field(description="The local day.")
    minutes: int = Field(ge=1, le=1440, description="How long it lasts on that day.")
    trainer: Name


@command("training.plan", permission=Permission.TRAINING_EDIT)
async def plan(ctx: Context, args: Plan) -> TrainingSession:
    """Put a training session on the list of a centre or of the region (ORG-04).

    Raises NotFound for a centre outside the actor's scope.
    """
    scope = ctx.actor.scope(Permission.TRAINING_EDIT)
    if args.centre_id is None:
        if not scope.whole_region:
            raise NotFound(thing="centre")
    else:
        unit = await ctx.session.get(Unit, args.centre_id)
        known = unit is not None and (unit.kind, unit.region_number) == ("centre", ctx.region_id)
        if not known or not (scope.whole_region or args.centre_id in scope.centre_ids):
            raise NotFound(thing="centre")
    row = TrainingSession(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        **args.model_dump(),
        state=rules.State.PLANNED.value,
    )
    ctx.add(row)
    return row


class Cancel(Args):
    training_id: UUID
    reason: Reason


@command("training.cancel", permission=Permission.TRAINING_EDIT, subject="training_id")
async def cancel(ctx: Context, args: Cancel) -> TrainingSession:
    """Cancel a session that was not held (ORG-04). Raises NotFound, TrainingClosed."""
    row = await _session(ctx, args.training_id)
    if row.state != rules.State.PLANNED:
        raise TrainingClosed
    ctx.reason = args.reason
    row.state = rules.State.CANCELLED.value
    return row


class Attended(Args):
    technician_id: UUID
    present: bool = Field(description="False: on the list, and not there.")


class RecordAttendance(Args):
    training_id: UUID
    people: list[Attended] = Field(min_length=1, max_length=MOST_PEOPLE)


@command("training.record_attendance", permission=Permission.TRAINING_EDIT, subject="training_id")
async def record_attendance(
    ctx: Context, args: RecordAttendance
) -> list[TrainingSession | Attendance]:
    """Record who was at a session, own and contractor staff; a later list corrects it (ORG-04).

    Raises NotFound, TrainingClosed, NotYetHeld.
    """
    row = await _session(ctx, args.training_id)
    if row.state == rules.State.CANCELLED:
        raise TrainingClosed
    await _has_come(ctx, row.held_on)
    wanted = {one.technician_id: one.present for one in args.people}
    known = await queries.listed(ctx.session, ctx.region_id, row.id, wanted)
    rows: list[TrainingSession | Attendance] = [row]
    for technician_id, present in wanted.items():
        technician = await _technician(ctx, technician_id)
        attendance = known.get(technician_id)
        if attendance is None:
            attendance = Attendance(
                region_id=ctx.region_id,
                training_id=row.id,
                technician_id=technician.id,
                centre_id=technician.centre_id,
                present=present,
            )
            ctx.add(attendance)
        attendance.present = present
        rows.append(attendance)
    row.state = rules.State.HELD.value
    return rows


class _Marks(Args):
    score: Points = Field(description="Points reached.")
    maximum: Points = Field(gt=0, description="Points there were.")
    pass_mark: Points = Field(gt=0, description="Points needed to pass.")

    @model_validator(mode="after")
    def _points_fit(self) -> "_Marks":
        if self.score > self.maximum or self.pass_mark > self.maximum:
            raise ValueError("score and pass_mark are at most maximum")
        return self


class RecordExam(_Marks):
    technician_id: UUID
    training_id: UUID | None = Field(None, description="The training it ended, if it ended one.")
    subject_zh: Subject
    subject_en: Subject
    skill: Skill | None = Field(None, description="The skill it examines, where it examines one.")
    taken_on: date = Field(description="The local day.")
    examiner: Name


@command("training.record_exam", permission=Permission.TRAINING_EDIT, subject="technician_id")
async def record_exam(ctx: Context, args: RecordExam) -> Exam:
    """Record an exam with its points; the pass mark decides whether it was passed (ORG-04).

    Raises NotFound, NotYetHeld.
    """
    technician = await _technician(ctx, args.technician_id)
    if args.training_id is not None:
        await queries.session_of(
            ctx.session, ctx.actor.scope(Permission.TRAINING_EDIT), args.training_id
        )
    await _has_come(ctx, args.taken_on)
    row = Exam(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=technician.centre_id,
        **args.model_dump(),
        passed=rules.is_passed(args.score, args.pass_mark),
    )
    ctx.add(row)
    return row


class CorrectExam(_Marks):
    exam_id: UUID
    reason: Reason


@command("training.correct_exam", permission=Permission.TRAINING_EDIT, subject="exam_id")
async def correct_exam(ctx: Context, args: CorrectExam) -> Exam:
    """Correct an exam's points; the former ones stay in the history (ORG-04).

    Raises NotFound, ExamUsed.
    """
    row = await queries.lock_exam(
        ctx.session, ctx.actor.scope(Permission.TRAINING_EDIT), args.exam_id
    )
    if row.qualification_id is not None:
        raise ExamUsed
    ctx.reason = args.reason
    row.score, row.maximum, row.pass_mark = args.score, args.maximum, args.pass_mark
    row.passed = rules.is_passed(args.score, args.pass_mark)
    return row


class Qualify(Args):
    exam_id: UUID
    certificate_number: Annotated[Text, Field(min_length=1, max_length=60)]
    valid_from: date
    valid_until: date = Field(description="The last local day it is valid on.")

    @model_validator(mode="after")
    def _days_in_order(self) -> "Qualify":
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


@command("training.qualify", permission=Permission.TRAINING_EDIT, subject="exam_id")
async def qualify(ctx: Context, args: Qualify) -> list[Qualification | Exam]:
    """Give or extend a qualification by a passed exam; no exam does so by itself (ORG-03, ORG-04).

    One of the same skill and certificate that holds on the day before `valid_from` is extended.
    Raises NotFound, NotPassed, NoSkillExamined, ExamUsed, QualificationKnown.
    """
    exam = await queries.lock_exam(
        ctx.session, ctx.actor.scope(Permission.TRAINING_EDIT), args.exam_id
    )
    if exam.qualification_id is not None:
        raise ExamUsed
    if not exam.passed:
        raise NotPassed(score=exam.score, maximum=exam.maximum, pass_mark=exam.pass_mark)
    if exam.skill is None:
        raise NoSkillExamined
    technician = await _technician(ctx, exam.technician_id)
    row = await staff.give_qualification(
        ctx, technician, exam.skill, args.certificate_number, args.valid_from, args.valid_until
    )
    exam.qualification_id = row.id
    return [row, exam]


async def _session(ctx: Context, training_id: UUID) -> TrainingSession:
    scope = ctx.actor.scope(Permission.TRAINING_EDIT)
    row = await queries.lock_session(ctx.session, scope, training_id)
    if row.centre_id is None and not scope.whole_region:
        raise NotFound(thing="training session")
    return row


async def _technician(ctx: Context, technician_id: UUID) -> Technician:
    scope = ctx.actor.scope(Permission.TRAINING_EDIT)
    return await organisation.technician_in(ctx.session, scope, technician_id)


async def _has_come(ctx: Context, day: date) -> None:
    if day > local_day(ctx.now, await organisation.zone_of(ctx.session, ctx.region_id)):
        raise NotYetHeld(day=day.isoformat())
