"""Who sees plans, locks and disturbances: the offices of their centre."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.dispatch.models import Disturbance, LateWarning, Lock, Plan, PlanLine
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown


def visible(scope: Scope, model: Any) -> ColumnElement[bool]:
    """Return the condition for rows of a scope's centres; technicians see none."""
    return scope.predicate(model)


for _model in (Plan, PlanLine, Lock, Disturbance, LateWarning):
    shown(_model, Permission.DISPATCH_READ, partial(visible, model=_model))
