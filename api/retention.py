"""The three-colour list, relationship repair (CU-08), the register of who may leave (CU-09)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.problems import problems
from api.routing import After, Limit, Page, Reading, calendar_day, page, reads, sort_by, verb
from fieldops.customers import queries as customers
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.retention import charting, queries, rules
from fieldops.retention.commands import churning, repairing, revisiting
from fieldops.retention.models import ChurnCase, RepairTask, Revisit
from fieldops.retention.queries import churn
from fieldops.retention.rules import Colour, Sign
from fieldops.retention.schemas import (
    ChurnCaseRead,
    ChurnCounts,
    ChurnFigures,
    ChurnMonth,
    ChurnOfReason,
    ColouredCustomer,
    CustomerColour,
    RepairTaskRead,
    RevisitRead,
    SignRead,
)

router = APIRouter(prefix="/v1", tags=["retention"])

READ = Permission.RETENTION_READ

verb(router, "/customers/{customer_id}/repair-tasks", repairing.open_task)
verb(router, "/repair-tasks/{repair_task_id}/take", repairing.take)
verb(router, "/repair-tasks/{repair_task_id}/close", repairing.close)
verb(router, "/churn-cases", churning.open_case)
verb(router, "/churn-cases/{churn_case_id}/take", churning.take)
verb(router, "/churn-cases/{churn_case_id}/withdraw", churning.withdraw)
verb(router, "/retention-visits", revisiting.ask_retention_visit)
verb(router, "/revisits/{revisit_id}/visit", revisiting.ask_visit)
verb(router, "/revisits/{revisit_id}/answer", revisiting.answer)
verb(router, "/revisits/{revisit_id}/record", revisiting.record)

Month = Annotated[date | None, Query(description="Only in this month, named by any of its days.")]


@router.get(
    "/coloured-customers",
    operation_id="coloured_customer_list",
    summary="The red and yellow customers with what happened to them; all others are green.",
    responses=problems(),
)
async def coloured_customers(
    reading: Annotated[Reading, reads(READ)],
    colour: Annotated[Colour | None, Query(description="Only red, or only yellow.")] = None,
    sign: Annotated[Sign | None, Query(description="Only those to whom this happened.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    tasked: Annotated[
        bool | None,
        Query(
            description="All that happened has its task, open or closed; or none, and one is owed."
        ),
    ] = None,
    sort: sort_by("last_at", "times", "tier", "due_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ColouredCustomer]:
    statement = await queries.coloured(
        reading.session,
        reading.scope,
        reading.now,
        colour=colour,
        sign=sign,
        centre_id=centre_id,
        tasked=tasked,
    )
    key = statement.selected_columns.id
    return await page(reading, statement, key, after, limit, ColouredCustomer, sort, columns=True)


@router.get(
    "/customers/{customer_id}/colour",
    operation_id="customer_colour",
    summary="How it stands between one customer and us, with the records that say so.",
    responses=problems(404),
)
async def customer_colour(
    customer_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> CustomerColour:
    found = await customers.customer(reading.session, reading.scope, customer_id)
    signs = await queries.signs_of(reading.session, reading.scope.region_id, found.id, reading.now)
    return CustomerColour(
        customer_id=found.id,
        colour=rules.colour(row.sign for row in signs),
        signs=[SignRead.model_validate(row) for row in signs],
    )


@router.get(
    "/repair-tasks",
    operation_id="repair_task_list",
    summary="Tasks of relationship repair, the open ones if not asked otherwise.",
    responses=problems(),
)
async def repair_tasks(
    reading: Annotated[Reading, reads(READ)],
    closed: Annotated[bool, Query(description="Closed ones too.")] = False,  # noqa: FBT002 - a query
    mine: Annotated[bool, Query(description="Only your own.")] = False,  # noqa: FBT002 - a query
    overdue: Annotated[bool, Query(description="Only those past their due time.")] = False,  # noqa: FBT002 - a query
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    colour: Annotated[
        Colour | None, Query(description="Only those opened for red, or for yellow.")
    ] = None,
    sort: sort_by("due_at", "opened_at", "closed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[RepairTaskRead]:
    statement = queries.tasks(
        reading.scope,
        open_only=not closed,
        owner_id=reading.actor.id if mine else None,
        customer_id=customer_id,
        colour=colour,
        due_before=reading.now if overdue else None,
    )
    return await page(reading, statement, RepairTask.id, after, limit, RepairTaskRead, sort)


@router.get(
    "/churn-cases",
    operation_id="churn_case_list",
    summary="The register of customers who may leave (CU-09), the open cases if not asked.",
    responses=problems(),
)
async def churn_cases(
    reading: Annotated[Reading, reads(READ)],
    closed: Annotated[bool, Query(description="Closed ones too.")] = False,  # noqa: FBT002 - a query
    mine: Annotated[bool, Query(description="Only those you own.")] = False,  # noqa: FBT002 - a query
    reason: Annotated[rules.Reason | None, Query(description="Only for this reason.")] = None,
    outcome: Annotated[rules.Said | None, Query(description="Only with this outcome.")] = None,
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    withdrawn: Annotated[bool, Query(description="Those withdrawn instead.")] = False,  # noqa: FBT002 - a query
    opened_in: Month = None,
    closed_in: Month = None,
    sort: sort_by("opened_at", "closed_at", "reason") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ChurnCaseRead]:
    statement = churn.cases(reading.scope, withdrawn=withdrawn)
    for column, wanted in (
        (ChurnCase.reason, reason),
        (ChurnCase.outcome, outcome),
        (ChurnCase.customer_id, customer_id),
        (ChurnCase.centre_id, centre_id),
        (ChurnCase.owner_id, reading.actor.id if mine else None),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    for moment, month in ((ChurnCase.opened_at, opened_in), (ChurnCase.closed_at, closed_in)):
        if month is not None:
            statement = statement.where(churn.in_month(moment, calendar_day(month), zone))
    if not (closed or withdrawn or opened_in or closed_in or outcome):
        statement = statement.where(ChurnCase.closed_at.is_(None))
    return await page(reading, statement, ChurnCase.id, after, limit, ChurnCaseRead, sort)


@router.get(
    "/churn-cases/{churn_case_id}",
    operation_id="churn_case_get",
    summary="One case of the register.",
    responses=problems(404),
)
async def churn_case(
    churn_case_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> ChurnCaseRead:
    found = await churn.case(reading.session, reading.scope, churn_case_id)
    return ChurnCaseRead.model_validate(found)


@router.get(
    "/revisits",
    operation_id="revisit_list",
    summary="Revisits of customers who may leave, retention visits; the open ones if not asked.",
    responses=problems(),
)
async def revisits(
    reading: Annotated[Reading, reads(READ)],
    closed: Annotated[bool, Query(description="Those with an outcome too.")] = False,  # noqa: FBT002 - a query
    purpose: Annotated[rules.Purpose | None, Query(description="Only for this.")] = None,
    standing: Annotated[
        rules.Standing | None, Query(description="Only those that count so, missed for instance.")
    ] = None,
    unanswered: Annotated[bool, Query(description="Asked for, not answered.")] = False,  # noqa: FBT002 - a query
    customer_id: Annotated[UUID | None, Query(description="Only of this customer.")] = None,
    churn_case_id: Annotated[UUID | None, Query(description="Only of this case.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    due_in: Month = None,
    sort: sort_by("due_at", "answer_due_at", "done_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[RevisitRead]:
    statement = churn.revisits(reading.scope)
    for column, wanted in (
        (Revisit.purpose, purpose),
        (Revisit.customer_id, customer_id),
        (Revisit.churn_case_id, churn_case_id),
        (Revisit.centre_id, centre_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if standing is not None:
        statement = statement.where(churn.stands(standing, reading.now))
    if unanswered:
        statement = statement.where(Revisit.asked_at.is_not(None), Revisit.answered_at.is_(None))
    if due_in is not None:
        zone = await organisation.zone_of(reading.session, reading.scope.region_id)
        statement = statement.where(churn.in_month(Revisit.due_at, calendar_day(due_in), zone))
    if not (closed or standing or due_in):
        statement = statement.where(Revisit.outcome.is_(None))
    return await page(reading, statement, Revisit.id, after, limit, RevisitRead, sort)


def _months(
    first: Annotated[date, Query(alias="from", description="Any day of the first month.")],
    last: Annotated[date, Query(alias="to", description="Any day of the last, 24 months at most.")],
    centre_id: Annotated[UUID | None, Query(description="Only this centre.")] = None,
) -> tuple[list[date], UUID | None]:
    if calendar_day(last) < calendar_day(first):
        raise InvalidRequest(reason="the last month lies before the first")
    found = rules.months(first, last)
    if len(found) > rules.MOST_MONTHS:
        raise InvalidRequest(reason=f"at most {rules.MOST_MONTHS} months at once")
    return found, centre_id


async def _figures(reading: Reading, months: list[date], centre_id: UUID | None) -> ChurnFigures:
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    found = await churn.figures(
        reading.session,
        reading.scope,
        months[0],
        months[-1],
        zone,
        reading.now,
        centre_id=centre_id,
    )
    shown = []
    for month in months:
        total = rules.Churn()
        parts = []
        for reason in rules.Reason:
            if (part := found.get((month, reason.value))) is not None:
                total.add(part)
                counts = ChurnCounts.model_validate(part).model_dump()
                parts.append(ChurnOfReason(**counts, reason=reason))
        whole = ChurnCounts.model_validate(total).model_dump()
        shown.append(ChurnMonth(**whole, month=month, by_reason=parts))
    return ChurnFigures(goal_percent=rules.GOAL_PERCENT, months=shown)


@router.get(
    "/churn-figures",
    operation_id="churn_figures",
    summary="By month and reason: opened, revisited in time, kept, lost (CU-09).",
    responses=problems(),
)
async def churn_figures(
    reading: Annotated[Reading, reads(READ)],
    asked: Annotated[tuple[list[date], UUID | None], Depends(_months)],
) -> ChurnFigures:
    return await _figures(reading, *asked)


@router.get(
    "/churn-figures/chart.svg",
    operation_id="churn_chart",
    summary="The churn figures as a picture.",
    response_class=Response,
    responses=problems() | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def churn_chart(
    reading: Annotated[Reading, reads(READ)],
    asked: Annotated[tuple[list[date], UUID | None], Depends(_months)],
    of: Annotated[charting.What, Query(description="What to draw.")] = "register",
    language: Annotated[charting.Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    figures = await _figures(reading, *asked)
    return Response(charting.chart(of, figures, language), media_type="image/svg+xml")
