"""Who sees repair tasks: the offices that care for customers, by centre."""

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.retention.models import RepairTask


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the repair tasks in a scope."""
    return scope.predicate(RepairTask)


shown(RepairTask, Permission.RETENTION_READ, visible)
