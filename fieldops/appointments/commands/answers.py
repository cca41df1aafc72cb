"""What customers answer: from the phone of a technician, from the office."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import NoAppointment
from fieldops.appointments.events import AppointmentAnswered
from fieldops.kernel.commands import Args, Context, Moment, Nature, Outcome, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries as orders
from fieldops.visits.commands import judging


class RecordReconfirmation(Args):
    visit_id: UUID = Field(description="The visit whose appointment was asked about.")
    answer: rules.Answer = Field(description="What the customer answered.")
    channel: rules.AnswerChannel = Field(
        "person", description="How the customer was reached; links and replies have their own way."
    )
    window_start: Moment | None = Field(
        None, description="Start of the window the customer was asked about; empty: the present."
    )
    note: Text | None = Field(None, max_length=500, description="What else was said.")


@command(
    "appointment.record_reconfirmation",
    permission=Permission.APPOINTMENT_RECONFIRM,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def record_reconfirmation(ctx: Context, args: RecordReconfirmation) -> Outcome:
    """Keep the customer's answer to the second confirmation (AP-03, AP-04).

    An answer about a window that has moved meanwhile is kept and changes nothing. A cancellation
    frees the technicians' time; from the window's opening, and once somebody is there, it only
    opens a task. Raises NotFound, NoAppointment when there never was one.
    """
    judged = await judging.visit_for_fact(ctx, args.visit_id)
    appointment = await queries.latest(ctx.session, ctx.region_id, args.visit_id)
    if appointment is None:
        raise NoAppointment
    return await ladder.take_answer(
        ctx,
        judged.visit,
        appointment,
        args.answer,
        "person" if args.channel in {"text_link", "text_reply"} else args.channel,
        window_start=args.window_start,
        note=args.note,
    )


class RequestReschedule(Args):
    visit_id: UUID = Field(description="The visit that should come at another time.")
    reason: Text = Field(
        min_length=1, max_length=50, description="Code of a reason of the reschedule list."
    )
    wish: Text | None = Field(None, max_length=500, description="The time the customer would like.")


@command(
    "appointment.request_reschedule",
    permission=Permission.APPOINTMENT_RECONFIRM,
    offline=True,
    subject="visit_id",
)
async def request_reschedule(ctx: Context, args: RequestReschedule) -> Outcome:
    """Mark that another time is wanted, and have a person call the customer about it (AP-06).

    Raises NotFound, UnknownReason, NoAppointment, and what SYNC section 2 says of visits that
    were reassigned or cancelled meanwhile.
    """
    judged = await judging.visit_for_decision(ctx, args.visit_id)
    await orders.reason(ctx.session, "reschedule", args.reason)
    appointment = await queries.lock_open(ctx.session, ctx.region_id, args.visit_id)
    if appointment is None:
        raise NoAppointment
    ctx.reason = args.reason
    appointment.state = "change_wanted"
    task = await open_task(
        ctx,
        judged.visit,
        "reschedule",
        ctx.now,
        appointment=appointment,
        subject=f"{args.reason}: {args.wish}" if args.wish else args.reason,
    )
    await ctx.emit(AppointmentAnswered(appointment.id, args.visit_id, "change_wanted"))
    return [appointment] if task is None else [appointment, task]
