"""Reads of retention: the signs, the colours that follow from them, the tasks (CU-08)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from fieldops.appointments.models import Appointment
from fieldops.complaints.models import Complaint
from fieldops.customers import policy as customers
from fieldops.customers.models import Customer
from fieldops.faults.models import FaultReport
from fieldops.followups.models import FollowUp
from fieldops.followups.rules import Satisfaction
from fieldops.kernel import configuration
from fieldops.kernel.erasure import ERASED, Erasure, Reach
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import lock_one
from fieldops.orders.rules import SHARES
from fieldops.organisation.models import Person, RoleGrant, Unit
from fieldops.retention import policy, rules
from fieldops.retention.models import RepairTask
from fieldops.retention.rules import Colour, Sign
from fieldops.visits import rules as visit_rules
from fieldops.visits.models import Visit


def _sign(sign: Sign, of: Any, at: Any, known_at: Any = None) -> tuple[Any, ...]:
    """Return the columns of a sign: of whom, what, the record behind it, when, known since when."""
    return (
        of.customer_id.label("customer_id"),
        of.centre_id.label("centre_id"),
        literal(sign.value).label("sign"),
        literal(of.resource).label("record_type"),
        of.id.label("record_id"),
        at.label("at"),
        (at if known_at is None else known_at).label("known_at"),
    )


def _complaints(region_id: int, since: datetime, at: datetime) -> Select[Any]:
    """Return justified complaints; one is a sign from its arrival, known by the decision."""
    return select(
        *_sign(Sign.JUSTIFIED_COMPLAINT, Complaint, Complaint.arrived_at, Complaint.decided_at)
    ).where(
        Complaint.region_id == region_id,
        Complaint.justified.is_(True),
        Complaint.arrived_at >= since,
        Complaint.arrived_at <= at,
    )


def _dissatisfied(region_id: int, since: datetime, at: datetime) -> Select[Any]:
    return select(*_sign(Sign.DISSATISFIED, FollowUp, FollowUp.answered_at)).where(
        FollowUp.region_id == region_id,
        FollowUp.satisfaction == Satisfaction.DISSATISFIED,
        FollowUp.answered_at >= since,
        FollowUp.answered_at <= at,
    )


def _missed(region_id: int, since: datetime, at: datetime) -> Select[Any]:
    """Return promises whose window passed without an arrival in it, not by the customer's cause."""
    kept = and_(Visit.arrived_at.is_not(None), Visit.arrived_at <= Appointment.window_end)
    return (
        select(*_sign(Sign.MISSED_APPOINTMENT, Appointment, Appointment.window_end))
        .join(
            Visit,
            and_(Visit.region_id == Appointment.region_id, Visit.id == Appointment.visit_id),
        )
        .where(
            Appointment.region_id == region_id,
            Visit.region_id == region_id,
            Appointment.window_end >= since,
            Appointment.window_end < at,
            Appointment.state != "cancelled",
            Visit.state != visit_rules.State.CANCELLED,
            or_(Visit.end_cause.is_(None), Visit.end_cause != "customer"),
            ~kept | and_(Visit.state == visit_rules.State.FAILED, Visit.end_cause == "operator"),
        )
    )


def _moved_again(region_id: int, since: datetime, at: datetime) -> Select[Any]:
    """Return promises that we moved a second time; the customer was told then, or never."""
    moved = func.coalesce(Appointment.customer_contacted_at, Appointment.booked_at)
    return select(*_sign(Sign.SECOND_RESCHEDULE, Appointment, moved)).where(
        Appointment.region_id == region_id,
        Appointment.operator_reschedules >= rules.RESCHEDULES,
        moved >= since,
        moved <= at,
    )


def _repeated(region_id: int, since: datetime, at: datetime, within: timedelta) -> Select[Any]:
    """Return fault reports of a customer soon after one before, at the same premises."""
    before = aliased(FaultReport)
    earlier = (
        select(before.id)
        .where(
            before.region_id == region_id,
            before.region_id == FaultReport.region_id,
            before.customer_id == FaultReport.customer_id,
            before.premises_id.is_not_distinct_from(FaultReport.premises_id),
            before.reported_at < FaultReport.reported_at,
            before.reported_at >= FaultReport.reported_at - within,
        )
        .exists()
    )
    return select(*_sign(Sign.REPEATED_FAULT, FaultReport, FaultReport.reported_at)).where(
        FaultReport.region_id == region_id,
        FaultReport.customer_id.is_not(None),
        FaultReport.joined.is_(False),  # pressed for while it was open: still the same fault
        FaultReport.reported_at >= since,
        FaultReport.reported_at <= at,
        earlier,
    )


