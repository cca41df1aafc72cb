"""Who sees which checklists."""

from sqlalchemy import ColumnElement, select

from fieldops.checklists.models import Checklist, Opened
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.visits import policy as visits
from fieldops.visits.models import Visit


def visible(scope: Scope) -> ColumnElement[bool]:
    """Limit checklists to a scope: a technician sees those of their own visits."""
    own = (
        select(Visit.id)
        .where(
            visits.visible(scope),
            Visit.region_id == scope.region_id,
            Visit.id == Checklist.visit_id,
        )
        .exists()
    )
    return scope.predicate(Checklist, own=own)


def visible_opened(scope: Scope) -> ColumnElement[bool]:
    """Limit what answers opened to a scope: a technician sees that of their own visits."""
    own = (
        select(Visit.id)
        .where(
            visits.visible(scope),
            Visit.region_id == scope.region_id,
            Visit.id == Opened.visit_id,
        )
        .exists()
    )
    return scope.predicate(Opened, own=own)


shown(Opened, Permission.CHECKLIST_READ, visible_opened)
shown(Checklist, Permission.CHECKLIST_READ, visible)
