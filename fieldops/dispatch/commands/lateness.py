"""Warnings of late visits: recorded by the machine, decided by a dispatcher (AP-07)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as promises
from fieldops.appointments.commands import danger, moving
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import NoAppointment
from fieldops.appointments.models import Appointment, CallTask
from fieldops.dispatch.commands import exchange
from fieldops.dispatch.errors import NoSuchWay, SayWhatCustomerSaid, WarningSettled
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.prediction import Cause
from fieldops.dispatch.queries import lateness, plans
from fieldops.dispatch.rules import RESCHEDULE_REASON, Settled, WayOutKind
from fieldops.dispatch.rules import Cause as PlanCause
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits
from fieldops.visits.commands import assigning
from fieldops.visits.models import Visit
from fieldops.visits.rules import ENDED

PLAN = Permission.DISPATCH_PLAN
REASON = RESCHEDULE_REASON[PlanCause.DELAY]


class WayOut(BaseModel):
    """One way out: who comes instead, or when; `text` says it by language (en, zh_CN).

    An exchange names the visit that waits and when it is made then; `until` when that customer
    is about to be told when somebody comes (AP-05), from which on it is too late for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: WayOutKind
    technician_ids: tuple[UUID, ...]
    contact_id: UUID
    instead_of: UUID | None = None
    window_start: datetime
    window_end: datetime
    arrives_at: datetime
    waiting_visit_id: UUID | None = None
    waiting_arrives_at: datetime | None = None
    until: datetime | None = None
    text: dict[str, str]


class RecordLateness(Args):
    visit_id: UUID = Field(description="The visit that will be late.")
    technician_id: UUID = Field(description="Who comes last.")
    cause: Cause = Field(description="What holds them up.")
    predicted_arrival: Moment = Field(description="When they will be there.")
    ways: list[WayOut] = Field(max_length=2, description="The best ways out.")


@command("lateness.record", permission=PLAN, subject="visit_id")
async def record(ctx: Context, args: RecordLateness) -> Outcome:
    """Warn that a visit will miss its window, or bring its open warning up to date (AP-07).

    The machine's own; raises Forbidden for people, NotFound.
    """
    _only_the_machine(ctx)
    visit = await visits.lock_visit(ctx.session, ctx.actor.scope(PLAN), args.visit_id)
    if visit.state in ENDED or visit.window_start is None or visit.window_end is None:
        return []
    row = await lateness.lock_open(ctx.session, ctx.region_id, visit.id)
    if row is None:
        row = LateWarning(
            region_id=ctx.region_id,
            visit_id=visit.id,
            centre_id=visit.centre_id,
            raised_at=ctx.now,
        )
        ctx.add(row)
    row.technician_id, row.cause = args.technician_id, args.cause.value
    row.window_start, row.window_end = visit.window_start, visit.window_end
    row.predicted_arrival = args.predicted_arrival
    row.ways = [way.model_dump(mode="json") for way in args.ways]
    return row


class SettleLateness(Args):
    visit_id: UUID = Field(description="The visit that is in time again, or over.")
    outcome: Settled = Field(description="How its warning ended.")


@command("lateness.settle", permission=PLAN, subject="visit_id")
async def settle(ctx: Context, args: SettleLateness) -> Outcome:
    """End the open warning of a visit that is no longer true (AP-07).

    The machine's own; raises Forbidden for people, NotFound.
    """
    _only_the_machine(ctx)
    await visits.lock_visit(ctx.session, ctx.actor.scope(PLAN), args.visit_id)
    row = await lateness.lock_open(ctx.session, ctx.region_id, args.visit_id)
    if row is None:
        return []
    row.settled_at, row.outcome = ctx.now, args.outcome.value
    return row


def _only_the_machine(ctx: Context) -> None:
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="dispatch:predict")


class TakeWayOut(Args):
    late_warning_id: UUID = Field(description="The warning.")
    way: int = Field(ge=0, le=1, description="Which way out, by its place in the warning's list.")
    customer_contacted_at: Moment | None = Field(
        None, description="New time: when they agreed to it; empty: have them told and called."
    )
    channel: promises.Channel | None = Field(None, description="New time: how they were spoken to.")
    customer_said: Text | None = Field(
        None, min_length=1, max_length=500, description="New time: the customer's say (AP-02)."
    )
    apart_reason: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="New time: why it moves without the other promised visits of its order.",
    )


