"""Units, people, technicians and their calendars."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day
from fieldops.kernel.errors import InvalidRequest
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries, rules
from fieldops.organisation.commands import accounts, calendars, staff
from fieldops.organisation.commands import tools as holding
from fieldops.organisation.models import Holiday, Person, Qualification, Technician, Tool, Unit
from fieldops.organisation.queries import calendars as times
from fieldops.organisation.queries import tools
from fieldops.organisation.schemas import (
    CalibrationRead,
    DutyDayRead,
    GrantRead,
    HolidayRead,
    Interval,
    LeaveRead,
    PersonRead,
    QualificationRead,
    ShiftRead,
    TechnicianDetail,
    TechnicianRead,
    ToolDetail,
    ToolRead,
    UnitRead,
)

router = APIRouter(prefix="/v1", tags=["organisation"])

MOST_CALENDAR_DAYS = 62
SHOWN_AHEAD = timedelta(days=92)


@router.get("/units", operation_id="unit_list", summary="List the units", responses=problems())
async def units(
    reading: Annotated[Reading, reads(Permission.UNIT_READ)],
    only: Annotated[Narrowing, narrow_by(Unit, "kind", "parent_id", "active")],
    sort: sort_by("name", "kind") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[UnitRead]:
    statement = queries.units_of(reading.actor.region_id)
    return await page(reading, only(statement), Unit.id, after, limit, UnitRead, sort)


verb(router, "/units", accounts.create_unit)
verb(router, "/people", accounts.create_person)
verb(router, "/people/{person_id}/close", accounts.close_person)
verb(router, "/people/{person_id}/end-sign-ins", accounts.end_sign_ins)
verb(router, "/people/{person_id}/grants", accounts.give_grant)
verb(router, "/people/{person_id}/grants/take", accounts.take_grant)
verb(router, "/technicians", staff.register_technician)
verb(router, "/technicians/{technician_id}/department", staff.change_department)
verb(router, "/technicians/{technician_id}/qualifications", staff.add_qualification)
verb(router, "/technicians/{technician_id}/shifts", calendars.set_shifts)
verb(router, "/technicians/{technician_id}/days", calendars.set_day)
verb(router, "/technicians/{technician_id}/leaves", calendars.add_leave)
verb(router, "/leaves/{leave_id}/cancel", calendars.cancel_leave)
verb(router, "/holidays", calendars.set_holiday)
verb(router, "/holidays/remove", calendars.remove_holiday)
verb(router, "/tools", holding.register_tool)
verb(router, "/tools/{tool_id}/answer-offer", holding.answer_offer)
verb(router, "/tools/{tool_id}/calibrate", holding.calibrate)
verb(router, "/tools/{tool_id}/hand-over", holding.hand_over)
verb(router, "/tools/{tool_id}/report-found", holding.report_found)
verb(router, "/tools/{tool_id}/report-lost", holding.report_lost)
verb(router, "/tools/{tool_id}/retire", holding.retire)


@router.get("/people", operation_id="person_list", summary="List accounts", responses=problems())
async def people_list(
    reading: Annotated[Reading, reads(Permission.STAFF_EDIT)],
    only: Annotated[Narrowing, narrow_by(Person, "kind", "active", "home_region", "email")],
    sort: sort_by("name", "email") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[PersonRead]:
    statement = queries.people_of(reading.actor.region_id)
    people = await page(reading, only(statement), Person.id, after, limit, PersonRead, sort)
    grants = await queries.grants_of(reading.session, [item.id for item in people.items])
    for item in people.items:
        item.grants = [GrantRead.model_validate(g) for g in grants if g.person_id == item.id]
    return people


@router.get(
    "/technicians",
    operation_id="technician_list",
    summary="List technicians in scope",
    responses=problems(),
)
async def technicians(
    reading: Annotated[Reading, reads(Permission.STAFF_READ)],
    only: Annotated[
        Narrowing, narrow_by(Technician, "centre_id", "firm_id", "department", "active")
    ],
    sort: sort_by("name", "certificate_number") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[TechnicianRead]:
    statement = queries.visible_technicians(reading.scope)
    return await page(reading, only(statement), Technician.id, after, limit, TechnicianRead, sort)


@router.get(
    "/technicians/{technician_id}",
    operation_id="technician_get",
    summary="One technician with qualifications and calendar",
    responses=problems(404),
)
async def technician(
    technician_id: UUID, reading: Annotated[Reading, reads(Permission.STAFF_READ)]
) -> TechnicianDetail:
    session, region = reading.session, reading.actor.region_id
    row = await queries.technician_in(session, reading.scope, technician_id)
    today = local_day(reading.now, await queries.zone_of(session, region))
    return TechnicianDetail(
        **TechnicianRead.model_validate(row).model_dump(),
        qualifications=[
            QualificationRead.model_validate(q)
            for q in await queries.qualifications_of(session, region, row.id)
        ],
        shifts=[
            ShiftRead.model_validate(s) for s in await times.shifts_of(session, region, row.id)
        ],
        leaves=[
            LeaveRead.model_validate(v) for v in await times.leaves_of(session, region, row.id)
        ],
        days=[
            DutyDayRead.model_validate(d)
            for d in await times.set_days_of(session, region, row.id, today, today + SHOWN_AHEAD)
        ],
    )


@router.get(
    "/technicians/{technician_id}/calendar",
    operation_id="technician_calendar",
    summary="When a technician works: shifts less lunch less leave (ORG-07)",
    responses=problems(404),
)
async def calendar(
    technician_id: UUID,
    reading: Annotated[Reading, reads(Permission.STAFF_READ)],
    from_day: Annotated[date, Query(description="First local day.")],
    to_day: Annotated[date, Query(description="Last local day, at most 62 days later.")],
) -> list[Interval]:
    if not timedelta() <= to_day - from_day <= timedelta(days=MOST_CALENDAR_DAYS):
        raise InvalidRequest(reason="to_day lies before from_day or more than 62 days after it")
    if from_day.year <= 1 or to_day.year >= date.max.year:
        raise InvalidRequest(reason="the days lie outside the calendar")
    session, region = reading.session, reading.actor.region_id
    row = await queries.technician_in(session, reading.scope, technician_id)
    zone = await queries.zone_of(session, region)
    found = await queries.working_intervals(session, region, [row.id], from_day, to_day, zone)
    return [Interval(starts_at=start, ends_at=end) for start, end in found[row.id]]


@router.get(
    "/holidays",
    operation_id="holiday_list",
    summary="Days on which centres are closed (ORG-07)",
    responses=problems(),
)
async def holidays(
    reading: Annotated[Reading, reads(Permission.STAFF_READ)],
    only: Annotated[Narrowing, narrow_by(Holiday, "centre_id")],
    first: Annotated[date | None, Query(alias="from", description="From this day on.")] = None,
    sort: sort_by("day") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[HolidayRead]:
    statement = times.holidays(reading.scope, first=first)
    return await page(reading, only(statement), Holiday.id, after, limit, HolidayRead, sort)


@router.get(
    "/qualifications/ending",
    operation_id="qualifications_ending",
    summary="Qualifications that end soon, soonest first (ORG-03)",
    responses=problems(),
)
async def ending(
    reading: Annotated[Reading, reads(Permission.STAFF_READ)],
    only: Annotated[Narrowing, narrow_by(Qualification, "centre_id", "technician_id", "skill")],
    sort: sort_by("valid_until", "skill") = "valid_until",  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[QualificationRead]:
    session, region = reading.session, reading.actor.region_id
    days = await configuration.value(session, region, rules.QUALIFICATION_NOTICE)
    today = local_day(reading.now, await queries.zone_of(session, region))
    statement = queries.ending_qualifications(reading.scope, today, int(days))
    return await page(
        reading, only(statement), Qualification.id, after, limit, QualificationRead, sort
    )


@router.get(
    "/tools",
    operation_id="tool_list",
    summary="Tools and instruments, who has them and when their calibration is due (ORG-05)",
    responses=problems(),
)
async def tool_list(
    reading: Annotated[Reading, reads(Permission.TOOL_READ)],
    holder_id: Annotated[UUID | None, Query(description="Only in this custody.")] = None,
    kind: Annotated[rules.ToolKind | None, Query(description="Only of this kind.")] = None,
    due: Annotated[
        bool | None, Query(description="True: only past their calibration, or soon to be.")
    ] = None,
    lost: Annotated[bool | None, Query(description="True: only those reported lost.")] = None,
    active: Annotated[bool | None, Query(description="False: those out of use.")] = None,
    sort: sort_by("calibrated_until", "serial", "held_since") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ToolRead]:
    session, region = reading.session, reading.actor.region_id
    due_by = None
    if due:
        days = await configuration.value(session, region, rules.CALIBRATION_NOTICE)
        today = local_day(reading.now, await queries.zone_of(session, region))
        due_by = today + timedelta(days=days)
    statement = tools.listed(
        reading.scope,
        holder_id=holder_id,
        kind=kind,
        due_by=due_by,
        lost=lost,
        active=active is not False,
    )
    return await page(reading, statement, Tool.id, after, limit, ToolRead, sort)


@router.get(
    "/tools/{tool_id}",
    operation_id="tool_get",
    summary="One tool with its calibrations",
    responses=problems(404),
)
async def tool_get(
    tool_id: UUID, reading: Annotated[Reading, reads(Permission.TOOL_READ)]
) -> ToolDetail:
    row = await tools.tool(reading.session, reading.scope, tool_id)
    known = await tools.calibrations_of(reading.session, reading.scope.region_id, row.id)
    return ToolDetail(
        **ToolRead.model_validate(row).model_dump(),
        calibrations=[CalibrationRead.model_validate(one) for one in known],
    )
