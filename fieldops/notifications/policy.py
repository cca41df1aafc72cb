"""Who sees which messages: the offices, by centre."""

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.notifications.models import Message


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for messages in a scope; technicians see none."""
    return scope.predicate(Message)


shown(Message, Permission.NOTIFICATION_READ, visible)
