"""Visits: who goes when, what happened, and the verbs of office and phone."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb, worked_out
from fieldops.files.queries import receipts
from fieldops.kernel import visibility
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.permissions import Permission
from fieldops.kernel.visibility import Access
from fieldops.notifications.commands import visit_reports
from fieldops.orders import queries as orders
from fieldops.organisation import queries as organisation
from fieldops.sync import field
from fieldops.sync.schemas import FieldState
from fieldops.visits import queries, rules
from fieldops.visits.commands import assigning, ending, on_site, planning, reporting
from fieldops.visits.models import Visit
from fieldops.visits.queries import calendar
from fieldops.visits.rules import State
from fieldops.visits.schemas import (
    AssignmentRead,
    FactRead,
    OffCalendarRead,
    OrderContact,
    VisitDetail,
    VisitRead,
    VisitWorkRead,
)

router = APIRouter(prefix="/v1", tags=["visits"])

FIRST_YEAR, LAST_YEAR = 2000, 2200
AHEAD_DAYS = 14
MOST_OFF_CALENDAR_DAYS = 31

for _path, _handler in (
    ("assign", assigning.assign),
    ("set-contact", assigning.set_contact),
    ("split", planning.split),
    ("join", planning.join_visits),
    ("cancel", ending.cancel),
    ("accept", on_site.accept),
    ("confirm-kit", on_site.confirm_kit),
    ("depart", on_site.depart),
    ("arrive", on_site.arrive),
    ("confirm-identity", on_site.confirm_identity),
    ("start", on_site.start),
    ("complete", ending.complete),
    ("fail", ending.fail),
    ("leave-notice", on_site.leave_notice),
    ("notes", on_site.add_note),
    ("want-report", reporting.want_report),
    ("report-again", visit_reports.send_report_again),
):
    verb(router, f"/visits/{{visit_id}}/{_path}", _handler)


@router.get(
    "/visits", operation_id="visit_list", summary="List the visits in scope", responses=problems()
)
async def visits(
    reading: Annotated[Reading, reads(Permission.VISIT_READ)],
    day: Annotated[date | None, Query(description="Windows opening on this local day.")] = None,
    state: Annotated[list[State], Query(max_length=10, description="Only these states.")] = [],  # noqa: B006 - FastAPI copies it
    order_id: Annotated[UUID | None, Query(description="Only this order's.")] = None,
    technician_id: Annotated[UUID | None, Query(description="Only this technician's.")] = None,
    sort: sort_by("window_start", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[VisitRead]:
    starts = ends = None
    if day is not None:
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidRequest(reason=f"the day lies outside {FIRST_YEAR} to {LAST_YEAR}")
        zone = await organisation.zone_of(reading.session, reading.scope.region_id)
        starts, ends = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    statement = queries.visible_visits(
        reading.scope,
        states=state,
        order_id=order_id,
        technician_id=technician_id,
        starts=starts,
        ends=ends,
    )
    return await page(reading, statement, Visit.id, after, limit, VisitRead, sort)


@router.get(
    "/visits/off-calendar",
    operation_id="visit_off_calendar",
    summary="Visits booked when their technician does not work, decided so or not (ORG-07)",
    responses=problems(),
)
async def off_calendar(
    reading: Annotated[Reading, reads(Permission.STAFF_READ)],
    from_day: Annotated[date | None, Query(description="First local day; else today.")] = None,
    to_day: Annotated[date | None, Query(description="Last local day; else 14 days on.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only this centre's visits.")] = None,
    overridden: Annotated[
        bool | None, Query(description="Only those decided with a reason, or only the others.")
    ] = None,
    sort: sort_by("expected_arrival", "technician_name") = "expected_arrival",  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[OffCalendarRead]:
    zone = await organisation.zone_of(reading.session, reading.scope.region_id)
    first = from_day or local_day(reading.now, zone)
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise InvalidRequest(reason=f"the day lies outside {FIRST_YEAR} to {LAST_YEAR}")
    last = to_day or first + timedelta(days=AHEAD_DAYS)
    if not timedelta() <= last - first < timedelta(days=MOST_OFF_CALENDAR_DAYS):
        raise InvalidRequest(reason="to_day lies before from_day or 31 days or more after it")
    found = await calendar.off_calendar(
        reading.session, reading.scope, first, last, zone, centre_id=centre_id
    )
    wanted = [row for row in found if overridden in (None, row.override_reason is not None)]
    return worked_out(
        [OffCalendarRead.model_validate(row) for row in wanted], after, limit, OffCalendarRead, sort
    )


@router.get(
    "/visits/{visit_id}",
    operation_id="visit_get",
    summary="One visit with its technicians and work, and the steps that lead on",
    responses=problems(404),
)
async def visit(
    visit_id: UUID, reading: Annotated[Reading, reads(Permission.VISIT_READ)]
) -> VisitDetail:
    session, region_id = reading.session, reading.scope.region_id
    row = await queries.visit(session, reading.scope, visit_id)
    access = await visibility.access(
        session, reading.actor, Visit, row.id, under=Permission.FILE_READ
    )
    return VisitDetail(
        **VisitRead.model_validate(row).model_dump(),
        next_commands=list(rules.next_steps(row.state)),
        assignments=[
            AssignmentRead.model_validate(entry)
            for entry in await queries.assignments(session, region_id, row.id)
        ],
        work=[
            VisitWorkRead.model_validate(entry)
            for entry, _ in await queries.visit_work(session, region_id, row.id)
        ],
        evidence=await receipts.evidence(session, region_id, row.id)
        if access is Access.SHOWN
        else None,
    )


@router.get(
    "/orders/{order_id}/contact",
    operation_id="order_contact",
    summary="The one named contact for all trades of an order; null before anybody is (VI-01)",
    responses=problems(404),
)
async def order_contact(
    order_id: UUID, reading: Annotated[Reading, reads(Permission.ORDER_READ)]
) -> OrderContact | None:
    await orders.order(reading.session, reading.scope, order_id)
    found = await queries.contacts_of_order(reading.session, reading.scope.region_id, order_id)
    return OrderContact.model_validate(found[0]) if found else None


@router.get(
    "/visits/{visit_id}/facts",
    operation_id="visit_fact_list",
    summary="What was seen and done on a visit, in the order of when it happened (SY-02)",
    responses=problems(404),
)
async def facts(
    visit_id: UUID, reading: Annotated[Reading, reads(Permission.VISIT_READ)]
) -> list[FactRead]:
    row = await queries.visit(reading.session, reading.scope, visit_id)
    found = await queries.facts(reading.session, reading.scope.region_id, row.id)
    return [FactRead.model_validate(entry) for entry in found]


@router.get(
    "/visits/{visit_id}/field-state",
    operation_id="visit_field_state",
    summary="What the technicians' phones hold of a visit, and what may be unsent (SYNC 2)",
    responses=problems(404),
)
async def field_state(
    visit_id: UUID, reading: Annotated[Reading, reads(Permission.DEVICE_READ)]
) -> list[FieldState]:
    """Look before taking a visit from somebody: last seen, what is held, what may be queued."""
    session, region_id = reading.session, reading.scope.region_id
    row = await queries.visit(session, reading.actor.scope(Permission.VISIT_READ), visit_id)
    # Another role of the same person may see more visits than this one may see phones.
    await queries.visit(session, reading.scope, visit_id)
    ever = await queries.assignments(session, region_id, row.id)
    now_on = {entry.technician_id for entry in ever if entry.ended_at is None}
    found = await field.states(
        session,
        region_id,
        Visit.resource,
        row.id,
        {entry.technician_id for entry in ever},
        reading.now,
    )
    return [s for s in found if s.holds or s.leaving or s.person_id in now_on]
