"""Steering the running day: who can do a visit, what will be late, and the ways out (AP-07)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, calendar_day, page, reads, sort_by, verb
from fieldops.dispatch import wording
from fieldops.dispatch.commands import lateness
from fieldops.dispatch.errors import NoTime
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.queries import lateness as late
from fieldops.dispatch.queries import ranking
from fieldops.dispatch.ranking import Reason
from fieldops.dispatch.schemas import CandidateRead, LateWarningRead, RankingRead, SentenceRead
from fieldops.kernel.commands import Moment
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits

router = APIRouter(prefix="/v1", tags=["dispatch"])

READ = Permission.DISPATCH_READ

verb(router, "/late-warnings/{late_warning_id}/take", lateness.take)
verb(router, "/late-warnings/{late_warning_id}/let-be", lateness.let_be)


@router.get(
    "/visits/{visit_id}/candidates",
    operation_id="visit_candidates",
    summary="Who can do a visit and who should, with reasons; who cannot, and why not.",
    responses=problems(),
)
async def candidates(
    reading: Annotated[Reading, reads(READ)],
    visit_id: UUID,
    window_start: Annotated[
        Moment | None, Query(description="For another window than the visit's: its start.")
    ] = None,
    window_end: Annotated[Moment | None, Query(description="Its end.")] = None,
) -> RankingRead:
    visit = await visits.visit(reading.session, reading.scope, visit_id)
    start, end = window_start or visit.window_start, window_end or visit.window_end
    if start is None or end is None or not start < end:
        raise NoTime
    for moment in (start, end):
        calendar_day(moment.date())
    found = await ranking.candidates(reading.session, visit, start, end, reading.now)
    return RankingRead(
        visit_id=visit.id,
        window_start=start,
        window_end=end,
        skills=sorted(found.job.skills),
        people=found.job.people,
        candidates=[
            CandidateRead(
                technician_id=c.technician_id,
                name=c.name,
                firm_id=c.firm_id,
                can=c.can,
                whole=c.whole,
                covers=list(c.covers),
                score=c.score,
                arrives_at=c.arrives_at,
                extra_way_minutes=round(c.extra_way_s / 60),
                day_minutes=c.day_minutes,
                present=c.present,
                reasons=[_read(r, found) for r in c.reasons],
                hindrances=[_read(r, found) for r in c.hindrances],
            )
            for c in found.candidates
        ],
    )


def _read(reason: Reason, found: ranking.Ranking) -> SentenceRead:
    code = reason.code.value
    return SentenceRead(code=code, text=wording.sentence(code, reason.details, found.zone))


@router.get(
    "/late-warnings",
    operation_id="late_warning_list",
    summary="List the visits that will miss their window, with two ways out each (AP-07).",
    responses=problems(),
)
async def late_warnings(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(LateWarning, "technician_id", "cause", "raised_at")],
    centre_id: Annotated[UUID | None, Query(description="Only this centre's.")] = None,
    settled: Annotated[bool, Query(description="Those that are settled instead.")] = False,  # noqa: FBT002 - a query parameter
    sort: sort_by("raised_at", "window_start", "predicted_arrival") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LateWarningRead]:
    statement = late.late_warnings(reading.scope, centre_id=centre_id, settled=settled)
    return await page(reading, only(statement), LateWarning.id, after, limit, LateWarningRead, sort)


@router.get(
    "/late-warnings/{late_warning_id}",
    operation_id="late_warning_get",
    summary="Read one warning of a late visit",
    responses=problems(404),
)
async def late_warning(
    reading: Annotated[Reading, reads(READ)], late_warning_id: UUID
) -> LateWarningRead:
    found = await late.late_warning(reading.session, reading.scope, late_warning_id)
    return LateWarningRead.model_validate(found)
