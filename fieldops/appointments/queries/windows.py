"""Free windows: what is read for the search, and what it found."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import rules, slots
from fieldops.appointments.models import Reservation
from fieldops.customers.models import Premises
from fieldops.kernel import configuration, geo
from fieldops.kernel.clock import local_day
from fieldops.orders.models import WorkOrder
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Qualification, Technician
from fieldops.visits.models import Visit, VisitWork


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
