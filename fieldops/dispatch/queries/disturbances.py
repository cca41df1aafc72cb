"""What upsets days, known and unknown; when somebody of a centre works next."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch import policy
from fieldops.dispatch.models import Disturbance
from fieldops.dispatch.queries.ranking import MOST_CANDIDATES
from fieldops.dispatch.rules import Cause
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import lock_one
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.visits.models import Visit

SOON = timedelta(days=7)
"""A centre in which nobody works for so long is planned by nobody."""


async def lock_disturbance(session: AsyncSession, scope: Scope, id_: UUID) -> Disturbance:
    """Return a disturbance, locked; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(Disturbance).where(policy.visible(scope, Disturbance), Disturbance.id == id_),
        "disturbance",
    )


async def lock_known(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    day: date,
    cause: Cause,
    subject_id: UUID,
) -> Disturbance | None:
    """Return what is noted of one cause on a day of a centre, settled or not, locked."""
    found: Disturbance | None = await session.scalar(
        select(Disturbance)
        .where(
            Disturbance.region_id == region_id,
            Disturbance.centre_id == centre_id,
            Disturbance.day == day,
            Disturbance.cause == cause.value,
            Disturbance.subject_id == subject_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def delays(
    session: AsyncSession, region_id: int, centre_id: UUID, day: date
) -> dict[UUID, Disturbance]:
    """Return the delays noted for a day of a centre by technician, settled or not."""
    found = await session.scalars(
        select(Disturbance).where(
            Disturbance.region_id == region_id,
            Disturbance.centre_id == centre_id,
            Disturbance.day == day,
            Disturbance.cause == Cause.DELAY,
            Disturbance.subject_id.is_not(None),
        )
    )
    return {row.subject_id: row for row in found if row.subject_id is not None}


async def gone(
    session: AsyncSession, region_id: int, today: date, running: Collection[UUID]
) -> list[UUID]:
    """Return the open disturbances that no replan can mend any more, or that are mended.

    Their day is over; the urgent visit has a time or ended; nothing is left of the day whose
    delay it was, in any centre that is not `running`.
    """
    urgent_no_more = and_(
        Disturbance.cause == Cause.URGENT,
        select(Visit.id)
        .where(
            Visit.region_id == region_id,
            Visit.id == Disturbance.subject_id,
            or_(Visit.window_start.is_not(None), Visit.ended_at.is_not(None)),
        )
        .exists(),
    )
    delay_over = and_(Disturbance.cause == Cause.DELAY, Disturbance.centre_id.not_in(running))
    found = await session.scalars(
        select(Disturbance.id)
        .where(
            Disturbance.region_id == region_id,
            Disturbance.settled_at.is_(None),
            or_(Disturbance.day < today, urgent_no_more, delay_over),
        )
        .order_by(Disturbance.id)
        .limit(1_000)
    )
    return list(found)


async def works_next(
    session: AsyncSession, region_id: int, centre_id: UUID, now: datetime
) -> datetime:
    """Return the first moment from now on at which somebody of a centre works; now without one."""
    staff = await session.scalars(
        select(Technician.id)
        .where(
            Technician.region_id == region_id,
            Technician.centre_id == centre_id,
            Technician.active,
        )
        .order_by(Technician.id)
        .limit(MOST_CANDIDATES)
    )
    zone = await organisation.zone_of(session, region_id)
    first, last = local_day(now, zone), local_day(now + SOON, zone)
    working = await organisation.working_intervals(
        session, region_id, list(staff), first, last, zone
    )
    ahead = [max(now, a) for times in working.values() for a, b in times if b > now]
    return min(ahead, default=now)
