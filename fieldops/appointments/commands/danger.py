"""Say that a promised window cannot be kept, before it opens (AP-06)."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import AppointmentClosed, CauseDiffers, WindowInvalid
from fieldops.appointments.events import AppointmentEndangered
from fieldops.appointments.models import Appointment, CallTask
from fieldops.kernel.commands import Args, Context, Outcome, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries as orders
from fieldops.orders.rules import Cause
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

BOOK = Permission.APPOINTMENT_BOOK


class CannotKeep(Args):
    appointment_id: UUID = Field(description="The promise that cannot be kept.")
    reason: Text = Field(
        min_length=1, max_length=50, description="Code of a reason of operator cause."
    )


@command("appointment.cannot_keep", permission=BOOK, subject="appointment_id")
async def cannot_keep(ctx: Context, args: CannotKeep) -> Outcome:
    """Record why a window cannot be kept: the customer is told, a person agrees another (AP-06).

    Said again, the reason is replaced and nothing is told twice. Raises NotFound,
    AppointmentClosed, UnknownReason, CauseDiffers for a reason of customer cause, WindowInvalid
    once the window is over.
    """
    scope = ctx.actor.scope(BOOK)
    known = await queries.appointment(ctx.session, scope, args.appointment_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    appointment = await queries.lock_appointment(ctx.session, scope, args.appointment_id)
    call = await endanger(ctx, visit, appointment, args.reason)
    return [appointment] if call is None else [appointment, call]


async def endanger(
    ctx: Context, visit: Visit, appointment: Appointment, reason: str, proposal: str | None = None
) -> CallTask | None:
    """Have the customer of a locked promise told that it cannot be kept, and called (AP-06).

    Returns the call, which is about `proposal`, else about the reason; None for a visit to plant.
    Raises AppointmentClosed,
    UnknownReason, CauseDiffers, WindowInvalid.
    """
    if appointment.state not in rules.OPEN_STATES:
        raise AppointmentClosed(state=appointment.state)
    listed = await orders.reason(ctx.session, "reschedule", reason)
    if listed.cause != Cause.OPERATOR:
        raise CauseDiffers(reason=reason, cause=listed.cause)
    if appointment.window_end <= ctx.now:
        raise WindowInvalid(reason="it is over")
    ctx.reason = reason
    appointment.endangered_at = appointment.endangered_at or ctx.now
    appointment.endangered_reason = reason
    task = await open_task(
        ctx, visit, "reschedule", ctx.now, appointment=appointment, subject=proposal or reason
    )
    await ctx.emit(AppointmentEndangered(appointment.id, visit.id))
    return task
