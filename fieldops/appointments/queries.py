"""Reads of appointments: by scope, locked for a change, due on the ladder, free windows."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import policy, rules, slots
from fieldops.appointments.models import Appointment, CallTask, Reconfirmation, Reservation
from fieldops.customers.models import Customer, Premises
from fieldops.kernel import audit, configuration, geo
from fieldops.kernel.clock import local_day
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.orders.models import WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Qualification, Technician
from fieldops.visits.models import Assignment, Visit, VisitWork


def appointments(scope: Scope) -> Select[Appointment]:
    """Return the statement for the appointments in a scope, by id."""
    return select(Appointment).where(policy.visible(scope, Appointment)).order_by(Appointment.id)


async def appointment(session: AsyncSession, scope: Scope, appointment_id: UUID) -> Appointment:
    """Return an appointment; raises NotFound outside the scope."""
    found: Appointment | None = await session.scalar(
        appointments(scope).where(Appointment.id == appointment_id)
    )
    if found is None:
        raise NotFound(thing="appointment")
    return found


async def lock_appointment(
    session: AsyncSession, scope: Scope, appointment_id: UUID
) -> Appointment:
    """Return an appointment locked for a change; raises NotFound outside the scope."""
    found: Appointment | None = await session.scalar(
        appointments(scope)
        .where(Appointment.id == appointment_id)
        .with_for_update(of=Appointment)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(thing="appointment")
    return found


async def lock_open(session: AsyncSession, region_id: int, visit_id: UUID) -> Appointment | None:
    """Return the open appointment of a visit, locked, None when it has none."""
    found: Appointment | None = await session.scalar(
        select(Appointment)
        .where(
            Appointment.region_id == region_id,
            Appointment.visit_id == visit_id,
            Appointment.state.in_(rules.OPEN_STATES),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def latest(session: AsyncSession, region_id: int, visit_id: UUID) -> Appointment | None:
    """Return the newest appointment of a visit, locked, in whatever state, None without any."""
    found: Appointment | None = await session.scalar(
        select(Appointment)
        .where(Appointment.region_id == region_id, Appointment.visit_id == visit_id)
        .order_by(Appointment.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def by_link(
    session: AsyncSession, region_id: int, appointment_id: UUID
) -> Appointment | None:
    """Return the appointment a signed link names; the link is the permission."""
    found: Appointment | None = await session.get(Appointment, (region_id, appointment_id))
    return found


async def answers(session: AsyncSession, region_id: int, appointment_id: UUID) -> list[Any]:
    """Return the answers about an appointment, oldest first."""
    found = await session.scalars(
        select(Reconfirmation)
        .where(
            Reconfirmation.region_id == region_id,
            Reconfirmation.appointment_id == appointment_id,
        )
        .order_by(Reconfirmation.id)
        .limit(100)
    )
    return list(found)


async def history(session: AsyncSession, region_id: int, appointment_id: UUID) -> list[Any]:
    """Return an appointment's changes, oldest first (AP-02)."""
    found = await session.scalars(
        audit.history(region_id, Appointment.__tablename__, appointment_id).limit(200)
    )
    return list(found)


async def tier_of(session: AsyncSession, region_id: int, customer_id: UUID) -> str:
    """Return a customer's tier (CU-01)."""
    found: str | None = await session.scalar(
        select(Customer.tier).where(Customer.region_id == region_id, Customer.id == customer_id)
    )
    if found is None:
        raise NotFound(thing="customer")
    return found


async def quiet_hours(session: AsyncSession, region_id: int) -> rules.QuietHours:
    """Return the region's quiet hours in its own zone (AP-09)."""
    return rules.QuietHours.of(
        await configuration.value(session, region_id, rules.QUIET_FROM),
        await configuration.value(session, region_id, rules.QUIET_UNTIL),
        await organisation.zone_of(session, region_id),
    )


# Calls


def call_tasks(scope: Scope) -> Select[CallTask]:
    """Return the statement for the call tasks in a scope."""
    return select(CallTask).where(policy.visible(scope, CallTask))


async def lock_call_task(session: AsyncSession, scope: Scope, call_task_id: UUID) -> CallTask:
    """Return a call task locked for a change; raises NotFound outside the scope."""
    found: CallTask | None = await session.scalar(
        call_tasks(scope).where(CallTask.id == call_task_id).with_for_update(of=CallTask)
    )
    if found is None:
        raise NotFound(thing="call task")
    return found


async def call_task(session: AsyncSession, scope: Scope, call_task_id: UUID) -> CallTask:
    """Return a call task; raises NotFound outside the scope."""
    found: CallTask | None = await session.scalar(
        call_tasks(scope).where(CallTask.id == call_task_id)
    )
    if found is None:
        raise NotFound(thing="call task")
    return found


