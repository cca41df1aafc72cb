"""Reads of faults: by scope, what reports have in common, whom a fault touches, the load."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Premises
from fieldops.faults import policy, rules
from fieldops.faults.models import AreaFault, FaultReport, HeldWork, ReportPlace
from fieldops.faults.rules import State
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.network import queries as network
from fieldops.network.models import NetworkFeature, NetworkService
from fieldops.network.queries import tracing
from fieldops.network.rules import ServiceLife
from fieldops.orders import rules as order_rules
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.organisation.models import Technician
from fieldops.visits import rules as visit_rules
from fieldops.visits.models import Visit, VisitWork


def reports(scope: Scope, *, area_fault_id: UUID | None = None) -> Select[FaultReport]:
    """Return the statement for the fault reports in a scope, by id."""
    found = select(FaultReport).where(policy.visible_reports(scope)).order_by(FaultReport.id)
    return (
        found if area_fault_id is None else found.where(FaultReport.area_fault_id == area_fault_id)
    )


async def lock_report(session: AsyncSession, scope: Scope, report_id: UUID) -> FaultReport:
    """Return a report locked for a change; raises NotFound outside the scope."""
    return await lock_one(
        session, reports(scope).where(FaultReport.id == report_id), "fault report"
    )


async def report(session: AsyncSession, scope: Scope, report_id: UUID) -> FaultReport:
    """Return a report; raises NotFound outside the scope."""
    return await find_one(
        session, reports(scope).where(FaultReport.id == report_id), "fault report"
    )


def area_faults(scope: Scope, states: Collection[State] = ()) -> Select[AreaFault]:
    """Return the statement for the area faults in a scope, by id; in some states if asked."""
    found = select(AreaFault).where(policy.visible_area_faults(scope)).order_by(AreaFault.id)
    return found.where(AreaFault.state.in_(states)) if states else found


async def area_fault(session: AsyncSession, scope: Scope, area_fault_id: UUID) -> AreaFault:
    """Return an area fault; raises NotFound outside the scope."""
    return await find_one(
        session, area_faults(scope).where(AreaFault.id == area_fault_id), "area fault"
    )


async def lock_area_fault(session: AsyncSession, scope: Scope, area_fault_id: UUID) -> AreaFault:
    """Return an area fault locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session, area_faults(scope).where(AreaFault.id == area_fault_id), "area fault"
    )


