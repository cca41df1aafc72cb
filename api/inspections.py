"""Inspections: duty, plans, samples, scored forms, remote evidence, sheets (QA-01 to QA-04)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.accountability import sheets_page
from api.evidence import shown_evidence
from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb, worked_out
from fieldops.checklists.schemas import AnswerOnDevice
from fieldops.kernel.clock import local_day
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.measurements.schemas import LineTestRead, SpeedTestRead
from fieldops.organisation import queries as organisation
from fieldops.quality import drawing
from fieldops.quality.commands import filling, planning, reporting, sampling
from fieldops.quality.drawing import Reason
from fieldops.quality.duty import Level
from fieldops.quality.forms import InspectionKind
from fieldops.quality.models import FeedbackRound, FilledForm, Form, Inspection, SampledVisit
from fieldops.quality.queries import duties, feedback
from fieldops.quality.queries import inspections as queries
from fieldops.quality.rules import InspectionState
from fieldops.quality.schemas import (
    DrawRead,
    DrawRepeated,
    DutyRead,
    EvidenceFlagRead,
    FeedbackRoundRead,
    FilledFormRead,
    FormRead,
    InspectedVisit,
    InspectionRead,
    SampledVisitRead,
)

router = APIRouter(prefix="/v1", tags=["quality"])

READ = Permission.INSPECTION_READ

verb(router, "/inspections", planning.plan)
verb(router, "/inspections/{inspection_id}/cancel", planning.cancel)
verb(router, "/inspections/{inspection_id}/draw", sampling.draw)
verb(router, "/inspections/{inspection_id}/visits", sampling.add_visits)
verb(router, "/inspections/{inspection_id}/forms", filling.fill)
verb(router, "/inspections/{inspection_id}/findings", reporting.note_finding)
verb(router, "/inspections/{inspection_id}/report", reporting.report)
verb(router, "/inspections/{inspection_id}/answer", reporting.answer)
verb(router, "/inspections/{inspection_id}/judge", reporting.judge)
verb(router, "/inspection-forms", filling.publish)


@router.get(
    "/inspections",
    operation_id="inspection_list",
    summary="List inspections of your centres, and those you do.",
    responses=problems(),
)
async def inspection_list(
    reading: Annotated[Reading, reads(READ)],
    state: Annotated[
        list[InspectionState], Query(max_length=5, description="Only in these states.")
    ] = [],  # noqa: B006 - FastAPI copies it
    kind: Annotated[list[InspectionKind], Query(max_length=5, description="Only these.")] = [],  # noqa: B006 - FastAPI copies it
    level: Annotated[list[Level], Query(max_length=3, description="Only these levels.")] = [],  # noqa: B006 - FastAPI copies it
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    inspector_id: Annotated[UUID | None, Query(description="Only this person's.")] = None,
    late: Annotated[bool, Query(description="Only not done, or not answered, in time.")] = False,  # noqa: FBT002 - a query
    sort: sort_by("planned_for", "answer_due_at", "done_on", "score") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[InspectionRead]:
    statement = queries.inspections(
        reading.scope,
        reading.actor.id,
        states=state,
        kinds=kind,
        levels=level,
        centre_id=centre_id,
        inspector_id=inspector_id,
    )
    if late:
        zone = await organisation.zone_of(reading.session, reading.scope.region_id)
        statement = statement.where(queries.late(local_day(reading.now, zone), reading.now))
    return await page(reading, statement, Inspection.id, after, limit, InspectionRead, sort)


@router.get(
    "/inspections/{inspection_id}",
    operation_id="inspection_get",
    summary="One inspection as it stands.",
    responses=problems(404),
)
async def inspection_get(
    inspection_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> InspectionRead:
    return InspectionRead.model_validate(await _found(reading, inspection_id))


async def _found(reading: Reading, inspection_id: UUID) -> Inspection:
    return await queries.inspection(reading.session, reading.scope, reading.actor.id, inspection_id)


@router.get(
    "/inspection-duties",
    operation_id="inspection_duty_list",
    summary="Whose duty it is to inspect what, when it is due, and what is overdue (QA-02).",
    responses=problems(),
)
async def duty_list(
    reading: Annotated[Reading, reads(READ)],
    level: Annotated[list[Level], Query(max_length=3, description="Only these levels.")] = [],  # noqa: B006 - FastAPI copies it
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    overdue: Annotated[bool | None, Query(description="Only overdue, or only not.")] = None,
    sort: sort_by("due_by", "last_done_on", "unit_name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[DutyRead]:
    rows = [
        row
        for row in await _duties(reading)
        if (not level or row.level in level)
        and (centre_id is None or row.centre_id == centre_id)
        and (overdue is None or row.overdue is overdue)
    ]
    return worked_out(rows, after, limit, DutyRead, sort)


async def _duties(reading: Reading) -> list[DutyRead]:
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    today = local_day(reading.now, zone)
    return [
        DutyRead(
            id=one.id,
            level=one.level,
            centre_id=one.centre_id,
            unit_name=one.unit.name,
            every_months=one.months,
            last_done_on=one.last.done_on,
            due_by=one.standing.due_by,
            planned_for=one.last.planned_for,
            overdue=one.standing.overdue,
        )
        for one in await duties.duties(reading.session, reading.scope, today, zone)
    ]


@router.get(
    "/inspections/{inspection_id}/visits",
    operation_id="inspection_sample_list",
    summary="The sample of an inspection with the reason for each visit (QA-04).",
    responses=problems(404),
)
async def sample_list(
    inspection_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(SampledVisit, "centre_id", "visit_id")],
    sort: sort_by("place") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[SampledVisitRead]:
    row = await _found(reading, inspection_id)
    statement = queries.sample(reading.scope, reading.actor.id, row.id)
    return await page(
        reading, only(statement), SampledVisit.id, after, limit, SampledVisitRead, sort
    )


@router.get(
    "/inspections/{inspection_id}/draw",
    operation_id="inspection_draw_get",
    summary="How the sample was drawn, drawn again for comparison (QA-04).",
    responses=problems(404),
)
async def draw_get(inspection_id: UUID, reading: Annotated[Reading, reads(READ)]) -> DrawRepeated:
    row = await _found(reading, inspection_id)
    made = await queries.draw_of(reading.session, row.region_id, row.id)
    if made is None:
        raise NotFound(thing="draw")
    again = drawing.draw(drawing.from_kept(made.population), made.seed, made.share, made.risk_share)
    sample = await queries.sampled(reading.session, row.region_id, row.id)
    drawn = sorted(
        (one for one in sample.values() if one.place <= len(again)), key=lambda one: one.place
    )
    return DrawRepeated(
        **DrawRead.model_validate(made).model_dump(),
        drawn_again=[one.visit_id for one in again],
        same=[one.visit_id for one in drawn] == [one.visit_id for one in again],
    )


@router.get(
    "/inspections/{inspection_id}/visits/{visit_id}/evidence",
    operation_id="inspection_visit_evidence",
    summary="All the evidence of a visit of the sample in one answer (QA-01).",
    responses=problems(404),
)
async def visit_evidence(
    inspection_id: UUID, visit_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> InspectedVisit:
    row = await _found(reading, inspection_id)
    sample = await queries.sampled(reading.session, row.region_id, row.id)
    if visit_id not in sample:
        raise NotFound(thing="visit in the sample")
    seen = await queries.seen(reading.session, row.region_id, visit_id)
    return InspectedVisit(
        inspection_id=row.id,
        reasons=[Reason(one) for one in sample[visit_id].reasons],
        longitude=seen.place[0],
        latitude=seen.place[1],
        evidence=shown_evidence(reading.actor, seen.evidence),
        answers=_as(AnswerOnDevice, seen.answers),
        line_tests=_as(LineTestRead, seen.line_tests),
        speed_tests=_as(SpeedTestRead, seen.speed_tests),
        flags=_as(EvidenceFlagRead, seen.flags),
    )


def _as(schema: Any, rows: Sequence[Any]) -> list[Any]:
    return [schema.model_validate(row) for row in rows]


@router.get(
    "/inspections/{inspection_id}/forms",
    operation_id="inspection_filled_form_list",
    summary="The filled forms of an inspection with their scores (QA-03).",
    responses=problems(404),
)
async def filled_list(
    inspection_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(FilledForm, "technician_id", "visit_id", "filled_by")],
    sort: sort_by("score", "filled_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FilledFormRead]:
    row = await _found(reading, inspection_id)
    statement = queries.filled(reading.scope, reading.actor.id, row.id)
    return await page(reading, only(statement), FilledForm.id, after, limit, FilledFormRead, sort)


@router.get(
    "/inspections/{inspection_id}/rounds",
    operation_id="inspection_round_list",
    summary="The rounds of a feedback sheet: given, answered, judged; oldest first (QA-03).",
    responses=problems(404),
)
async def round_list(
    inspection_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(FeedbackRound, "given_at")],
    sort: sort_by("given_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FeedbackRoundRead]:
    row = await _found(reading, inspection_id)
    statement = feedback.rounds(reading.scope, reading.actor.id, row.id)
    return await sheets_page(reading, only(statement), sort, after, limit)


@router.get(
    "/inspection-forms",
    operation_id="inspection_form_list",
    summary="All versions of the scored forms (QA-03).",
    responses=problems(),
)
async def form_list(
    reading: Annotated[Reading, reads(READ)],
    code: Annotated[str | None, Query(max_length=60, description="Only this form.")] = None,
    kind: Annotated[list[InspectionKind], Query(max_length=5, description="Only these.")] = [],  # noqa: B006 - FastAPI copies it
    sort: sort_by("code", "published_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FormRead]:
    statement = queries.all_forms(code=code, kinds=kind)
    return await page(reading, statement, Form.id, after, limit, FormRead, sort)


@router.get(
    "/inspection-forms/{form_id}",
    operation_id="inspection_form_get",
    summary="One version of a scored form.",
    responses=problems(404),
)
async def form_get(form_id: UUID, reading: Annotated[Reading, reads(READ)]) -> FormRead:
    return FormRead.model_validate(await queries.form(reading.session, form_id))
