"""Repairs on their way to the cable department, and who of it reads its work (RE-03)."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import configuration
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.network.rules import State as PlantState
from fieldops.orders import rules
from fieldops.orders.models import LateWarning, WorkOrder
from fieldops.organisation.models import Technician


async def scope_of_department(session: AsyncSession, scope: Scope) -> Scope:
    """Return the scope in which somebody reads cable work.

    An office's own. A technician of the cable department reads that of the home centre; any
    other technician only what was on an own visit.
    """
    if scope.office or scope.technician_id is None:
        return scope
    centre_id = await session.scalar(
        select(Technician.centre_id).where(
            Technician.region_id == scope.region_id,
            Technician.id == scope.technician_id,
            Technician.department == rules.Department.CABLE,
            Technician.active,
        )
    )
    if centre_id is None:
        return scope
    return replace(scope, centre_ids=frozenset({centre_id}))


async def people_of_department(
    session: AsyncSession, region_id: int, centre_id: UUID
) -> list[UUID]:
    """Return the technicians of a centre's cable department."""
    found = await session.scalars(
        select(Technician.id).where(
            Technician.region_id == region_id,
            Technician.centre_id == centre_id,
            Technician.department == rules.Department.CABLE,
            Technician.active,
        )
    )
    return list(found)


def _to_be_transferred(region_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for repairs that the cable department is to have and has not taken.

    Those that were transferred to it and are not answered, and those still with the field whose
    line holds a bad pair, fibre or port: nothing was swapped and nothing transferred.
    """
    on_bad_plant = (
        select(NetworkFeature.id)
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == NetworkFeature.region_id,
                NetworkService.id == NetworkFeature.service_id,
            ),
        )
        .where(
            NetworkFeature.region_id == region_id,
            NetworkService.region_id == region_id,
            NetworkFeature.state == PlantState.BAD,
            or_(
                NetworkService.id == WorkOrder.service_id,
                and_(
                    WorkOrder.service_id.is_(None),
                    NetworkService.premises_id == WorkOrder.premises_id,
                    NetworkService.kind == WorkOrder.service,
                ),
            ),
        )
        .exists()
    )
    unanswered = and_(
        WorkOrder.state == rules.State.TRANSFERRED,
        WorkOrder.transferred_to == rules.Department.CABLE,
        WorkOrder.transfer_accepted_at.is_(None),
    )
    return (
        WorkOrder.region_id == region_id,
        WorkOrder.kind == rules.Kind.REPAIR,
        WorkOrder.department == rules.Department.FIELD,
        WorkOrder.clock_stopped_at.is_(None),
        or_(unanswered, and_(WorkOrder.state.in_(sorted(rules.FOR_A_VISIT)), on_bad_plant)),
    )


@limit(
    "cable_transfer",
    "RE-03",
    "work_order",
    shares=rules.CABLE_SHARES,
    takers={Role.DISPATCHER, Role.TECHNICIAN},
    department=rules.Department.CABLE,
)
async def to_be_accepted(session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the repairs that the cable department is to take."""
    within = await configuration.duration(session, region_id, rules.TRANSFER_LIMIT)
    stood_still = func.make_interval(0, 0, 0, 0, 0, 0, WorkOrder.suspended_seconds)
    since = WorkOrder.received_at + stood_still
    of = towards(WorkOrder.id, WorkOrder.centre_id, since, since + within)
    return of.where(*_to_be_transferred(region_id))


async def late_transfers(
    session: AsyncSession, region_id: int, audience: str, received_before: datetime
) -> list[WorkOrder]:
    """Return repairs the cable department has not taken, of which an audience was not warned.

    `received_before`: now less the share of the time; what the customer suspended comes on top.
    """
    warned = (
        select(LateWarning.id)
        .where(
            LateWarning.region_id == region_id,
            LateWarning.region_id == WorkOrder.region_id,
            LateWarning.work_order_id == WorkOrder.id,
            LateWarning.audience == audience,
        )
        .exists()
    )
    stood_still = func.make_interval(0, 0, 0, 0, 0, 0, WorkOrder.suspended_seconds)
    found = await session.scalars(
        select(WorkOrder)
        .where(
            *_to_be_transferred(region_id),
            WorkOrder.received_at <= received_before,
            WorkOrder.received_at + stood_still <= received_before,
            ~warned,
        )
        .order_by(WorkOrder.received_at, WorkOrder.id)
        .limit(1000)
    )
    return list(found)
