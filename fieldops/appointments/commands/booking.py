"""Book, move and cancel appointments in the office (AP-01, AP-02, AP-06)."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.agreeing import Window, agree, still_open
from fieldops.appointments.commands.tasks import withdraw_tasks
from fieldops.appointments.errors import (
    AlreadyBooked,
    CustomerNotAsked,
)
from fieldops.appointments.events import AppointmentBooked, AppointmentCancelled
from fieldops.appointments.models import Appointment
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits
from fieldops.visits.commands import assigning

BOOK = Permission.APPOINTMENT_BOOK


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
    customer_said: Text | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="The customer's say (AP-02); needed where there is a customer.",
    )
    night_visit_wanted: bool = Field(
        default=False, description="The customer asked for a visit in the quiet hours (AP-09)."
    )


@command("appointment.book", permission=BOOK)
async def book(ctx: Context, args: BookAppointment) -> Outcome:
    """Promise a customer a window in qualified technicians' free calendars (AP-01, AP-02).

    A visit to plant gets its window in the same way; nobody has to confirm it. Raises NotFound,
    WindowInvalid, CustomerNotAsked, AlreadyBooked, SlotTaken, WindowOutOfReach, and the visits'
    refusals about skills, calendars and states.
    """
    rules.check_window(args.window_start, args.window_end, ctx.now)
    visit = await visits.lock_visit(ctx.session, ctx.actor.scope(BOOK), args.visit_id)
    if await queries.lock_open(ctx.session, ctx.region_id, visit.id) is not None:
        raise AlreadyBooked(next_steps=("appointment.reschedule",))
    if args.customer_said is None and visit.customer_id is not None:
        raise CustomerNotAsked
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
    await agree(ctx, visit, args)
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
    still_open(appointment)
    ctx.reason = args.customer_said
    appointment.state = "cancelled"
    appointment.channel, appointment.customer_said = args.channel, args.customer_said
    await assigning.set_window(ctx, visit, None, None, ())
    await withdraw_tasks(ctx, visit.id, None, "the appointment was cancelled")
    await ctx.emit(AppointmentCancelled(appointment.id, visit.id))
    return [appointment, visit]
