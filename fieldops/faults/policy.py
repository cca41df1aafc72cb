"""Who sees fault reports and area faults: the offices and the hotline, by centre."""

from sqlalchemy import ColumnElement

from fieldops.faults.models import AreaFault, FaultAnalysis, FaultReport, HeldWork, ReportPlace
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown


def visible_reports(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the fault reports in a scope."""
    return scope.predicate(FaultReport)


def visible_area_faults(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the area faults in a scope."""
    return scope.predicate(AreaFault)


def visible_held(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the held work in a scope."""
    return scope.predicate(HeldWork)


def visible_places(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the places of the reports in a scope."""
    return scope.predicate(ReportPlace)


def visible_analyses(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the analysis reports in a scope."""
    return scope.predicate(FaultAnalysis)


shown(FaultReport, Permission.FAULT_READ, visible_reports)
shown(AreaFault, Permission.FAULT_READ, visible_area_faults)
shown(HeldWork, Permission.FAULT_READ, visible_held)
shown(ReportPlace, Permission.FAULT_READ, visible_places)
shown(FaultAnalysis, Permission.FAULT_READ, visible_analyses)
