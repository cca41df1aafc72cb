"""Carry out an exchange of a technician's own visits, both promises judged anew (AP-07)."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from fieldops.appointments import queries as appointments
from fieldops.appointments.commands.reserving import release
from fieldops.dispatch.errors import WayOutdated
from fieldops.dispatch.queries import locks, plans
from fieldops.kernel.commands import Context
from fieldops.visits.commands import set_window, telling
from fieldops.visits.models import Visit
from fieldops.visits.rules import ENDED, UNDER_WAY, NoticeKind, State

if TYPE_CHECKING:
    from fieldops.dispatch.commands.lateness import WayOut


async def carry_out(ctx: Context, visit: Visit, technician_id: UUID, way: "WayOut") -> Visit:
    """Let a technician go to the late visit first and to the waiting one after it; returns that.

    Raises WayOutdated when one of the promises would not hold any more, and what giving visits
    another moment refuses, such as SlotTaken or OutsideCalendar.
    """
    if way.waiting_visit_id is None or way.waiting_arrives_at is None or way.until is None:
        raise WayOutdated(changed="it names no other visit")
    both = await plans.lock_visits(ctx.session, ctx.region_id, [visit.id, way.waiting_visit_id])
    waiting = both[way.waiting_visit_id]
    if ctx.now > way.until:
        raise WayOutdated(changed="the other customer is being told when somebody comes")
    if (visit.window_start, visit.window_end) != (way.window_start, way.window_end):
        raise WayOutdated(changed="the visit has another window")
    moments = {visit.id: way.arrives_at, waiting.id: way.waiting_arrives_at}
    await _still_own(ctx, both, technician_id)
    if waiting.centre_id != visit.centre_id or not _holds(waiting, way.waiting_arrives_at):
        raise WayOutdated(changed="the other visit has another window")
    await appointments.lock_technicians(ctx.session, ctx.region_id, [technician_id])
    for one in both.values():
        await release(ctx, one.id)
    for one in (visit, waiting):
        await set_window(
            ctx,
            one,
            one.window_start,
            one.window_end,
            expected_arrival=moments[one.id],
            override=one.override_reason,
        )
        await telling.tell_present(ctx, one, NoticeKind.MOVED)
    return waiting


async def _still_own(ctx: Context, both: dict[UUID, Visit], technician_id: UUID) -> None:
    """Refuse when one of them is not the technician's alone, has begun, or was locked."""
    crews = await plans.crews(ctx.session, ctx.region_id, both)
    if any(crews[id_] != [technician_id] for id_ in both):
        raise WayOutdated(changed="another technician has one of the visits")
    if any(State(one.state) in ENDED | UNDER_WAY for one in both.values()):
        raise WayOutdated(changed="one of the visits has begun or is over")
    if await locks.locked(ctx.session, ctx.region_id, both):
        raise WayOutdated(changed="one of the visits is locked")


def _holds(visit: Visit, at: datetime) -> bool:
    start, end = visit.window_start, visit.window_end
    return start is not None and end is not None and start <= at <= end
