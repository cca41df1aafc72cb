"""Which visits could be put off for an urgent one: offered as such, never done by the search."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy import Text, and_, cast, func, select, true
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment, Reservation
from fieldops.appointments.queries.calendars import Calendars
from fieldops.appointments.queries.offering import Work
from fieldops.appointments.rules import OPEN_STATES
from fieldops.appointments.slots.gaps import DAY, days_of
from fieldops.appointments.slots.table import Table
from fieldops.kernel.clock import local_day
from fieldops.orders.models import WorkOrder
from fieldops.visits.models import Visit, VisitWork
from fieldops.visits.rules import State

MOST_DISPLACEABLE = 500  # of them the least urgent are looked at


@dataclass(frozen=True, slots=True)
class Displaced:
    """A visit that would have to move: its promise, not confirmed yet, and how urgent it is."""

    visit_id: UUID
    appointment_id: UUID
    window_start: datetime
    window_end: datetime
    priority: int


async def displaceable(
    session: AsyncSession,
    visit: Visit,
    priority: int,
    now: datetime,
    *,
    until: datetime | None = None,
    among: Collection[UUID] | None = None,
) -> list[tuple[UUID, Displaced]]:
    """Return (technician, visit) pairs of the centre's visits that may be put off (WO-06).

    Of those with reserved time before `until`, or of those named.
    Less urgent, promised but not confirmed by the customer, not begun, the window not opened; and
    of one technician only, because a team is not torn apart for another customer.
    """
    urgency = func.max(WorkOrder.priority)
    alone = func.count(Reservation.technician_id.distinct()) == 1
    found = await session.execute(
        select(
            func.min(cast(Reservation.technician_id, Text)).label("technician_id"),
            Visit.id,
            Appointment.id.label("appointment_id"),
            Appointment.window_start,
            Appointment.window_end,
            urgency.label("priority"),
        )
        .select_from(Reservation)
        .join(
            Visit, and_(Visit.region_id == Reservation.region_id, Visit.id == Reservation.visit_id)
        )
        .join(
            Appointment,
            and_(Appointment.region_id == Visit.region_id, Appointment.visit_id == Visit.id),
        )
        .join(
            VisitWork,
            and_(VisitWork.region_id == Visit.region_id, VisitWork.visit_id == Visit.id),
        )
        .join(
            WorkOrder,
            and_(
                WorkOrder.region_id == VisitWork.region_id, WorkOrder.id == VisitWork.work_order_id
            ),
        )
        .where(
            Reservation.region_id == visit.region_id,
            Visit.region_id == visit.region_id,
            Appointment.region_id == visit.region_id,
            VisitWork.region_id == visit.region_id,
            WorkOrder.region_id == visit.region_id,
            Reservation.centre_id == visit.centre_id,
            Reservation.during.op("&&")(Range(now, until)),
            true() if among is None else Visit.id.in_(among),
            Reservation.held_until.is_(None),
            Visit.state.in_((State.SCHEDULED, State.DISPATCHED, State.ACCEPTED)),
            Appointment.state.in_([s for s in OPEN_STATES if s != "confirmed"]),
            Appointment.window_start > now,
            VisitWork.ended_at.is_(None),
        )
        .group_by(Visit.id, Appointment.id, Appointment.window_start, Appointment.window_end)
        .having(and_(urgency < priority, alone))
        .order_by(urgency, Visit.id)
        .limit(MOST_DISPLACEABLE)
    )
    return [
        (
            UUID(row.technician_id),
            Displaced(row.id, row.appointment_id, row.window_start, row.window_end, row.priority),
        )
        for row in found
    ]


async def with_displaced(
    session: AsyncSession,
    visit: Visit,
    work: Work,
    known: Calendars,
    until: datetime,
    now: datetime,
) -> tuple[Table, list[Displaced]]:
    """Return a centre's gaps with those that would be there if a less urgent visit moved.

    Every such gap names its visit by its number in the list returned with it.
    """
    table, zone = known.table, known.horizon.zone
    found: list[Displaced] = []
    gaps, technician, skills, displaced = (
        [table.gaps],
        [table.technician],
        [table.skills],
        [table.displaced],
    )
    place = {id_: n for n, id_ in enumerate(table.ids)}
    for technician_id, one in await displaceable(session, visit, work.priority, now, until=until):
        calendar = known.by_id.get(technician_id)
        if calendar is None:
            continue
        day = local_day(one.window_start, zone)
        block = days_of(calendar.without(one.visit_id), zone).gaps
        block = block[block[:, DAY] == day.toordinal()]
        mask = table.mask_of(calendar.skills(day))
        gaps.append(block)
        technician.append(np.full(len(block), place[technician_id]))
        skills.append(np.full(len(block), mask))
        displaced.append(np.full(len(block), len(found)))
        found.append(one)
    all_gaps = np.concatenate(gaps)
    order = np.argsort(all_gaps[:, DAY], kind="stable")
    return (
        Table(
            table.ids,
            table.known,
            all_gaps[order],
            np.concatenate(technician)[order],
            np.concatenate(skills)[order],
            np.concatenate(displaced)[order],
            table.worked,
        ),
        found,
    )
