"""Reads of complaints: by scope, repetitions, what is late, the evidence of the visits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.checklists.models import Checklist
from fieldops.complaints import policy, rules
from fieldops.complaints.models import Complaint, ComplaintEntry, ComplaintVisit
from fieldops.files.models import FileLink
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import ROLE_PERMISSIONS, Permission, Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.orders.models import ServiceOrder
from fieldops.orders.rules import SHARES
from fieldops.organisation.models import Unit
from fieldops.organisation.queries.staff import covering
from fieldops.visits import rules as visit_rules
from fieldops.visits.models import Assignment, Visit, VisitFact


def complaints(
    scope: Scope,
    *,
    states: Collection[str] = (),
    customer_id: UUID | None = None,
    order_id: UUID | None = None,
    of_person: UUID | None = None,
    department: str | None = None,
) -> Select[Complaint]:
    """Return the statement for the complaints in a scope, by id.

    `of_person` keeps those the person owns or handles; `department` those that are with a
    department, or offered to it.
    """
    found = select(Complaint).where(policy.visible(scope)).order_by(Complaint.id)
    if states:
        found = found.where(Complaint.state.in_(states))
    if customer_id is not None:
        found = found.where(Complaint.customer_id == customer_id)
    if order_id is not None:
        found = found.where(Complaint.order_id == order_id)
    if of_person is not None:
        found = found.where((Complaint.owner_id == of_person) | (Complaint.handler_id == of_person))
    if department is not None:
        found = found.where(
            func.coalesce(Complaint.offered_to, Complaint.handling_department) == department
        )
    return found


async def complaint(session: AsyncSession, scope: Scope, complaint_id: UUID) -> Complaint:
    """Return a complaint; raises NotFound outside the scope."""
    return await find_one(
        session, complaints(scope).where(Complaint.id == complaint_id), "complaint"
    )


async def lock_complaint(session: AsyncSession, scope: Scope, complaint_id: UUID) -> Complaint:
    """Return a complaint locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session, complaints(scope).where(Complaint.id == complaint_id), "complaint"
    )


async def former(
    session: AsyncSession, region_id: int, customer_id: UUID, topic: str, since: datetime
) -> UUID | None:
    """Return the last complaint of a customer about a matter that arrived since a time (CO-04)."""
    found: UUID | None = await session.scalar(
        select(Complaint.id)
        .where(
            Complaint.region_id == region_id,
            Complaint.customer_id == customer_id,
            Complaint.topic == topic,
            Complaint.arrived_at >= since,
        )
        .order_by(Complaint.arrived_at.desc(), Complaint.id.desc())
        .limit(1)
    )
    return found


async def visits_of_order(session: AsyncSession, region_id: int, order_id: UUID) -> list[UUID]:
    """Return the visits of an order that were not called off, the newest of them."""
    found = await session.scalars(
        select(Visit.id)
        .where(
            Visit.region_id == region_id,
            Visit.order_id == order_id,
            Visit.state != visit_rules.State.CANCELLED,
        )
        .order_by(Visit.id.desc())
        .limit(rules.MOST_VISITS)
    )
    return sorted(found)


async def order_ref(session: AsyncSession, region_id: int, order_id: UUID | None) -> str | None:
    """Return the number a customer knows an order by; None without an order."""
    if order_id is None:
        return None
    found: str | None = await session.scalar(
        select(ServiceOrder.external_ref).where(
            ServiceOrder.region_id == region_id, ServiceOrder.id == order_id
        )
    )
    return found


async def visits(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, Visit]:
    """Return visits by id."""
    found = await session.scalars(
        select(Visit).where(Visit.region_id == region_id, Visit.id.in_(sorted(visit_ids)))
    )
    return {row.id: row for row in found}


async def visit_ids(session: AsyncSession, region_id: int, complaint_id: UUID) -> tuple[UUID, ...]:
    """Return the visits that a complaint is about."""
    found = await session.scalars(
        select(ComplaintVisit.visit_id)
        .where(ComplaintVisit.region_id == region_id, ComplaintVisit.complaint_id == complaint_id)
        .order_by(ComplaintVisit.visit_id)
    )
    return tuple(found)


async def crews(
    session: AsyncSession, region_id: int, visit_ids: Collection[UUID]
) -> dict[UUID, list[Assignment]]:
    """Return who was on visits last, by visit: who was taken off earlier is left out."""
    found = await session.scalars(
        select(Assignment)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id.in_(sorted(visit_ids)),
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.visit_id, Assignment.id)
    )
    crew: dict[UUID, list[Assignment]] = {id_: [] for id_ in visit_ids}
    for row in found:
        crew[row.visit_id].append(row)
    return crew


