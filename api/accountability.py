"""What inspections found, said and answered, and the cases that came of it (QA-06)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel.permissions import Permission
from fieldops.quality.commands import cases, reporting
from fieldops.quality.models import AccountabilityCase, FeedbackRound, InspectionFinding
from fieldops.quality.queries import feedback
from fieldops.quality.rules import CaseState, FindingState, Severity, SheetStanding
from fieldops.quality.schemas import (
    AccountabilityCaseRead,
    FeedbackRoundRead,
    InspectionFindingRead,
    ShownFile,
)

router = APIRouter(prefix="/v1", tags=["quality"])

READ = Permission.QUALITY_READ

verb(router, "/inspection-findings/{inspection_finding_id}/withdraw", reporting.withdraw)
verb(router, "/inspection-findings/{inspection_finding_id}/answer", reporting.answer_finding)
verb(router, "/feedback-sheets/{feedback_round_id}/answer", reporting.answer_own)
verb(router, "/accountability-cases/{accountability_case_id}/state", cases.state)
verb(router, "/accountability-cases/{accountability_case_id}/state-for-unit", cases.state_for_unit)
verb(router, "/accountability-cases/{accountability_case_id}/decide", cases.decide)
verb(router, "/accountability-cases/{accountability_case_id}/close", cases.close)


async def sheets_page(
    reading: Reading, statement: Any, sort: str | None, after: UUID | None, limit: int
) -> Page[FeedbackRoundRead]:
    """Return a page of feedback sheets, each with the files that show its measures."""
    found = await page(reading, statement, FeedbackRound.id, after, limit, FeedbackRoundRead, sort)
    files = await feedback.files_of(
        reading.session, reading.scope.region_id, [one.id for one in found.items]
    )
    for one in found.items:
        one.files = [ShownFile.model_validate(row) for row in files[one.id]]
    return found


@router.get(
    "/inspection-findings",
    operation_id="inspection_finding_list",
    summary="List what inspections found; technicians see what is said about their own work.",
    responses=problems(),
)
async def finding_list(
    reading: Annotated[Reading, reads(READ)],
    inspection_id: Annotated[UUID | None, Query(description="Only of this inspection.")] = None,
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only this person's.")] = None,
    unit_id: Annotated[UUID | None, Query(description="Only this centre's or firm's.")] = None,
    severity: Annotated[list[Severity], Query(max_length=3, description="Only these.")] = [],  # noqa: B006 - FastAPI copies it
    state: Annotated[
        list[FindingState], Query(max_length=4, description="Only these; empty: all that stand.")
    ] = [],  # noqa: B006 - FastAPI copies it
    sort: sort_by("found_at", "given_at", "severity") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[InspectionFindingRead]:
    statement = feedback.findings(
        reading.scope,
        reading.actor.id,
        inspection_id=inspection_id,
        visit_id=visit_id,
        technician_id=technician_id,
        unit_id=unit_id,
        severities=severity,
        states=state,
    )
    return await page(
        reading, statement, InspectionFinding.id, after, limit, InspectionFindingRead, sort
    )


@router.get(
    "/inspection-findings/{inspection_finding_id}",
    operation_id="inspection_finding_get",
    summary="One finding of an inspection with its answer.",
    responses=problems(404),
)
async def finding_get(
    inspection_finding_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> InspectionFindingRead:
    found = await feedback.finding(
        reading.session, reading.scope, reading.actor.id, inspection_finding_id
    )
    return InspectionFindingRead.model_validate(found)


@router.get(
    "/feedback-sheets",
    operation_id="feedback_sheet_list",
    summary="List feedback sheets; technicians see those on their own work (QA-03).",
    responses=problems(),
)
async def sheet_list(
    reading: Annotated[Reading, reads(READ)],
    technician_id: Annotated[UUID | None, Query(description="Addressed to this person.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    standing: Annotated[SheetStanding | None, Query(description="Only those so far.")] = None,
    late: Annotated[bool, Query(description="Only not answered in time.")] = False,  # noqa: FBT002 - a query
    sort: sort_by("given_at", "due_at", "answered_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FeedbackRoundRead]:
    statement = feedback.sheets(
        reading.scope,
        technician_id=technician_id,
        centre_id=centre_id,
        standing=standing,
        late_at=reading.now if late else None,
    )
    return await sheets_page(reading, statement, sort, after, limit)


@router.get(
    "/accountability-cases",
    operation_id="accountability_case_list",
    summary="List accountability cases; technicians see their own.",
    responses=problems(),
)
async def case_list(
    reading: Annotated[Reading, reads(READ)],
    state: Annotated[list[CaseState], Query(max_length=4, description="Only these.")] = [],  # noqa: B006 - FastAPI copies it
    technician_id: Annotated[UUID | None, Query(description="Only this person's.")] = None,
    unit_id: Annotated[UUID | None, Query(description="Only this centre's or firm's.")] = None,
    sort: sort_by("opened_at", "statement_until", "decided_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AccountabilityCaseRead]:
    statement = feedback.cases(
        reading.scope, states=state, technician_id=technician_id, unit_id=unit_id
    )
    return await page(
        reading, statement, AccountabilityCase.id, after, limit, AccountabilityCaseRead, sort
    )


@router.get(
    "/accountability-cases/{accountability_case_id}",
    operation_id="accountability_case_get",
    summary="One case with its statement and decision.",
    responses=problems(404),
)
async def case_get(
    accountability_case_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> AccountabilityCaseRead:
    found = await feedback.case(reading.session, reading.scope, accountability_case_id)
    return AccountabilityCaseRead.model_validate(found)
