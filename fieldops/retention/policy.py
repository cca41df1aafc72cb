"""Who sees what retention keeps: the offices that care for customers, by centre."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.retention.models import ChurnCase, RepairTask, Revisit


def visible(scope: Scope, model: Any = RepairTask) -> ColumnElement[bool]:
    """Return the condition for repair tasks, cases or revisits in a scope."""
    return scope.predicate(model)


shown(RepairTask, Permission.RETENTION_READ, visible)
for _model in (ChurnCase, Revisit):
    shown(_model, Permission.RETENTION_READ, partial(visible, model=_model))
