"""What may be done about a visit that will be late: the two best ways out (AP-07)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.dispatch import exchanging, ranking, rules, wording
from fieldops.dispatch.commands.lateness import WayOut
from fieldops.dispatch.prediction import Due
from fieldops.dispatch.queries import locks, plans
from fieldops.dispatch.queries import ranking as candidates
from fieldops.dispatch.queries.lateness import Running
from fieldops.dispatch.rules import WayOutKind
from fieldops.kernel import clock, configuration
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

MOST_WAYS = 2

_Judged = tuple[float, WayOut]
"""A way out that keeps the window, with what it costs in minutes as the ranking counts them."""


async def ways_out(
    session: AsyncSession, day: Running, visit: Visit, due: Due, late_id: UUID, now: datetime
) -> list[WayOut]:
    """Return the two best ways out of a late visit: what keeps the promise, then a new time.

    Another technician, or the late one's own visits in another order, come first, for they keep
    what the customer was told; the cheaper goes before. Both are offered only where there is no
    new time.
    """
    others = await _others(session, day, visit, due, late_id, now)
    own = await _own_order(session, day, visit, due, late_id, now)
    keeping = [way for _, way in sorted([*own, *others], key=lambda judged: judged[0])]
    later = await _later(session, visit, now)
    return [*keeping[:1], *later[:1], *keeping[1:], *later[1:]][:MOST_WAYS]


async def _others(
    session: AsyncSession, day: Running, visit: Visit, due: Due, late_id: UUID, now: datetime
) -> list[_Judged]:
    """Return who can take the late technician's part and be there before the window ends."""
    staying = [part.technician_id for part in due.parts if part.technician_id != late_id]
    zone = await organisation.zone_of(session, visit.region_id)
    local = clock.local_day(due.planned, zone)
    held = await organisation.skills_on(session, visit.region_id, [*staying, late_id], local)
    needed = {
        order.skill for _, order in await visits.open_work(session, visit.region_id, visit.id)
    }
    covered = set().union(*(held[id_] for id_ in staying)) if staying else set()
    missing = (needed - covered) or (needed & held[late_id]) or needed
    found = await candidates.candidates(
        session,
        visit,
        due.window_start,
        due.window_end,
        now,
        skills=missing,
        whereabouts=day.whereabouts(due.visit_id),
    )
    present = await visits.present(session, visit.region_id, [visit.id])
    contact = next((row.technician_id for row in present if row.is_contact), None)
    ways: list[_Judged] = []
    for candidate in found.candidates:
        if not (candidate.can and candidate.whole) or candidate.present:
            continue
        way = _other(due, candidate, staying, late_id, contact, zone)
        during = Range(way.arrives_at, way.arrives_at + timedelta(minutes=due.minutes))
        if not staying or not await appointments.promised_elsewhere(
            session, visit, staying, during, now
        ):
            ways.append((candidate.score, way))
        if len(ways) == MOST_WAYS:
            break
    return ways


def _other(
    due: Due,
    candidate: ranking.Candidate,
    staying: list[UUID],
    late_id: UUID,
    contact: UUID | None,
    zone: Any,
) -> WayOut:
    arrives = max(candidate.arrives_at, due.planned)
    arrives += timedelta(seconds=-arrives.second % 60, microseconds=-arrives.microsecond)
    return WayOut(
        kind=WayOutKind.REASSIGN,
        technician_ids=(*staying, candidate.technician_id),
        contact_id=contact if contact in staying and contact else candidate.technician_id,
        instead_of=late_id,
        window_start=due.window_start,
        window_end=due.window_end,
        arrives_at=arrives,
        text=wording.sentence("way_reassign", {"name": candidate.name, "arrives": arrives}, zone),
    )


async def _own_order(
    session: AsyncSession, day: Running, visit: Visit, due: Due, late_id: UUID, now: datetime
) -> list[_Judged]:
    """Return the late technician's own visits in another order, if both promises hold in it."""
    mine = [
        one.visit_id
        for one in day.visits.values()
        if any(part.technician_id == late_id for part in one.parts)
    ]
    if len(mine) == 1:
        return []
    found = exchanging.exchange(
        day.course, due, late_id, await _room(session, day, visit, mine, late_id, now)
    )
    if found is None:
        return []
    zone = await organisation.zone_of(session, visit.region_id)
    refs = await plans.order_refs(session, visit.region_id, [found.waits.visit_id])
    technician = await organisation.technician(session, visit.region_id, late_id)
    said = {
        "name": technician.name,
        "arrives": found.late_at,
        "order": refs[found.waits.visit_id],
        "then": found.then_at,
    }
    freeze = await configuration.duration(session, visit.region_id, rules.FREEZE)
    way = WayOut(
        kind=WayOutKind.EXCHANGE,
        technician_ids=(late_id,),
        contact_id=late_id,
        window_start=due.window_start,
        window_end=due.window_end,
        arrives_at=found.late_at,
        waiting_visit_id=found.waits.visit_id,
        waiting_arrives_at=found.then_at,
        until=found.waits.planned - freeze,
        text=wording.sentence("way_exchange", said, zone),
    )
    return [(found.extra_way.total_seconds() / 60, way)]


async def _room(
    session: AsyncSession,
    day: Running,
    visit: Visit,
    mine: list[UUID],
    late_id: UUID,
    now: datetime,
) -> exchanging.Room:
    """Return what of the technician's day an exchange has to fit into; nine statements."""
    region_id = visit.region_id
    zone = await organisation.zone_of(session, region_id)
    today = clock.local_day(now, zone)
    working = await organisation.working_intervals(
        session, region_id, [late_id], today, today, zone
    )
    given = await plans.given(session, region_id, late_id, now)
    locked = await locks.locked(session, region_id, mine)
    elsewhere = {id_ for id_ in mine if day.centre_of[id_] != visit.centre_id}
    freeze = await configuration.duration(session, region_id, rules.FREEZE)
    return exchanging.Room(
        working=working[late_id],
        given=given,
        fixed=locked.keys() | elsewhere,
        not_before=now + freeze,
        margin=await configuration.duration(session, region_id, rules.MARGIN),
    )


async def _later(session: AsyncSession, visit: Visit, now: datetime) -> list[WayOut]:
    """Return the next windows that somebody can keep, after the present one began."""
    zone = await organisation.zone_of(session, visit.region_id)
    offers = await appointments.free_windows(session, visit, now, limit=MOST_WAYS + 2)
    return [
        WayOut(
            kind=WayOutKind.NEW_TIME,
            technician_ids=offer.technician_ids,
            contact_id=offer.technician_ids[0],
            window_start=offer.start,
            window_end=offer.end,
            arrives_at=offer.arrival,
            text=wording.sentence(
                "way_new_time",
                {
                    "day": offer.start.astimezone(zone).date().isoformat(),
                    "start": offer.start,
                    "end": offer.end,
                },
                zone,
            ),
        )
        for offer in offers
        if offer.start != visit.window_start and offer.start > now
    ][:MOST_WAYS]
