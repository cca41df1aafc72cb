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
from fieldops.emergencies import queries as emergencies
from fieldops.emergencies.rules import ActivePlan
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.geo import Position
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Kind
from fieldops.organisation import queries as organisation
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

    `days`: how far ahead, `window`: how long. `reserve`: the share of each day that is
    kept from it until `reserve_until` before the day. `plan`: the emergency plan in force, whose
    reserve technicians may come, too. `put_off_until`: nothing is offered before.
    `may_displace`: visits of less priority may be named as those that would have to move.
    """

    days: timedelta
    window: timedelta
    reserve: float
    reserve_until: timedelta
    may_displace: bool
    plan: ActivePlan | None = None
    put_off_until: datetime | None = None

    @property
    def lent(self) -> frozenset[UUID]:
        """The technicians of other centres who may come too (EM-01)."""
        return self.plan.reserve if self.plan is not None else frozenset()


async def offering_of(session: AsyncSession, visit: Visit, work: Work, now: datetime) -> Offering:
    """Return what may be offered for a visit now: the region's numbers (AP-01).

    An emergency plan in force changes them (EM-01): other days and windows, another reserve,
    helpers of other centres, and work that is put off until the morning so many days ahead, with
    as many days more to choose from.
    """
    region_id = visit.region_id
    numbers = await configuration.values(session, region_id)
    faults = numbers[rules.RESERVE_FAULTS.name] / 100
    days = await configuration.duration(session, region_id, rules.SLOT_DAYS)
    window = await configuration.duration(session, region_id, rules.WINDOW_LENGTH)
    plan = await emergencies.active(session, region_id, visit.centre_id, now)
    put_off_until = None
    if plan is not None:
        if plan.reserve_percent is not None:
            faults = plan.reserve_percent / 100
        days = timedelta(days=plan.offer_days) if plan.offer_days is not None else days
        if plan.window_minutes is not None:
            window = timedelta(minutes=plan.window_minutes)
        later = timedelta(days=plan.days_put_off(frozenset(work.kinds)))
        if later:
            zone = await organisation.zone_of(session, region_id)
            put_off_until, days = start_of_day(local_day(now + later, zone), zone), days + later
    return Offering(
        days=days,
        window=window,
        reserve=rules.kept_from(
            work.tier,
            work.priority,
            faults=faults,
            tiers=numbers[rules.RESERVE_TIERS.name] / 100,
        ),
        reserve_until=await configuration.duration(session, region_id, rules.RESERVE_UNTIL),
        may_displace=rules.may_displace(work.tier, work.priority),
        plan=plan,
        put_off_until=put_off_until,
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
        .outerjoin(
            Customer,
            and_(Customer.region_id == visit.region_id, Customer.id == visit.customer_id),
        )
        .where(
            VisitWork.region_id == visit.region_id,
            WorkOrder.region_id == visit.region_id,
            Premises.region_id == visit.region_id,
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
        if row.kind == Kind.REPAIR and row.tier is not None
    ]
    first = rows[0]
    return Work(
        skills=frozenset(row.skill for row in rows),
        kinds=kinds,
        people=rules.people_for(kinds, numbers),
        position=None if first.longitude is None else (first.longitude, first.latitude),
        tier=first.tier or "",
        priority=max(row.priority for row in rows),
        due_at=min(row.due_at for row in rows),
        arrive_by=min(waits, default=None),
    )
