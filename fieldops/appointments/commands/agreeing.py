"""Give a visit what was agreed with the customer; no verbs of its own."""

from collections.abc import Collection
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.appointments import queries, rules
from fieldops.appointments.commands.reserving import arrival_in_window
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import AppointmentClosed, NotDisplaceable, WindowOutOfReach
from fieldops.appointments.models import Appointment
from fieldops.kernel.commands import Args, Context, Moment, Text
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits
from fieldops.visits.commands import assigning
from fieldops.visits.models import Visit

DISPLACED = "displaced_by_a_more_urgent_visit"


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
    displaces: list[UUID] = Field(
        [],
        max_length=3,
        description="Visits that lose their technicians for this one, as the window lists them.",
    )

    @model_validator(mode="after")
    def _team(self) -> "Window":
        if len(set(self.technician_ids)) != len(self.technician_ids):
            raise ValueError("a technician is named twice")
        if self.contact_id is not None and self.contact_id not in self.technician_ids:
            raise ValueError("the contact is one of the technicians")
        return self


def still_open(appointment: Appointment) -> None:
    """Raise AppointmentClosed when a promise has ended."""
    if appointment.state not in rules.OPEN_STATES:
        raise AppointmentClosed(state=appointment.state)


async def agree(ctx: Context, visit: Visit, window: Window) -> None:
    """Give a locked visit its window and technicians; the reserved time follows (reactions.py).

    All are due as early in the window as all of them can be there, or at the arrival that was
    offered. With an override nobody's calendar or drive is asked, and they are due when the window
    opens. Raises SlotTaken, WindowOutOfReach, NotDisplaceable, and the visits' refusals.
    """
    if window.displaces:
        await _put_off(ctx, visit, window)
    start, end = window.window_start, window.window_end
    arrival = await arrival_in_window(ctx, visit, window.technician_ids, start, end, window.arrival)
    await assigning.set_window(
        ctx,
        visit,
        start,
        end,
        window.technician_ids,
        window.contact_id or window.technician_ids[0],
        expected_arrival=arrival,
        override=window.override_reason,
    )
    if arrival is None and window.override_reason is None:
        raise WindowOutOfReach


async def _put_off(ctx: Context, visit: Visit, window: Window) -> None:
    """Take the technicians off less urgent visits, and have their customers called (AP-06).

    Their windows stay until another is agreed: a promise is not taken back in silence.
    """
    work = await queries.work_of(ctx.session, visit)
    allowed: Collection[UUID] = ()
    if work is not None and rules.may_displace(work.tier, work.priority):
        found = await queries.displaceable(
            ctx.session, visit, work.priority, ctx.now, among=window.displaces
        )
        allowed = {one.visit_id for _technician, one in found}
    if not set(window.displaces) <= set(allowed):
        raise NotDisplaceable
    scope = ctx.actor.scope(Permission.APPOINTMENT_BOOK)
    for visit_id in sorted(set(window.displaces)):
        other = await visits.lock_visit(ctx.session, scope, visit_id)
        appointment = await queries.lock_open(ctx.session, ctx.region_id, visit_id)
        if appointment is None or appointment.state == "confirmed":
            raise NotDisplaceable
        await assigning.set_window(
            ctx, other, other.window_start, other.window_end, (),
            expected_arrival=other.expected_arrival,
        )  # fmt: skip
        await open_task(
            ctx, other, "reschedule", ctx.now, appointment=appointment, subject=DISPLACED
        )
        ctx.also.append(other)
