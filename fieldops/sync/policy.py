"""Who sees which devices and cases: the centres of the offices, a technician the own ones."""

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Scope
from fieldops.sync.models import Case, Device


def visible_devices(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for devices inside a scope."""
    return scope.predicate(Device, own=Device.person_id == scope.technician_id, shared=True)


def visible_cases(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for cases inside a scope."""
    return scope.predicate(Case, own=Case.person_id == scope.technician_id, shared=True)
