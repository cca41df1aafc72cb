"""Who may see which of the organisation's rows."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, select

from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation.models import (
    Calibration,
    DutyDay,
    Holiday,
    Leave,
    MapToken,
    Qualification,
    Shift,
    Technician,
    Tool,
)

helping_out: list[Callable[[Scope, Any], ColumnElement[bool]]] = []
"""Functions `(scope, technician id) -> condition` of the modules above: who else works for an
office's centres now."""


def visible(scope: Scope) -> ColumnElement[bool]:
    """Limit technicians to a scope: a technician sees only themselves, a manager their firm.

    An office sees also who helps out in its centres.
    """
    mine = scope.predicate(
        Technician,
        own=Technician.id == scope.technician_id,
        firm=Technician.firm_id == scope.firm_id,
    )
    if not scope.centre_ids:
        return mine
    here = Technician.region_id == scope.region_id
    return and_(here, or_(mine, *(helps(scope, Technician.id) for helps in helping_out)))


def own_rows(model: Any, scope: Scope) -> ColumnElement[bool]:
    """Limit rows about technicians (qualification, shift, leave) to a scope."""
    of_firm = select(Technician.id).where(
        Technician.region_id == scope.region_id, Technician.firm_id == scope.firm_id
    )
    return scope.predicate(
        model,
        own=model.technician_id == scope.technician_id,
        firm=model.technician_id.in_(of_firm),
    )


def visible_holidays(scope: Scope) -> ColumnElement[bool]:
    """Limit holidays to a scope's centres; those of the whole region everybody may know."""
    return scope.predicate(Holiday, shared=True)


def visible_tools(scope: Scope) -> ColumnElement[bool]:
    """Limit tools to a scope: a technician sees those they have and those offered to them."""
    mine = or_(Tool.holder_id == scope.technician_id, Tool.offered_to_id == scope.technician_id)
    return scope.predicate(Tool, own=mine)


def visible_calibrations(scope: Scope) -> ColumnElement[bool]:
    """Limit calibrations to those of an office's centres."""
    return scope.predicate(Calibration)


def visible_map_tokens(scope: Scope) -> ColumnElement[bool]:
    """Limit map tokens to who keeps the staff of a whole region; owners ask for their own."""
    return and_(MapToken.region_id == scope.region_id, literal(scope.whole_region))


shown(MapToken, Permission.STAFF_EDIT, visible_map_tokens)
shown(Technician, Permission.STAFF_READ, visible)
for _model in (DutyDay, Leave, Qualification, Shift):
    shown(_model, Permission.STAFF_READ, partial(own_rows, _model))
shown(Holiday, Permission.STAFF_READ, visible_holidays)
shown(Tool, Permission.TOOL_READ, visible_tools)
shown(Calibration, Permission.TOOL_READ, visible_calibrations)
