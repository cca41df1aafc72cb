"""Who sees follow-ups and care tasks: the offices and the agents, by centre."""

from sqlalchemy import ColumnElement

from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the follow-ups in a scope."""
    return scope.predicate(FollowUp)


def visible_tasks(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the care tasks in a scope."""
    return scope.predicate(CareTask)


def visible_matters(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for what was asked about in a scope."""
    return scope.predicate(AskedMatter)


shown(FollowUp, Permission.FOLLOW_UP_READ, visible)
shown(CareTask, Permission.FOLLOW_UP_READ, visible_tasks)
shown(AskedMatter, Permission.FOLLOW_UP_READ, visible_matters)