def entries(scope: Scope, complaint_id: UUID) -> Select[ComplaintEntry]:
    """Return the statement for what was done about a complaint, by id (oldest first)."""
    return (
        select(ComplaintEntry)
        .where(policy.visible(scope, ComplaintEntry), ComplaintEntry.complaint_id == complaint_id)
        .order_by(ComplaintEntry.id)
    )


# --- what is late --------------------------------------------------------------------------


def _running(region_id: int, owner: Any, due: Any, done: Any) -> Select[Any]:
    """Return the open complaints that one of the two clocks runs for, and who answers for each."""
    of = towards(Complaint.id, Complaint.centre_id, Complaint.arrived_at, due, owner)
    return of.where(
        Complaint.region_id == region_id, Complaint.state.in_(rules.OPEN), done.is_(None)
    )


_limit = partial(
    limit,
    record="complaint",
    shares=SHARES,
    takers={Role.AGENT, Role.DISPATCHER},
)


@_limit("complaint_contact", "CO-01")
async def contact_running(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the complaints whose customer nobody has reached yet."""
    return _running(region_id, Complaint.owner_id, Complaint.contact_due_at, Complaint.contacted_at)


@_limit("complaint_answer", "CO-02")
async def answer_running(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the complaints whose customer has no answer yet."""
    return _running(region_id, Complaint.handler_id, Complaint.due_at, Complaint.closed_at)


def past_a_limit(now: datetime) -> ColumnElement[bool]:
    """Return the condition for complaints that are past one of their limits and still not done."""
    return or_(
        and_(Complaint.closed_at.is_(None), Complaint.due_at < now),
        and_(Complaint.contacted_at.is_(None), Complaint.contact_due_at < now),
    )


async def handlers_of(session: AsyncSession, region_id: int, centre_id: UUID) -> list[UUID]:
    """Return the people whose role lets them handle complaints of a centre."""
    roles = [r for r, held in ROLE_PERMISSIONS.items() if Permission.COMPLAINT_HANDLE in held]
    staff = covering(region_id, roles).subquery()
    found = await session.scalars(
        select(staff.c.person_id)
        .where(staff.c.unit_id == centre_id, staff.c.steps <= 1)  # of the centre, or of its region
        .order_by(staff.c.person_id)
        .distinct()
    )
    return list(found)


async def is_firm(session: AsyncSession, region_id: int, unit_id: UUID) -> bool:
    """Return whether a unit is a contractor firm of the region."""
    found = await session.scalar(
        select(Unit.id).where(
            Unit.id == unit_id, Unit.kind == "firm", Unit.region_number == region_id
        )
    )
    return found is not None


# --- the evidence --------------------------------------------------------------------------


@dataclass(slots=True)
class VisitEvidence:
    """What is known of one visit: its row, crew and promise, and what was recorded on it."""

    visit: Visit
    crew: list[Assignment]
    appointment: Appointment | None = None
    checklists: list[UUID] = field(default_factory=list)
    line_tests: list[UUID] = field(default_factory=list)
    speed_tests: list[UUID] = field(default_factory=list)
    files: list[FileLink] = field(default_factory=list)
    facts: list[VisitFact] = field(default_factory=list)


async def evidence(
    session: AsyncSession, region_id: int, ids: Sequence[UUID]
) -> list[VisitEvidence]:
    """Return what was recorded on visits, in the order of the visits."""
    found = await visits(session, region_id, ids)
    crew = await crews(session, region_id, ids)
    shown = {id_: VisitEvidence(found[id_], crew[id_]) for id_ in ids if id_ in found}
    for row in await _of_visits(session, region_id, Appointment, ids):
        shown[row.visit_id].appointment = row  # the newest comes last
    for model, name in (
        (Checklist, "checklists"),
        (LineTest, "line_tests"),
        (SpeedTest, "speed_tests"),
    ):
        for row in await _of_visits(session, region_id, model, ids):
            getattr(shown[row.visit_id], name).append(row.id)
    for row in await _of_visits(session, region_id, FileLink, ids):
        shown[row.visit_id].files.append(row)
    for row in await _of_visits(session, region_id, VisitFact, ids):
        shown[row.visit_id].facts.append(row)
    return list(shown.values())


async def _of_visits(
    session: AsyncSession, region_id: int, model: Any, ids: Collection[UUID]
) -> list[Any]:
    found = await session.scalars(
        select(model)
        .where(model.region_id == region_id, model.visit_id.in_(sorted(ids)))
        .order_by(model.id)
        .limit(rules.MOST_EVIDENCE * max(1, len(ids)))
    )
    return list(found)
