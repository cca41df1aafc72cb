"""What appointments and visits make of messages: after each event they are planned anew."""

from typing import Any

from fieldops.appointments.events import (
    AppointmentAnswered,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
)
from fieldops.kernel.commands import Context
from fieldops.kernel.events import Event, on
from fieldops.notifications.commands import planning
from fieldops.visits.events import (
    TechnicianArrived,
    TechnicianDeparted,
    VisitAssigned,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitRevived,
    VisitStarted,
    WindowChanged,
)

WHY: dict[type[Event], str] = {
    AppointmentAnswered: "the customer answered",
    AppointmentBooked: "a window was booked",
    AppointmentCancelled: "the appointment was cancelled",
    AppointmentMoved: "the appointment was moved",
    TechnicianArrived: "the technician is there",
    TechnicianDeparted: "the technician has left",
    VisitAssigned: "other technicians come",
    VisitCancelled: "the visit was cancelled",
    VisitCompleted: "the visit is over",
    VisitFailed: "the visit is over",
    VisitRevived: "the visit takes place after all",
    VisitStarted: "the technician is there",
    WindowChanged: "the window changed",
}


@on(*WHY)
async def plan_anew(ctx: Context, event: Any) -> None:
    """Bring the visit's messages in line, in the transaction of what happened (AP-03, AP-05)."""
    await planning.replan(ctx, event.visit_id, WHY[type(event)])
