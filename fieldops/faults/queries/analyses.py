"""Analysis reports of serious faults: which are needed, the record's timeline, lists (FA-03)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.faults import policy, rules
from fieldops.faults.models import AreaFault, FaultAnalysis, FaultReport, HeldWork
from fieldops.faults.rules import AnalysisState, State
from fieldops.kernel import configuration
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.network.models import NetworkService
from fieldops.network.queries import tracing
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import SHARES
from fieldops.visits.models import Visit

AT_ONCE = 200


def analyses(
    scope: Scope,
    *,
    states: Collection[AnalysisState] = (),
    overdue: bool | None = None,
    mine: UUID | None = None,
    now: datetime,
) -> Select[FaultAnalysis]:
    """Return the statement for the analysis reports in a scope, by id."""
    found = select(FaultAnalysis).where(policy.visible_analyses(scope)).order_by(FaultAnalysis.id)
    if states:
        found = found.where(FaultAnalysis.state.in_(states))
    if overdue is not None:
        late = and_(FaultAnalysis.state.in_(rules.UNWRITTEN), FaultAnalysis.due_at <= now)
        found = found.where(late if overdue else ~late)
    return found if mine is None else found.where(FaultAnalysis.owner_id == mine)


async def analysis(session: AsyncSession, scope: Scope, analysis_id: UUID) -> FaultAnalysis:
    """Return an analysis report; raises NotFound outside the scope."""
    return await find_one(
        session,
        select(FaultAnalysis).where(
            policy.visible_analyses(scope), FaultAnalysis.id == analysis_id
        ),
        "analysis report",
    )


async def lock_analysis(session: AsyncSession, scope: Scope, analysis_id: UUID) -> FaultAnalysis:
    """Return an analysis report locked; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(FaultAnalysis).where(
            policy.visible_analyses(scope), FaultAnalysis.id == analysis_id
        ),
        "analysis report",
    )


async def of_area_fault(
    session: AsyncSession, region_id: int, area_fault_id: UUID
) -> FaultAnalysis | None:
    """Return the analysis report of an area fault, None while there is none."""
    found: FaultAnalysis | None = await session.scalar(
        select(FaultAnalysis).where(
            FaultAnalysis.region_id == region_id, FaultAnalysis.area_fault_id == area_fault_id
        )
    )
    return found


async def unexamined(session: AsyncSession, region_id: int, since: datetime) -> list[UUID]:
    """Return area faults that last, or ended since a moment, and have no analysis report."""
    has_one = (
        select(FaultAnalysis.id)
        .where(FaultAnalysis.region_id == region_id, FaultAnalysis.area_fault_id == AreaFault.id)
        .exists()
    )
    found = await session.scalars(
        select(AreaFault.id)
        .where(
            AreaFault.region_id == region_id,
            or_(
                AreaFault.state == State.CONFIRMED,
                and_(AreaFault.state == State.OVER, AreaFault.ended_at >= since),
            ),
            ~has_one,
        )
        .order_by(AreaFault.id)
        .limit(AT_ONCE)
    )
    return list(found)


async def long_for_key_customers(
    session: AsyncSession, region_id: int, now: datetime, longest: timedelta, since: datetime
) -> list[UUID]:
    """Return reports of key customers whose repair lasts, or lasted, too long, without a report.

    Those of an area fault are left out: that has one report for all.
    """
    has_one = (
        select(FaultAnalysis.id)
        .where(FaultAnalysis.region_id == region_id, FaultAnalysis.report_id == FaultReport.id)
        .exists()
    )
    ended = func.coalesce(FaultReport.settled_at, ServiceOrder.closed_at, now)
    found = await session.scalars(
        select(FaultReport.id)
        .join(
            Customer,
            and_(
                Customer.region_id == FaultReport.region_id,
                Customer.id == FaultReport.customer_id,
            ),
        )
        .join(
            ServiceOrder,
            and_(
                ServiceOrder.region_id == FaultReport.region_id,
                ServiceOrder.id == FaultReport.order_id,
            ),
        )
        .where(
            FaultReport.region_id == region_id,
            Customer.region_id == region_id,
            ServiceOrder.region_id == region_id,
            Customer.tier.in_(sorted(rules.KEY_TIERS)),
            FaultReport.area_fault_id.is_(None),
            FaultReport.joined.is_(False),
            FaultReport.reported_at >= since,
            ended - FaultReport.reported_at >= longest,
            ~has_one,
        )
        .order_by(FaultReport.id)
        .limit(AT_ONCE)
    )
    return list(found)


