"""Who sees which training: offices their centres, technicians and firms their own."""

from functools import partial

from sqlalchemy import ColumnElement, or_, select

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.policy import own_rows
from fieldops.training.models import Attendance, Exam, TrainingSession


def visible_sessions(scope: Scope) -> ColumnElement[bool]:
    """Limit sessions to a scope; one of the whole region everybody there may know.

    A technician sees those they are on the list of, a firm those with its people on the list.
    """
    attended = (
        select(Attendance.id)
        .where(
            Attendance.region_id == scope.region_id,
            Attendance.training_id == TrainingSession.id,
            own_rows(Attendance, scope),
        )
        .exists()
    )
    common = TrainingSession.centre_id.is_(None)
    return scope.predicate(
        TrainingSession, own=or_(common, attended), firm=or_(common, attended), shared=True
    )


shown(TrainingSession, Permission.TRAINING_READ, visible_sessions)
for _model in (Attendance, Exam):
    shown(_model, Permission.TRAINING_READ, partial(own_rows, _model))
