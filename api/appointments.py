"""Appointments, free windows, call tasks."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.appointments import queries, rules
from fieldops.appointments.commands import answers, booking, calls, holding, moving
from fieldops.appointments.models import Appointment, CallTask
from fieldops.appointments.schemas import (
    AppointmentDetail,
    AppointmentRead,
    CallTaskRead,
    HistoryEntry,
    ReconfirmationRead,
    SlotRead,
    Slots,
    ToTell,
)
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits

router = APIRouter(prefix="/v1", tags=["appointments"])

READ = Permission.APPOINTMENT_READ

verb(router, "/appointments", booking.book)
verb(router, "/appointments/reschedule-together", moving.reschedule_together)
verb(router, "/appointments/{appointment_id}/reschedule", moving.reschedule)
verb(router, "/appointments/{appointment_id}/cancel", booking.cancel)
verb(router, "/visits/{visit_id}/slots/hold", holding.hold_slot)
verb(router, "/visits/{visit_id}/reconfirmations", answers.record_reconfirmation)
verb(router, "/visits/{visit_id}/reschedule-requests", answers.request_reschedule)
verb(router, "/call-tasks", calls.open_call_task)
verb(router, "/call-tasks/{call_task_id}/complete", calls.complete_call_task)


@router.get(
    "/appointments",
    operation_id="appointment_list",
    summary="List appointments.",
    responses=problems(),
)
async def appointment_list(
    reading: Annotated[Reading, reads(READ)],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    state: Annotated[rules.State | None, Query(description="Only in this state.")] = None,
    starts: Annotated[
        AwareDatetime | None, Query(description="Only windows that start at or after this.")
    ] = None,
    ends: Annotated[
        AwareDatetime | None, Query(description="Only windows that start before this.")
    ] = None,
    sort: sort_by("window_start", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AppointmentRead]:
    statement = queries.appointments(reading.scope)
    if visit_id is not None:
        statement = statement.where(Appointment.visit_id == visit_id)
    if state is not None:
        statement = statement.where(Appointment.state == state)
    if starts is not None:
        statement = statement.where(Appointment.window_start >= starts)
    if ends is not None:
        statement = statement.where(Appointment.window_start < ends)
    return await page(reading, statement, Appointment.id, after, limit, AppointmentRead, sort)


@router.get(
    "/appointments/{appointment_id}",
    operation_id="appointment_get",
    summary="Return an appointment with its answers and its whole history (AP-02).",
    responses=problems(404),
)
async def appointment_get(
    appointment_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> AppointmentDetail:
    found = await queries.appointment(reading.session, reading.scope, appointment_id)
    region_id = reading.scope.region_id
    given = await queries.answers(reading.session, region_id, appointment_id)
    changes = await queries.history(reading.session, region_id, appointment_id)
    return AppointmentDetail(
        **AppointmentRead.model_validate(found).model_dump(),
        answers=[ReconfirmationRead.model_validate(row) for row in given],
        history=[HistoryEntry.model_validate(row) for row in changes],
    )


@router.get(
    "/visits/{visit_id}/slots",
    operation_id="slot_list",
    summary="List the free windows that can be kept for a visit, earliest first (AP-01).",
    responses=problems(404),
)
async def slot_list(
    visit_id: UUID,
    reading: Annotated[Reading, reads(Permission.APPOINTMENT_BOOK)],
    starts: Annotated[
        AwareDatetime | None, Query(description="Only windows that start at or after this.")
    ] = None,
    ends: Annotated[
        AwareDatetime | None, Query(description="Only windows that start before this.")
    ] = None,
    night: Annotated[  # noqa: FBT002 - a query parameter
        bool, Query(description="The customer asked for a visit in the quiet hours (AP-09).")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=100, description="Greatest number of windows.")] = 20,
) -> Slots:
    visit = await visits.visit(reading.session, reading.scope, visit_id)
    found = await queries.offered_windows(
        reading.session,
        visit,
        reading.now,
        limit=limit,
        starts=starts,
        ends=ends,
        night=night,
        displacing=True,
    )
    plan = found.plan
    return Slots(
        items=[SlotRead.model_validate(offer) for offer in found.offers],
        emergency=ToTell(en=plan.text_en, zh_cn=plan.text_zh) if plan else None,
    )


@router.get(
    "/call-tasks",
    operation_id="call_task_list",
    summary="List calls to customers.",
    responses=problems(),
)
async def call_task_list(
    reading: Annotated[Reading, reads(READ)],
    due_before: Annotated[
        AwareDatetime | None, Query(description="Only calls due before this moment.")
    ] = None,
    kind: Annotated[rules.TaskKind | None, Query(description="Only of this kind.")] = None,
    visit_id: Annotated[UUID | None, Query(description="Only about this visit.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    taken_by: Annotated[UUID | None, Query(description="Only those this person makes.")] = None,
    free: Annotated[bool, Query(description="Only those nobody has taken.")] = False,  # noqa: FBT002 - a query parameter
    done: Annotated[bool, Query(description="Those done instead of those open.")] = False,  # noqa: FBT002 - a query parameter
    sort: sort_by("due_at", "kind") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CallTaskRead]:
    statement = queries.call_tasks(reading.scope).order_by(CallTask.id)
    statement = statement.where(
        CallTask.done_at.is_not(None) if done else CallTask.done_at.is_(None)
    )
    if due_before is not None:
        statement = statement.where(CallTask.due_at < due_before)
    if kind is not None:
        statement = statement.where(CallTask.kind == kind)
    if visit_id is not None:
        statement = statement.where(CallTask.visit_id == visit_id)
    if centre_id is not None:
        statement = statement.where(CallTask.centre_id == centre_id)
    if taken_by is not None:
        statement = statement.where(CallTask.taken_by == taken_by)
    if free:
        statement = statement.where(CallTask.taken_by.is_(None))
    return await page(reading, statement, CallTask.id, after, limit, CallTaskRead, sort)
