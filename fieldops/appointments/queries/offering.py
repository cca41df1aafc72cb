"""What may be offered for a visit at all, before anybody's calendar is looked at.

This is the one place where something outside a visit changes its free windows: an active emergency
plan lends technicians, puts kinds of work off and opens the reserve here (EM-01).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import rules
from fieldops.customers import queries as customers
from fieldops.customers.models import Customer, Premises
from fieldops.customers.rules import Task
from fieldops.kernel import configuration
from fieldops.kernel.geo import Position
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Kind
from fieldops.visits.models import Visit, VisitWork


@dataclass(frozen=True, slots=True)
class Work:
    """What a visit's open work needs, where, for whom, and by when."""

    skills: frozenset[str]
    kinds: frozenset[Kind]
    people: int
    position: Position | None
    tier: str
    priority: int
    due_at: datetime
    arrive_by: datetime | None


@dataclass(frozen=True, slots=True)
class Offering:
    """What may be offered for a visit.

    `days`: how far ahead. `reserve`: the share of each day that is kept from it until
    `reserve_until` before the day. `lent`: technicians of other centres who may come, too.
    `put_off_until`: nothing is offered before, with `put_off_why` for the customer.
    `may_displace`: visits of less priority may be named as those that would have to move.
    """

    days: timedelta
    reserve: float
    reserve_until: timedelta
    may_displace: bool
    lent: frozenset[UUID] = frozenset()
    put_off_until: datetime | None = None
    put_off_why: str | None = None


async def offering(
    session: AsyncSession,
    visit: Visit,
    work: Work,
    now: datetime,  # noqa: ARG001 - for EM-01
) -> Offering:
    """Return what may be offered for a visit now: the region's numbers (AP-01)."""
    region_id = visit.region_id
    numbers = await configuration.values(session, region_id)
    return Offering(
        days=await configuration.duration(session, region_id, rules.SLOT_DAYS),
        reserve=rules.kept_from(
            work.tier,
            work.priority,
            faults=numbers[rules.RESERVE_FAULTS.name] / 100,
            tiers=numbers[rules.RESERVE_TIERS.name] / 100,
        ),
        reserve_until=await configuration.duration(session, region_id, rules.RESERVE_UNTIL),
        may_displace=rules.may_displace(work.tier, work.priority),
    )


async def work_of(session: AsyncSession, visit: Visit) -> Work | None:
    """Return what a visit's open work needs, None when it has none.

    `arrive_by` is the arrival wait of CU-02 for repairs: at the door within so long of the call.
    """
    found = await session.execute(
        select(
            WorkOrder.skill,
            WorkOrder.kind,
            WorkOrder.service,
            WorkOrder.priority,
            WorkOrder.received_at,
            WorkOrder.due_at,
            Customer.segment,
            Customer.tier,
            func.ST_X(Premises.point).label("longitude"),
            func.ST_Y(Premises.point).label("latitude"),
        )
        .select_from(VisitWork)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id,
                WorkOrder.id == VisitWork.work_order_id,
            ),
        )
        .join(Premises, Premises.id == visit.premises_id)
        .join(Customer, Customer.id == visit.customer_id)
        .where(
            VisitWork.region_id == visit.region_id,
            WorkOrder.region_id == visit.region_id,
            Premises.region_id == visit.region_id,
            Customer.region_id == visit.region_id,
            VisitWork.visit_id == visit.id,
            VisitWork.ended_at.is_(None),
        )
    )
    rows = found.all()
    if not rows:
        return None
    numbers = await configuration.values(session, visit.region_id)
    kinds = frozenset(Kind(row.kind) for row in rows)
    waits = [
        row.received_at
        + (
            await customers.standard(
                session, row.segment, row.tier, row.service, Task.ARRIVAL, region_id=visit.region_id
            )
        ).promised
        for row in rows
        if row.kind == Kind.REPAIR
    ]
    first = rows[0]
    return Work(
        skills=frozenset(row.skill for row in rows),
        kinds=kinds,
        people=max(round(numbers[rules.PEOPLE[kind].name]) for kind in kinds),
        position=None if first.longitude is None else (first.longitude, first.latitude),
        tier=first.tier,
        priority=max(row.priority for row in rows),
        due_at=min(row.due_at for row in rows),
        arrive_by=min(waits, default=None),
    )
