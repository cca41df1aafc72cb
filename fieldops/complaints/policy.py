"""Who sees complaints: the offices, by centre; technicians hear of theirs by a notice."""

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from fieldops.complaints.models import Complaint, ComplaintEntry, ComplaintVisit
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown


def visible(scope: Scope, model: Any = Complaint) -> ColumnElement[bool]:
    """Return the condition for complaints, or what hangs from them, in a scope."""
    return scope.predicate(model)


shown(Complaint, Permission.COMPLAINT_READ, visible)
for _model in (ComplaintVisit, ComplaintEntry):
    shown(_model, Permission.COMPLAINT_READ, partial(visible, model=_model))
