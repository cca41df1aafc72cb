"""Who sees which checklists."""

from sqlalchemy import ColumnElement, select

from fieldops.checklists.models import Checklist, KitCheck, Opened
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.policy import own_rows
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


def visible_kit_checks(scope: Scope) -> ColumnElement[bool]:
    """Limit kit checks to a scope: technicians and firms see their own, offices their centres'."""
    return own_rows(KitCheck, scope)


shown(KitCheck, Permission.CHECKLIST_READ, visible_kit_checks)
shown(Opened, Permission.CHECKLIST_READ, visible_opened)
shown(Checklist, Permission.CHECKLIST_READ, visible)