async def open_tasks(
    session: AsyncSession, region_id: int, visit_id: UUID, kinds: Collection[str] | None = None
) -> list[CallTask]:
    """Return the calls still to be made for a visit, locked, of some kinds or of all."""
    statement = select(CallTask).where(
        CallTask.region_id == region_id,
        CallTask.visit_id == visit_id,
        CallTask.done_at.is_(None),
    )
    if kinds is not None:
        statement = statement.where(CallTask.kind.in_(kinds))
    found = await session.scalars(statement.order_by(CallTask.id).with_for_update())
    return list(found)


def _task_exists(region_id: int, kind: str, *, open_only: bool = False) -> Any:
    conditions = [
        CallTask.region_id == region_id,
        CallTask.appointment_id == Appointment.id,
        CallTask.window_start == Appointment.window_start,
        CallTask.kind == kind,
    ]
    if open_only:
        conditions.append(CallTask.done_at.is_(None))
    return exists().where(*conditions)


async def due_calls(
    session: AsyncSession, region_id: int, now: datetime, limit: int
) -> list[tuple[Appointment, rules.TaskKind]]:
    """Return unanswered appointments whose next step is a person's call (AP-04), locked.

    Each comes with the kind of call. Rows another worker holds are left to it.
    """
    call = and_(
        Appointment.call_at <= now,
        ~_task_exists(region_id, "unconfirmed"),
        ~_task_exists(region_id, "reconfirm", open_only=True),
    )
    personal = and_(
        Appointment.needs_person,
        Appointment.reconfirm_at <= now,
        ~_task_exists(region_id, "unconfirmed"),
        ~_task_exists(region_id, "reconfirm"),
    )
    found = await session.scalars(
        select(Appointment)
        .where(
            Appointment.region_id == region_id,
            Appointment.state.in_(rules.UNANSWERED_STATES),
            Appointment.window_start > now,
            or_(call, personal),
        )
        .order_by(Appointment.window_start, Appointment.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Appointment)
    )
    return [
        (a, "unconfirmed" if a.call_at is not None and a.call_at <= now else "reconfirm")
        for a in found
    ]


# Reserved time


async def reservations_of(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[Reservation]:
    """Return the time reserved for a visit, locked."""
    found = await session.scalars(
        select(Reservation)
        .where(Reservation.region_id == region_id, Reservation.visit_id == visit_id)
        .order_by(Reservation.technician_id)
        .with_for_update()
    )
    return list(found)


async def lock_technicians(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """Lock technicians so that their time is given away by one transaction after the other.

    Without it, two bookings of the same time would wait for each other in the exclusion
    constraint. Returns the home centre of each; unknown ids are left out.
    """
    found = await session.execute(
        select(Technician.id, Technician.centre_id)
        .where(Technician.region_id == region_id, Technician.id.in_(ids))
        .order_by(Technician.id)
        .with_for_update(key_share=True)
    )
    return {id_: centre_id for id_, centre_id in found}  # noqa: C416 - rows are not pairs


async def promised_elsewhere(
    session: AsyncSession,
    visit: Visit,
    technician_ids: Collection[UUID],
    during: Range[datetime],
    now: datetime,
) -> bool:
    """Return whether some technician's time is given to another visit than this."""
    found = await session.scalar(
        select(Reservation.id)
        .where(
            Reservation.region_id == visit.region_id,
            Reservation.technician_id.in_(technician_ids),
            Reservation.during.op("&&")(during),
            Reservation.visit_id != visit.id,
            or_(Reservation.held_until.is_(None), Reservation.held_until > now),
        )
        .limit(1)
    )
    return found is not None


async def expired_holds(
    session: AsyncSession, region_id: int, ids: Collection[UUID], now: datetime
) -> list[Reservation]:
    """Return holds of these technicians that have run out, locked."""
    found = await session.scalars(
        select(Reservation)
        .where(
            Reservation.region_id == region_id,
            Reservation.technician_id.in_(ids),
            Reservation.held_until <= now,
        )
        .order_by(Reservation.id)
        .with_for_update()
    )
    return list(found)


async def present_technicians(session: AsyncSession, region_id: int, visit_id: UUID) -> list[UUID]:
    """Return the technicians assigned to a visit now, by id."""
    found = await session.scalars(
        select(Assignment.technician_id)
        .where(
            Assignment.region_id == region_id,
            Assignment.visit_id == visit_id,
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.technician_id)
    )
    return list(found)


# Free windows


@dataclass(frozen=True, slots=True)
class Offer:
    """A free window, and whether it ends before the visit's work is due (CU-02)."""

    start: datetime
    end: datetime
    technician_ids: tuple[UUID, ...]
    within_limit: bool


async def free_windows(
    session: AsyncSession, visit: Visit, now: datetime, *, limit: int
) -> list[Offer]:
    """Return the earliest windows that qualified technicians of the visit's centre can keep.

    Calendars, reserved time and travel from neighbouring visits are looked at (AP-01); eight
    statements, however many technicians there are.
    """
    region_id = visit.region_id
    work = await _work(session, visit)
    if not work.skills:
        return []
    zone = await organisation.zone_of(session, region_id)
    window = await configuration.duration(session, region_id, rules.WINDOW_LENGTH)
    ahead = await configuration.duration(session, region_id, rules.SLOT_DAYS)
    wanted = slots.Wanted(
        skills=work.skills,
        position=work.position,
        window=window,
        duration=timedelta(minutes=visit.duration_minutes),
        earliest=now,
        zone=zone,
        latest_start=now + ahead,
    )
    calendars = await _calendars(session, visit, wanted, now)
    return [
        Offer(s.start, s.end, s.technician_ids, work.due_at is None or s.end <= work.due_at)
        for s in slots.find(calendars, wanted, limit=limit)
    ]


@dataclass(frozen=True, slots=True)
class _Work:
    skills: frozenset[str]
    position: geo.Position | None
    due_at: datetime | None


async def _work(session: AsyncSession, visit: Visit) -> _Work:
    """Return what a visit's open work needs, where, and by when: one statement."""
    found = await session.execute(
        select(WorkOrder.skill, WorkOrder.due_at, Premises.point)
        .select_from(VisitWork)
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id,
                WorkOrder.id == VisitWork.work_order_id,
            ),
        )
        .join(Premises, Premises.id == visit.premises_id)
        .where(
            VisitWork.region_id == visit.region_id,
            WorkOrder.region_id == visit.region_id,
            Premises.region_id == visit.region_id,
            VisitWork.visit_id == visit.id,
            VisitWork.ended_at.is_(None),
        )
    )
    rows = found.all()
    return _Work(
        frozenset(row.skill for row in rows),
        geo.position_of(rows[0].point) if rows else None,
        min((row.due_at for row in rows), default=None),
    )


