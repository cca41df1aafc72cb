"""Routes of training: sessions, attendance, exams (ORG-04)."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, calendar_day, page, reads, sort_by, verb
from fieldops.kernel.permissions import Permission
from fieldops.training import commands, queries, rules
from fieldops.training.models import Attendance, Exam, TrainingSession
from fieldops.training.schemas import AttendanceRead, ExamRead, TrainingRead

router = APIRouter(prefix="/v1", tags=["training"])

verb(router, "/trainings", commands.plan)
verb(router, "/trainings/{training_id}/attendance", commands.record_attendance)
verb(router, "/trainings/{training_id}/cancel", commands.cancel)
verb(router, "/exams", commands.record_exam)
verb(router, "/exams/{exam_id}/correct", commands.correct_exam)
verb(router, "/exams/{exam_id}/qualify", commands.qualify)

Skill = Literal["fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise"]
Since = Annotated[date | None, Query(description="From this local day on.")]
Until = Annotated[date | None, Query(description="To this local day, itself included.")]


def asked(
    technician_id: Annotated[UUID | None, Query(description="Only of this technician.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre's people.")] = None,
    firm_id: Annotated[UUID | None, Query(description="Only of this firm's people.")] = None,
    contractor: Annotated[
        bool | None, Query(description="True: contractor staff only; false: own staff only.")
    ] = None,
    skill: Annotated[Skill | None, Query(description="Only about this skill.")] = None,
    since: Since = None,
    until: Until = None,
) -> queries.Asked:
    for day in (since, until):
        if day is not None:
            calendar_day(day)
    return queries.Asked(technician_id, centre_id, firm_id, contractor, skill, since, until)


@router.get(
    "/trainings",
    operation_id="training_list",
    summary="Training sessions (ORG-04)",
    responses=problems(),
)
async def training_list(
    reading: Annotated[Reading, reads(Permission.TRAINING_READ)],
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    skill: Annotated[Skill | None, Query(description="Only about this skill.")] = None,
    state: Annotated[rules.State | None, Query(description="Only in this state.")] = None,
    since: Since = None,
    until: Until = None,
    sort: sort_by("held_on") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[TrainingRead]:
    statement = queries.sessions(
        reading.scope, centre_id=centre_id, skill=skill, state=state, since=since, until=until
    )
    return await page(reading, statement, TrainingSession.id, after, limit, TrainingRead, sort)


@router.get(
    "/trainings/{training_id}",
    operation_id="training_get",
    summary="One training session",
    responses=problems(404),
)
async def training_get(
    training_id: UUID, reading: Annotated[Reading, reads(Permission.TRAINING_READ)]
) -> TrainingRead:
    row = await queries.session_of(reading.session, reading.scope, training_id)
    return TrainingRead.model_validate(row)


@router.get(
    "/training-attendances",
    operation_id="attendance_list",
    summary="Who was at which training, by technician, unit, firm and time (ORG-04)",
    responses=problems(),
)
async def attendance_list(
    reading: Annotated[Reading, reads(Permission.TRAINING_READ)],
    narrowed: Annotated[queries.Asked, Depends(asked)],
    training_id: Annotated[UUID | None, Query(description="Only of this session.")] = None,
    sort: sort_by("technician_id", "created_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AttendanceRead]:
    statement = queries.attendances(reading.scope, narrowed, training_id)
    return await page(
        reading, statement, Attendance.id, after, limit, AttendanceRead, sort, columns=True
    )


@router.get(
    "/exams",
    operation_id="exam_list",
    summary="Exams with their points, by technician, unit, firm and time (ORG-04)",
    responses=problems(),
)
async def exam_list(
    reading: Annotated[Reading, reads(Permission.TRAINING_READ)],
    narrowed: Annotated[queries.Asked, Depends(asked)],
    passed: Annotated[bool | None, Query(description="Only passed, or only failed ones.")] = None,
    sort: sort_by("taken_on", "score") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ExamRead]:
    statement = queries.exams(reading.scope, narrowed, passed=passed)
    return await page(reading, statement, Exam.id, after, limit, ExamRead, sort, columns=True)