async def lock_open_at(
    session: AsyncSession, region_id: int, feature_ids: Collection[UUID]
) -> list[AreaFault]:
    """Return the open area faults of some boxes and cables, locked, the confirmed ones first."""
    found = await session.scalars(
        select(AreaFault)
        .where(
            AreaFault.region_id == region_id,
            AreaFault.feature_id.in_(feature_ids),
            AreaFault.state.in_(rules.OPEN),
        )
        .order_by(AreaFault.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sorted(found, key=lambda row: row.state != State.CONFIRMED)


async def unclaimed(
    session: AsyncSession,
    region_id: int,
    feature_ids: Collection[UUID],
    from_: datetime,
    until: datetime,
) -> dict[UUID, list[ReportPlace]]:
    """Return the reports in a time that belong to no area fault, by box or cable."""
    found = await session.scalars(
        select(ReportPlace)
        .join(
            FaultReport,
            and_(
                FaultReport.region_id == ReportPlace.region_id,
                FaultReport.id == ReportPlace.report_id,
            ),
        )
        .where(
            ReportPlace.region_id == region_id,
            FaultReport.region_id == region_id,
            FaultReport.area_fault_id.is_(None),
            ReportPlace.feature_id.in_(feature_ids),
            ReportPlace.reported_at.between(from_, until),
        )
        .order_by(ReportPlace.reported_at)
    )
    places: dict[UUID, list[ReportPlace]] = {id_: [] for id_ in feature_ids}
    for row in found:
        places[row.feature_id].append(row)
    return places


async def reports_by_id(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> list[FaultReport]:
    """Return reports by id."""
    found = await session.scalars(
        select(FaultReport)
        .where(FaultReport.region_id == region_id, FaultReport.id.in_(ids))
        .order_by(FaultReport.id)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class ToHold:
    """A repair that an area fault holds, with the visit it is on."""

    work_order_id: UUID
    order_id: UUID
    visit_id: UUID
    customer_id: UUID
    centre_id: UUID
    window_start: datetime | None
    window_end: datetime | None


async def to_hold(
    session: AsyncSession, region_id: int, feature_id: UUID, order_ids: Collection[UUID] = ()
) -> list[ToHold]:
    """Return the open repairs of services that hang on a box or cable, of some orders if named.

    Work without a service in the record counts by the kind of service at its premises. What a
    technician is working on at the customer's is left out.
    """
    touched = tracing.services_below(region_id, [feature_id])
    at_premises = (
        select(NetworkService.id)
        .where(
            NetworkService.region_id == region_id,
            NetworkService.id.in_(touched),
            NetworkService.premises_id
            == func.coalesce(WorkOrder.premises_id, ServiceOrder.premises_id),
            NetworkService.kind == WorkOrder.service,
        )
        .exists()
    )
    statement = (
        select(WorkOrder.id, WorkOrder.order_id, Visit)
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == WorkOrder.region_id,
                ServiceOrder.id == WorkOrder.order_id,
            ),
        )
        .join(
            VisitWork,
            and_(
                VisitWork.region_id == WorkOrder.region_id,
                VisitWork.work_order_id == WorkOrder.id,
                VisitWork.ended_at.is_(None),
            ),
        )
        .join(Visit, and_(Visit.region_id == VisitWork.region_id, Visit.id == VisitWork.visit_id))
        .where(
            WorkOrder.region_id == region_id,
            ServiceOrder.region_id == region_id,
            VisitWork.region_id == region_id,
            Visit.region_id == region_id,
            WorkOrder.kind == order_rules.Kind.REPAIR,
            WorkOrder.department == order_rules.Department.FIELD,
            WorkOrder.state.in_(sorted(order_rules.FOR_A_VISIT)),
            Visit.state.not_in(
                [visit_rules.State.ON_SITE.value, visit_rules.State.IN_PROGRESS.value]
            ),
            or_(
                WorkOrder.service_id.in_(touched),
                and_(WorkOrder.service_id.is_(None), at_premises),
            ),
        )
        .order_by(WorkOrder.order_id, WorkOrder.id)
    )
    if order_ids:
        statement = statement.where(WorkOrder.order_id.in_(order_ids))
    return [
        ToHold(
            work_id,
            order_id,
            visit.id,
            visit.customer_id,
            visit.centre_id,
            visit.window_start,
            visit.window_end,
        )
        for work_id, order_id, visit in await session.execute(statement)
        if visit.customer_id is not None
    ]


def held(scope: Scope, area_fault_id: UUID) -> Select[HeldWork]:
    """Return the statement for the work an area fault holds or held, in a scope, by id."""
    return (
        select(HeldWork)
        .where(policy.visible_held(scope), HeldWork.area_fault_id == area_fault_id)
        .order_by(HeldWork.id)
    )


async def waiting(
    session: AsyncSession,
    region_id: int,
    *,
    area_fault_id: UUID | None = None,
    work_order_ids: Collection[UUID] | None = None,
) -> list[HeldWork]:
    """Return the work that is held now, by order: of an area fault, or of some work orders."""
    statement = select(HeldWork).where(HeldWork.region_id == region_id, HeldWork.back_at.is_(None))
    if area_fault_id is not None:
        statement = statement.where(HeldWork.area_fault_id == area_fault_id)
    if work_order_ids is not None:
        statement = statement.where(HeldWork.work_order_id.in_(work_order_ids))
    return list(await session.scalars(statement.order_by(HeldWork.order_id, HeldWork.id)))


async def service(
    session: AsyncSession, scope: Scope, service_id: UUID | None, account: str | None
) -> NetworkService | None:
    """Return a service in use by its id or account number, None outside the scope."""
    key = (
        NetworkService.id == service_id
        if service_id is not None
        else NetworkService.account == account
    )
    found: NetworkService | None = await session.scalar(
        network.services(scope).where(key, NetworkService.state != ServiceLife.CEASED)
    )
    return found


async def visit_now(session: AsyncSession, region_id: int, work_order_id: UUID) -> Visit | None:
    """Return the visit that work is on now, None without one."""
    found: Visit | None = await session.scalar(
        select(Visit)
        .join(
            VisitWork, and_(VisitWork.region_id == Visit.region_id, VisitWork.visit_id == Visit.id)
        )
        .where(
            Visit.region_id == region_id,
            VisitWork.region_id == region_id,
            VisitWork.work_order_id == work_order_id,
            VisitWork.ended_at.is_(None),
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class Touched:
    """An area fault with its box or cable and whom it touches, counted."""

    fault: AreaFault
    feature_kind: str
    feature_name: str
    reports: int
    services: int
    premises: int
    customers: int
    tiers: dict[str, int]
    cut: bool
    held: int


async def touching(
    session: AsyncSession, region_id: int, rows: Sequence[AreaFault]
) -> list[Touched]:
    """Return area faults with whom they touch: three statements, and two for each of them.

    Counted by the trace: whoever hangs on the box or cable, however far below it (FA-02).
    """
    ids = [row.id for row in rows]
    features = {
        row.id: row
        for row in await session.scalars(
            select(NetworkFeature).where(
                NetworkFeature.region_id == region_id,
                NetworkFeature.id.in_([row.feature_id for row in rows]),
            )
        )
    }
    reported = await _counts(session, FaultReport, region_id, ids)
    waiting_now = await _counts(session, HeldWork, region_id, ids, HeldWork.back_at.is_(None))
    found = []
    for row in rows:
        carried = await tracing.impact(session, region_id, [row.feature_id])
        feature = features[row.feature_id]
        found.append(
            Touched(
                row,
                feature.kind,
                feature.name,
                reported.get(row.id, 0),
                carried.services,
                carried.premises,
                carried.customers,
                carried.tiers,
                carried.cut,
                waiting_now.get(row.id, 0),
            )
        )
    return found


async def _counts(
    session: AsyncSession, model: Any, region_id: int, ids: Collection[UUID], *more: Any
) -> dict[UUID, int]:
    found = await session.execute(
        select(model.area_fault_id, func.count())
        .where(model.region_id == region_id, model.area_fault_id.in_(ids), *more)
        .group_by(model.area_fault_id)
    )
    return {id_: int(count) for id_, count in found}


def premises_touched(scope: Scope, fault: AreaFault) -> Any:
    """Return the statement for the premises in the area of a fault, by id (FA-02).

    With how many services there it serves, and whether somebody there has reported it. The
    caller has read the fault in the scope.
    """
    region_id = scope.region_id
    touched = tracing.services_below(region_id, [fault.feature_id])
    reported = (
        select(FaultReport.id)
        .where(
            FaultReport.region_id == region_id,
            FaultReport.area_fault_id == fault.id,
            FaultReport.premises_id == Premises.id,
        )
        .exists()
    )
    return (
        select(
            Premises.id,
            Premises.street,
            Premises.house_number,
            Premises.unit,
            Premises.building,
            func.count(NetworkService.id).label("services"),
            reported.label("reported"),
        )
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == Premises.region_id,
                NetworkService.premises_id == Premises.id,
            ),
        )
        .where(
            Premises.region_id == region_id,
            NetworkService.region_id == region_id,
            NetworkService.id.in_(touched),
        )
        .group_by(Premises.region_id, Premises.id)
        .order_by(Premises.id)
    )


async def confirmed_for(
    session: AsyncSession, region_id: int, feature_ids: Collection[UUID]
) -> AreaFault | None:
    """Return the confirmed area fault of any of some boxes and cables, None without one.

    Whichever centre the plant belongs to: the caller has read the service on it in the scope.
    """
    found: AreaFault | None = await session.scalar(
        select(AreaFault)
        .where(
            AreaFault.region_id == region_id,
            AreaFault.state == State.CONFIRMED,
            AreaFault.feature_id.in_(feature_ids),
        )
        .order_by(AreaFault.id)
        .limit(1)
    )
    return found


async def open_count(session: AsyncSession, region_id: int) -> dict[UUID, int]:
    """Return how many confirmed area faults each centre has (EM-01)."""
    found = await session.execute(
        select(AreaFault.centre_id, func.count())
        .where(AreaFault.region_id == region_id, AreaFault.state == State.CONFIRMED)
        .group_by(AreaFault.centre_id)
    )
    return {id_: int(count) for id_, count in found}


async def open_minutes(session: AsyncSession, region_id: int) -> dict[UUID, float]:
    """Return the planned minutes on site of each centre's open field work (EM-01)."""
    found = await session.execute(
        select(WorkOrder.centre_id, func.sum(WorkOrder.duration_minutes))
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.department == order_rules.Department.FIELD,
            WorkOrder.state.in_(sorted(order_rules.FOR_A_VISIT)),
        )
        .group_by(WorkOrder.centre_id)
    )
    return {id_: float(minutes) for id_, minutes in found}


async def technicians_by_centre(session: AsyncSession, region_id: int) -> dict[UUID, UUID]:
    """Return the home centre of every active technician of a region."""
    found = await session.execute(
        select(Technician.id, Technician.centre_id).where(
            Technician.region_id == region_id, Technician.active
        )
    )
    return {id_: centre_id for id_, centre_id in found}  # noqa: C416 - rows are not pairs
