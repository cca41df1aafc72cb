"""Running days watched: predicted anew, warned of with two ways out, settled (AP-07)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import queries as appointments
from fieldops.dispatch import ranking, rules, wording
from fieldops.dispatch.commands.lateness import WayOut
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.prediction import Arrival, Due, Part
from fieldops.dispatch.queries import lateness
from fieldops.dispatch.queries import ranking as candidates
from fieldops.dispatch.queries.lateness import Running
from fieldops.dispatch.rules import Settled, WayOutKind
from fieldops.kernel import clock, commands, configuration
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

MOST_WAYS = 2
QUIET = timedelta(minutes=2)
"""A centre in which nothing happened is looked at this often: time passes all the same."""

_looked: dict[tuple[int, UUID], tuple[int, datetime]] = {}


async def watch(database: Database) -> None:
    """Look at every centre in which something happened, and every two minutes at the others.

    A departure, an arrival, an end, another plan move the centre's change counter; reading it
    costs a push nothing, where a job for each of them would.
    """
    now = clock.now()
    async with database.transaction() as session:
        regions = await organisation.region_numbers(session)
    for region_id in regions:
        async with database.transaction() as session:
            centres = await lateness.centres_today(session, region_id, now)
        for centre_id, counter in centres.items():
            before, at = _looked.get((region_id, centre_id), (-1, now - QUIET))
            if counter == before and now - at < QUIET:
                continue
            await look(database, region_id, centre_id, now)
            _looked[region_id, centre_id] = counter, now


async def look(database: Database, region_id: int, centre_id: UUID, now: datetime) -> None:
    """Predict a centre's day, warn of what will be late, settle what is in time again.

    Each warning is a command in a transaction of its own, judged against the visit as it is then.
    """
    async with database.transaction() as session:
        day = await lateness.running(session, region_id, centre_id, now)
        known = await lateness.open_or_decided(session, region_id, centre_id)
        calm = await configuration.duration(session, region_id, rules.CALM)
    standing = {row.visit_id: row for row in known if row.settled_at is None}
    decided = {(row.visit_id, row.window_end) for row in known if row.settled_at is not None}
    for visit_id, due in day.visits.items():
        last = day.prediction.latest(due)
        warning = standing.pop(visit_id, None)
        if day.centre_of[visit_id] != centre_id or last is None:
            continue
        outcome = settled(due, last[1], warning, calm)
        if warning is not None and outcome is not None:
            await _run(database, region_id, "lateness.settle", visit_id, outcome=outcome.value)
        elif is_news(due, *last, warning, calm) and (visit_id, due.window_end) not in decided:
            await _warn(database, region_id, day, due, *last, now)
    for visit_id, warning in standing.items():
        outcome = await _outcome_of_gone(database, region_id, warning)
        await _run(database, region_id, "lateness.settle", visit_id, outcome=outcome.value)


def is_news(
    due: Due, part: Part, arrival: Arrival, warning: LateWarning | None, calm: timedelta
) -> bool:
    """Return whether a prediction is to be told: late, and not told so already (AP-07)."""
    if arrival.known or arrival.at <= due.window_end:
        return False
    if warning is None:
        return True
    return (
        warning.technician_id != part.technician_id
        or warning.window_end != due.window_end
        or abs(warning.predicted_arrival - arrival.at) > calm
    )


def settled(
    due: Due, arrival: Arrival, warning: LateWarning | None, calm: timedelta
) -> Settled | None:
    """Return how a warning ended, None while it stands: they are there, or in time again."""
    if warning is None:
        return None
    if arrival.known:
        return Settled.ARRIVED if arrival.at <= due.window_end else Settled.ARRIVED_LATE
    if due.window_end != warning.window_end and arrival.at <= due.window_end:
        return Settled.RESCHEDULED
    if arrival.at <= due.window_end - calm:
        return Settled.IN_TIME_AGAIN
    return None


async def _outcome_of_gone(database: Database, region_id: int, warning: LateWarning) -> Settled:
    """Return how a warning ended whose visit is no longer among the day's open ones."""
    async with database.transaction() as session:
        scope = system(region_id).scope(Permission.VISIT_READ)
        visit = await visits.visit(session, scope, warning.visit_id)
    if visit.ended_at is None and visit.window_end != warning.window_end:
        return Settled.RESCHEDULED
    if visit.arrived_at is not None:
        in_time = visit.arrived_at <= warning.window_end
        return Settled.ARRIVED if in_time else Settled.ARRIVED_LATE
    return Settled.ENDED


async def _warn(
    database: Database,
    region_id: int,
    day: Running,
    due: Due,
    part: Part,
    arrival: Arrival,
    now: datetime,
) -> None:
    async with database.transaction() as session:
        scope = system(region_id).scope(Permission.VISIT_READ)
        visit = await visits.visit(session, scope, due.visit_id)
        found = await ways_out(session, day, visit, due, part.technician_id, now)
    await _run(
        database,
        region_id,
        "lateness.record",
        due.visit_id,
        technician_id=str(part.technician_id),
        cause=arrival.cause.value,
        predicted_arrival=arrival.at.isoformat(),
        ways=[way.model_dump(mode="json") for way in found],
    )


async def _run(database: Database, region_id: int, name: str, visit_id: UUID, **args: Any) -> None:
    envelope = Envelope(new_id(), name, {"visit_id": str(visit_id), **args})
    async with database.transaction() as session:
        await commands.run(session, system(region_id), envelope, clock.now())


async def ways_out(
    session: AsyncSession, day: Running, visit: Visit, due: Due, late_id: UUID, now: datetime
) -> list[WayOut]:
    """Return the two best ways out of a late visit: who keeps the promise, then a new time.

    Other technicians come first, for they keep what the customer was told; the best two of them
    are offered only where there is no new time.
    """
    others = await _others(session, day, visit, due, late_id, now)
    later = await _later(session, visit, now)
    return [*others[:1], *later[:1], *others[1:], *later[1:]][:MOST_WAYS]


async def _others(
    session: AsyncSession, day: Running, visit: Visit, due: Due, late_id: UUID, now: datetime
) -> list[WayOut]:
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
    ways: list[WayOut] = []
    for candidate in found.candidates:
        if not (candidate.can and candidate.whole) or candidate.present:
            continue
        way = _other(due, candidate, staying, late_id, contact, zone)
        during = Range(way.arrives_at, way.arrives_at + timedelta(minutes=due.minutes))
        if not staying or not await appointments.promised_elsewhere(
            session, visit, staying, during, now
        ):
            ways.append(way)
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