async def _signs(session: AsyncSession, region_id: int, at: datetime) -> CTE:
    """Return what happened to customers of a region lately, a row for each sign (see `_sign`)."""
    kept = await configuration.duration(session, region_id, rules.COLOURED_FOR)
    within = await configuration.duration(session, region_id, rules.FAULT_REPEATED_WITHIN)
    since = at - kept
    return union_all(
        _dissatisfied(region_id, since, at),
        _complaints(region_id, since, at),
        _missed(region_id, since, at),
        _moved_again(region_id, since, at),
        _repeated(region_id, since, at, within),
    ).cte("signs")


def _colour(signs: CTE) -> Any:
    """Return the colour of a customer's signs, gathered."""
    red = func.bool_or(signs.c.sign.in_(sorted(rules.RED_SIGNS)))
    return case((red, Colour.RED.value), else_=Colour.YELLOW.value)


def _some_centre(signs: CTE) -> Any:
    """Return one of the centres where something happened; there is no least of two ids."""
    return cast(func.min(cast(signs.c.centre_id, Text)), Uuid)


def _gathered(scope: Scope, signs: CTE) -> Subquery:
    """Return the customers of a scope who have signs, each once."""
    return (
        select(
            Customer.id,
            Customer.id.label("customer_id"),  # so that an export is registered as theirs (CU-04)
            func.coalesce(Customer.centre_id, _some_centre(signs)).label("centre_id"),
            Customer.segment,
            Customer.tier,
            _colour(signs).label("colour"),
            func.array_agg(signs.c.sign.distinct()).label("signs"),
            func.count().label("times"),
            func.max(signs.c.at).label("last_at"),
        )
        .join(signs, signs.c.customer_id == Customer.id)
        .where(customers.visible_customers(scope), Customer.region_id == scope.region_id)
        .group_by(Customer.id, Customer.centre_id, Customer.segment, Customer.tier)
        .subquery()
    )


def _with_tasks(region_id: int, gathered: Subquery) -> Subquery:
    """Return customers with the open task of each, or none."""
    task = (
        select(
            RepairTask.customer_id,
            RepairTask.id.label("repair_task_id"),
            RepairTask.owner_id,
            RepairTask.due_at,
        )
        .where(RepairTask.region_id == region_id, RepairTask.closed_at.is_(None))
        .subquery()
    )
    return (
        select(*gathered.c, task.c.repair_task_id, task.c.owner_id, task.c.due_at)
        .join(task, task.c.customer_id == gathered.c.id, isouter=True)
        .subquery()
    )


async def coloured(
    session: AsyncSession,
    scope: Scope,
    at: datetime,
    *,
    colour: Colour | None = None,
    sign: Sign | None = None,
    centre_id: UUID | None = None,
    tasked: bool | None = None,
) -> Select[Any]:
    """Return the statement for the red and yellow customers in a scope, by id (CU-08).

    Each with why and with the open task; `tasked` keeps those for whom everything that happened
    has its task, open or closed with their say, or those to whom one is owed.
    """
    signs = await _signs(session, scope.region_id, at)
    both = _with_tasks(scope.region_id, _gathered(scope, signs))
    found = select(both).order_by(both.c.id)
    if colour is not None:
        found = found.where(both.c.colour == colour.value)
    if sign is not None:
        found = found.where(literal(sign.value) == func.any(both.c.signs))
    if centre_id is not None:
        found = found.where(both.c.centre_id == centre_id)
    if tasked is not None:
        owed = both.c.id.in_(select(signs.c.customer_id).where(*_no_task(scope.region_id, signs)))
        found = found.where(~owed if tasked else owed)
    return found


async def signs_of(
    session: AsyncSession, region_id: int, customer_id: UUID, at: datetime
) -> list[Any]:
    """Return what happened to a customer lately, each with its record, the newest first."""
    signs = await _signs(session, region_id, at)
    found = await session.execute(
        select(signs)
        .where(signs.c.customer_id == customer_id)
        .order_by(signs.c.at.desc(), signs.c.record_id)
    )
    return list(found)


async def colours(
    session: AsyncSession, region_id: int, customer_ids: Collection[UUID], at: datetime
) -> dict[UUID, Colour]:
    """Return the colour of each of some customers at a time (CU-08)."""
    signs = await _signs(session, region_id, at)
    found = await session.execute(
        select(signs.c.customer_id, _colour(signs))
        .where(signs.c.customer_id.in_(sorted(customer_ids)))
        .group_by(signs.c.customer_id)
    )
    known = {id_: Colour(name) for id_, name in found}
    return {id_: known.get(id_, Colour.GREEN) for id_ in customer_ids}


# --- tasks ---------------------------------------------------------------------------------


