"""Any centre, leave and day: what is offered can be booked, and everybody's minutes add up.

AP-01, ORG-07, VI-01: drawn technicians' leave and certificates, drawn visits booked as they are
offered; then every window offered for one more visit is booked for a trial. Of each technician's
day the reserved time, the drives and the waiting make up the working time, and waiting is never
less than nothing: reckoned here from the tables alone, sharing no line with the search.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from fieldops.appointments import queries
from fieldops.appointments.models import Appointment, Reservation
from fieldops.appointments.queries import Offer
from fieldops.customers.models import Premises
from fieldops.kernel import clock, commands, geo
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Envelope
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.geo import Position
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Qualification, Technician
from fieldops.travel import queries as travel
from fieldops.visits.models import Visit
from tests.conftest import MONDAY_MORNING
from tests.support import databases
from tests.support.factories.appointments import (
    BROADBAND,
    FIXED,
    HELSINKI,
    Planned,
    local,
    planned_visit,
)
from tests.support.rows import every
from tests.support.run import run
from tests.support.world import World, build_world, id_of

pytestmark = pytest.mark.anyio

NORTH_STAFF = ("alice", "bob", "kim")
MOST_TRIED = 8
ITEMS = ((FIXED,), (BROADBAND,), (FIXED, BROADBAND))


@dataclass(frozen=True)
class Job:
    """A visit to come: its work, where it is, and which of the offers is taken."""

    items: tuple[dict[str, Any], ...]
    longitude: float
    chosen: int


@dataclass(frozen=True)
class Away:
    """A technician's leave in the week."""

    name: str
    day: int
    hour: int
    hours: int


jobs = st.builds(
    Job,
    st.sampled_from(ITEMS),
    st.floats(24.80, 25.10).map(lambda degrees: round(degrees, 4)),
    st.integers(0, 200),
)
leaves = st.builds(
    Away,
    st.sampled_from(NORTH_STAFF),
    st.integers(23, 27),
    st.integers(7, 16),
    st.integers(1, 9),
)


ends = st.sampled_from([22, 24, 25, 30])


