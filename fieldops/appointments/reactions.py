"""What visits make of appointments: reserved time follows them, promises end with them.

The erasure of a customer ends the calls that were still to be made to them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import steps
from fieldops.appointments.commands.reserving import cut_short, release, reserve, time_needed
from fieldops.appointments.commands.tasks import open_task, today, withdraw_tasks
from fieldops.appointments.errors import SlotTaken
from fieldops.appointments.models import CallTask
from fieldops.customers.events import TierChanged
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Context
from fieldops.kernel.configuration import NumberSet
from fieldops.kernel.erasure import Reach, on_erasure
from fieldops.kernel.events import on
from fieldops.kernel.permissions import Permission
from fieldops.orders.rules import Cause
from fieldops.visits import queries as visits
from fieldops.visits.events import (
    NobodyHome,
    VisitAssigned,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitGrowing,
    VisitResized,
    VisitRetimed,
    VisitRevived,
    WindowChanged,
)
from fieldops.visits.models import Visit
from fieldops.visits.rules import UNDER_WAY, WORK_DONE_ELSEWHERE
from fieldops.visits.rules import State as VisitState


async def _visit(ctx: Context, visit_id: UUID) -> Visit:
    """Return the visit of an event; its emitter has locked it and checked the permission."""
    scope = system(ctx.region_id).scope(Permission.VISIT_READ)
    return await visits.visit(ctx.session, scope, visit_id)


@on(VisitAssigned, VisitRetimed, VisitRevived, WindowChanged)
async def follow_the_visit(ctx: Context, event: Any) -> None:
    """Reserve the time of exactly those who come (AP-01); raises SlotTaken.

    Work that was done already and is accepted at the desk takes no time from anybody; a visit
    that lies ahead does, whoever gave it back.
    """
    visit = await _visit(ctx, event.visit_id)
    present = await queries.present_technicians(ctx.session, ctx.region_id, visit.id)
    arrival = visit.expected_arrival
    if arrival is None or not present or (ctx.accepted and _begun(visit, ctx.now)):
        await release(ctx, visit.id)
        return
    await reserve(ctx, visit, present, arrival)


@on(VisitGrowing)
async def refuse_without_time(ctx: Context, event: VisitGrowing) -> None:
    """Refuse more work where its technicians promised the time to others; raises SlotTaken."""
    visit = await _visit(ctx, event.visit_id)
    if visit.expected_arrival is None:
        return
    during = time_needed(visit.expected_arrival, event.duration_minutes)
    present = await queries.present_technicians(ctx.session, ctx.region_id, visit.id)
    if await queries.promised_elsewhere(ctx.session, visit, present, during, ctx.now):
        raise SlotTaken


@on(VisitResized)
async def follow_the_work(ctx: Context, event: VisitResized) -> None:
    """Let the reserved time of a visit that has a window follow its work; raises SlotTaken."""
    visit = await _visit(ctx, event.visit_id)
    if visit.window_start is not None:  # a window that is only held stays with who is choosing
        await follow_the_visit(ctx, event)


def _begun(visit: Visit, now: datetime) -> bool:
    opened = visit.window_start is not None and visit.window_start <= now
    return opened or VisitState(visit.state) in UNDER_WAY


@on(VisitCompleted)
async def close_appointment(ctx: Context, event: VisitCompleted) -> None:
    """End the promise as kept or missed, by the arrival (KP-01); time that is left over is free."""
    visit = await _visit(ctx, event.visit_id)
    appointment = await queries.lock_open(ctx.session, ctx.region_id, visit.id)
    if appointment is not None:
        appointment.state = rules.end_state(
            appointment.window_start, appointment.window_end, visit.arrived_at
        )
    await cut_short(ctx, visit.id, event.at)
    await withdraw_tasks(ctx, visit.id, None, "the visit is done")


@on(VisitFailed)
async def end_appointment(ctx: Context, event: VisitFailed) -> None:
    """End the promise of a failed visit; a new appointment is asked for the same day (AP-08)."""
    appointment = await queries.lock_open(ctx.session, ctx.region_id, event.visit_id)
    if appointment is not None:
        appointment.state = "missed"
    await release(ctx, event.visit_id)
    await withdraw_tasks(ctx, event.visit_id, None, "the visit is over")
    if event.new_visit_id is not None:
        follower = await _visit(ctx, event.new_visit_id)
        await open_task(ctx, follower, "new_appointment", await today(ctx), subject=event.reason)


@on(NobodyHome)
async def ask_for_a_new_appointment(ctx: Context, event: NobodyHome) -> None:
    """Have a person ask for a new appointment the same day (AP-08)."""
    visit = await _visit(ctx, event.visit_id)
    await open_task(ctx, visit, "new_appointment", await today(ctx), subject="nobody_home")


@on(VisitCancelled)
async def cancel_appointment(ctx: Context, event: VisitCancelled) -> None:
    """Cancel the promise with its visit and free the reserved time.

    Whoever was promised it and did not ask for this is called by a person (AP-06).
    """
    appointment = await queries.lock_open(ctx.session, ctx.region_id, event.visit_id)
    if appointment is not None:
        appointment.state = "cancelled"
    await release(ctx, event.visit_id)
    await withdraw_tasks(ctx, event.visit_id, None, "the visit was cancelled")
    if appointment is None or event.reason == WORK_DONE_ELSEWHERE:
        return
    if event.new_visit_id is not None:
        follower = await _visit(ctx, event.new_visit_id)
        await open_task(ctx, follower, "new_appointment", ctx.now, subject=event.reason)
        return
    visit = await _visit(ctx, event.visit_id)
    if visit.end_cause == Cause.OPERATOR:
        await open_task(
            ctx, visit, "reschedule", ctx.now, appointment=appointment, subject=event.reason
        )


@on(VisitRevived)
async def revive_appointment(ctx: Context, event: VisitRevived) -> None:
    """Let the promise of a visit that takes place after all count again."""
    await withdraw_tasks(ctx, event.visit_id, None, "the visit takes place after all")
    appointment = await queries.latest(ctx.session, ctx.region_id, event.visit_id)
    if appointment is not None and appointment.state == "cancelled":
        appointment.state = "booked" if appointment.confirmed_at is None else "confirmed"


LADDER_NUMBERS = frozenset(
    number.name
    for number in (
        rules.RECONFIRM_BEFORE,
        rules.CALL_BEFORE,
        rules.NOTICE_BEFORE,
        rules.QUIET_FROM,
        rules.QUIET_UNTIL,
    )
)


@on(NumberSet)
async def follow_numbers(ctx: Context, event: NumberSet) -> None:
    """Have the visits ahead follow quiet hours and offsets that changed (AP-03, AP-09)."""
    if event.name in LADDER_NUMBERS:
        await steps.follow_soon(ctx)


@on(TierChanged)
async def follow_tier(ctx: Context, event: TierChanged) -> None:
    """Let a customer's promised visits follow the steps of the new tier (AP-04)."""
    for visit_id in await queries.promised_visits(ctx.session, ctx.region_id, event.customer_id):
        await steps.follow_visit(ctx, visit_id)


@on_erasure
async def withdraw_calls(session: AsyncSession, reach: Reach) -> None:
    """Take the calls to an erased customer off the list: nobody can be called any more (CU-07)."""
    for task in await queries.open_calls(session, reach.region_id, reach.of(CallTask)):
        task.done_at, task.outcome = reach.now, "withdrawn"
    await session.flush()
