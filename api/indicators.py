"""The registry of indicators, their figures cut by anything, and the records behind them."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import (
    Acting,
    After,
    Limit,
    Page,
    Reading,
    acts,
    calendar_day,
    page,
    reads,
    sort_by,
    verb,
    worked_out,
)
from fieldops.kernel import clock
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Text
from fieldops.kernel.errors import InvalidRequest, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.typesetting import Language
from fieldops.organisation import queries as organisation
from fieldops.reports import closing, commands, figures, months, ranking, weekly
from fieldops.reports.figures import Group, Question
from fieldops.reports.models import ClosedMonth
from fieldops.reports.ranking import Of
from fieldops.reports.registry import REGISTRY
from fieldops.reports.rollups import Days
from fieldops.reports.rules import Period, Staff
from fieldops.reports.schemas import (
    ClosedMonthRead,
    FactRead,
    FigureRow,
    Figures,
    IndicatorList,
    IndicatorRead,
    RankedFigure,
)

router = APIRouter(prefix="/v1", tags=["reports"])

MOST_DAYS = 1_100  # of a figure: three years, from rollups
MOST_LISTED = 92  # of a list of records

Name = Annotated[
    Text, Path(max_length=80, description="The indicator's name.", examples=["install_on_time"])
]
Code = Annotated[Text | None, Query(max_length=40)]


def check_days(first: date, last: date, most: int) -> None:
    """Refuse a range of days that ends before it begins or has too many."""
    if not timedelta() <= calendar_day(last) - calendar_day(first) < timedelta(days=most):
        raise InvalidRequest(reason=f"'to' lies before 'from' or {most} days or more after it")


def _question(
    name: Name,
    first: Annotated[date, Query(alias="from", description="First local day.")],
    last: Annotated[date, Query(alias="to", description="Last local day; of records, 92 at most.")],
    centre_id: Annotated[UUID | None, Query(description="Only this centre.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only this technician's.")] = None,
    firm_id: Annotated[UUID | None, Query(description="Only this contractor firm's.")] = None,
    staff: Annotated[
        Staff | None, Query(description="Only the operator's own or contractors' work (ORG-06).")
    ] = None,
    service: Code = None,
    tier: Code = None,
) -> Question:
    check_days(first, last, MOST_DAYS)
    return Question(
        name,
        first,
        last,
        centre_id=centre_id,
        technician_id=technician_id,
        firm_id=firm_id,
        staff=staff,
        service=service,
        tier=tier,
    )


@router.get(
    "/indicators",
    operation_id="indicator_list",
    summary="What the indicators count, with the targets and weights of a month (KP-03)",
    responses=problems(),
)
async def indicator_list(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    month: Annotated[date | None, Query(description="Any day of it; today without it.")] = None,
) -> IndicatorList:
    region_id = reading.scope.region_id
    zone = await organisation.zone_of(reading.session, region_id)
    day = (month and calendar_day(month)) or local_day(reading.now, zone)
    start = day.replace(day=1)
    targets = await months.targets(reading.session, region_id, start)
    weights = await months.weights(reading.session, region_id, start)
    return IndicatorList(
        month=start,
        indicators=[
            IndicatorRead.model_validate(one).model_copy(update={"target": targets[name]})
            for name, one in REGISTRY.items()
        ],
        service_weights=weights.services,
        tier_weights=weights.tiers,
    )


@router.get(
    "/indicator-months",
    operation_id="closed_month_list",
    summary="Closed months: when and by whom their figures were kept, with targets and weights",
    responses=problems(404),
)
async def closed_month_list(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    only: Annotated[Narrowing, narrow_by(ClosedMonth, "month", "closed_by")],
    after: After = None,
    limit: Limit = 50,
    sort: sort_by("month", "closed_at") = None,  # type: ignore[valid-type]
) -> Page[ClosedMonthRead]:
    statement = closing.listed(reading.scope.region_id)
    return await page(reading, only(statement), ClosedMonth.id, after, limit, ClosedMonthRead, sort)


@router.get(
    "/indicators/{name}",
    operation_id="indicator_get",
    summary="An indicator (KP-02): value, weighted score and target, cut by group and period",
    responses=problems(404),
)
async def indicator(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    by: Annotated[Period, Query(description="What the periods are.")] = Period.NONE,
    group: Annotated[Group, Query(description="What else it is told apart by.")] = Group.NONE,
) -> Figures:
    return await figures.figures(
        reading.session, reading.scope, question, reading.now, group=group, period=by
    )


@router.get(
    "/indicators/{name}/figures",
    operation_id="indicator_figures",
    summary="The parts of an indicator's figures as a list, which a file can be made of",
    responses=problems(404),
)
async def indicator_figures(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    by: Annotated[Period, Query(description="What the periods are.")] = Period.NONE,
    group: Annotated[Group, Query(description="What else it is told apart by.")] = Group.NONE,
    after: After = None,
    limit: Limit = 50,
) -> Page[FigureRow]:
    found = await figures.figures(
        reading.session, reading.scope, question, reading.now, group=group, period=by
    )
    rows = figures.rows(found)
    place = next((n + 1 for n, row in enumerate(rows) if row.id == after), None)
    if after is not None and place is None:
        raise NotFound(thing="row to go on after")
    return Page.of(rows[place or 0 :][: limit + 1], limit, FigureRow)


@router.get(
    "/indicators/{name}/chart.svg",
    operation_id="indicator_chart",
    summary="An indicator as a picture: over time as lines with the target, by group as bars",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def indicator_chart(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    by: Annotated[Period, Query(description="What the periods are.")] = Period.WEEK,
    group: Annotated[Group, Query(description="What else it is told apart by.")] = Group.NONE,
    language: Annotated[Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    found = await figures.figures(
        reading.session, reading.scope, question, reading.now, group=group, period=by
    )
    return Response(weekly.chart(found, language, group, by), media_type="image/svg+xml")


@router.get(
    "/weekly-report",
    operation_id="weekly_report",
    summary="A centre's week as PDF: figures, targets, the week before, charts, what was missed",
    response_class=Response,
    responses=problems(404, 413)
    | {200: {"content": {"application/pdf": {}}, "description": "The paper"}},
)
async def weekly_report(
    acting: Annotated[Acting, acts(Permission.INDICATOR_READ)],
    centre_id: Annotated[UUID, Query(description="The centre.")],
    day: Annotated[date, Query(description="Any local day of the week.")],
    language: Annotated[Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    now, wanted = clock.now(), calendar_day(day)
    scope = acting.actor.scope(Permission.INDICATOR_READ)
    # The transaction ends before the paper is set: that may take its time.
    async with acting.database.transaction() as session:
        week = await weekly.gather(session, scope, centre_id, wanted, language, now)
    named = f"weekly-{weekly.monday_of(wanted):%Y-%m-%d}.pdf"
    return Response(
        await weekly.paper(week, now),
        media_type="application/pdf",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{named}"',
        },
    )


Whom = Annotated[Of, Query(description="What is ranked.")]
BeforeFrom = Annotated[
    date | None, Query(description="First local day of what it is compared with.")
]
BeforeTo = Annotated[
    date | None, Query(description="Last of them; without both as many days just before.")
]


@router.get(
    "/indicators/{name}/ranking",
    operation_id="indicator_ranking",
    summary="Units of any level, firms or technicians by their weighed score, and before (KP-03)",
    responses=problems(404),
)
async def indicator_ranking(
    acting: Annotated[Acting, acts(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    of: Whom,
    before_from: BeforeFrom = None,
    before_to: BeforeTo = None,
    enough: Annotated[bool | None, Query(description="Only with a place, or without.")] = None,
    sort: sort_by("score", "value", "change", "records", "name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[RankedFigure]:
    rows = await _ranked(acting, question, of, before_from, before_to)
    kept = [row for row in rows if enough is None or row.enough is enough]
    return worked_out(kept, after, limit, RankedFigure, sort)


@router.get(
    "/indicators/{name}/ranking/chart.svg",
    operation_id="indicator_ranking_chart",
    summary="The ranking as bars: those with a place, with the score before and now (KP-03)",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def indicator_ranking_chart(
    acting: Annotated[Acting, acts(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    of: Whom,
    before_from: BeforeFrom = None,
    before_to: BeforeTo = None,
    language: Annotated[Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    indicator = question.indicator
    title = indicator.title_zh if language == "zh_CN" else indicator.title_en
    unit = weekly.texts(language)[indicator.unit]
    rows = await _ranked(acting, question, of, before_from, before_to)
    return Response(ranking.drawn(title, rows, unit), media_type="image/svg+xml")


async def _ranked(
    acting: Acting, question: Question, of: Of, before_from: date | None, before_to: date | None
) -> list[RankedFigure]:
    if of is not Of.TECHNICIAN and (question.centre_id or question.firm_id):
        raise InvalidRequest(reason="'centre_id' and 'firm_id' narrow a ranking of technicians")
    last = before_to or question.first - timedelta(days=1)
    first = before_from or last - (question.last - question.first)
    check_days(first, last, MOST_DAYS)
    return await ranking.ranking(
        acting.database, acting.actor, question, of, Days(first, last), clock.now()
    )


@router.get(
    "/indicators/{name}/records",
    operation_id="indicator_records",
    summary="The records behind an indicator, with what each adds to it",
    responses=problems(404),
)
async def indicator_records(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    counted: Annotated[
        bool | None, Query(description="Only those in the numerator, or only the others.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
    sort: sort_by("at", "numerator") = None,  # type: ignore[valid-type]
) -> Page[FactRead]:
    check_days(question.first, question.last, MOST_LISTED)
    found = await figures.records(
        reading.session,
        reading.scope,
        question,
        reading.now,
        counted=counted,
        after=after,
        limit=limit,
        sort=sort,
    )
    return Page.of(found, limit, FactRead)


verb(router, "/indicators/{name}/target", commands.set_target)
verb(router, "/indicator-weights", commands.set_weights)
verb(router, "/indicator-months/{month}/close", commands.close_month)
