"""Rankings of centres, firms and people by inspections, with before and after (QA-06)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.problems import problems
from api.routing import After, Limit, Page, Reading, reads, sort_by, worked_out
from fieldops.kernel import charts, configuration
from fieldops.kernel.charts import Level
from fieldops.kernel.commands import Moment
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.permissions import Permission
from fieldops.quality import rules
from fieldops.quality.queries import rankings as queries
from fieldops.quality.queries.rankings import Of, Standing
from fieldops.quality.rules import Severity
from fieldops.quality.schemas import Ranked

router = APIRouter(prefix="/v1", tags=["quality"])

DECIDE = Permission.QUALITY_DECIDE
USUAL = timedelta(days=90)
MOST_BARS = 30

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
    now = await queries.standings(session, scope, of, since, until, centre_id)
    then = await queries.standings(session, scope, of, former_since, former_until, centre_id)
    known = await queries.names(session, scope.region_id, of, now)
    least = await configuration.value(session, scope.region_id, rules.LEAST_RANKED)
    rows = [
        _row(id_, known.get(id_, str(id_)), standing, then.get(id_, Standing()), least)
        for id_, standing in now.items()
    ]
    rows.sort(key=lambda row: (not row.enough, -(row.score or 0.0), row.name, row.id))
    for row in rows:
        if row.enough:
            # Equal scores share a place.
            row.place = 1 + sum((one.score or 0) > (row.score or 0) for one in rows if one.enough)
    return rows


def _row(id_: UUID, name: str, now: Standing, then: Standing, least: float) -> Ranked:
    change = None
    if now.score is not None and then.score is not None:
        change = round(now.score - then.score, 2)
    return Ranked(
        id=id_,
        name=name,
        place=None,
        enough=now.forms >= least,
        forms=now.forms,
        score=now.score,
        minor=now.findings.get(Severity.MINOR, 0),
        major=now.findings.get(Severity.MAJOR, 0),
        serious=now.findings.get(Severity.SERIOUS, 0),
        before_forms=then.forms,
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
    drawn = [row for row in rows if row.enough][:MOST_BARS]
    return Response(_picture(of, drawn), media_type="image/svg+xml")


def _picture(of: Of, rows: Sequence[Ranked]) -> str:
    values: list[tuple[str, float | None]] = []
    for row in rows:
        if row.before_score is not None:
            values.append((f"{row.name} before", row.before_score))
        values.append((row.name, row.score))
    known = [row.score for row in rows if row.score is not None]
    levels = [Level(round(sum(known) / len(known), 2), "mean")] if known else []
    return charts.bars(f"Inspections: score by {of}", values, unit="of 100", levels=levels)
