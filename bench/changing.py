"""Rows changed from outside, counted and logged as the unit of work does (kernel/changes.py)."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from bench import shape
from bench.shape import Kind

IN_ONE = 10  # rows that somebody changes in one transaction
# What is changed: table, kind of id, number of the row of visit v.
CHANGED = {
    "first notes": ("visits_visit_fact", Kind.NOTE, "v * 100 + 1"),
    "orders": ("orders_order", Kind.ORDER, "v"),
    "second notes": ("visits_visit_fact", Kind.NOTE, "v * 100 + 2"),
    "visits": ("visits_visit", Kind.VISIT, "v"),
    "work orders": ("orders_work_order", Kind.WORK_ORDER, "v"),
}


def change(conninfo: str, what: Mapping[str, int], technicians: int) -> None:
    """Change rows of so many visits of every technician, ten rows a transaction."""
    with psycopg.connect(conninfo) as connection:
        changed: dict[UUID, list[Any]] = defaultdict(list)
        for each, slots in what.items():
            table, kind, number = CHANGED[each]
            rows = connection.execute(
                f"update {table} set version = version + 1 where region_id = %s and id in "
                f"(select bench_id(%s, {number}) from generate_series(0, %s) as v) "
                "returning centre_id, id",
                [shape.REGION, int(kind), slots * technicians - 1],
            )
            for centre_id, id_ in rows.fetchall():
                changed[centre_id].append([table, str(id_), ["note"]])
        for centre_id, of in changed.items():
            _log(connection, centre_id, of)


def _log(connection: psycopg.Connection[Any], centre_id: UUID, changes: list[Any]) -> None:
    counts = [changes[n : n + IN_ONE] for n in range(0, len(changes), IN_ONE)]
    (last,) = connection.execute(
        "update kernel_change_counter set counter = counter + %s "
        "where region_id = %s and centre_id = %s returning counter",
        [len(counts), shape.REGION, centre_id],
    ).fetchall()
    connection.cursor().executemany(
        "insert into kernel_change_log (region_id, centre_id, n, at, changes) "
        "values (%s, %s, %s, now(), %s)",
        [
            [shape.REGION, centre_id, last[0] - len(counts) + n, json.dumps(of)]
            for n, of in enumerate(counts, start=1)
        ],
    )
