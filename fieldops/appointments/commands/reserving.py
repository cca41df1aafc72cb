"""Keep technicians' reserved time equal to what visits need (AP-01); no verbs of its own."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from fieldops.appointments import queries
from fieldops.appointments.errors import SlotTaken
from fieldops.appointments.models import Reservation
from fieldops.kernel.changes import touch
from fieldops.kernel.commands import Context
from fieldops.organisation.models import Technician
from fieldops.visits.models import Visit


def time_needed(arrival: datetime, duration_minutes: int) -> Range[datetime]:
    """Return the time a visit takes: from when its technicians are due until the work is done."""
    return Range(arrival, arrival + timedelta(minutes=duration_minutes))


async def arrival_in_window(
    ctx: Context,
    visit: Visit,
    technician_ids: Collection[UUID],
    start: datetime,
    end: datetime,
    wished: datetime | None = None,
) -> datetime | None:
    """Return when a team can begin in a window, with its time locked against others (AP-01).

    None when it could not even if it had promised nothing to others. Raises SlotTaken when it is
    what was promised to others that stands in the way.
    """
    await queries.lock_technicians(ctx.session, ctx.region_id, technician_ids)
    found = await queries.arrival_in(
        ctx.session, visit, technician_ids, start, end, ctx.now, wished=wished
    )
    if found.at is None and found.alone:
        raise SlotTaken
    return found.at


async def reserve(
    ctx: Context,
    visit: Visit,
    technician_ids: Collection[UUID],
    arrival: datetime,
    *,
    held_until: datetime | None = None,
) -> list[Reservation]:
    """Make a visit's reserved time exactly this, freeing what it had in the same transaction.

    The exclusion constraint decides between two visits; it is answered with SlotTaken.
    """
    during = time_needed(arrival, visit.duration_minutes)
    centres = await queries.lock_technicians(ctx.session, ctx.region_id, technician_ids)
    had = {
        r.technician_id: r
        for r in await queries.reservations_of(ctx.session, ctx.region_id, visit.id)
    }
    over = await queries.expired_holds(ctx.session, ctx.region_id, technician_ids, ctx.now)
    gone = {r.id: r for r in (*over, *(r for t, r in had.items() if t not in centres))}
    for former in gone.values():
        _count(ctx, former)
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
        _count(ctx, reservation)
        kept.append(reservation)
    await ctx.session.flush()
    return kept


async def release(ctx: Context, visit_id: UUID) -> None:
    """Free all time reserved for a visit."""
    for reservation in await queries.reservations_of(ctx.session, ctx.region_id, visit_id):
        _count(ctx, reservation)
        await ctx.session.delete(reservation)
    await ctx.session.flush()


async def cut_short(ctx: Context, visit_id: UUID, at: datetime) -> None:
    """Free what is left of a visit's reserved time after `at`, when the work was done.

    What was used stays: the way to the next visit begins there (slots/gaps.py).
    """
    for reservation in await queries.reservations_of(ctx.session, ctx.region_id, visit_id):
        begins, ends = reservation.during.lower, reservation.during.upper
        if begins is None or ends is None or ends <= at:
            continue
        _count(ctx, reservation)
        if begins < at:
            reservation.during = Range(begins, at)
        else:
            await ctx.session.delete(reservation)
    await ctx.session.flush()


def _count(ctx: Context, reservation: Reservation) -> None:
    """Let every process know that a technician's days changed (queries/calendars.py)."""
    key = queries.key_of(reservation.centre_id)
    touch(ctx.session, ctx.region_id, key, Technician, reservation.technician_id)