@command("lateness.take", permission=PLAN)
async def take(ctx: Context, args: TakeWayOut) -> Outcome:
    """Carry out a way out of a late visit: another technician, order, or time (AP-07, AP-06).

    A new time is booked when the customer has agreed; otherwise they are told by message that the
    window cannot be kept, and a person calls them with the new time. Raises NotFound,
    WarningSettled, NoSuchWay, WayOutdated, SayWhatCustomerSaid, and what assigning and
    rescheduling refuse, for instance SlotTaken.
    """
    await _lock_both(ctx, args)
    row, visit = await _open_warning(ctx, args.late_warning_id)
    way = _way(row, args.way)
    ctx.reason = REASON
    row.taken = {"way": args.way, "by": str(ctx.actor.id), "at": ctx.now.isoformat()}
    if way.kind is WayOutKind.REASSIGN:
        await assigning.put_technicians(
            ctx,
            visit,
            way.technician_ids,
            way.contact_id,
            visit.override_reason,
            due_at=way.arrives_at,
        )
        row.settled_at, row.outcome = ctx.now, Settled.REASSIGNED.value
        return [row, visit]
    if way.kind is WayOutKind.EXCHANGE:
        waiting = await exchange.carry_out(ctx, visit, row.technician_id, way)
        row.settled_at, row.outcome = ctx.now, Settled.EXCHANGED.value
        return [row, visit, waiting]
    return [row, visit, *await _new_time(ctx, row, visit, way, args)]


def _way(row: LateWarning, number: int) -> WayOut:
    if number >= len(row.ways):
        raise NoSuchWay
    return WayOut.model_validate(row.ways[number])


async def _lock_both(ctx: Context, args: TakeWayOut) -> None:
    """Lock the visits of an exchange together: their orders go first, in everybody's order."""
    known = await lateness.late_warning(ctx.session, ctx.actor.scope(PLAN), args.late_warning_id)
    waiting = _way(known, args.way).waiting_visit_id
    if waiting is not None:
        await plans.lock_visits(ctx.session, ctx.region_id, [known.visit_id, waiting])


async def _new_time(
    ctx: Context, row: LateWarning, visit: Visit, way: WayOut, args: TakeWayOut
) -> list[Any]:
    """Book the new time the customer agreed to, or have them told and called with it (AP-06)."""
    appointment = await appointments.lock_open(ctx.session, ctx.region_id, visit.id)
    if appointment is None:
        raise NoAppointment
    if args.customer_contacted_at is None and visit.customer_id is not None:
        return [appointment, await _have_them_told(ctx, row, visit, appointment, way)]
    if visit.customer_id is not None and None in (args.channel, args.customer_said):
        raise SayWhatCustomerSaid
    moved = moving.RescheduleAppointment(
        appointment_id=appointment.id,
        window_start=way.window_start,
        window_end=way.window_end,
        technician_ids=list(way.technician_ids),
        contact_id=way.contact_id,
        cause="operator",
        reason=REASON,
        channel=args.channel or "agent",
        customer_said=args.customer_said,
        customer_contacted_at=args.customer_contacted_at,
        apart_reason=args.apart_reason,
    )
    await moving.reschedule(ctx, moved)
    row.settled_at, row.outcome = ctx.now, Settled.RESCHEDULED.value
    return [appointment]


async def _have_them_told(
    ctx: Context, row: LateWarning, visit: Visit, appointment: Appointment, way: WayOut
) -> CallTask | None:
    """Say that the window cannot be kept; when it is over already, a call is what is left."""
    row.settled_at, row.outcome = ctx.now, Settled.ENDANGERED.value
    if appointment.window_end <= ctx.now:
        return await open_task(
            ctx, visit, "reschedule", ctx.now, appointment=appointment, subject=way.text["en"]
        )
    return await danger.endanger(ctx, visit, appointment, REASON, way.text["en"])


class LetBe(Args):
    late_warning_id: UUID = Field(description="The warning.")
    reason: Text = Field(min_length=3, max_length=500, description="Why nothing is done.")


@command("lateness.let_be", permission=PLAN)
async def let_be(ctx: Context, args: LetBe) -> LateWarning:
    """Decide that a visit may be late; it is not warned of again for this window (AP-07).

    Raises NotFound, WarningSettled.
    """
    row, _ = await _open_warning(ctx, args.late_warning_id)
    ctx.reason = args.reason
    row.taken = {"way": None, "by": str(ctx.actor.id), "at": ctx.now.isoformat()}
    row.settled_at, row.outcome = ctx.now, Settled.LET_BE.value
    return row


async def _open_warning(ctx: Context, warning_id: UUID) -> tuple[LateWarning, Visit]:
    """Return an open warning and its visit, both locked; the visit first, as everywhere."""
    scope = ctx.actor.scope(PLAN)
    known = await lateness.late_warning(ctx.session, scope, warning_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    row = await lateness.lock_open(ctx.session, ctx.region_id, visit.id)
    if row is None or row.id != warning_id:
        raise WarningSettled(outcome=known.outcome or "")
    return row, visit
