"""Who sees what of the reports: the offices their centres, a contractor manager the own firm."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists

from fieldops.kernel.permissions import Scope
from fieldops.organisation.models import Technician
from fieldops.visits.models import Assignment, Visit


def reaches(scope: Scope, centre_id: UUID) -> bool:
    """Return whether a scope may ask about a centre of its region; a firm may about every one."""
    return scope.whole_region or centre_id in scope.centre_ids or scope.firm_id is not None


def visible_visits(scope: Scope) -> ColumnElement[bool]:
    """Limit visits to a scope; a firm's are those one of its technicians is on."""
    firm = exists().where(
        Assignment.region_id == scope.region_id,
        Assignment.visit_id == Visit.id,
        Assignment.ended_at.is_(None),
        Technician.region_id == scope.region_id,
        Technician.id == Assignment.technician_id,
        Technician.firm_id == scope.firm_id,
    )
    return scope.predicate(Visit, firm=firm)


def visible_technicians(scope: Scope) -> ColumnElement[bool]:
    """Limit the technicians shown on a visit: the offices see all, a firm only its own."""
    region: ColumnElement[bool] = Technician.region_id == scope.region_id
    if scope.office:
        return region
    return and_(region, Technician.firm_id == scope.firm_id)
