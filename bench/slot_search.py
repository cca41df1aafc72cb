"""`python -m bench.slot_search`: free windows for a centre of 200 technicians over 14 days.

The world of the other benchmarks with all technicians in one centre and four works a day each, a
third of them taken out at random. Measured are the search itself on calendars that are there, and
the request through the application in-process with PostgreSQL behind it.
"""

import argparse
import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from bench import load, requests, serving, shape
from bench.counting import Counter
from bench.load import Loader
from bench.shape import REGION, Size
from fieldops.appointments.models import Reservation
from fieldops.appointments.queries.calendars import Calendars, Horizon, calendars, key_of
from fieldops.appointments.slots import search
from fieldops.appointments.slots.calendars import windows
from fieldops.cluster import Cluster
from fieldops.kernel import logs
from fieldops.kernel.configuration import RuleNumber
from fieldops.kernel.db import connect
from fieldops.travel.rules import great_circle_seconds
from fieldops.visits.models import Visit

SIZE = Size(1, 2_000)
DATABASE = "bench_slots"
HOURS = (8, 10, 13, 15)
FREE_PERCENT = 30
LEAST = 20
ZONE = ZoneInfo(shape.ZONE)


def say(sentence: str) -> None:
    print(sentence, flush=True)


def prepare(cluster: Cluster) -> str:
    """Return the URL of a fresh database with the centre's fortnight in it."""
    admin = serving.conninfo(cluster.ensure_running(), "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{DATABASE}" with (force)')
    url = serving.migrated_database(cluster, DATABASE)
    load.load(serving.conninfo(url), SIZE, lambda _said: None)
    with psycopg.connect(serving.conninfo(url), autocommit=True) as connection:
        _fill(Loader(connection, SIZE, datetime.now(UTC), say))
    return url


def _fill(loader: Loader) -> None:
    centre = f"'{shape.centre(0)}'::uuid"
    for table in ("technician", "shift", "qualification"):
        loader.connection.execute(f"update organisation_{table} set centre_id = {centre}")
    loader.connection.execute("delete from appointments_reservation")
    loader.connection.execute("select setseed(0.25)")
    loader.connection.execute(
        f"""
        create table bench_fortnight as
        select t.id as technician_id, gen_random_uuid() as visit_id,
               (current_date + d + make_interval(hours => h)) at time zone '{shape.ZONE}' as at,
               1 + floor(random() * (select count(*) from customers_premises)) as n
          from organisation_technician t, generate_series(0, 14) d, unnest(%s::int[]) h
         where random() * 100 >= {FREE_PERCENT}
        """,
        [list(HOURS)],
    )
    source = """
        bench_fortnight b
        join (select id, row_number() over (order by id) as n from customers_premises) p
          on p.n = b.n,
        (select id, customer_id from orders_order where customer_id is not null limit 1) o
    """
    loader.fill(
        Visit,
        source,
        id="b.visit_id",
        order_id="o.id",
        customer_id="o.customer_id",
        premises_id="p.id",
        centre_id=centre,
        state="'scheduled'",
        window_start="b.at",
        window_end="b.at + interval '2 hours'",
        expected_arrival="b.at",
        duration_minutes="60",
        kit="'{}'::jsonb",
    )
    loader.fill(
        Reservation,
        "bench_fortnight b",
        visit_id="b.visit_id",
        technician_id="b.technician_id",
        centre_id=centre,
        during="tstzrange(b.at, b.at + interval '1 hour')",
    )
    loader.connection.execute("vacuum analyze")


class Times:
    """Milliseconds on the clock and of this process's CPU, of many runs of one thing."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append((time.perf_counter() - wall) * 1000)
        self.cpu.append((time.process_time() - cpu) * 1000)

    def row(self, label: str) -> str:
        def pair(values: Sequence[float]) -> str:
            return " | ".join(f"{np.percentile(values, p):.1f}" for p in (50, 95))

        return f"| {label} | {len(self.wall)} | {pair(self.cpu)} | {pair(self.wall)} |"


def kernel(known: Calendars, people: int, runs: int, limit: int) -> Times:
    """Measure the search for visits at random places, drives and windows included."""
    table, times, chance = known.table, Times(), random.Random(people)
    now = datetime.now(UTC)
    offered = windows(
        table.spans(),
        length=timedelta(hours=2),
        step=timedelta(hours=1),
        earliest=now,
        latest=now + timedelta(days=14),
    )
    places = table.gaps[~np.isnan(table.gaps[:, 5])][:, 5:7]
    asked = search.Asked(table.mask_of(["fixed_line"]), people, 3600.0)
    for _ in range(runs):
        here = [tuple(places[chance.randrange(len(places))])]
        with times.one():
            rows = search.rows_for(table, asked)
            there = _drives(rows.origins, here)
            among = search.chances(rows, asked, there, _drives(rows.goals, here))
            found = search.search(table, among, offered, asked)
            taken = [one for one, _ in zip(found, range(limit), strict=False)]
        if len(taken) < LEAST:
            raise SystemExit(f"only {len(taken)} windows: this is no measure")
    return times


def _drives(places: np.ndarray, here: list[tuple[float, ...]]) -> np.ndarray:
    return np.nan_to_num(np.ceil(great_circle_seconds(places, here)[:, 0]))  # type: ignore[arg-type]


async def api(
    url: str, runs: int, limit: int, between: Callable[[int], None] | None = None
) -> tuple[Times, int]:
    """Measure the request; `between` changes something before each."""
    settings, times, statements = serving.settings_for(url), Times(), 0
    logs.configure(settings)
    asked = [n for n in range(64) if n % (shape.TECHNICIANS // shape.PER_CENTRE) == 0]
    async with Counter.on(url, settings) as counter:
        for n in range(runs + 3):
            call = requests.slots(settings, asked[n % len(asked)])
            call = type(call)(call.method, f"{call.path}?limit={limit}", call.headers)
            if between is not None:
                between(n)
            if n < 3:  # the first reads the calendars and compiles its statements
                await counter.send(call)
                continue
            with times.one():
                body, statements = await counter.send(call)
            if len(body["items"]) < LEAST:
                raise SystemExit(f"only {len(body['items'])} windows: this is no measure")
    return times, statements


async def _known(url: str) -> tuple[Calendars, Times]:
    database, times = connect(serving.settings_for(url)), Times()
    today = datetime.now(ZONE).date()
    horizon = Horizon(today, today + timedelta(days=14), ZONE)
    for day in range(5):  # another horizon each time: everything is read
        other = Horizon(today, today + timedelta(days=14 + day), ZONE)
        async with database.transaction() as session:
            with times.one():
                await calendars(session, REGION, shape.centre(0), other, datetime.now(UTC))
    async with database.transaction() as session:
        known = await calendars(session, REGION, shape.centre(0), horizon, datetime.now(UTC))
    await database.close()
    return known, times


def _changing(connection: load.Connection) -> Callable[[int], None]:
    """Return what makes one technician's calendar be read again, as a booking elsewhere does."""

    def change(n: int) -> None:
        key, technician = key_of(shape.centre(0)), shape.technician(n % shape.TECHNICIANS)
        connection.execute(
            "with one as (insert into kernel_change_counter (region_id, centre_id, counter)"
            " values (%s, %s, 1) on conflict (region_id, centre_id)"
            " do update set counter = kernel_change_counter.counter + 1 returning counter)"
            " insert into kernel_change_log (region_id, centre_id, n, at, changes)"
            " select %s, %s, counter, now(), jsonb_build_array(jsonb_build_array("
            "'organisation_technician', %s::text, null)) from one",
            [REGION, key, REGION, key, str(technician)],
        )

    return change


async def measure(url: str, runs: int) -> None:
    """Print the table."""
    known, read = await _known(url)
    rows = [
        read.row("calendars of the centre read from the database"),
        kernel(known, 1, runs, 20).row("search, one technician, the 20 first windows"),
        kernel(known, 1, runs, 200).row("search, one technician, all windows"),
        kernel(known, 2, runs, 20).row("search, a pair, the 20 first windows"),
        kernel(known, 2, runs, 200).row("search, a pair, all windows"),
    ]
    times, statements = await api(url, runs, 20)
    rows.append(times.row(f"request, 20 windows, {statements} statements"))
    times, _ = await api(url, runs, 100)
    rows.append(times.row("request, 100 windows"))
    with psycopg.connect(serving.conninfo(url), autocommit=True) as connection:
        times, statements = await api(url, runs, 20, _changing(connection))
        rows.append(times.row(f"the same, one calendar changed before, {statements} statements"))
        loader = Loader(connection, SIZE, datetime.now(UTC), say)
        given = {"name": "'technicians_repair'", "value": "2"}
        for kind in ("install", "repair"):
            given["name"] = f"'technicians_{kind}'"
            loader.fill(RuleNumber, "(select 1) as one", **given)
        times, _ = await api(url, runs, 20)
        rows.append(times.row("request for a pair, 20 windows"))
    say(f"{len(known.by_id)} technicians, {len(known.table.gaps):,} gaps in 15 days")
    say("| what | runs | CPU ms p50 | CPU ms p95 | clock ms p50 | clock ms p95 |")
    say("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        say(row)


def main() -> None:
    """Measure on one core and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.slot_search", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="of each thing (200)")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cluster = Cluster(serving.CLUSTER)
    asyncio.run(measure(prepare(cluster), chosen.runs))


if __name__ == "__main__":
    main()
