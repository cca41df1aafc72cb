"""Keep technicians' reserved time equal to what visits need (AP-01); no verbs of its own."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from fieldops.appointments import queries
from fieldops.appointments.models import Reservation
from fieldops.kernel.commands import Context
from fieldops.visits.models import Visit


def time_needed(start: datetime, end: datetime, duration_minutes: int) -> Range[datetime]:
    """Return the time a visit takes: to the end of its window or its work, the later one."""
    return Range(start, max(end, start + timedelta(minutes=duration_minutes)))


async def reserve(
    ctx: Context,
    visit: Visit,
    technician_ids: Collection[UUID],
    start: datetime,
    end: datetime,
    *,
    held_until: datetime | None = None,
) -> list[Reservation]:
    """Make a visit's reserved time exactly this, freeing what it had in the same transaction.

    The exclusion constraint decides between two visits; it is answered with SlotTaken.
    """
    during = time_needed(start, end, visit.duration_minutes)
    centres = await queries.lock_technicians(ctx.session, ctx.region_id, technician_ids)
    had = {
        r.technician_id: r
        for r in await queries.reservations_of(ctx.session, ctx.region_id, visit.id)
    }
    over = await queries.expired_holds(ctx.session, ctx.region_id, technician_ids, ctx.now)
    gone = {r.id: r for r in (*over, *(r for t, r in had.items() if t not in centres))}
    for former in gone.values():
        await ctx.session.delete(former)
    await ctx.session.flush()  # the unit of work inserts before it deletes
    kept = []
    for id_ in sorted(centres):
        known = had.get(id_)
        reservation = known if known is not None and known.id not in gone else None
        if reservation is None:
            reservation = Reservation(region_id=ctx.region_id, technician_id=id_, visit_id=visit.id)
            ctx.add(reservation)
        reservation.centre_id = centres[id_]
        reservation.during, reservation.held_until = during, held_until
        kept.append(reservation)
    await ctx.session.flush()
    return kept


async def release(ctx: Context, visit_id: UUID) -> None:
    """Free all time reserved for a visit."""
    for reservation in await queries.reservations_of(ctx.session, ctx.region_id, visit_id):
        await ctx.session.delete(reservation)
    await ctx.session.flush()
