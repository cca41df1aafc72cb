"""Plans and their lines, and what they meet when they are published."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, and_, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.appointments.models import Appointment
from fieldops.appointments.rules import OPEN_STATES
from fieldops.dispatch import policy, rules
from fieldops.dispatch.models import Disturbance, Plan, PlanLine
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.orders import queries as orders
from fieldops.orders.models import ServiceOrder
from fieldops.organisation.models import Unit
from fieldops.visits.models import Assignment, Visit


def plans(scope: Scope, *, centre_id: UUID | None = None, day: date | None = None) -> Select[Plan]:
    """Return the statement for the plans in a scope by id."""
    statement = select(Plan).where(policy.visible(scope, Plan)).order_by(Plan.id)
    if centre_id is not None:
        statement = statement.where(Plan.centre_id == centre_id)
    if day is not None:
        statement = statement.where(Plan.day == day)
    return statement


async def plan(session: AsyncSession, scope: Scope, plan_id: UUID, *, lock: bool = False) -> Plan:
    """Return a plan of the scope, locked for a change if asked; raises NotFound."""
    statement = plans(scope).where(Plan.id == plan_id)
    if lock:
        statement = statement.with_for_update(of=Plan).execution_options(populate_existing=True)
    found: Plan | None = await session.scalar(statement)
    if found is None:
        raise NotFound(thing="day plan")
    return found


async def lines(session: AsyncSession, region_id: int, plan_id: UUID) -> list[PlanLine]:
    """Return the lines of a plan in their order."""
    found = await session.scalars(
        select(PlanLine)
        .where(PlanLine.region_id == region_id, PlanLine.plan_id == plan_id)
        .order_by(PlanLine.number)
    )
    return list(found)


async def rivals(session: AsyncSession, chosen: Plan) -> list[Plan]:
    """Return the other proposals for a plan's day that are still open, locked."""
    found = await session.scalars(
        select(Plan)
        .where(
            Plan.region_id == chosen.region_id,
            Plan.centre_id == chosen.centre_id,
            Plan.day == chosen.day,
            Plan.id != chosen.id,
            Plan.state.in_([rules.PlanState.COMPUTING, rules.PlanState.PROPOSED]),
        )
        .order_by(Plan.id)
        .with_for_update()
    )
    return list(found)


async def unfinished(session: AsyncSession, region_id: int, before: datetime) -> list[Plan]:
    """Return plans asked for before a moment that nobody has computed, locked."""
    found = await session.scalars(
        select(Plan)
        .where(
            Plan.region_id == region_id,
            Plan.state == rules.PlanState.COMPUTING,
            Plan.asked_at < before,
        )
        .order_by(Plan.id)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def note_progress(session: AsyncSession, region_id: int, plan_id: UUID, percent: int) -> bool:
    """Write how far a search is; False when nobody waits for it any more."""
    await session.execute(
        update(Plan)
        .where(
            Plan.region_id == region_id,
            Plan.id == plan_id,
            Plan.state == rules.PlanState.COMPUTING,
        )
        .values(progress=percent)
        .execution_options(synchronize_session=False)
    )
    state = await session.scalar(
        select(Plan.state).where(Plan.region_id == region_id, Plan.id == plan_id)
    )
    return state == rules.PlanState.COMPUTING


async def centre(session: AsyncSession, scope: Scope, centre_id: UUID) -> Unit:
    """Return an active centre of a scope; raises NotFound."""
    found: Unit | None = await session.scalar(
        select(Unit).where(
            Unit.id == centre_id,
            Unit.kind == "centre",
            Unit.region_number == scope.region_id,
            Unit.active,
        )
    )
    if found is None or not (scope.whole_region or centre_id in scope.centre_ids):
        raise NotFound(thing="centre")
    return found


async def lock_visits(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, Visit]:
    """Return visits, locked; all their orders are locked first, in the order everybody does."""
    order_ids = await session.scalars(
        select(Visit.order_id).where(Visit.region_id == region_id, Visit.id.in_(visit_ids))
    )
    await orders.lock_orders(session, region_id, list(order_ids))
    found = await session.scalars(
        select(Visit)
        .where(Visit.region_id == region_id, Visit.id.in_(visit_ids))
        .order_by(Visit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in found}


async def crews(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """Return who is on each of some visits now, the contact first."""
    found = await session.execute(
        select(Assignment.visit_id, Assignment.technician_id)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id.in_(visit_ids),
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.is_contact.desc(), Assignment.id)
    )
    known: dict[UUID, list[UUID]] = defaultdict(list)
    for visit_id, technician_id in found:
        known[visit_id].append(technician_id)
    return known


async def given(
    session: AsyncSession, region_id: int, technician_id: UUID, now: datetime
) -> list[tuple[UUID, tuple[datetime, datetime]]]:
    """Return the time of a technician that visits have from now on, by visit."""
    found = await appointments.given_away(
        session, region_id, Range(now, None), now, [technician_id], of_ended=True
    )
    return [(time.visit_id, (time.start, time.end)) for _, time in found]


def disturbances(scope: Scope, *, centre_id: UUID | None = None) -> Select[Disturbance]:
    """Return the statement for what still upsets days in a scope, by id."""
    statement = select(Disturbance).where(
        policy.visible(scope, Disturbance), Disturbance.settled_at.is_(None)
    )
    if centre_id is not None:
        statement = statement.where(Disturbance.centre_id == centre_id)
    return statement.order_by(Disturbance.id)


async def disturbances_of(
    session: AsyncSession,
    region_id: int,
    *,
    centre_id: UUID,
    day: date,
) -> list[Disturbance]:
    """Return what still upsets one day of a centre, locked."""
    found = await session.scalars(
        select(Disturbance)
        .where(
            Disturbance.region_id == region_id,
            Disturbance.centre_id == centre_id,
            Disturbance.day == day,
            Disturbance.settled_at.is_(None),
        )
        .order_by(Disturbance.id)
        .with_for_update()
    )
    return list(found)


async def order_refs(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the reference of the order of each visit."""
    found = await session.execute(
        select(Visit.id, ServiceOrder.external_ref)
        .join(
            ServiceOrder,
            and_(ServiceOrder.region_id == Visit.region_id, ServiceOrder.id == Visit.order_id),
        )
        .where(
            Visit.region_id == region_id,
            ServiceOrder.region_id == region_id,
            Visit.id.in_(visit_ids),
        )
    )
    return {visit_id: ref for visit_id, ref in found}  # noqa: C416 - rows are not pairs


async def promises(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the state of the open appointment of each visit that has one."""
    found = await session.execute(
        select(Appointment.visit_id, Appointment.state).where(
            Appointment.region_id == region_id,
            Appointment.visit_id.in_(visit_ids),
            Appointment.state.in_(OPEN_STATES),
        )
    )
    return {visit_id: state for visit_id, state in found}  # noqa: C416 - see above
