"""When technicians leave at the latest, and how that follows the order of their visits (VI-02)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from fieldops.kernel import configuration, geo
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.commands import Context
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.travel import queries as travel
from fieldops.visits import queries, rules
from fieldops.visits.models import Assignment, Visit


async def set_departures(
    ctx: Context,
    visit: Visit,
    known: dict[UUID, Technician],
    rows: dict[UUID, Assignment],
) -> None:
    """Say when each technician leaves at the latest so that arrival is before the window (VI-02).

    From the visit before on the same day, else from where the technician starts the day. Who is
    expected inside the window is there at that moment: the visit before may be in the same one.
    """
    assert visit.window_start is not None  # noqa: S101 - the caller has checked
    assert visit.expected_arrival is not None  # noqa: S101 - see above
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    morning = start_of_day(local_day(visit.expected_arrival, zone), zone)
    before = await configuration.duration(ctx.session, ctx.region_id, rules.ARRIVE_BEFORE)
    goal = await queries.premises_position(ctx.session, ctx.region_id, visit.premises_id)
    stops = await queries.stops_before(
        ctx.session, ctx.region_id, list(known), morning, visit.expected_arrival
    )
    origins = {id_: _origin(known[id_], stops.get(id_)) for id_ in rows}
    placed = {id_: origin for id_, origin in origins.items() if origin is not None}
    ways = await travel.seconds(
        ctx.session, ctx.region_id, list(placed.values()), [goal], visit.expected_arrival
    )
    needed = dict(zip(placed, ways[:, 0].tolist(), strict=True))
    for technician_id, row in rows.items():
        if technician_id not in needed:
            row.travel_seconds = row.latest_departure_at = None
            continue
        seconds = needed[technician_id]
        row.travel_seconds = round(seconds)
        row.latest_departure_at = rules.latest_departure(
            visit.window_start, visit.expected_arrival, seconds, before
        )


def _origin(technician: Technician, stop: queries.Stop | None) -> geo.Position | None:
    if stop is not None:
        return stop.position
    if technician.start_longitude is None or technician.start_latitude is None:
        return None
    return technician.start_longitude, technician.start_latitude


async def set_next(ctx: Context, moment: datetime, technician_ids: Collection[UUID]) -> None:
    """Let technicians' next visits of the day follow a visit that came, went or moved at a moment.

    Only the visit right after it starts from another place now. One that somebody is changing at
    this very time is left to them: they work out its departure themselves.
    """
    if not technician_ids:
        return
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    tomorrow = start_of_day(local_day(moment, zone) + timedelta(days=1), zone)
    await ctx.session.flush()
    found = await queries.lock_next(ctx.session, ctx.region_id, technician_ids, moment, tomorrow)
    if not found:
        return
    known = await organisation.technicians(
        ctx.session, ctx.region_id, [row.technician_id for row, _ in found]
    )
    for row, visit in found:
        id_ = row.technician_id
        await set_departures(ctx, visit, {id_: known[id_]}, {id_: row})
