"""What of the visits an actor sees; and, for the modules below, what is a technician's own.

Orders, customers and files cannot know visits; they ask the hooks registered at the end here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.customers import policy as customers
from fieldops.customers.models import Customer, Premises
from fieldops.files import policy as files
from fieldops.kernel import clock
from fieldops.kernel.actor import Actor
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.configuration import RuleNumber
from fieldops.kernel.gathering import row_of
from fieldops.kernel.permissions import Permission, Scope
from fieldops.kernel.visibility import shown
from fieldops.network import policy as network
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.orders import policy as orders
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits import rules
from fieldops.visits.models import Assignment, Notice, Visit, VisitWork


def _of_technician(scope: Scope, visit_id: Any, *, ever: bool) -> ColumnElement[bool]:
    """Return the condition that a technician is, or ever was, assigned to a visit."""
    mine = aliased(Assignment)
    conditions = [
        mine.region_id == scope.region_id,
        mine.visit_id == visit_id,
        mine.technician_id == scope.technician_id,
    ]
    if not ever:
        conditions.append(mine.ended_at.is_(None))
    return select(mine.id).where(*conditions).exists()


def _of_firm(scope: Scope, visit_id: Any) -> ColumnElement[bool]:
    """Return the condition that a firm's technician is assigned to a visit (ORG-06)."""
    theirs, worker = aliased(Assignment), aliased(Technician)
    return (
        select(theirs.id)
        .join(worker, and_(worker.region_id == theirs.region_id, worker.id == theirs.technician_id))
        .where(
            theirs.region_id == scope.region_id,
            worker.region_id == scope.region_id,
            theirs.visit_id == visit_id,
            theirs.ended_at.is_(None),
            worker.firm_id == scope.firm_id,
        )
        .exists()
    )


def visible(scope: Scope, model: Any = Visit, *, ever: bool = False) -> ColumnElement[bool]:
    """Return the condition for the visits in a scope.

    `ever` includes visits a technician has lost meanwhile: what they captured is judged, not
    answered with 404 (SYNC section 2).
    """
    return scope.predicate(
        model,
        own=None if scope.technician_id is None else _of_technician(scope, model.id, ever=ever),
        firm=_of_firm(scope, model.id) if scope.firm_id else None,
    )


