"""Hold an offered window while the customer chooses (AP-01)."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import rules
from fieldops.appointments.commands.reserving import arrival_in_window, reserve
from fieldops.appointments.errors import AlreadyBooked, WindowOutOfReach
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Moment, Outcome, command
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits


class HoldSlot(Args):
    visit_id: UUID = Field(description="The visit a window was offered for.")
    window_start: Moment = Field(description="First moment of the window.")
    window_end: Moment = Field(description="Last moment of the window.")
    technician_ids: list[UUID] = Field(
        min_length=1, max_length=5, description="Who would come, as the free window lists them."
    )
    arrival: Moment | None = Field(
        None,
        description="When all are due, as the free window lists it; empty, or not possible any "
        "more: as early in the window as all can be there.",
    )


@command("appointment.hold_slot", permission=Permission.APPOINTMENT_BOOK)
async def hold_slot(ctx: Context, args: HoldSlot) -> Outcome:
    """Keep an offered window free for ten minutes while the customer chooses (AP-01).

    A visit holds one window: a second hold gives the first one back. Raises NotFound,
    WindowInvalid, AlreadyBooked, SlotTaken, WindowOutOfReach.
    """
    rules.check_window(args.window_start, args.window_end, ctx.now)
    scope = ctx.actor.scope(Permission.APPOINTMENT_BOOK)
    visit = await visits.lock_visit(ctx.session, scope, args.visit_id)
    if visit.window_start is not None:
        raise AlreadyBooked(next_steps=("appointment.reschedule",))
    until = ctx.now + await configuration.duration(ctx.session, ctx.region_id, rules.HOLD_FOR)
    arrival = await arrival_in_window(
        ctx, visit, args.technician_ids, args.window_start, args.window_end, args.arrival
    )
    if arrival is None:
        raise WindowOutOfReach
    return await reserve(ctx, visit, args.technician_ids, arrival, held_until=until)
