"""The board of the day and the indicators."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.indicators import MOST_DAYS, MOST_LISTED, check_days
from api.problems import problems
from api.routing import After, Limit, Page, Reading, calendar_day, reads
from fieldops.kernel.permissions import Permission
from fieldops.reports import board as boards
from fieldops.reports import kept, one_visit
from fieldops.reports.figures import Question
from fieldops.reports.rules import Period, Staff, Standing
from fieldops.reports.schemas import (
    Board,
    KeptAppointments,
    KeptRecord,
    OneVisitRecord,
    OneVisitShare,
)

router = APIRouter(prefix="/v1", tags=["reports"])


@router.get(
    "/board",
    operation_id="board_get",
    summary="A centre's day: visits, late risks, unconfirmed, unsynced, desk, warnings",
    responses=problems(404),
)
async def board(
    reading: Annotated[Reading, reads(Permission.BOARD_READ)],
    centre_id: Annotated[UUID, Query(description="The centre.")],
    day: Annotated[date | None, Query(description="Local day; today without it.")] = None,
) -> Board:
    wanted = None if day is None else calendar_day(day)
    return await boards.board(reading.session, reading.scope, centre_id, wanted, reading.now)


def _question(
    first: Annotated[date, Query(alias="from", description="First local day.")],
    last: Annotated[date, Query(alias="to", description="Last local day; of records, 92 at most.")],
    centre_id: Annotated[UUID | None, Query(description="Only this centre.")] = None,
    technician_id: Annotated[
        UUID | None, Query(description="Only visits with this technician as contact.")
    ] = None,
    firm_id: Annotated[UUID | None, Query(description="Only this contractor firm.")] = None,
    staff: Annotated[
        Staff | None, Query(description="Only the operator's own or contractors' work (ORG-06).")
    ] = None,
) -> Question:
    check_days(first, last, MOST_DAYS)
    return kept.question(
        first,
        last,
        centre_id=centre_id,
        technician_id=technician_id,
        firm_id=firm_id,
        staff=staff,
    )


@router.get(
    "/indicators/kept-appointments",
    operation_id="kept_appointments_get",
    summary="Kept appointments (KP-01): due, kept, share and target, cut by period",
    responses=problems(404),
)
async def kept_appointments(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    by: Annotated[Period, Query(description="What the periods are.")] = Period.NONE,
) -> KeptAppointments:
    return await kept.kept_appointments(reading.session, reading.scope, question, by, reading.now)


@router.get(
    "/indicators/kept-appointments/records",
    operation_id="kept_appointments_records",
    summary="The appointments behind KP-01, each kept or with every reason why not",
    responses=problems(404),
)
async def kept_appointment_records(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_question)],
    standing: Annotated[
        Standing | None, Query(description="Only those that count so, for instance not_kept.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[KeptRecord]:
    check_days(question.first, question.last, MOST_LISTED)
    found = await kept.records(
        reading.session,
        reading.scope,
        question,
        reading.now,
        standing=standing,
        after=after,
        limit=limit,
    )
    return Page.of(found, limit, KeptRecord)


def _orders_asked(
    first: Annotated[date, Query(alias="from", description="First local day.")],
    last: Annotated[date, Query(alias="to", description="Last local day; of records, 92 at most.")],
    centre_id: Annotated[UUID | None, Query(description="Only this centre.")] = None,
) -> Question:
    check_days(first, last, MOST_DAYS)
    return one_visit.question(first, last, centre_id=centre_id)


@router.get(
    "/indicators/one-visit",
    operation_id="one_visit_get",
    summary="Share of orders served in one visit (WO-02), with its target, cut by period",
    responses=problems(404),
)
async def one_visit_share(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_orders_asked)],
    by: Annotated[Period, Query(description="What the periods are.")] = Period.NONE,
) -> OneVisitShare:
    return await one_visit.share(reading.session, reading.scope, question, by, reading.now)


@router.get(
    "/indicators/one-visit/records",
    operation_id="one_visit_records",
    summary="The orders behind the share, each with every trip it took and why",
    responses=problems(404),
)
async def one_visit_records(
    reading: Annotated[Reading, reads(Permission.INDICATOR_READ)],
    question: Annotated[Question, Depends(_orders_asked)],
    in_one: Annotated[
        bool | None, Query(alias="one_visit", description="Only those in one visit, or the others.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[OneVisitRecord]:
    check_days(question.first, question.last, MOST_LISTED)
    found = await one_visit.records(
        reading.session,
        reading.scope,
        question,
        reading.now,
        one_visit=in_one,
        after=after,
        limit=limit,
    )
    return Page.of(found, limit, OneVisitRecord)
