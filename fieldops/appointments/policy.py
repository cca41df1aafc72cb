"""Who sees which appointments and call tasks: the offices by centre, technicians their own."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, exists

from fieldops.appointments.models import Appointment, CallTask
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.visits.models import Assignment


def visible(scope: Scope, model: Any) -> ColumnElement[bool]:
    """Return the condition for rows of a visit that are in a scope.

    A technician's own are those of visits they are assigned to now.
    """
    own = exists().where(
        Assignment.region_id == scope.region_id,
        Assignment.visit_id == model.visit_id,
        Assignment.technician_id == scope.technician_id,
        Assignment.ended_at.is_(None),
    )
    return scope.predicate(model, own=own)


for _model in (Appointment, CallTask):
    shown(_model, Permission.APPOINTMENT_READ, partial(visible, model=_model))
