"""Reads of reserved time: whose it is, what is held, who comes."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Reservation
from fieldops.appointments.slots.calendars import Busy
from fieldops.customers.models import Premises
from fieldops.organisation.models import Technician
from fieldops.visits.models import Assignment, Visit


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


async def given_away(
    session: AsyncSession,
    region_id: int,
    during: Range[datetime],
    now: datetime,
    technician_ids: Collection[UUID] | None = None,
    *,
    of_ended: bool = False,
) -> list[tuple[UUID, Busy]]:
    """Return the time of technicians that is given away, in the order of its starts.

    One statement; of everybody in the region without ids. Holds count while they run. What visits
    that have ended used is left out unless asked for.
    """
    found = await session.execute(
        select(
            Reservation.technician_id,
            Reservation.visit_id,
            func.lower(Reservation.during),
            func.upper(Reservation.during),
            Reservation.held_until,
            func.ST_X(Premises.point),
            func.ST_Y(Premises.point),
        )
        .join(
            Visit, and_(Visit.region_id == Reservation.region_id, Visit.id == Reservation.visit_id)
        )
        .join(
            Premises, and_(Premises.region_id == Visit.region_id, Premises.id == Visit.premises_id)
        )
        .where(
            Reservation.region_id == region_id,
            Visit.region_id == region_id,
            Premises.region_id == region_id,
            true() if technician_ids is None else Reservation.technician_id.in_(technician_ids),
            true() if of_ended else Visit.ended_at.is_(None),
            Reservation.during.op("&&")(during),
            or_(Reservation.held_until.is_(None), Reservation.held_until > now),
        )
        .order_by(func.lower(Reservation.during), Reservation.technician_id)
    )
    return [
        (technician_id, Busy(visit_id, start, end, (longitude, latitude), held_until))
        for technician_id, visit_id, start, end, held_until, longitude, latitude in found
    ]


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
