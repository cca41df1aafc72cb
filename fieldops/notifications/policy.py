"""Who sees which messages: the offices, by centre."""

from sqlalchemy import ColumnElement

from fieldops.kernel.permissions import Scope
from fieldops.notifications.models import Message


def visible(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for messages in a scope; technicians see none."""
    return scope.predicate(Message)
