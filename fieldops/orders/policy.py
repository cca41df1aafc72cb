"""Who sees which orders; visits stand above and say here, at import, what is a technician's own.

`own_orders` and `own_work_orders` hold functions `(scope, ever) -> condition` on ServiceOrder or
WorkOrder. `ever` asks also for what was a technician's own once: a late command is judged, not
answered with 404 (SYNC section 2).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, or_

from fieldops.kernel.actor import Actor
from fieldops.kernel.permissions import Permission, Role, Scope
from fieldops.kernel.visibility import shown
from fieldops.orders.models import LateWarning, Matter, ServiceOrder, Urge, WorkOrder

Own = Callable[[Scope, bool], ColumnElement[bool]]

own_orders: list[Own] = []
own_work_orders: list[Own] = []


def _owned(hooks: list[Own], scope: Scope, *, ever: bool) -> ColumnElement[bool] | None:
    if scope.technician_id is None or not hooks:
        return None
    return or_(*(hook(scope, ever) for hook in hooks))


def visible_orders(scope: Scope, *, ever: bool = False) -> ColumnElement[bool]:
    """Return the condition for the orders in a scope."""
    return scope.predicate(ServiceOrder, own=_owned(own_orders, scope, ever=ever))


def visible_work_orders(scope: Scope, model: Any = WorkOrder) -> ColumnElement[bool]:
    """Return the condition for the work orders in a scope."""
    return scope.predicate(model, own=_owned(own_work_orders, scope, ever=False))


def audiences(actor: Actor) -> set[str]:
    """Return whose warnings of late work are for an actor (WO-04).

    The dispatcher's and the supervisor's by role; the unit above is whoever leads or audits the
    region that the centre belongs to, not only a centre. The cable department's are read with
    its work, and by the dispatchers who accept for it (RE-03).
    """
    found = set()
    for grant in actor.grants:
        if grant.role is Role.DISPATCHER:
            found |= {"dispatcher", "cable_department"}
        if grant.role is Role.SUPERVISOR:
            found |= {"supervisor", "cable_supervisor"}
        if grant.role is Role.TECHNICIAN:
            found.add("cable_department")
        if grant.whole_region and grant.role in {Role.SUPERVISOR, Role.ADMINISTRATOR}:
            found.add("unit_above")
    return found


def visible_warnings(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the warnings in a scope: those of an office's centres."""
    return scope.predicate(LateWarning)


def visible_matters(scope: Scope, model: Any = Matter) -> ColumnElement[bool]:
    """Return the condition for the matters or urges in a scope: those of an office's centres."""
    return scope.predicate(model)


shown(ServiceOrder, Permission.ORDER_READ, visible_orders)
shown(WorkOrder, Permission.ORDER_READ, visible_work_orders)
shown(LateWarning, Permission.ORDER_READ, visible_warnings)
shown(Matter, Permission.MATTER_READ, visible_matters)
shown(Urge, Permission.MATTER_READ, partial(visible_matters, model=Urge))
