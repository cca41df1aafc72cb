"""What a device holds of appointments: those of its user's own visits (SY-01)."""

from typing import Any

from sqlalchemy import Select

from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.appointments.schemas import AppointmentOnDevice, ReconfirmationOnDevice
from fieldops.kernel.views import DeviceScope, view
from fieldops.visits.views.work import of_own_visits


@view("appointment", rank=30, schema=AppointmentOnDevice)
def appointments(scope: DeviceScope) -> Select[Any]:
    """Return the appointments of own visits."""
    return of_own_visits(Appointment, AppointmentOnDevice, scope)


@view("reconfirmation", rank=35, schema=ReconfirmationOnDevice)
def reconfirmations(scope: DeviceScope) -> Select[Any]:
    """Return the customer's answers about own visits."""
    return of_own_visits(Reconfirmation, ReconfirmationOnDevice, scope)
