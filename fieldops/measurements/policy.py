"""Who sees which tests."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.measurements.models import LineCheck, LineTest, SpeedTest
from fieldops.visits import policy as visits
from fieldops.visits.models import Visit


def visible(scope: Scope, model: Any) -> ColumnElement[bool]:
    """Limit rows about a visit to a scope: a technician sees those of their own visits."""
    own = (
        select(Visit.id)
        .where(
            visits.visible(scope), Visit.region_id == scope.region_id, Visit.id == model.visit_id
        )
        .exists()
    )
    return scope.predicate(model, own=own)


for _model in (LineTest, SpeedTest):
    shown(_model, Permission.MEASUREMENT_READ, partial(visible, model=_model))

shown(LineCheck, Permission.CABLE_READ, partial(visible, model=LineCheck))
