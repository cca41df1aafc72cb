"""Who may see which of the organisation's rows."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.models import Leave, Qualification, Shift, Technician


def visible(scope: Scope) -> ColumnElement[bool]:
    """Limit technicians to a scope: a technician sees only themselves, a manager their firm."""
    return scope.predicate(
        Technician,
        own=Technician.id == scope.technician_id,
        firm=Technician.firm_id == scope.firm_id,
    )


def own_rows(model: Any, scope: Scope) -> ColumnElement[bool]:
    """Limit rows about technicians (qualification, shift, leave) to a scope."""
    of_firm = select(Technician.id).where(
        Technician.region_id == scope.region_id, Technician.firm_id == scope.firm_id
    )
    return scope.predicate(
        model,
        own=model.technician_id == scope.technician_id,
        firm=model.technician_id.in_(of_firm),
    )


shown(Technician, Permission.STAFF_READ, visible)
for _model in (Leave, Qualification, Shift):
    shown(_model, Permission.STAFF_READ, partial(own_rows, _model))
