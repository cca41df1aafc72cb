"""Who sees which health records."""

from sqlalchemy import ColumnElement, select

from fieldops.health.models import HealthDecline, HealthRecord
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.visits import policy as visits
from fieldops.visits.models import Visit


def visible(scope: Scope) -> ColumnElement[bool]:
    """Limit records to a scope: a technician sees those at the premises of their own visits."""
    own = (
        select(Visit.id)
        .where(
            visits.visible(scope),
            Visit.region_id == scope.region_id,
            Visit.premises_id == HealthRecord.premises_id,
        )
        .exists()
    )
    return scope.predicate(HealthRecord, own=own)


def visible_declines(scope: Scope) -> ColumnElement[bool]:
    """Limit lines that get worse to an office's centres; they are no technician's list."""
    return scope.predicate(HealthDecline)


shown(HealthRecord, Permission.HEALTH_READ, visible)
shown(HealthDecline, Permission.HEALTH_READ, visible_declines)