def tasks(
    scope: Scope,
    *,
    open_only: bool = True,
    owner_id: UUID | None = None,
    customer_id: UUID | None = None,
    colour: Colour | None = None,
    due_before: datetime | None = None,
) -> Select[RepairTask]:
    """Return the statement for the repair tasks in a scope, by id."""
    found = select(RepairTask).where(policy.visible(scope)).order_by(RepairTask.id)
    if open_only:
        found = found.where(RepairTask.closed_at.is_(None))
    if owner_id is not None:
        found = found.where(RepairTask.owner_id == owner_id)
    if customer_id is not None:
        found = found.where(RepairTask.customer_id == customer_id)
    if colour is not None:
        found = found.where(RepairTask.colour == colour.value)
    if due_before is not None:
        found = found.where(RepairTask.closed_at.is_(None), RepairTask.due_at < due_before)
    return found


async def lock_task(session: AsyncSession, scope: Scope, task_id: UUID) -> RepairTask:
    """Return a task locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session, tasks(scope, open_only=False).where(RepairTask.id == task_id), "repair task"
    )


async def lock_open_task(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> RepairTask | None:
    """Return a customer's open repair task locked; None without one."""
    found: RepairTask | None = await session.scalar(
        select(RepairTask)
        .where(
            RepairTask.region_id == region_id,
            RepairTask.customer_id == customer_id,
            RepairTask.closed_at.is_(None),
        )
        .with_for_update(of=RepairTask)
        .execution_options(populate_existing=True)
    )
    return found


@limit(
    "repair_task",
    "CU-08",
    "repair_task",
    shares=SHARES,
    takers={Role.AGENT, Role.SUPERVISOR},
)
async def to_be_repaired(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the open tasks of relationship repair."""
    row = RepairTask
    of = towards(row.id, row.centre_id, row.opened_at, row.due_at, row.owner_id)
    return of.where(RepairTask.region_id == region_id, RepairTask.closed_at.is_(None))


def _no_task(region_id: int, signs: CTE) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the signs that no task is or was for, though one is owed (CU-08).

    An open task is for all that happens until it is closed. Who was erased is spoken to no more.
    """
    known = (
        select(RepairTask.id)
        .where(
            RepairTask.region_id == region_id,
            RepairTask.customer_id == signs.c.customer_id,
            or_(RepairTask.closed_at.is_(None), RepairTask.closed_at >= signs.c.known_at),
        )
        .exists()
    )
    erased = select(Erasure.subject_id).where(Erasure.region_id == region_id)
    return ~known, signs.c.customer_id.not_in(erased)


async def without_task(
    session: AsyncSession, region_id: int, at: datetime, *, customer_id: UUID | None = None
) -> list[tuple[UUID, UUID, str, str, datetime]]:
    """Return customers to whom something happened that no task is for (CU-08).

    Each as (customer, centre, colour, last sign, its time); one customer if asked.
    """
    signs = await _signs(session, region_id, at)
    latest = (
        select(signs)
        .where(*_no_task(region_id, signs))
        .order_by(signs.c.customer_id, signs.c.at.desc(), signs.c.sign)
    )
    if customer_id is not None:
        latest = latest.where(signs.c.customer_id == customer_id)
    found: dict[UUID, list[Any]] = {}
    for row in await session.execute(latest.limit(rules.MOST_OPENED)):
        found.setdefault(row.customer_id, []).append(row)
    return [
        (id_, of[0].centre_id, rules.colour(row.sign for row in of), of[0].sign, of[0].at)
        for id_, of in found.items()
    ]


async def end_tasks(session: AsyncSession, reach: Reach) -> None:
    """Close the open tasks of an erased customer without a say."""
    await session.execute(
        update(RepairTask)
        .where(
            RepairTask.region_id == reach.region_id,
            RepairTask.id.in_(reach.of(RepairTask)),
            RepairTask.closed_at.is_(None),
        )
        .values(
            closed_at=reach.now,
            customer_said=ERASED,
            settled=False,
            version=RepairTask.version + 1,
            updated_at=reach.now,
        )
        .execution_options(synchronize_session=False)
    )


async def owner_for(session: AsyncSession, region_id: int, centre_id: UUID) -> UUID | None:
    """Return who gets a centre's next task: the agent with the fewest, else a supervisor.

    Only people whose account is open.
    """
    above = select(Unit.id).where(
        or_(Unit.id == centre_id, and_(Unit.region_number == region_id, Unit.kind == "region"))
    )
    busy = (
        select(func.count())
        .select_from(RepairTask)
        .where(
            RepairTask.region_id == region_id,
            RepairTask.owner_id == RoleGrant.person_id,
            RepairTask.closed_at.is_(None),
        )
        .scalar_subquery()
    )
    found: UUID | None = await session.scalar(
        select(RoleGrant.person_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            Person.active,
            Person.kind == "person",
            RoleGrant.role.in_([Role.AGENT, Role.SUPERVISOR]),
            RoleGrant.unit_id.in_(above),
        )
        .order_by(RoleGrant.role, busy, RoleGrant.person_id)
        .limit(1)
    )
    return found
