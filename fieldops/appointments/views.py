"""What a device holds of appointments: those of its user's own visits (SY-01)."""

from typing import Any

from sqlalchemy import Select

from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.appointments.schemas import AppointmentOnDevice, ReconfirmationOnDevice
from fieldops.kernel.views import DeviceScope, document, view
from fieldops.visits.views import own_visits


@view("appointment", rank=30, schema=AppointmentOnDevice)
def appointments(scope: DeviceScope) -> Select[Any]:
    """The appointments of own visits."""
    own = own_visits(scope)
    fields = {
        "visit_id": Appointment.visit_id,
        "state": Appointment.state,
        "window_start": Appointment.window_start,
        "window_end": Appointment.window_end,
        "confirmed_at": Appointment.confirmed_at,
        "needs_person": Appointment.needs_person,
        "night_visit_wanted": Appointment.night_visit_wanted,
    }
    return (
        document(Appointment, fields, tier=own.c.tier)
        .join(own, own.c.visit_id == Appointment.visit_id)
        .where(Appointment.region_id == scope.region_id)
    )


@view("reconfirmation", rank=35, schema=ReconfirmationOnDevice)
def reconfirmations(scope: DeviceScope) -> Select[Any]:
    """The customer's answers about own visits."""
    own = own_visits(scope)
    fields = {
        "appointment_id": Reconfirmation.appointment_id,
        "visit_id": Reconfirmation.visit_id,
        "window_start": Reconfirmation.window_start,
        "answer": Reconfirmation.answer,
        "channel": Reconfirmation.channel,
        "answered_at": Reconfirmation.answered_at,
    }
    return (
        document(Reconfirmation, fields, tier=own.c.tier)
        .join(own, own.c.visit_id == Reconfirmation.visit_id)
        .where(Reconfirmation.region_id == scope.region_id)
    )
