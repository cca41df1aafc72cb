"""Who may see which of the organisation's rows."""

from typing import Any

from sqlalchemy import ColumnElement, select

from fieldops.kernel.permissions import Scope
from fieldops.organisation.models import Technician


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
