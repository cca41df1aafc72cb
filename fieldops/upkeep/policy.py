"""Who sees what of upkeep: offices their centres; a technician the spot checks given to them."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem


def visible(scope: Scope, model: Any) -> ColumnElement[bool]:
    """Limit plans, rounds and spot checks to an office's centres."""
    return scope.predicate(model)


def visible_items(scope: Scope) -> ColumnElement[bool]:
    """Limit drawn plant to a scope; a technician sees what was given to them."""
    return scope.predicate(SpotCheckItem, own=SpotCheckItem.technician_id == scope.technician_id)


for _model in (PatrolPlan, Round, SpotCheck):
    shown(_model, Permission.NETWORK_READ, partial(visible, model=_model))
shown(SpotCheckItem, Permission.NETWORK_READ, visible_items)
