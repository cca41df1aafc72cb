"""`python -m bench.indicators`: the figures of a year of 1,000,000 visits, from rollups (KP-02).

500 technicians in 20 centres, 200,000 homes, five and a half visits a technician and day. The
rollups are made by the job itself; measured are the requests a report of a year makes, through
the application in-process with PostgreSQL behind it, and one day counted again.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import psycopg

from bench import serving, shape
from bench.client import Call
from bench.counting import Counter
from bench.load import Loader
from bench.requests import bearer
from bench.shape import REGION, Kind, Size
from fieldops.appointments.models import Appointment
from fieldops.cluster import Cluster
from fieldops.kernel import clock, logs
from fieldops.kernel.clock import local_day
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.reports import queries, rollups
from fieldops.reports.registry import REGISTRY
from fieldops.visits.models import Assignment, Visit, VisitWork

SIZE = Size(1, 200_000, 500)
VISITS = 1_000_000
DATABASE = "bench_indicators"
TIMES = 5
CUTS = (
    ("by month", {"by": "month"}),
    ("by centre", {"group": "centre"}),
    ("by technician", {"group": "technician"}),
    ("by centre and month", {"group": "centre", "by": "month"}),
    ("by tier and week", {"group": "tier", "by": "week"}),
)


def say(sentence: str) -> None:
    print(sentence, flush=True)


class Year(Loader):
    """Writes a year of finished visits, a late one among ten, a failed one among twenty."""

    def load(self) -> None:
        """Write the people, the homes and the year."""
        began = time.monotonic()
        self.connection.execute(shape.ID_FUNCTION)
        # Nothing here is wrong, and a look at every foreign key would take most of the time.
        self.connection.execute("set session_replication_role = replica")
        for part in (self.organisation, self.customers, self.visits):
            part()
            self.say(f"  {part.__name__} ({time.monotonic() - began:.0f} s)")
        self.connection.execute("vacuum analyze")
        self.say(f"  vacuum analyze ({time.monotonic() - began:.0f} s)")

    @property
    def _trips(self) -> str:
        """Every visit: number v, home n, technician t, centre c, window w, chance x of 20."""
        staff, homes = self.size.technicians, self.size.premises
        today = self.at(self.now.replace(hour=0, minute=0, second=0, microsecond=0))
        return f"""(
            select v, (v * 7919) % {homes} as n, t, t % {self.size.centres} as c,
                   (v * 31) % 20 as x,
                   {today} - make_interval(days => 364 - (v / {staff} * 365
                       / {VISITS // staff})::int, hours => -8 - 2 * (v / {staff} % 5)::int) as w
              from (select v, (v % {staff})::int as t
                      from generate_series(0, {VISITS - 1}::bigint) as v) as s
        ) as p"""

    def visits(self) -> None:
        """Write orders, work, visits, technicians and appointments of the year."""
        ids = {k: f"bench_id({int(k)}, v)" for k in (Kind.ORDER, Kind.WORK_ORDER, Kind.VISIT)}
        centre = f"bench_id({int(Kind.UNIT)}, 100 + c)"
        who = {"customer_id": f"bench_id({int(Kind.CUSTOMER)}, n)", "centre_id": centre}
        where = {"premises_id": f"bench_id({int(Kind.PREMISES)}, n)"}
        arrived = "w + case when x = 1 then interval '150 minutes' else interval '9 minutes' end"
        ended = f"{arrived} + interval '55 minutes'"
        common = {"received_at": "w - interval '3 days'"}
        self.fill(
            ServiceOrder,
            self._trips,
            id=ids[Kind.ORDER],
            external_ref="'Y' || v",
            state="'completed'",
            closed_at=ended,
            **who,
            **where,
            **common,
        )
        self.fill(
            WorkOrder,
            self._trips,
            id=ids[Kind.WORK_ORDER],
            order_id=ids[Kind.ORDER],
            centre_id=centre,
            number="1",
            kind="case when x % 3 = 0 then 'install' else 'repair' end",
            service="case when x % 5 = 0 then 'fixed_line' else 'broadband' end",
            skill="'copper_broadband'",
            state="'completed'",
            state_since=ended,
            limit_seconds="259200",
            due_at="w + case when x = 2 then interval '0' else interval '1 day' end",
            duration_minutes="60",
            priority="2200",
            **where,
            **common,
        )
        self.fill(
            Visit,
            self._trips,
            id=ids[Kind.VISIT],
            order_id=ids[Kind.ORDER],
            state="'completed'",
            duration_minutes="60",
            kit="'{}'::jsonb",
            window_start="w",
            window_end="w + interval '2 hours'",
            expected_arrival="w",
            arrived_at=arrived,
            started_at=arrived,
            ended_at=ended,
            signature_refused_reason="'not at home'",
            **who,
            **where,
        )
        self.fill(
            VisitWork,
            self._trips,
            visit_id=ids[Kind.VISIT],
            work_order_id=ids[Kind.WORK_ORDER],
            centre_id=centre,
            ended_at=ended,
            outcome="'completed'",
        )
        self.fill(
            Assignment,
            self._trips,
            visit_id=ids[Kind.VISIT],
            technician_id=f"bench_id({int(Kind.PERSON)}, t)",
            centre_id=centre,
            is_contact="true",
            state="'done'",
            assigned_at="w - interval '2 days'",
            departed_at="w - interval '15 minutes'",
            arrived_at=arrived,
        )
        self.fill(
            Appointment,
            self._trips,
            visit_id=ids[Kind.VISIT],
            state="'kept'",
            window_start="w",
            window_end="w + interval '2 hours'",
            channel="'phone'",
            customer_said="'yes'",
            needs_person="false",
            booked_at="w - interval '3 days'",
            confirmed_at="case when x < 18 then w - interval '1 day' end",
            operator_reschedules="case when x = 3 then 2 else 0 end",
            **who,
        )


def prepare(cluster: Cluster) -> str:
    """Return the URL of a fresh database with the year in it."""
    admin = serving.conninfo(cluster.ensure_running(), "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{DATABASE}" with (force)')
    url = serving.migrated_database(cluster, DATABASE)
    with psycopg.connect(serving.conninfo(url), autocommit=True) as connection:
        Year(connection, SIZE, datetime.now(UTC), say).load()
    return url


async def roll_up(url: str) -> None:
    """Make the rollups as the job does, month after month; say how long it took."""
    database = connect(serving.settings_for(url))
    began, steps, more = time.monotonic(), 0, True
    while more:
        async with database.transaction() as session:
            more = await rollups.catch_up(session, REGION, clock.now())
        steps += 1
        say(f"  step {steps} ({time.monotonic() - began:.0f} s)")
    async with database.transaction() as session:
        known = await queries.places(session, REGION)
        day = local_day(clock.now(), known.zone) - timedelta(days=100)
        again = time.monotonic()
        for name in REGISTRY:
            alone = rollups.Days(day, day)
            await rollups.roll_up(session, REGION, known, name, alone, clock.now())
        say(f"  one day of every indicator again: {1000 * (time.monotonic() - again):.0f} ms")
    await database.close()


async def timed(ask: Callable[[], Any]) -> float:
    """Return the median time of some runs in milliseconds, the first of them not counted."""
    seconds = []
    for run in range(TIMES + 1):
        began = time.perf_counter()
        await ask()
        if run:
            seconds.append(time.perf_counter() - began)
    return 1000 * median(seconds)


async def measure(url: str) -> None:
    """Time the requests of a year's report and print a row for each."""
    settings = serving.settings_for(url)
    last = date.today()  # noqa: DTZ011 - the region's own day or the one beside it
    first = last - timedelta(days=364)
    days = f"from={first}&to={last}"
    async with Counter.on(url, settings) as counter:
        for name in ("kept_appointments", "first_time_fix", "jobs_per_day"):
            for cut, params in CUTS:
                asked = "&".join([days, *(f"{k}={v}" for k, v in params.items())])
                await row(counter, f"{name} {cut}", f"{name}?{asked}", settings)
        for said, path in (
            ("the page of kept appointments by month", f"kept-appointments?{days}&by=month"),
            ("the page of one visit by month", f"one-visit?{days}&by=month"),
            ("ranking of technicians", f"kept_appointments/ranking?{days}&of=technician&limit=200"),
            ("ranking of regions", f"kept_appointments/ranking?{days}&of=region"),
            ("inspection duty by centre", f"inspection_duty?{days}&group=centre"),
        ):
            await row(counter, said, path, settings)


async def row(counter: Counter, said: str, path: str, settings: Settings) -> None:
    """Time one request and print its row: parts, statements, milliseconds."""
    call = Call("GET", f"/v1/indicators/{path}", bearer(settings, shape.supervisor()), None)
    body, statements = await counter.send(call)
    parts = next(len(body[name]) for name in ("parts", "periods", "items") if name in body)
    took = await timed(lambda: counter.send(call))
    say(f"| {said} | {parts} | {statements} | {took:.0f} ms |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reuse", action="store_true", help="take the database that is there")
    chosen = parser.parse_args()
    cluster = Cluster(serving.CLUSTER)
    url = cluster.url(DATABASE) if chosen.reuse else prepare(cluster)
    logs.configure(serving.settings_for(url))
    say(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    asyncio.run(roll_up(url))
    asyncio.run(measure(url))


if __name__ == "__main__":
    main()
