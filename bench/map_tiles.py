"""`python -m bench.map_tiles`: vector tiles of the plant, made anew and asked about by their copy.

The world of the other benchmarks at 1x. Measured are requests of a supervisor, who sees the whole
region, through the application in-process with PostgreSQL behind it.
"""

import argparse
import asyncio
import math
import os

import httpx
import psycopg

from bench import load, requests, serving, shape
from bench.counting import Counter
from bench.shape import Size
from bench.slot_search import Times, say
from fieldops.cluster import Cluster
from fieldops.kernel import logs

SIZE = Size(1)
DATABASE = "bench_maps"
ZOOMS = (12, 14, 16)
FIRST = 3


def prepare(cluster: Cluster) -> tuple[str, tuple[float, float]]:
    """Return the URL of a fresh database and the middle of its plant."""
    admin = serving.conninfo(cluster.ensure_running(), "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{DATABASE}" with (force)')
    url = serving.migrated_database(cluster, DATABASE)
    load.load(serving.conninfo(url), SIZE, lambda _said: None)
    with psycopg.connect(serving.conninfo(url), autocommit=True) as connection:
        connection.execute("vacuum analyze")
        middle = connection.execute(
            "select st_x(c), st_y(c) from (select st_centroid(st_extent(shape)) as c"
            " from network_feature where shape is not null) e"
        ).fetchone()
    if middle is None:
        raise SystemExit("there is no plant to look at")
    return url, (float(middle[0]), float(middle[1]))


def tile_at(zoom: int, longitude: float, latitude: float) -> str:
    side, angle = 2**zoom, math.radians(latitude)
    x = int((longitude + 180) / 360 * side)
    y = int((1 - math.asinh(math.tan(angle)) / math.pi) / 2 * side)
    return f"/v1/maps/plant/{zoom}/{x}/{y}.mvt"


async def measure(url: str, middle: tuple[float, float], runs: int) -> None:
    """Print the table."""
    settings = serving.settings_for(url)
    logs.configure(settings)
    say("| what | runs | CPU ms p50 | CPU ms p95 | clock ms p50 | clock ms p95 |")
    say("| --- | ---: | ---: | ---: | ---: | ---: |")
    headers = requests.bearer(settings, shape.supervisor())
    async with Counter.on(url, settings) as counter:
        for zoom in ZOOMS:
            path = tile_at(zoom, *middle)
            made, asked = Times(), Times()
            for n in range(runs + FIRST):
                with (Times() if n < FIRST else made).one():
                    answer = await _send(counter, path, headers, httpx.codes.OK)
            statements = len(counter.statements)
            copy = {**headers, "if-none-match": answer.headers["etag"]}
            for _ in range(runs):
                with asked.one():
                    await _send(counter, path, copy, httpx.codes.NOT_MODIFIED)
            size = f"{len(answer.content):,} bytes, {statements} statements"
            say(made.row(f"level {zoom}: made, {size}"))
            say(asked.row(f"level {zoom}: 304, {len(counter.statements)} statements"))


async def _send(
    counter: Counter, path: str, headers: dict[str, str], expected: int
) -> httpx.Response:
    counter.statements.clear()
    answer = await counter.client.get(path, headers=headers)
    if answer.status_code != expected:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text[:500]}")
    return answer


def main() -> None:
    """Measure on one core and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.map_tiles", description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="of each thing (40)")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    url, middle = prepare(Cluster(serving.CLUSTER))
    asyncio.run(measure(url, middle, chosen.runs))


if __name__ == "__main__":
    main()
