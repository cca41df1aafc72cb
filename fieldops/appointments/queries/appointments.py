"""Reads of promises: by scope, locked for a change, by link; their answers and history."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import policy, rules
from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.kernel import audit, configuration
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.organisation import queries as organisation
from fieldops.visits.models import Visit


def appointments(scope: Scope) -> Select[Appointment]:
    """Return the statement for the appointments in a scope, by id."""
    return select(Appointment).where(policy.visible(scope, Appointment)).order_by(Appointment.id)


async def appointment(session: AsyncSession, scope: Scope, appointment_id: UUID) -> Appointment:
    """Return an appointment; raises NotFound outside the scope."""
    return await find_one(
        session, appointments(scope).where(Appointment.id == appointment_id), "appointment"
    )


async def lock_appointment(
    session: AsyncSession, scope: Scope, appointment_id: UUID
) -> Appointment:
    """Return an appointment locked for a change; raises NotFound outside the scope."""
    return await lock_one(
        session, appointments(scope).where(Appointment.id == appointment_id), "appointment"
    )


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


async def linked_visits(session: AsyncSession, visit: Visit) -> list[Visit]:
    """Return the other visits of a visit's order that are promised and have not ended, by id.

    The caller has locked the order, so that they stay as they are.
    """
    found = await session.scalars(
        select(Visit)
        .join(
            Appointment,
            and_(Appointment.region_id == Visit.region_id, Appointment.visit_id == Visit.id),
        )
        .where(
            Visit.region_id == visit.region_id,
            Appointment.region_id == visit.region_id,
            Visit.order_id == visit.order_id,
            Visit.id != visit.id,
            Visit.ended_at.is_(None),
            Appointment.state.in_(rules.OPEN_STATES),
        )
        .order_by(Visit.id)
    )
    return list(found)


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


async def quiet_hours(session: AsyncSession, region_id: int) -> rules.QuietHours:
    """Return the region's quiet hours in its own zone (AP-09)."""
    return rules.QuietHours.of(
        await configuration.value(session, region_id, rules.QUIET_FROM),
        await configuration.value(session, region_id, rules.QUIET_UNTIL),
        await organisation.zone_of(session, region_id),
    )
