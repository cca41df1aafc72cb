"""`python -m bench.ranking`: who can do one job, among 30, 100 and 200 technicians of a centre.

The centre of `bench.slot_search` with a starting place for everybody. The job is a visit that waits
for an appointment, asked for a window two days ahead. Measured are the judging alone, on what was
read before; the question with all that it reads; and the request through the application in-process
with PostgreSQL behind it.
"""

import argparse
import asyncio
import gc
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import psycopg
from sqlalchemy import event

from bench import requests, serving, shape, slot_search
from bench.client import Call
from bench.counting import Counter
from bench.shape import REGION, Kind
from bench.slot_search import Times, say
from fieldops.cluster import Cluster
from fieldops.dispatch.queries import ranking
from fieldops.kernel import logs
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.db import connect
from fieldops.visits.models import Visit

STAFF = (30, 100, 200)
VISIT = shape.id_of(Kind.VISIT, shape.PLANNED_FROM)
FIRST = 3  # runs that are not measured: they compile the statements


def window() -> tuple[datetime, datetime]:
    """Return ten to twelve o'clock, local, two days ahead."""
    day = local_day(datetime.now(UTC), slot_search.ZONE) + timedelta(days=2)
    start = start_of_day(day, slot_search.ZONE) + timedelta(hours=10)
    return start, start + timedelta(hours=2)


def staff(url: str, count: int) -> None:
    """Leave so many technicians at work, each with a place of their own to start from."""
    with psycopg.connect(serving.conninfo(url), autocommit=True) as connection:
        connection.execute(
            "update organisation_technician t set active = t.id = any(%s),"
            " start_longitude = st_x(p.point), start_latitude = st_y(p.point)"
            " from (select point, row_number() over (order by id) as n from customers_premises) p,"
            " (select id, row_number() over (order by id) as n from organisation_technician) o"
            " where o.id = t.id and p.n = o.n * 7",
            [[shape.technician(n) for n in range(count)]],
        )


def _settle(run: int) -> None:
    """Leave what the first runs made out of garbage collection, as a server does at its start."""
    if run == FIRST:
        gc.collect()
        gc.freeze()


def judging(known: tuple[Any, ...], runs: int) -> tuple[Times, int]:
    """Measure judging and ordering what was read before; also how many can do the job."""
    times = Times()
    for _ in range(runs):
        with times.one():
            found = ranking.rank(*known)
    return times, sum(candidate.can for candidate in found)


async def question(url: str, runs: int) -> tuple[Times, int, tuple[Any, ...]]:
    """Measure the question in a transaction: its times, statements, and what it judged."""
    database, times, statements = connect(serving.settings_for(url)), Times(), 0
    known: tuple[Any, ...] = ()

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def _note(*_said: Any) -> None:
        nonlocal statements
        statements += 1

    for n in range(runs + FIRST):
        _settle(n)
        async with database.transaction() as session:
            visit = await session.get_one(Visit, (REGION, VISIT))
            statements, now, measured = 0, datetime.now(UTC), Times() if n < FIRST else times
            with measured.one(), patch.object(ranking, "rank", wraps=ranking.rank) as judged:
                await ranking.candidates(session, visit, *window(), now)
            known = judged.call_args.args
    await database.close()
    return times, statements, known


async def request(url: str, runs: int) -> tuple[Times, int]:
    """Measure the request of a dispatcher."""
    settings, times, statements = serving.settings_for(url), Times(), 0
    start, end = window()
    asked = urlencode({"window_start": start.isoformat(), "window_end": end.isoformat()})
    headers = requests.bearer(settings, shape.dispatcher(0))
    call = Call("GET", f"/v1/visits/{VISIT}/candidates?{asked}", headers)
    async with Counter.on(url, settings) as counter:
        for n in range(runs + FIRST):
            _settle(n)
            with (Times() if n < FIRST else times).one():
                _, statements = await counter.send(call)
    return times, statements


async def measure(url: str, runs: int) -> None:
    """Print the table."""
    logs.configure(serving.settings_for(url))
    rows = []
    for count in STAFF:
        staff(url, count)
        asked, statements, known = await question(url, runs)
        judged, able = judging(known, runs)
        if len(known[1]) != count or not 0 < able < count:
            raise SystemExit(f"{able} of {len(known[1])} can: this is no measure")
        sent, all_statements = await request(url, runs)
        rows += [
            judged.row(f"{count} technicians, {able} can: judging alone"),
            asked.row(f"{count} technicians: question, {statements} statements"),
            sent.row(f"{count} technicians: request, {all_statements} statements"),
        ]
    say("| what | runs | CPU ms p50 | CPU ms p95 | clock ms p50 | clock ms p95 |")
    say("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        say(row)


def main() -> None:
    """Measure on one core and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ranking", description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="of each thing (40)")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asyncio.run(measure(slot_search.prepare(Cluster(serving.CLUSTER)), chosen.runs))


if __name__ == "__main__":
    main()
