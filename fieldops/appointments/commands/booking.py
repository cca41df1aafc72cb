"""Book, move and cancel appointments in the office (AP-01, AP-02, AP-06)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.reserving import arrival_in_window
from fieldops.appointments.commands.tasks import withdraw_tasks
from fieldops.appointments.errors import (
    AlreadyBooked,
    AppointmentClosed,
    CauseDiffers,
    ContactFirst,
    WindowOutOfReach,
)
from fieldops.appointments.events import AppointmentBooked, AppointmentCancelled, AppointmentMoved
from fieldops.appointments.models import Appointment
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries as orders
from fieldops.visits import queries as visits
from fieldops.visits.commands import assigning
from fieldops.visits.models import Visit

BOOK = Permission.APPOINTMENT_BOOK


class Window(Args):
    window_start: Moment = Field(description="First moment of the promised window.")
    window_end: Moment = Field(description="Last moment of the promised window.")
    technician_ids: list[UUID] = Field(
        min_length=1, max_length=5, description="Who comes, as a free window lists them."
    )
    arrival: Moment | None = Field(
        None,
        description="When all are due, as the free window lists it; empty, or not possible any "
        "more: as early in the window as all can be there.",
    )
    contact_id: UUID | None = Field(
        None, description="The customer's contact among them; empty: the first."
    )
    override_reason: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="Why it is booked outside a working calendar (ORG-07).",
    )

    @model_validator(mode="after")
    def _team(self) -> "Window":
        if len(set(self.technician_ids)) != len(self.technician_ids):
            raise ValueError("a technician is named twice")
        if self.contact_id is not None and self.contact_id not in self.technician_ids:
            raise ValueError("the contact is one of the technicians")
        return self


class BookAppointment(Window):
    model_config = shown(
        visit_id="01938f5e-0000-7000-8000-000000000001",
        window_start="2026-11-24T08:00:00+02:00",
        window_end="2026-11-24T10:00:00+02:00",
        technician_ids=["01938f5e-0000-7000-8000-000000000002"],
        channel="phone",
        customer_said="Tuesday morning suits, the dog is friendly",
    )
    visit_id: UUID = Field(description="The visit that is promised.")
    id: UUID | None = Field(None, description="The appointment's id; empty: the command's.")
    channel: rules.Channel = Field(description="How the customer was spoken to (AP-02).")
    customer_said: Text = Field(
        min_length=1, max_length=500, description="The customer's say (AP-02)."
    )
    night_visit_wanted: bool = Field(
        default=False, description="The customer asked for a visit in the quiet hours (AP-09)."
    )


@command("appointment.book", permission=BOOK)
async def book(ctx: Context, args: BookAppointment) -> Outcome:
    """Promise a customer a window in qualified technicians' free calendars (AP-01, AP-02).

    Raises NotFound, WindowInvalid, AlreadyBooked, SlotTaken, WindowOutOfReach, and the visits'
    refusals about skills, calendars and states.
    """
    rules.check_window(args.window_start, args.window_end, ctx.now)
    visit = await visits.lock_visit(ctx.session, ctx.actor.scope(BOOK), args.visit_id)
    if await queries.lock_open(ctx.session, ctx.region_id, visit.id) is not None:
        raise AlreadyBooked(next_steps=("appointment.reschedule",))
    planned = await ladder.plan(ctx, visit.customer_id, args.window_start)
    appointment = Appointment(
        region_id=ctx.region_id,
        id=args.id or ctx.envelope.id,
        visit_id=visit.id,
        customer_id=visit.customer_id,
        centre_id=visit.centre_id,
        window_start=args.window_start,
        window_end=args.window_end,
        channel=args.channel,
        customer_said=args.customer_said,
        night_visit_wanted=args.night_visit_wanted,
        booked_at=ctx.now,
    )
    ladder.begin(appointment, planned)
    ctx.add(appointment)
    await _agree(ctx, visit, args)
    await withdraw_tasks(ctx, visit.id, ["new_appointment", "withdrawn"], "a window was booked")
    await ctx.emit(
        AppointmentBooked(
            appointment.id,
            visit.id,
            visit.customer_id,
            visit.centre_id,
            args.window_start,
            args.window_end,
        )
    )
    return [appointment, visit]


async def _agree(ctx: Context, visit: Visit, args: Window) -> None:
    """Give the visit its window and technicians; the reserved time follows (reactions.py).

    All are due as early in the window as all of them can be there. With an override nobody's
    calendar or drive is asked, and they are due when the window opens.
    """
    arrival = await arrival_in_window(
        ctx, visit, args.technician_ids, args.window_start, args.window_end, args.arrival
    )
    await assigning.set_window(
        ctx,
        visit,
        args.window_start,
        args.window_end,
        args.technician_ids,
        args.contact_id or args.technician_ids[0],
        expected_arrival=arrival,
        override=args.override_reason,
    )
    if arrival is None and args.override_reason is None:
        raise WindowOutOfReach


class RescheduleAppointment(Window):
    appointment_id: UUID = Field(description="The appointment that is moved.")
    cause: rules.Cause = Field(description="Who made the change necessary (AP-06).")
    reason: Text = Field(
        min_length=1, max_length=50, description="Code of a reason of the reschedule list."
    )
    channel: rules.Channel = Field(description="How the customer was spoken to.")
    customer_said: Text = Field(min_length=1, max_length=500, description="The customer's say.")
    customer_contacted_at: Moment | None = Field(
        None, description="When the customer was told; needed when the operator is the cause."
    )


@command("appointment.reschedule", permission=BOOK)
async def reschedule(ctx: Context, args: RescheduleAppointment) -> Outcome:
    """Exchange a promised window for another, with cause and reason (AP-06).

    The old time is free again in the same transaction. Raises NotFound, WindowInvalid,
    AppointmentClosed, UnknownReason, CauseDiffers,
    ContactFirst, SlotTaken, WindowOutOfReach.
    """
    rules.check_window(args.window_start, args.window_end, ctx.now)
    scope = ctx.actor.scope(BOOK)
    known = await queries.appointment(ctx.session, scope, args.appointment_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    appointment = await queries.lock_appointment(ctx.session, scope, args.appointment_id)
    _still_open(appointment)
    listed = await orders.reason(ctx.session, "reschedule", args.reason)
    if listed.cause != args.cause:
        raise CauseDiffers(reason=args.reason, cause=listed.cause)
    planned = await ladder.plan(ctx, visit.customer_id, args.window_start)
    ctx.reason = args.reason
    _note_move(appointment, args, ctx.now)
    old = appointment.window_start, appointment.window_end
    appointment.window_start, appointment.window_end = args.window_start, args.window_end
    ladder.begin(appointment, planned)
    await _agree(ctx, visit, args)
    await withdraw_tasks(ctx, visit.id, None, "the appointment was moved")
    await ctx.emit(
        AppointmentMoved(
            appointment.id, visit.id, *old, args.window_start, args.window_end, args.cause
        )
    )
    return [appointment, visit]


def _still_open(appointment: Appointment) -> None:
    if appointment.state not in rules.OPEN_STATES:
        raise AppointmentClosed(state=appointment.state)


def _note_move(appointment: Appointment, args: RescheduleAppointment, now: datetime) -> None:
    """Count the move; for the operator's, hold on to when the customer was told (AP-06)."""
    told = args.customer_contacted_at
    if args.cause == "operator":
        if told is None or told > now:
            raise ContactFirst
        appointment.operator_reschedules += 1
    else:
        appointment.customer_reschedules += 1
    appointment.moved_cause, appointment.moved_reason = args.cause, args.reason
    appointment.customer_contacted_at = told
    appointment.contacted_in_time = told is not None and told < appointment.window_start
    appointment.channel, appointment.customer_said = args.channel, args.customer_said


class CancelAppointment(Args):
    appointment_id: UUID = Field(description="The appointment that is off.")
    customer_said: Text = Field(min_length=1, max_length=500, description="The customer's say.")
    channel: rules.Channel = Field(description="How the customer was spoken to.")


@command("appointment.cancel", permission=BOOK)
async def cancel(ctx: Context, args: CancelAppointment) -> Outcome:
    """Take a promise back; the visit waits for another one, its time is free (AP-02).

    Raises NotFound, AppointmentClosed, and the visits' refusal once work is under way.
    """
    scope = ctx.actor.scope(BOOK)
    known = await queries.appointment(ctx.session, scope, args.appointment_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    appointment = await queries.lock_appointment(ctx.session, scope, args.appointment_id)
    _still_open(appointment)
    ctx.reason = args.customer_said
    appointment.state = "cancelled"
    appointment.channel, appointment.customer_said = args.channel, args.customer_said
    await assigning.set_window(ctx, visit, None, None, ())
    await withdraw_tasks(ctx, visit.id, None, "the appointment was cancelled")
    await ctx.emit(AppointmentCancelled(appointment.id, visit.id))
    return [appointment, visit]