class Centre:
    """The centre North with what was drawn for it."""

    def __init__(self, database: Database, world: World) -> None:
        self.database = database
        self.world = world

    async def lay_out(self, away: list[Away], expires: dict[str, int]) -> None:
        """Send people on leave, and let certificates for copper end within the week (ORG-03)."""
        async with self.database.transaction() as session:
            for name, day in expires.items():
                (certificate,) = await session.scalars(
                    select(Qualification).where(
                        Qualification.region_id == 1,
                        Qualification.technician_id == id_of(name),
                        Qualification.skill == "copper_broadband",
                    )
                )
                certificate.valid_until = date(2026, 11, day)
        for leave in away:
            start = local(leave.day, leave.hour)
            await run(
                self.database,
                self.world.dora,
                "leave.add",
                technician_id=str(id_of(leave.name)),
                kind="leave",
                starts_at=start.isoformat(),
                ends_at=(start + timedelta(hours=leave.hours)).isoformat(),
            )

    async def offers(self, job: Job) -> tuple[Planned, list[Offer]]:
        """Take a visit in and return it with the windows it is offered."""
        planned = await planned_visit(
            self.database, self.world.dora, items=job.items, longitude=job.longitude
        )
        async with self.database.transaction() as session:
            visit = await session.get_one(Visit, (1, planned.visit_id))
            return planned, await queries.free_windows(session, visit, clock.now(), limit=150)

    async def book(self, visit_id: UUID, offer: Offer, *, trial: bool = False) -> None:
        """Book an offered window as it is offered; a trial leaves nothing behind."""
        args = {
            "visit_id": str(visit_id),
            "window_start": offer.start.isoformat(),
            "window_end": offer.end.isoformat(),
            "technician_ids": [str(id_) for id_ in offer.technician_ids],
            "channel": "phone",
            "customer_said": "Yes.",
        }
        envelope = Envelope(new_id(), "appointment.book", args)
        try:
            async with self.database.transaction() as session:
                await commands.run(session, self.world.dora, envelope, clock.now())
                _end(trial)
        except _Undone:
            pass
        except Coded as refusal:
            raise AssertionError(f"{offer} was offered and refused: {refusal}") from refusal

    async def check_minutes(self) -> None:
        """Add up each technician's days from the tables."""
        visits = {row.id: row for row in await every(self.database, Visit)}
        places = {
            row.id: geo.position_of(row.point) for row in await every(self.database, Premises)
        }
        for promise in await every(self.database, Appointment):
            arrival = visits[promise.visit_id].expected_arrival
            assert promise.window_start <= arrival < promise.window_end
        days: dict[tuple[UUID, date], list[Stay]] = defaultdict(list)
        for row in await every(self.database, Reservation):
            visit = visits[row.visit_id]
            assert row.during.lower == visit.expected_arrival, "not all are due together"
            assert row.during.upper - row.during.lower == timedelta(minutes=visit.duration_minutes)
            stay = Stay(row.during.lower, row.during.upper, places[visit.premises_id])
            days[row.technician_id, local_day(stay.start, HELSINKI)].append(stay)
        for (technician_id, day), stays in days.items():
            await self._check_day(technician_id, day, sorted(stays, key=lambda s: s.start))

    async def _check_day(self, technician_id: UUID, day: date, stays: "list[Stay]") -> None:
        async with self.database.transaction() as session:
            working = (
                await organisation.working_intervals(
                    session, 1, [technician_id], day, day, HELSINKI
                )
            )[technician_id]
            who = await session.get_one(Technician, (1, technician_id))
            assert who.start_longitude is not None
            assert who.start_latitude is not None
            home = who.start_longitude, who.start_latitude
            opens = min(first for first, _ in working)
            total = sum((last - first for first, last in working), timedelta())
            work = driven = waited = timedelta()
            before = Stay(opens, opens, home)
            for stay in stays:
                assert any(a <= stay.start and stay.end <= b for a, b in working), "after hours"
                drive = await travel.seconds(session, 1, [before.place], [stay.place], before.end)
                driving = timedelta(seconds=float(drive[0, 0]))
                waiting = _within(working, before.end, stay.start) - driving
                assert waiting >= timedelta(), f"{-waiting} are missing before {stay.start}"
                work += stay.end - stay.start
                driven += driving
                waited += waiting
                before = stay
            left = _within(working, before.end, max(last for _, last in working))
        assert all(one.end <= next_.start for one, next_ in pairwise(stays))
        assert work + driven + waited + left == total


@dataclass(frozen=True)
class Stay:
    """Reserved time of a technician at a place."""

    start: datetime
    end: datetime
    place: Position


class _Undone(Exception):  # noqa: N818 - no error: a trial ends
    pass


def _end(trial: bool) -> None:
    if trial:
        raise _Undone


def _within(working: Any, since: datetime, until: datetime) -> timedelta:
    parts: Iterator[timedelta] = (
        max(min(last, until) - max(first, since), timedelta()) for first, last in working
    )
    return sum(parts, timedelta())


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    before=st.lists(jobs, min_size=2, max_size=5),
    last=jobs,
    away=st.lists(leaves, max_size=4),
    expires=st.fixed_dictionaries({"alice": ends, "kim": ends}),
)
async def test_ap_01_whatever_is_offered_can_be_booked_and_the_minutes_add_up(
    worker_database: tuple[Database, Settings],
    before: list[Job],
    last: Job,
    away: list[Away],
    expires: dict[str, int],
) -> None:
    async with databases.savepoint_database(worker_database[0]) as database:
        with clock.frozen(MONDAY_MORNING):
            centre = Centre(database, await build_world(database))
            await centre.lay_out(away, expires)
            for job in before:
                planned, offers = await centre.offers(job)
                if offers:
                    await centre.book(planned.visit_id, offers[job.chosen % len(offers)])
            await centre.check_minutes()
            planned, offers = await centre.offers(last)
            for offer in offers[:: len(offers) // MOST_TRIED + 1]:
                await centre.book(planned.visit_id, offer, trial=True)
