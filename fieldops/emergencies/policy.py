"""Who sees and changes emergency plans.

A plan without a centre is the whole region's: every office of the region sees it, and only who
works for the whole region changes it or puts it in force.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true

from fieldops.emergencies.models import Activation, EmergencyPlan, ReserveTechnician
from fieldops.emergencies.rules import State
from fieldops.kernel import clock
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.organisation import policy as organisation


def visible_plans(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the plans in a scope, the region's own among them."""
    return scope.predicate(EmergencyPlan, shared=True)


def own_plans(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the plans that a scope may change or put in force."""
    return scope.predicate(EmergencyPlan)


def visible_activations(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the activations in a scope, the region's own among them."""
    return scope.predicate(Activation, shared=True)


def own_activations(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the activations that a scope may decide about."""
    return scope.predicate(Activation)


def visible_reserve(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the reserve technicians of a scope's home centres."""
    return scope.predicate(ReserveTechnician)


def in_force(region_id: int, at: datetime) -> ColumnElement[bool]:
    """Return the condition for the activations of a region that are in force at a moment.

    For a moment that has passed: those that were, though they have ended since.
    """
    return and_(
        Activation.region_id == region_id,
        Activation.state.in_([State.ACTIVE, State.ENDED]),
        Activation.since <= at,
        or_(Activation.until.is_(None), Activation.until > at),
        or_(Activation.ended_at.is_(None), Activation.ended_at > at),
    )


def _helping_out(scope: Scope, technician_id: Any) -> ColumnElement[bool]:
    """Return the condition that a technician helps out in a centre of an office's scope now."""
    ours = or_(Activation.centre_id.is_(None), Activation.centre_id.in_(sorted(scope.centre_ids)))
    return (
        select(ReserveTechnician.id)
        .join(
            Activation,
            and_(
                Activation.region_id == ReserveTechnician.region_id,
                Activation.plan_id == ReserveTechnician.plan_id,
            ),
        )
        .where(
            ReserveTechnician.region_id == scope.region_id,
            ReserveTechnician.technician_id == technician_id,
            in_force(scope.region_id, clock.now()),
            true() if scope.whole_region else ours,
        )
        .exists()
    )


organisation.helping_out.append(_helping_out)
shown(EmergencyPlan, Permission.EMERGENCY_READ, visible_plans)
shown(Activation, Permission.EMERGENCY_READ, visible_activations)
shown(ReserveTechnician, Permission.EMERGENCY_READ, visible_reserve)