async def _calendars(
    session: AsyncSession, visit: Visit, wanted: slots.Wanted, now: datetime
) -> list[slots.Calendar]:
    certificates = await _certificates(session, visit, wanted.skills)
    ids = sorted(certificates)
    last = wanted.latest_start or now
    working = await organisation.working_intervals(
        session,
        visit.region_id,
        ids,
        local_day(now, wanted.zone),
        local_day(last, wanted.zone),
        wanted.zone,
    )
    busy = await _busy(session, visit, ids, Range(now, last + timedelta(days=1)), now)
    return [
        slots.Calendar(id_, tuple(certificates[id_]), tuple(working[id_]), tuple(busy[id_]))
        for id_ in ids
    ]


async def _certificates(
    session: AsyncSession, visit: Visit, skills: frozenset[str]
) -> dict[UUID, list[slots.Certificate]]:
    found = await session.execute(
        select(
            Qualification.technician_id,
            Qualification.skill,
            Qualification.valid_from,
            Qualification.valid_until,
        )
        .join(
            Technician,
            and_(
                Technician.region_id == Qualification.region_id,
                Technician.id == Qualification.technician_id,
            ),
        )
        .where(
            Qualification.region_id == visit.region_id,
            Technician.region_id == visit.region_id,
            Technician.centre_id == visit.centre_id,
            Technician.active,
            Qualification.skill.in_(skills),
        )
    )
    certificates: dict[UUID, list[slots.Certificate]] = defaultdict(list)
    for id_, skill, valid_from, valid_until in found:
        certificates[id_].append(slots.Certificate(skill, valid_from, valid_until))
    return certificates


async def _busy(
    session: AsyncSession,
    visit: Visit,
    ids: Collection[UUID],
    span: Range[datetime],
    now: datetime,
) -> dict[UUID, list[slots.Busy]]:
    found = await session.execute(
        select(Reservation.technician_id, Reservation.during, Premises.point)
        .join(
            Visit,
            and_(Visit.region_id == Reservation.region_id, Visit.id == Reservation.visit_id),
        )
        .join(
            Premises,
            and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id),
        )
        .where(
            Reservation.region_id == visit.region_id,
            Visit.region_id == visit.region_id,
            Premises.region_id == visit.region_id,
            Reservation.technician_id.in_(ids),
            Reservation.during.op("&&")(span),
            Reservation.visit_id != visit.id,
            or_(Reservation.held_until.is_(None), Reservation.held_until > now),
        )
    )
    busy: dict[UUID, list[slots.Busy]] = defaultdict(list)
    for id_, during, point in found:
        if during.lower is not None and during.upper is not None:
            busy[id_].append(slots.Busy(during.lower, during.upper, geo.position_of(point)))
    return busy
