"""Other planners for the same days, to compare with: VROOM through pyvroom, if it is installed."""

import time
from datetime import timedelta
from typing import Any

import numpy as np

from bench import days
from fieldops.dispatch.engine.packing import Day
from fieldops.dispatch.engine.plans import Plan, Stop

try:
    import vroom
except ImportError:
    vroom = None

SECONDS = 60  # VROOM reckons in whole seconds


def vroom_plan(day: Day, seconds: float) -> tuple[Plan, float]:
    """Return VROOM's plan of a day with the same CPU time to search, and what it took.

    Its limit counts time on the clock, which is longer where other programs run: what was cut short
    before it had its CPU time begins anew with a longer limit.

    It knows no visits for two technicians: their begin is fixed to the middle of the window, and a
    visit that got only one of both is left out. Skills become one skill for each set of
    technicians that may do a part, priorities follow the classes.
    """
    entrances: dict[frozenset[int], int] = {}
    tasks: list[tuple[int, int | None]] = []
    problem = vroom.Input()
    problem.set_durations_matrix("car", np.rint(day.minutes * SECONDS).astype(np.uint32))
    for number, job in enumerate(day.jobs):
        middle = (job.opens + job.closes) / 2
        wanted: list[tuple[int | None, Any]] = [*enumerate(job.team)]
        window = (middle, middle)
        if not wanted:
            wanted, window = [(None, job.alone)], (job.opens, job.closes)
        for part, share in wanted:
            skill = entrances.setdefault(frozenset(share.prices), len(entrances))
            problem.add_job(
                vroom.Job(
                    len(tasks),
                    job.place,
                    default_service=round(share.minutes * SECONDS),
                    skills={skill},
                    priority=(100, 60, 30, 10, 10, 10)[job.rank],
                    time_windows=[vroom.TimeWindow(*(round(t * SECONDS) for t in window))],
                )
            )
            tasks.append((number, part))
    for t, worker in enumerate(day.workers):
        earliest, latest, length = (round(x * SECONDS) for x in worker.lunch)
        problem.add_vehicle(
            vroom.Vehicle(
                t,
                start=worker.start,
                end=worker.end,
                skills={skill for able, skill in entrances.items() if t in able},
                time_window=vroom.TimeWindow(
                    round(worker.begins * SECONDS), round(worker.ends * SECONDS)
                ),
                breaks=[vroom.Break(0, [vroom.TimeWindow(earliest, latest)], length)],
            )
        )
    share = 1.0
    while True:
        limit = seconds / share
        began, spent = time.perf_counter(), time.process_time()
        solution = problem.solve(5, nb_threads=1, timeout=timedelta(seconds=limit))
        gone, spent = time.perf_counter() - began, time.process_time() - spent
        if gone < 0.95 * limit or spent > 0.9 * seconds:  # it was done, or had its time
            return _read(day, tasks, solution.routes), spent
        share = max(0.05, 0.95 * spent / gone)


def _read(day: Day, tasks: list[tuple[int, int | None]], steps: Any) -> Plan:
    """Return VROOM's routes as a plan, timed by our decoder."""
    begun: dict[int, float] = {}
    routes: list[list[tuple[float, int, int | None]]] = [[] for _ in day.workers]
    for step in steps.to_dict("records"):
        if step["type"] != "job":
            continue
        number, part = tasks[int(step["id"])]
        start = (step["arrival"] + step["waiting_time"]) / SECONDS
        routes[int(step["vehicle_id"])].append((start, number, part))
        begun[number] = max(start, begun.get(number, 0.0))
    parts: dict[int, int] = {}
    for route in routes:
        for _, number, _ in route:
            parts[number] = parts.get(number, 0) + 1
    whole = {n for n, count in parts.items() if count == max(1, len(day.jobs[n].team))}
    order = tuple(sorted(whole, key=lambda n: (begun[n], n)))
    rank = {number: place for place, number in enumerate(order)}
    kept = tuple(
        tuple(
            Stop(number, part, 0.0)
            for _, number, part in sorted(route, key=lambda s: rank.get(s[1], -1))
            if number in whole
        )
        for route in routes
    )
    return days.timed(day, Plan(kept, order))
