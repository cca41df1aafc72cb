"""The tables of docs/performance.md, each written between its markers."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.scenario import Bounds, Result
from bench.shape import Size
from bench.sync import Day, Storm, SyncScenario

ROOT_PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

# Measured before this bench was written, on a like machine under the same conditions (one server
# process and its store on one core, the load on the other; 200 devices, 300 documents of 1 KB):
# the CouchDB protocol on LevelDB, Kinto on PostgreSQL, SQL without a server; then what is aimed at.
PEERS = {
    "First pull": ("45", "48", "398", "90"),
    "Unchanged": ("944", "203", "8,100", "1,500"),
    "Pull of 10": ("486", "124", "4,300", "750"),
    "Push of 20": ("180 *", "6.4 *", "1,148 *", "60"),
}


def machine(conninfo: str) -> str:
    """Name the machine by what the numbers depend on: cores, memory, versions."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("show server_version").fetchone()
        postgis = connection.execute("select extversion from pg_extension where extname='postgis'")
        geo = postgis.fetchone()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = row[0].split()[0] if row else "?"
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, PostgreSQL {server}, PostGIS {geo[0] if geo else '?'}"
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def table(
    sizes: Sequence[Size],
    results: dict[str, list[Result]],
    beside: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] = (),
) -> str:
    """Return the Markdown table: every size beside the others, then others' figures."""
    labels = [size.label for size in sizes]
    columns = ["requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "queries", "bytes"]
    head = ["Request", *(f"{column} {label}" for column in columns for label in labels), *names]
    lines = [_row(head), _row(["---", *("---:" for _ in head[1:])])]
    for place, first in enumerate(results[labels[0]]):
        same = [results[label][place] for label in labels]
        cells = [f"{first.name} ({first.note})" if first.note else first.name]
        cells += [f"{r.measured.per_second:.0f}" for r in same]
        for percent in (50, 95, 99):
            cells += [f"{r.measured.percentile_ms(percent):.1f}" for r in same]
        cells += ["{:.1f} + {:.1f}".format(*r.measured.cpu_ms()) for r in same]
        cells += [str(r.queries) for r in same]
        cells += [f"{r.measured.mean_bytes:,.0f}" for r in same]
        cells += next((v for k, v in (beside or {}).items() if first.name.startswith(k)), ())
        lines.append(_row(cells))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(
    named: str, bounds: Bounds, sizes: Sequence[Size], results: dict[str, list[Result]]
) -> None:
    """Put machine and table of the hot requests into the page."""
    world = ", ".join(f"{s.label} = {s.premises:,} premises and past visits" for s in sizes)
    text = (
        f"Measured on {datetime.now(UTC).date()}: {named}. One server process; load generator and "
        f"database on the same machine. {bounds.connections} connections at once in a closed "
        f"loop. {world}; 200 technicians with one phone each and 2,000 present visits at both."
        f"\n\n{table(sizes, results)}"
    )
    _put("bench", text)


def write_sync(named: str, bounds: Bounds, measured: Sequence[SyncScenario]) -> None:
    """Put conditions, table, storm and day of the sync requests into the page."""
    last = measured[-1]
    pinned = "server and PostgreSQL on one core, the load generator on the other"
    cores = pinned if last.pinned else "the cores shared by all, for there was no second one"
    world = "; ".join(
        f"{s.size.label}: {s.size.technicians:,} technicians, {s.documents:,} rows of types that "
        "phones hold"
        for s in measured
    )
    names = ("CouchDB protocol", "Kinto", "raw PostgreSQL", "aim")
    results = {s.size.label: s.results for s in measured}
    busiest = max(
        r.measured.generator_cpu / r.measured.elapsed for s in measured for r in s.results
    )
    conditions = (
        f"Measured on {datetime.now(UTC).date()}: {named}. One server process; {cores}. "
        f"{bounds.connections} connections at once in a closed loop, {bounds.phones} phones. "
        f"{world}; a row of a phone has {last.mean_document} bytes on average. The load generator "
        f"used {busiest:.0%} of its core at most."
    )
    parts = [
        conditions,
        table([s.size for s in measured], results, PEERS, names),
        "\\* The peers' pushes are 20 changes without business rules.",
    ]
    if last.storm is not None:
        parts.append(storm(last.storm))
    if last.day is not None:
        parts.append(day(last.day))
    _put("sync", "\n\n".join(parts))


def storm(met: Storm) -> str:
    """Say how a storm was served."""
    return (
        f"**A thousand phones at once.** {met.devices:,} phones came back in one moment, each with "
        f"20 commands to hand in and 50 changes to get: {met.served:,} served, "
        f"{len(met.failures)} failed, all done after {met.seconds:.0f} s. A phone was done after "
        f"{met.returns.percentile_ms(50) / 1000:.1f} s (p50), "
        f"{met.returns.percentile_ms(99) / 1000:.1f} s (p99); a single request took "
        f"{met.requests.percentile_ms(50) / 1000:.2f} s (p50), "
        f"{met.requests.percentile_ms(99) / 1000:.2f} s (p99). Put off with Retry-After: "
        f"{met.put_off:,} times."
    )


def day(of: Day) -> str:
    """Say what a technician's day is on the wire."""
    return (
        "**Bytes of a technician's day.** A new phone's first pull, three visits handed in as they "
        "go (12 pushes of 30 commands), what they and the office changed pulled back, 60 looks "
        f"without news; photos apart. {of.requests} requests: bodies {of.body_up:,} bytes up and "
        f"{of.body_down:,} down (gzip), headers {of.head_up:,} up and {of.head_down:,} down, of "
        "which most is the access token."
    )


def write_plans(tables: Sequence[Sequence[str]]) -> None:
    """Write the tables of day plans and of replanning."""
    said = (
        f"Measured on {datetime.now(UTC).date()}: one of {os.cpu_count()} cores ({_processor()}), "
        "busy with other programs; limits are CPU seconds."
    )
    _put("plans", "\n\n".join([said, *map("\n".join, tables)]))


def _put(mark: str, text: str) -> None:
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before = ROOT_PAGE.read_text(encoding="utf-8")
    head, rest = before.split(begin)
    tail = rest.split(end)[1]
    ROOT_PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
