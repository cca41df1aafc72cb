"""Rankings of centres, firms and people by inspections, with before and after (QA-06)."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.problems import problems
from api.routing import After, Limit, Page, Reading, reads, sort_by, worked_out
from fieldops.kernel import configuration
from fieldops.kernel.commands import Moment
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.permissions import Permission
from fieldops.quality import rules
from fieldops.quality.rules import Severity
from fieldops.quality.schemas import Ranked
from fieldops.reports import ranking, scores
from fieldops.reports.scores import Of, Standing

router = APIRouter(prefix="/v1", tags=["quality"])

DECIDE = Permission.QUALITY_DECIDE
USUAL = timedelta(days=90)

Whom = Annotated[Of, Query(description="What is ranked.")]
Starts = Annotated[Moment | None, Query(description="From then on; 90 days back without it.")]
Ends = Annotated[Moment | None, Query(description="Before then; now without it.")]
BeforeStarts = Annotated[
    Moment | None,
    Query(description="What it is compared with begins then; as long before without it."),
]
BeforeEnds = Annotated[
    Moment | None, Query(description="And ends then; where the time begins without it.")
]
OfCentre = Annotated[UUID | None, Query(description="Only work of this centre.")]


async def _ranked(
    reading: Reading,
    of: Of,
    times: tuple[datetime | None, datetime | None, datetime | None, datetime | None],
    centre_id: UUID | None,
) -> list[Ranked]:
    """Return everybody with a place by score; those with too few forms follow without one."""
    starts, ends, before_starts, before_ends = times
    until = ends or reading.now + timedelta(microseconds=1)
    since = starts or until - USUAL
    former_until = before_ends or since
    former_since = before_starts or former_until - (until - since)
    if not (since < until and former_since < former_until):
        raise InvalidRequest(reason="a time ends after it begins")
    session, scope = reading.session, reading.scope
    now = await scores.standings(session, scope, of, since, until, centre_id)
    then = await scores.standings(session, scope, of, former_since, former_until, centre_id)
    known = await scores.names(session, scope.region_id, of, now)
    least = await configuration.value(session, scope.region_id, rules.LEAST_RANKED)
    rows = [
        _row(id_, known.get(id_, str(id_)), standing, then.get(id_, Standing()), least)
        for id_, standing in now.items()
    ]
    return ranking.placed(rows)


def _row(id_: UUID, name: str, now: Standing, then: Standing, least: float) -> Ranked:
    change = None
    if now.score is not None and then.score is not None:
        change = round(now.score - then.score, 2)
    return Ranked(
        id=id_,
        name=name,
        place=None,
        enough=now.forms.records >= least,
        forms=now.forms.records,
        score=now.score,
        mean=now.mean,
        minor=now.findings.get(Severity.MINOR, 0),
        major=now.findings.get(Severity.MAJOR, 0),
        serious=now.findings.get(Severity.SERIOUS, 0),
        before_forms=then.forms.records,
        before_score=then.score,
        before_findings=sum(then.findings.values()),
        change=change,
    )


@router.get(
    "/quality-rankings",
    operation_id="quality_ranking_list",
    summary="Centres, firms or technicians by their scores, against a time before (QA-06).",
    responses=problems(),
)
async def ranking_list(
    reading: Annotated[Reading, reads(DECIDE)],
    of: Whom,
    starts: Starts = None,
    ends: Ends = None,
    before_starts: BeforeStarts = None,
    before_ends: BeforeEnds = None,
    centre_id: OfCentre = None,
    enough: Annotated[bool | None, Query(description="Only with a place, or without.")] = None,
    sort: sort_by("score", "change", "forms", "serious", "name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[Ranked]:
    rows = await _ranked(reading, of, (starts, ends, before_starts, before_ends), centre_id)
    kept = [row for row in rows if enough is None or row.enough is enough]
    return worked_out(kept, after, limit, Ranked, sort)


@router.get(
    "/quality-rankings/chart.svg",
    operation_id="quality_ranking_chart",
    summary="The ranking as bars: those with a place, with the score before and after (QA-06).",
    response_class=Response,
    responses=problems() | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def ranking_chart(
    reading: Annotated[Reading, reads(DECIDE)],
    of: Whom,
    starts: Starts = None,
    ends: Ends = None,
    before_starts: BeforeStarts = None,
    before_ends: BeforeEnds = None,
    centre_id: OfCentre = None,
) -> Response:
    rows = await _ranked(reading, of, (starts, ends, before_starts, before_ends), centre_id)
    picture = ranking.drawn(f"Inspections: score by {of}", rows, "of 100")
    return Response(picture, media_type="image/svg+xml")
