"""Follow-ups: whom to ask, what to say, what was answered, the care tasks, the figures (FO)."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.problems import problems
from api.routing import (
    After,
    Limit,
    Page,
    Reading,
    calendar_day,
    page,
    reads,
    sort_by,
    verb,
)
from fieldops.followups import queries, rules, wording
from fieldops.followups.commands import answering, caring
from fieldops.followups.errors import RangeTooLong
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.queries import Cut, Wanted
from fieldops.followups.schemas import (
    CareTaskRead,
    Figures,
    FollowUpRead,
    ReasonRead,
    ReasonShare,
    ScriptLine,
    Statistics,
)
from fieldops.kernel import charts, configuration
from fieldops.kernel.clock import start_of_day
from fieldops.kernel.commands import Text
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation

router = APIRouter(prefix="/v1", tags=["follow-ups"])

READ = Permission.FOLLOW_UP_READ
UNKNOWN = {"en": "not known yet", "zh_cn": "尚不明"}

Party = Annotated[
    str | None,
    Query(pattern="^(own|contractor)$", description="Only work of the own staff, or of firms."),
]
From = Annotated[date, Query(alias="from", description="First local day on which work ended.")]
Until = Annotated[date, Query(alias="until", description="Last one.")]

verb(router, "/follow-ups/{follow_up_id}/take", answering.take)
verb(router, "/follow-ups/{follow_up_id}/note-try", answering.note_try)
verb(router, "/follow-ups/{follow_up_id}/answer", answering.answer)
verb(router, "/care-tasks/{care_task_id}/take", caring.take)
verb(router, "/care-tasks/{care_task_id}/close", caring.close)


def _cut(
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    party: Party = None,
    firm_id: Annotated[UUID | None, Query(description="Only work of this contractor.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only of this contact.")] = None,
    matter: Annotated[rules.Matter | None, Query(description="Only about this.")] = None,
) -> Cut:
    return Cut(centre_id, party, firm_id, technician_id, matter)


CutBy = Annotated[Cut, Depends(_cut)]


@router.get(
    "/follow-ups",
    operation_id="follow_up_list",
    summary="List the customers to be asked, or who were, how it went (FO-01).",
    responses=problems(),
)
async def follow_up_list(
    reading: Annotated[Reading, reads(READ)],
    cut: CutBy,
    state: Annotated[
        list[rules.State], Query(max_length=4, description="Only these states; empty: all.")
    ] = [],  # noqa: B006 - FastAPI copies it
    free: Annotated[bool, Query(description="Only calls to make now, taken by nobody.")] = False,  # noqa: FBT002
    overdue: Annotated[bool | None, Query(description="Past the day they are due on.")] = None,
    escalated: Annotated[bool | None, Query(description="Past the latest time, or not.")] = None,
    mine: Annotated[bool, Query(description="Only those I have taken.")] = False,  # noqa: FBT002
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    order_id: Annotated[UUID | None, Query(description="Only of this order.")] = None,
    satisfaction: Annotated[
        rules.Satisfaction | None, Query(description="Only with this answer.")
    ] = None,
    reason: Annotated[Text | None, Query(max_length=64, description="Only this reason.")] = None,
    finished_from: Annotated[datetime | None, Query(description="Ended at or after.")] = None,
    finished_until: Annotated[datetime | None, Query(description="Ended before.")] = None,
    sort: sort_by(  # type: ignore[valid-type]
        "call_at", "due_at", "latest_at", "finished_at", "answered_at", "tries"
    ) = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[FollowUpRead]:
    region_id = reading.scope.region_id
    held = await configuration.duration(reading.session, region_id, rules.CLAIM)
    wanted = Wanted(
        states=state,
        overdue=overdue,
        escalated=escalated,
        callable_at=reading.now if free else None,
        claimed_since=reading.now - held,
        mine=reading.actor.id if mine else None,
        customer_id=customer_id,
        order_id=order_id,
        satisfaction=satisfaction,
        reason=reason,
        finished_from=finished_from,
        finished_until=finished_until,
        cut=cut,
    )
    statement = queries.follow_ups(reading.scope, wanted, reading.now)
    return await page(reading, statement, FollowUp.id, after, limit, FollowUpRead, sort)


@router.get(
    "/follow-ups/reasons",
    operation_id="follow_up_reasons",
    summary="List the reasons of dissatisfaction (FO-03).",
    responses=problems(),
)
async def follow_up_reasons(_reading: Annotated[Reading, reads(READ)]) -> list[ReasonRead]:
    return [ReasonRead(code=code, **texts) for code, texts in rules.reasons().items()]


async def _range(reading: Reading, first: date, last: date) -> tuple[datetime, datetime]:
    """Return the moments of a range of local days; raises RangeTooLong."""
    if not 0 <= (calendar_day(last) - calendar_day(first)).days < rules.MOST_DAYS:
        raise RangeTooLong(days=rules.MOST_DAYS)
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    return start_of_day(first, zone), start_of_day(last + timedelta(days=1), zone)


@router.get(
    "/follow-ups/statistics",
    operation_id="follow_up_statistics",
    summary="Count, reach and satisfaction by day, week or month, with the reasons (FO-05).",
    responses=problems(422),
)
async def follow_up_statistics(
    reading: Annotated[Reading, reads(READ)],
    first: From,
    last: Until,
    cut: CutBy,
    period: Annotated[rules.Period, Query(description="By what.")] = rules.Period.MONTH,
    by: Annotated[rules.By, Query(description="Cut by.")] = rules.By.NONE,
) -> Statistics:
    session, scope = reading.session, reading.scope
    start, end = await _range(reading, first, last)
    zone = await organisation.zone_of(session, scope.region_id)
    tallies: defaultdict[tuple[date, str | None], rules.Tally] = defaultdict(rules.Tally)
    for one in await queries.counted(session, scope, start, end, zone, by, cut):
        key = rules.period_of(one.day, period), one.part
        tallies[key].count(one.satisfaction, one.number, in_time=one.in_time)
    items = [
        Figures(
            period_start=day,
            part=part,
            **{n: getattr(tally, n) for n in Figures.model_fields if hasattr(tally, n)},
        )
        for (day, part), tally in sorted(tallies.items(), key=lambda i: (i[0][0], i[0][1] or ""))
    ]
    told = rules.pareto(await queries.reasons(session, scope, start, end, cut))
    return Statistics(items=items, reasons=[ReasonShare.model_validate(row) for row in told])


@router.get(
    "/follow-ups/statistics/reasons.svg",
    operation_id="follow_up_reasons_chart",
    summary="The reasons of dissatisfaction as a Pareto chart (FO-05).",
    responses={**problems(422), 200: {"content": {"image/svg+xml": {}}}},
    response_class=Response,
)
async def follow_up_reasons_chart(
    reading: Annotated[Reading, reads(READ)],
    first: From,
    last: Until,
    cut: CutBy,
    lang: Annotated[str, Query(pattern="^(en|zh_cn)$", description="en or zh_cn.")] = "en",
) -> Response:
    start, end = await _range(reading, first, last)
    counts = await queries.reasons(reading.session, reading.scope, start, end, cut)
    known = rules.reasons()
    named = [
        (known.get(reason, UNKNOWN)[lang] if reason else UNKNOWN[lang], number)
        for reason, number in counts.items()
    ]
    title = {"en": "Reasons of dissatisfaction", "zh_cn": "不满意原因"}[lang]
    return Response(charts.pareto(title, named), media_type="image/svg+xml")


@router.get(
    "/follow-ups/{follow_up_id}",
    operation_id="follow_up_get",
    summary="One follow-up.",
    responses=problems(404),
)
async def follow_up_get(
    follow_up_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> FollowUpRead:
    found = await queries.follow_up(reading.session, reading.scope, follow_up_id)
    return FollowUpRead.model_validate(found)


@router.get(
    "/follow-ups/{follow_up_id}/script",
    operation_id="follow_up_script",
    summary="What to say: what was promised, measured and left open, and the question (FO-02).",
    responses=problems(404),
)
async def follow_up_script(
    follow_up_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> list[ScriptLine]:
    row = await queries.follow_up(reading.session, reading.scope, follow_up_id)
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    known = await queries.known(reading.session, row)
    return [ScriptLine.model_validate(line) for line in wording.script(row, known, zone)]


@router.get(
    "/care-tasks",
    operation_id="care_task_list",
    summary="List what is to be settled with dissatisfied customers (FO-03).",
    responses=problems(),
)
async def care_task_list(
    reading: Annotated[Reading, reads(READ)],
    open_only: Annotated[bool | None, Query(alias="open", description="Open or closed.")] = None,
    escalated: Annotated[bool | None, Query(description="Found overdue, or not.")] = None,
    follow_up_id: Annotated[UUID | None, Query(description="Only of this follow-up.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    mine: Annotated[bool, Query(description="Only those I have taken.")] = False,  # noqa: FBT002
    sort: sort_by("due_at", "opened_at", "closed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CareTaskRead]:
    statement = queries.care_tasks(
        reading.scope,
        open_only=open_only,
        escalated=escalated,
        follow_up_id=follow_up_id,
        centre_id=centre_id,
        mine=reading.actor.id if mine else None,
    )
    return await page(reading, statement, CareTask.id, after, limit, CareTaskRead, sort)
