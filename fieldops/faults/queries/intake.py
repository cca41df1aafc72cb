"""What a reported fault is matched with: record, earlier faults, area fault, open work (FA-01)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.faults import rules
from fieldops.faults.models import AreaFault, FaultReport
from fieldops.health.models import HealthRecord
from fieldops.network import queries as network
from fieldops.network.models import NetworkService
from fieldops.orders import rules as order_rules
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.visits.models import Visit, VisitWork

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Work that is open at the premises, with the visit it is on, if any."""

    work: WorkOrder
    visit: Visit | None


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is known of a service that somebody reports.

    `joins` is the open repair of this service: a report now belongs to it. `repeat_of` is the
    earlier report whose repair did not hold.
    """

    service: NetworkService
    health: HealthRecord | None
    earlier: Sequence[FaultReport]
    repeat_of: FaultReport | None
    area_fault: AreaFault | None
    open_work: Sequence[OpenWork]
    joins: UUID | None


async def picture(
    session: AsyncSession, region_id: int, service: NetworkService, since: datetime
) -> Picture:
    """Return what a fault of a service is matched with; the caller has read it in scope."""
    earlier = list(
        await session.scalars(
            _of_service(region_id, service.id, service.premises_id)
            .where(FaultReport.reported_at >= since)
            .limit(MOST_SHOWN)
        )
    )
    health: HealthRecord | None = await session.scalar(
        select(HealthRecord).where(
            HealthRecord.region_id == region_id,
            HealthRecord.service_id == service.id,
            HealthRecord.premises_id == service.premises_id,
        )
    )
    return Picture(
        service,
        health,
        earlier,
        await repeat_of(session, region_id, service.id, service.premises_id, since),
        await _area_fault(session, region_id, service.id),
        await _open_work(session, region_id, service),
        await open_repair(session, region_id, service),
    )


def _of_service(
    region_id: int, service_id: UUID | None, premises_id: UUID | None
) -> Select[FaultReport]:
    """Return the statement for the reports of a service, the newest first.

    Without a service, of the premises: an order from elsewhere may not name it.
    """
    at_home = and_(FaultReport.service_id.is_(None), FaultReport.premises_id == premises_id)
    mine = FaultReport.premises_id == premises_id
    if service_id is not None:
        mine = or_(FaultReport.service_id == service_id, at_home)
    return (
        select(FaultReport)
        .where(FaultReport.region_id == region_id, mine)
        .order_by(FaultReport.reported_at.desc(), FaultReport.id.desc())
    )


async def repeat_of(
    session: AsyncSession,
    region_id: int,
    service_id: UUID | None,
    premises_id: UUID | None,
    since: datetime,
) -> FaultReport | None:
    """Return the newest report whose fault was over since a moment, and is back now (FA-01).

    Over is what the customer called working, or whose repair is done. None while it is open: then
    it is the same fault.
    """
    if service_id is None and premises_id is None:
        return None
    ended = func.coalesce(FaultReport.settled_at, ServiceOrder.closed_at)
    statement = (
        _of_service(region_id, service_id, premises_id)
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == FaultReport.region_id,
                ServiceOrder.id == FaultReport.order_id,
            ),
        )
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.state.not_in(sorted(order_rules.OPEN)),
            ended >= since,
        )
        .limit(1)
    )
    found: FaultReport | None = await session.scalar(statement)
    return found


async def open_repair(
    session: AsyncSession, region_id: int, service: NetworkService
) -> UUID | None:
    """Return the order of the repair of a service that is open, None without one."""
    kind = "broadband" if service.kind == "broadband" else "fixed_line"
    at_home = and_(
        WorkOrder.service_id.is_(None),
        WorkOrder.premises_id == service.premises_id,
        WorkOrder.service == kind,
    )
    found: UUID | None = await session.scalar(
        select(WorkOrder.order_id)
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == WorkOrder.region_id,
                ServiceOrder.id == WorkOrder.order_id,
            ),
        )
        .where(
            WorkOrder.region_id == region_id,
            ServiceOrder.region_id == region_id,
            ServiceOrder.customer_id == service.customer_id,
            ServiceOrder.state.in_(sorted(order_rules.OPEN)),
            WorkOrder.kind == order_rules.Kind.REPAIR,
            WorkOrder.state.in_(sorted(order_rules.OPEN)),
            or_(WorkOrder.service_id == service.id, at_home),
        )
        .order_by(WorkOrder.received_at, WorkOrder.id)
        .limit(1)
    )
    return found


async def _area_fault(session: AsyncSession, region_id: int, service_id: UUID) -> AreaFault | None:
    """Return the open area fault on the service's way, a confirmed one first."""
    way = await network.way_of(session, region_id, [service_id], rules.PLACES)
    if not way:
        return None
    found: AreaFault | None = await session.scalar(
        select(AreaFault)
        .where(
            AreaFault.region_id == region_id,
            AreaFault.feature_id.in_(list(way)),
            AreaFault.state.in_(rules.OPEN),
        )
        .order_by(AreaFault.state, AreaFault.id)  # confirmed, proposed
        .limit(1)
    )
    return found


async def _open_work(
    session: AsyncSession, region_id: int, service: NetworkService
) -> list[OpenWork]:
    on_visit = and_(
        VisitWork.region_id == WorkOrder.region_id,
        VisitWork.work_order_id == WorkOrder.id,
        VisitWork.ended_at.is_(None),
        VisitWork.region_id == region_id,
    )
    visit = and_(
        Visit.region_id == VisitWork.region_id,
        Visit.id == VisitWork.visit_id,
        Visit.region_id == region_id,
    )
    found = await session.execute(
        select(WorkOrder, Visit)
        .outerjoin(VisitWork, on_visit)
        .outerjoin(Visit, visit)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.premises_id == service.premises_id,
            WorkOrder.state.in_(sorted(order_rules.OPEN)),
        )
        .order_by(WorkOrder.due_at, WorkOrder.id)
        .limit(MOST_SHOWN)
    )
    return [OpenWork(work, visit) for work, visit in found]