def visible_notices(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for the notices in a scope: by the home centre of whom they tell."""
    return scope.predicate(Notice, own=Notice.technician_id == scope.technician_id)


def contact_until(region_id: int, visit: Any) -> ColumnElement[datetime]:
    """Return when addresses and phone numbers leave the device: 48 h after the end (CU-05).

    A region's own number counts; a visit that has not ended gives null.
    """
    own = (
        select(RuleNumber.value)
        .where(RuleNumber.region_id == region_id, RuleNumber.name == rules.CONTACT_KEPT.name)
        .scalar_subquery()
    )
    hours = func.coalesce(own, rules.CONTACT_KEPT.default)
    kept: ColumnElement[datetime] = visit.ended_at + func.make_interval(
        0, 0, 0, 0, 0, 0, hours * 3600.0
    )
    return kept


def _own_orders(scope: Scope, ever: bool) -> ColumnElement[bool]:  # noqa: FBT001 - a hook's shape
    visit = aliased(Visit)
    return (
        select(visit.id)
        .where(
            visit.region_id == scope.region_id,
            visit.order_id == ServiceOrder.id,
            _of_technician(scope, visit.id, ever=ever),
        )
        .exists()
    )


def _own_work_orders(scope: Scope, ever: bool) -> ColumnElement[bool]:  # noqa: FBT001 - see above
    work = aliased(VisitWork)
    return (
        select(work.id)
        .where(
            work.region_id == scope.region_id,
            work.work_order_id == WorkOrder.id,
            _of_technician(scope, work.visit_id, ever=ever),
        )
        .exists()
    )


def _has_own_visit(
    scope: Scope, visit: Any, *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the condition that a technician has a visit (an alias of Visit) of that kind."""
    return (
        select(visit.id)
        .where(
            visit.region_id == scope.region_id,
            *conditions,
            _of_technician(scope, visit.id, ever=False),
        )
        .exists()
    )


def _own_customers(scope: Scope) -> ColumnElement[bool]:
    visit = aliased(Visit)
    return _has_own_visit(scope, visit, visit.customer_id == Customer.id)


def _own_premises(scope: Scope) -> ColumnElement[bool]:
    """Premises of own visits, until 48 h after the visit has ended (CU-05)."""
    visit = aliased(Visit)
    held = or_(visit.ended_at.is_(None), contact_until(scope.region_id, visit) > clock.now())
    return _has_own_visit(scope, visit, visit.premises_id == Premises.id, held)


def _own_services(scope: Scope) -> ColumnElement[bool]:
    visit = aliased(Visit)
    return _has_own_visit(scope, visit, visit.premises_id == NetworkService.premises_id)


def _own_features(scope: Scope) -> ColumnElement[bool]:
    """The plant of the technician's home centre: maps show it, a customer it does not name."""
    home = aliased(Technician)
    return (
        select(home.id)
        .where(
            home.region_id == scope.region_id,
            home.id == scope.technician_id,
            home.centre_id == NetworkFeature.centre_id,
        )
        .exists()
    )


async def has_visit_nearby_in_time(
    session: AsyncSession, actor: Actor, customer_id: UUID, now: datetime
) -> bool:
    """Return whether a technician has a visit for a customer from the day before to the day after.

    Such a reader of contact data is not registered (CU-04).
    """
    if not actor.is_technician:
        return False
    zone = await organisation.zone_of(session, actor.region_id)
    today = local_day(now, zone)
    found = await session.scalar(
        select(Visit.id)
        .join(
            Assignment,
            and_(Assignment.region_id == Visit.region_id, Assignment.visit_id == Visit.id),
        )
        .where(
            Visit.region_id == actor.region_id,
            Assignment.region_id == actor.region_id,
            Assignment.technician_id == actor.id,
            Assignment.ended_at.is_(None),
            Visit.customer_id == customer_id,
            Visit.state != rules.State.CANCELLED,
            Visit.window_start >= start_of_day(today - timedelta(days=1), zone),
            Visit.window_start < start_of_day(today + timedelta(days=2), zone),
        )
        .limit(1)
    )
    return found is not None


async def centre_of_visit(session: AsyncSession, region_id: int, visit_id: UUID) -> UUID | None:
    """Return the centre of a visit, to which its evidence belongs."""
    found = await row_of(session, Visit, region_id, visit_id, argument="visit_id")
    return None if found is None else found.centre_id


async def is_given_out(session: AsyncSession, region_id: int, visit_id: UUID) -> bool:
    """Return whether a visit has technicians."""
    found = await session.scalar(
        select(Assignment.id)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id == visit_id,
            Assignment.ended_at.is_(None),
        )
        .limit(1)
    )
    return found is not None


def purpose_of(name: str, args: Mapping[str, Any], sha256: str) -> str | None:
    """Return what an attachment of a visit's command is for, as far as the command tells."""
    if name == "visit.complete" and args.get("signature_sha256") == sha256:
        return "signature"
    return "notice" if name == "visit.leave_notice" else None


orders.own_orders.append(_own_orders)
orders.own_work_orders.append(_own_work_orders)
customers.own_customers.append(_own_customers)
customers.own_premises.append(_own_premises)
customers.exemptions.append(has_visit_nearby_in_time)
files.centre_of_visit.append(centre_of_visit)
files.purpose_of.append(purpose_of)
network.own_services.append(_own_services)
network.own_features.append(_own_features)

shown(Visit, Permission.VISIT_READ, visible)
shown(Notice, Permission.VISIT_READ, visible_notices)
