"""Complaints, what was done about them, and the evidence of their visits (CO-01 to CO-04)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.evidence import shown_evidence
from api.exports import register
from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import (
    Acting,
    After,
    Limit,
    Page,
    Reading,
    acts,
    page,
    reads,
    sort_by,
    verb,
)
from fieldops.complaints import queries, report, rules
from fieldops.complaints.commands import deciding, handling, taking
from fieldops.complaints.models import Complaint, ComplaintEntry
from fieldops.complaints.schemas import (
    ComplaintDetail,
    ComplaintEntryRead,
    ComplaintEvidence,
    ComplaintRead,
)
from fieldops.kernel import clock
from fieldops.kernel.permissions import Permission
from fieldops.kernel.typesetting import Language

router = APIRouter(prefix="/v1", tags=["complaints"])

READ = Permission.COMPLAINT_READ

verb(router, "/complaints", taking.receive)
verb(router, "/complaints/{complaint_id}/take", handling.take)
verb(router, "/complaints/{complaint_id}/contact", handling.contact)
verb(router, "/complaints/{complaint_id}/transfer", handling.transfer)
verb(router, "/complaints/{complaint_id}/accept", handling.accept)
verb(router, "/complaints/{complaint_id}/refuse", handling.refuse)
verb(router, "/complaints/{complaint_id}/answer", handling.answer)
verb(router, "/complaints/{complaint_id}/reply", handling.reply)
verb(router, "/complaints/{complaint_id}/escalate", handling.escalate)
verb(router, "/complaints/{complaint_id}/decide", deciding.decide)


@router.get(
    "/complaints",
    operation_id="complaint_list",
    summary="List complaints, those that are open without a state.",
    responses=problems(),
)
async def complaint_list(
    reading: Annotated[Reading, reads(READ)],
    state: Annotated[
        list[rules.State], Query(max_length=5, description="Only these; empty: the open.")
    ] = [],  # noqa: B006 - FastAPI copies it
    grade: Annotated[rules.Grade | None, Query(description="Only this class.")] = None,
    topic: Annotated[rules.Topic | None, Query(description="Only about this.")] = None,
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
    order_id: Annotated[UUID | None, Query(description="Only about this order.")] = None,
    department: Annotated[
        rules.Department | None, Query(description="Only with, or offered to, this department.")
    ] = None,
    mine: Annotated[bool, Query(description="Only those you own or handle.")] = False,  # noqa: FBT002 - a query
    late: Annotated[bool, Query(description="Only those past a limit.")] = False,  # noqa: FBT002 - a query
    repeated: Annotated[bool | None, Query(description="Repetitions, or not.")] = None,
    escalated: Annotated[bool | None, Query(description="Escalated, or not.")] = None,
    decided: Annotated[bool | None, Query(description="Decided, or not.")] = None,
    sort: sort_by("arrived_at", "contact_due_at", "due_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ComplaintRead]:
    statement = queries.complaints(
        reading.scope,
        states=state or rules.OPEN,
        customer_id=customer_id,
        order_id=order_id,
        of_person=reading.actor.id if mine else None,
        department=department,
    )
    for column, wanted in ((Complaint.grade, grade), (Complaint.topic, topic)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    marks: tuple[tuple[Any, bool | None], ...] = (
        (Complaint.repeat_of_id, repeated),
        (Complaint.escalated_at, escalated),
        (Complaint.decided_at, decided),
    )
    for mark, is_set in marks:
        if is_set is not None:
            statement = statement.where(mark.is_not(None) if is_set else mark.is_(None))
    if late:
        statement = statement.where(queries.past_a_limit(reading.now))
    return await page(reading, statement, Complaint.id, after, limit, ComplaintRead, sort)


@router.get(
    "/complaints/{complaint_id}",
    operation_id="complaint_get",
    summary="One complaint with its visits and what can be done next.",
    responses=problems(404),
)
async def complaint_get(
    complaint_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> ComplaintDetail:
    found = await queries.complaint(reading.session, reading.scope, complaint_id)
    ids = await queries.visit_ids(reading.session, reading.scope.region_id, found.id)
    return ComplaintDetail(
        **ComplaintRead.model_validate(found).model_dump(),
        visit_ids=list(ids),
        next_steps=list(rules.NEXT_STEPS[rules.State(found.state)]),
    )


@router.get(
    "/complaints/{complaint_id}/entries",
    operation_id="complaint_entry_list",
    summary="What was done about a complaint, oldest first.",
    responses=problems(404),
)
async def complaint_entries(
    complaint_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(ComplaintEntry, "by_id", "at", kind=rules.EntryKind)],
    sort: sort_by("at", "kind") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ComplaintEntryRead]:
    found = await queries.complaint(reading.session, reading.scope, complaint_id)
    statement = queries.entries(reading.scope, found.id)
    return await page(
        reading, only(statement), ComplaintEntry.id, after, limit, ComplaintEntryRead, sort
    )


@router.get(
    "/complaints/{complaint_id}/report.pdf",
    operation_id="complaint_report",
    summary="The report of a complaint as a file for its customer; it is registered (CO-03, CU-04)",
    response_class=Response,
    responses=problems(404, 409, 413)
    | {200: {"content": {"application/pdf": {}}, "description": "The report"}},
)
async def complaint_report(
    complaint_id: UUID,
    request: Request,
    acting: Annotated[Acting, acts(READ)],
    language: Annotated[Language, Query(description="Of the words around the report.")] = "en",
) -> Response:
    now = clock.now()
    # The transaction ends before the paper is set: that may take its time.
    async with acting.database.transaction() as session:
        found = await report.gather(session, acting.actor.scope(READ), complaint_id, language, now)
    pdf = await report.paper(found, acting.settings.public_name, now)
    await register(
        acting,
        request,
        pdf,
        at=now,
        centre_id=found.centre_id,
        operation="complaint_report",
        query={"complaint_id": str(complaint_id), "language": language},
        format="pdf",
        rows=1,
        customer_ids=[found.customer_id],
        reason="for the customer who complained",
    )
    return Response(
        pdf,
        media_type="application/pdf",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="complaint-{complaint_id}.pdf"',
        },
    )


@router.get(
    "/complaints/{complaint_id}/evidence",
    operation_id="complaint_evidence",
    summary="All that was recorded on the visits of a complaint, in one answer.",
    responses=problems(404),
)
async def complaint_evidence(
    complaint_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> ComplaintEvidence:
    session, scope = reading.session, reading.scope
    found = await queries.complaint(session, scope, complaint_id)
    ids = await queries.visit_ids(session, scope.region_id, found.id)
    rows = await queries.evidence(session, scope.region_id, ids)
    visits = [shown_evidence(reading.actor, one) for one in rows]
    return ComplaintEvidence(complaint_id=found.id, visits=visits)