async def key_customers(session: AsyncSession, region_id: int, feature_id: UUID) -> int:
    """Return how many key customers a fault of a box or cable touches."""
    touched = tracing.services_below(region_id, [feature_id])
    found = await session.scalar(
        select(func.count(Customer.id.distinct()))
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == Customer.region_id,
                NetworkService.customer_id == Customer.id,
            ),
        )
        .where(
            Customer.region_id == region_id,
            NetworkService.region_id == region_id,
            NetworkService.id.in_(touched),
            Customer.tier.in_(sorted(rules.KEY_TIERS)),
        )
    )
    return int(found or 0)


@limit(
    "fault_analysis",
    "FA-03",
    "fault_analysis",
    shares=SHARES,
    takers={Role.DISPATCHER, Role.SUPERVISOR},
)
async def to_be_written(session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the analysis reports that are still to be written."""
    within = await configuration.duration(session, region_id, rules.ANALYSIS_WITHIN)
    row = FaultAnalysis
    of = towards(row.id, row.centre_id, row.due_at - within, row.due_at, row.owner_id)
    return of.where(FaultAnalysis.region_id == region_id, FaultAnalysis.state.in_(rules.UNWRITTEN))


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing the record knows of a fault."""

    at: datetime
    what: str
    detail: str | None = None


async def timeline(session: AsyncSession, row: FaultAnalysis) -> list[Moment]:
    """Return what the record knows of a fault, in order: what a report begins with (FA-03)."""
    found: list[Moment] = []
    if row.area_fault_id is not None:
        fault = await session.get_one(AreaFault, (row.region_id, row.area_fault_id))
        found = await _of_area_fault(session, fault)
    elif row.report_id is not None:
        report = await session.get_one(FaultReport, (row.region_id, row.report_id))
        found = await _of_report(session, report)
    return sorted(found, key=lambda one: (one.at, one.what))


async def _of_area_fault(session: AsyncSession, fault: AreaFault) -> list[Moment]:
    region_id = fault.region_id
    first, last, number = (
        await session.execute(
            select(
                func.min(FaultReport.reported_at),
                func.max(FaultReport.reported_at),
                func.count(),
            ).where(FaultReport.region_id == region_id, FaultReport.area_fault_id == fault.id)
        )
    ).one()
    held, back, waiting = (
        await session.execute(
            select(func.min(HeldWork.held_at), func.max(HeldWork.back_at), func.count()).where(
                HeldWork.region_id == region_id, HeldWork.area_fault_id == fault.id
            )
        )
    ).one()
    known = [
        (first, "first_report", None),
        (last if number > 1 else None, "last_report", f"{number} reports"),
        (fault.proposed_at, "proposed", None),
        (fault.confirmed_at, "confirmed", fault.cause),
        (held, "visits_held", f"{waiting} repairs"),
        (back, "repairs_back", None),
        (fault.ended_at, "ended", fault.end_reason),
    ]
    if fault.cable_work_id is not None:
        work = await session.get_one(WorkOrder, (region_id, fault.cable_work_id))
        known += [
            (work.received_at, "cable_work_opened", None),
            (work.state_since, "cable_work_now", work.state),
        ]
    return [Moment(at, what, detail) for at, what, detail in known if at is not None]


async def _of_report(session: AsyncSession, report: FaultReport) -> list[Moment]:
    found = [Moment(report.reported_at, "reported", report.symptom)]
    if report.settled_at is not None:
        found.append(Moment(report.settled_at, "settled", report.settled_note))
    if report.order_id is None:
        return found
    order = await session.get_one(ServiceOrder, (report.region_id, report.order_id))
    if order.closed_at is not None:
        found.append(Moment(order.closed_at, "closed", order.state))
    visits = await session.scalars(
        select(Visit)
        .where(Visit.region_id == report.region_id, Visit.order_id == report.order_id)
        .order_by(Visit.id)
    )
    for visit in visits:
        for at, what in (
            (visit.window_start, "visit_promised"),
            (visit.arrived_at, "technician_arrived"),
            (visit.ended_at, "visit_ended"),
        ):
            if at is not None:
                found.append(Moment(at, what, visit.state if what == "visit_ended" else None))
    return found
