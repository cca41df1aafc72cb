"""Who sees complaints: the offices, by centre; technicians hear of theirs by a notice."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.complaints.models import (
    Complaint,
    ComplaintEntry,
    ComplaintVisit,
    ComplaintWarning,
)
from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Permission, Role, Scope
from fieldops.kernel.visibility import shown


def visible(scope: Scope, model: Any = Complaint) -> ColumnElement[bool]:
    """Return the condition for complaints, or what hangs from them, in a scope."""
    return scope.predicate(model)


def audiences(actor: Actor) -> set[str]:
    """Return whose warnings of late complaints are for an actor, as with late work (WO-04)."""
    found = set()
    for grant in actor.grants:
        if grant.role in {Role.AGENT, Role.DISPATCHER}:
            found.add("handler")
        if grant.role is Role.SUPERVISOR:
            found.add("supervisor")
        if grant.whole_region and grant.role in {Role.SUPERVISOR, Role.ADMINISTRATOR}:
            found.add("unit_above")
    return found


shown(Complaint, Permission.COMPLAINT_READ, visible)
for _model in (ComplaintVisit, ComplaintEntry, ComplaintWarning):
    shown(_model, Permission.COMPLAINT_READ, partial(visible, model=_model))
