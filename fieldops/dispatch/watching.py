"""Running days watched: predicted anew, warned of with two ways out, settled (AP-07)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch import rules
from fieldops.dispatch.commands.disturbances import is_news as upsets_anew
from fieldops.dispatch.delays import Delay, delays
from fieldops.dispatch.models import LateWarning
from fieldops.dispatch.prediction import Arrival, Due, Part
from fieldops.dispatch.queries import disturbances, lateness, locks
from fieldops.dispatch.queries.lateness import Running
from fieldops.dispatch.rules import Settled
from fieldops.dispatch.ways_out import ways_out
from fieldops.kernel import clock, commands, configuration
from fieldops.kernel.actor import system
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits

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
            today = clock.local_day(now, await organisation.zone_of(session, region_id))
            gone = await disturbances.gone(session, region_id, today, centres.keys())
        for id_ in gone:
            await _run(database, region_id, "disturbance.settle", disturbance_id=str(id_))
        for centre_id, counter in centres.items():
            before, at = _looked.get((region_id, centre_id), (-1, now - QUIET))
            if counter == before and now - at < QUIET:
                continue
            await look(database, region_id, centre_id, now)
            _looked[region_id, centre_id] = counter, now


async def look(database: Database, region_id: int, centre_id: UUID, now: datetime) -> None:
    """Predict a centre's day, warn of what will be late, settle what is in time again.

    A delay that single ways out do not mend is offered for a replan. Each warning is a command in a
    transaction of its own, judged against the visit as it is then.
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
            await _settle(database, region_id, visit_id, outcome)
        elif (visit_id, due.window_end) not in decided and (
            is_news(due, *last, warning, calm) or outdated(warning, now)
        ):
            await _warn(database, region_id, day, due, *last, now)
    for visit_id, warning in standing.items():
        outcome = await _outcome_of_gone(database, region_id, warning)
        await _settle(database, region_id, visit_id, outcome)
    await _offer_replans(database, region_id, centre_id, day, _late(day, centre_id, decided), now)


_Late = dict[UUID, tuple[Part, Arrival]]


def _late(day: Running, centre_id: UUID, decided: set[tuple[UUID, datetime]]) -> _Late:
    """Return who comes too late to each visit of a centre that nobody has decided about."""
    return {
        visit_id: last
        for visit_id, due in day.visits.items()
        if day.centre_of[visit_id] == centre_id
        and (visit_id, due.window_end) not in decided
        and (last := day.prediction.latest(due)) is not None
        and not last[1].known
        and last[1].at > due.window_end
    }


async def _offer_replans(
    database: Database, region_id: int, centre_id: UUID, day: Running, late: _Late, now: datetime
) -> None:
    """Offer a replan for delays that single ways out do not mend; end what is made up (AP-07)."""
    async with database.transaction() as session:
        today = clock.local_day(now, await organisation.zone_of(session, region_id))
        known = await disturbances.delays(session, region_id, centre_id, today)
        found = await _calling(session, region_id, centre_id, day, late, now) if late else []
    for delay in found:
        row = known.get(delay.technician_id)
        if row is None or upsets_anew(row, delay.visit_ids):
            await _run(
                database,
                region_id,
                "disturbance.record_delay",
                technician_id=str(delay.technician_id),
                centre_id=str(centre_id),
                visit_ids=[str(id_) for id_ in delay.visit_ids],
                until=delay.until.isoformat(),
            )
    still_late = {part.technician_id for part, _ in late.values()}
    for technician_id, row in known.items():
        if row.settled_at is None and technician_id not in still_late:
            await _run(database, region_id, "disturbance.settle", disturbance_id=str(row.id))


async def _calling(
    session: AsyncSession,
    region_id: int,
    centre_id: UUID,
    day: Running,
    late: _Late,
    now: datetime,
) -> list[Delay]:
    """Return the delays that call for a replan, by the ways out that were found for each visit."""
    warned = await lateness.open_or_decided(session, region_id, centre_id)
    keeping = {
        row.visit_id
        for row in warned
        if row.settled_at is None and any(way["kind"] in rules.KEEPING for way in row.ways)
    }
    freeze = await configuration.duration(session, region_id, rules.FREEZE)
    locked = await locks.locked(session, region_id, late)
    movable = {v for v in late if v not in locked and _may_move(day.visits[v], now + freeze)}
    most = await configuration.value(session, region_id, rules.LATE_REPLAN)
    return delays(late, unmended=late.keys() - keeping, movable=movable, most=most)


def _may_move(due: Due, not_before: datetime) -> bool:
    """Return whether a replan may move a visit: not one that has begun or begins soon."""
    begun = any(part.departed_at or part.arrived_at for part in due.parts)
    return not begun and due.planned >= not_before


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


def outdated(warning: LateWarning | None, now: datetime) -> bool:
    """Return whether a way out that was offered cannot be taken any more."""
    untils = [way.get("until") for way in warning.ways] if warning is not None else []
    return any(until is not None and datetime.fromisoformat(until) < now for until in untils)


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
        visit_id=str(due.visit_id),
        technician_id=str(part.technician_id),
        cause=arrival.cause.value,
        predicted_arrival=arrival.at.isoformat(),
        ways=[way.model_dump(mode="json") for way in found],
    )


async def _settle(database: Database, region_id: int, visit_id: UUID, outcome: Settled) -> None:
    await _run(
        database, region_id, "lateness.settle", visit_id=str(visit_id), outcome=outcome.value
    )


async def _run(database: Database, region_id: int, name: str, **args: Any) -> None:
    envelope = Envelope(new_id(), name, args)
    async with database.transaction() as session:
        await commands.run(session, system(region_id), envelope, clock.now())
