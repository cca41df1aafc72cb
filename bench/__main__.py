"""`python -m bench`: measure the hot requests at 1x and 10x and write docs/performance.md."""

import argparse
import asyncio
import cProfile
import pstats
import time
from pathlib import Path

import psycopg

from bench import load, plans, report, requests, serving
from bench.counting import Counter
from bench.scenario import Bounds, Result, Scenario
from bench.shape import Size
from bench.sync import SyncScenario
from fieldops.cluster import Cluster
from fieldops.kernel import logs

QUICK = Bounds(connections=4, requests=40, seconds=4, phones=20)
STORM, STORM_QUICK = 1_000, 10


def say(sentence: str) -> None:
    print(sentence, flush=True)


def prepare(cluster: Cluster, size: Size, *, reuse: bool) -> str:
    """Return the URL of a freshly loaded database; `reuse` takes one that is there."""
    admin = serving.conninfo(cluster.ensure_running(), "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        there = connection.execute(
            "select 1 from pg_database where datname = %s", [size.database]
        ).fetchone()
        if there and reuse:
            return cluster.url(size.database)
        connection.execute(f'drop database if exists "{size.database}" with (force)')
    say(f"Loading {size.label}: {size.premises:,} premises and past visits ...")
    url = serving.migrated_database(cluster, size.database)
    load.load(serving.conninfo(url), size, say)
    return url


async def profile(url: str) -> None:
    """Show where the CPU time of one board goes, 50 requests long."""
    settings = serving.settings_for(url)
    logs.configure(settings)
    call = requests.board(settings, 0)
    async with Counter.on(url, settings) as counter:
        await counter.send(call)
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(50):
            await counter.send(call)
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def hot(cluster: Cluster, chosen: argparse.Namespace) -> None:
    """Measure the requests that happen most, over ten times the history."""
    sizes = [Size(1, 2_000)] if chosen.quick else [Size(1), Size(10)]
    bounds = QUICK if chosen.quick else Bounds()
    results: dict[str, list[Result]] = {}
    for size in sizes:
        url = prepare(cluster, size, reuse=chosen.profile)
        if chosen.profile:
            asyncio.run(profile(url))
            return
        settings = serving.settings_for(url)
        results[size.label] = asyncio.run(Scenario(url, size, settings, bounds, say).measure())
    if not chosen.quick:
        report.write(report.machine(serving.conninfo(url)), bounds, sizes, results)
        say(f"Wrote {Path('docs', report.ROOT_PAGE.name)}.")


def sync(cluster: Cluster, chosen: argparse.Namespace) -> None:
    """Measure phones under fixed conditions: push, pull, a storm, a day's bytes."""
    sizes = [Size.of_views(factor) for factor in ([1] if chosen.quick else [1, 10])]
    bounds = QUICK if chosen.quick else Bounds()
    measured = []
    for size in sizes:
        url = prepare(cluster, size, reuse=False)
        scenario = SyncScenario(url, size, serving.settings_for(url), bounds, say)
        if size is sizes[-1]:
            scenario.storm_devices = STORM_QUICK if chosen.quick else STORM
        asyncio.run(scenario.measure())
        measured.append(scenario)
    if not chosen.quick:
        report.write_sync(report.machine(serving.conninfo(url)), bounds, measured)
        say(f"Wrote {Path('docs', report.ROOT_PAGE.name)}.")


def day_plans(*, quick: bool) -> None:
    """Measure the search for day plans and replanning; they need no database."""
    if quick:
        plans.measure([(10, 50)], [1.0], say, lambda _: None)
    else:
        plans.measure(plans.SIZES, plans.SECONDS, say, report.write_plans)
        plans.draw(say)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help="hot, sync, plans; all without a name")
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute; no table")
    parser.add_argument("--keep", action="store_true", help="leave the databases for a look")
    parser.add_argument("--profile", action="store_true", help="profile the board instead")
    chosen = parser.parse_args()
    parts = {"hot": hot, "sync": sync}
    if unknown := set(chosen.parts) - {*parts, "plans"}:
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    if not chosen.parts or "plans" in chosen.parts:
        day_plans(quick=chosen.quick)
    if chosen.parts == ["plans"]:
        return
    cluster = Cluster(serving.CLUSTER, durable=True, say=say)
    logs.configure(serving.settings_for(cluster.url()))
    began = time.monotonic()
    try:
        for name, measure in parts.items():
            if not chosen.parts or name in chosen.parts:
                measure(cluster, chosen)
    finally:
        if chosen.keep:
            say("The databases stay; python -m bench without --keep removes them.")
        else:
            cluster.destroy()
    say(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
