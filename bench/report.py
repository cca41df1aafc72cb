"""The table of docs/performance.md, written between its markers."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.scenario import Bounds, Result
from bench.shape import Size

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
ROOT_PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def machine(conninfo: str) -> str:
    """Name the machine by what the numbers depend on: cores, memory, versions."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("show server_version").fetchone()
        postgis = connection.execute("select extversion from pg_extension where extname='postgis'")
        geo = postgis.fetchone()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = found[1] if found else platform.machine()
    server = row[0].split()[0] if row else "?"
    return (
        f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, PostgreSQL {server}, PostGIS {geo[0] if geo else '?'}"
    )


def table(sizes: Sequence[Size], results: dict[str, list[Result]]) -> str:
    """Return the Markdown table: every size beside the others."""
    labels = [size.label for size in sizes]
    columns = ["requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "queries", "bytes"]
    head = ["Request", *(f"{column} {label}" for column in columns for label in labels)]
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
        lines.append(_row(cells))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(
    page: Path, named: str, bounds: Bounds, sizes: Sequence[Size], results: dict[str, list[Result]]
) -> None:
    """Put machine and table between the markers of a page."""
    world = ", ".join(f"{s.label} = {s.premises:,} premises and past visits" for s in sizes)
    text = (
        f"Measured on {datetime.now(UTC).date()}: {named}. One server process; load generator and "
        f"database on the same machine. {bounds.connections} connections at once in a closed "
        f"loop. {world}; 200 technicians with one phone each and 2,000 present visits at both."
        f"\n\n{table(sizes, results)}"
    )
    before = page.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    tail = rest.split(END)[1]
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")
