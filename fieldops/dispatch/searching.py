"""The search as a process of its own: `python -m fieldops.dispatch.searching`.

Reads problems (problem.py), one JSON line each, and answers each with lines of progress, one line
with the plan, and one that says how the child ended which did it. The engine is loaded once; each
search is a fork with a limit on its CPU time, so that one that runs away dies alone.
"""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TextIO

import numpy as np

from fieldops.dispatch.engine import aims, running
from fieldops.dispatch.engine.packing import Day, Job, Part, Worker
from fieldops.dispatch.engine.plans import EPSILON, Decoded, Plan, Stop, faults
from fieldops.dispatch.engine.running import Aim

FORMAT = "fieldops-day-1"
FIRST_SHARE = 0.7
"""Part of the time in which every promise is hard; in the rest those that cannot be kept are
served as soon as can be."""
GRACE_SECONDS = 20
"""CPU seconds beyond what was asked for, after which the search is killed."""
STEP = 0.05

_MUST_NOT = frozenset({"excess", "lunch_late_minutes"})
"""What may be at first and grows dearer. At a fixed price a search of an overfull day goes where
every promise is there and late, for a promise weighs more, and sees no plan that can be kept."""
_LEVELS = (
    {"excess": 1.0, "lunch_late_minutes": 1.0},
    *({f"left_out_{rank}": 1.0} for rank in range(6)),
    {"left_out": 1.0},  # as many of each class: then the less urgent ones, by their weights
    {"late_visits": 1.0},
    {"late_minutes": 1.0},
    {"overtime_minutes": 1.0},
    # A change costs as many minutes of travel as the region says: they are one step.
    {"price": 1.0, "length": 1.0},
    {"scarce": 1.0},
    {"balance": 1.0},
)


def day_of(raw: dict[str, Any]) -> Day:
    """Return the day that a problem describes; raises ValueError for another format."""
    if raw.get("format") != FORMAT:
        raise ValueError(f"not a day of the format {FORMAT}")
    return Day(
        tuple(
            Job(
                job["place"],
                job["window"][0],
                job["window"][1],
                tuple(_part(part) for part in job["team"]),
                _part(job["alone"]) if job["alone"] else None,
                tuple(job["gap"]),
                grace=math.inf if job.get("grace") is None else job["grace"],
                rank=job["rank"],
                weight=job["weight"],
            )
            for job in raw["jobs"]
        ),
        tuple(
            Worker(
                worker["shift"][0],
                worker["shift"][1],
                worker["start"],
                worker["end"],
                room=worker.get("room", math.inf),
                longer=worker.get("longer", math.inf),
                rarity=worker.get("rarity", 0.0),
                lunch=tuple(worker["lunch"]),
            )
            for worker in raw["workers"]
        ),
        np.array(raw["minutes"], float),
    )


def _part(raw: dict[str, Any]) -> Part:
    prices = {int(worker): price for worker, price in raw["prices"].items()}
    return Part(raw["minutes"], prices, raw.get("load", 0.0), raw.get("need", 0.0))


def today_of(raw: dict[str, Any], day: Day) -> Plan:
    """Return the plan to begin with: who has what now."""
    routes: list[list[Stop]] = [[] for _ in day.workers]
    order: list[int] = []
    for job, part, worker in raw.get("today", ()):
        routes[worker].append(Stop(job, part, 0.0))
        if job not in order:
            order.append(job)
    return Plan(tuple(map(tuple, routes)), tuple(order))


def solve(raw: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """Return the best plan of a problem, with what a decoder of its own finds wrong with it.

    At first every promise is hard; then those that found no place may begin after their window,
    and the rest of the time looks for the nearest start they can have. What is kept is in every
    plan: a leave is left out for nothing in the world.
    """
    day, seconds = day_of(raw), float(raw["seconds"])
    kept = frozenset(raw.get("kept", ()))
    today = today_of(raw, day)
    aim = _aim(aims.DAY if raw["kind"] == "day" else aims.REPLAN)
    published = None if raw["kind"] == "day" else today
    began = time.thread_time()

    def told(whole: float, before: float) -> Callable[[], float]:
        def clock() -> float:
            progress(min(1.0, before + (time.thread_time() - began) / whole))
            return time.thread_time()

        return clock

    first = running.search(
        day,
        aim,
        seconds * FIRST_SHARE,
        start=today,
        published=published,
        locked=kept,
        clock=told(seconds, 0.0),
    )
    start = sound(day, first.plan, kept)
    served = set(start.order)
    late = {number for number in raw.get("promised", ()) if number not in served}
    if late:
        jobs = tuple(
            replace(job, grace=math.inf) if n in late else job for n, job in enumerate(day.jobs)
        )
        day = replace(day, jobs=jobs)
    second = running.search(
        day,
        _aim(aims.REPLAN),
        seconds * (1.0 - FIRST_SHARE),
        start=start,
        published=published,
        locked=kept,
        clock=told(seconds, 0.0),
    )
    wrong = faults(day, second.plan)
    plan = second.plan if wrong else sound(day, second.plan, kept)
    return {
        "stops": [
            [stop.job, stop.part, worker, stop.start]
            for worker, route in enumerate(plan.routes)
            for stop in route
        ],
        "faults": wrong,
        "late": sorted(late),
        "moves": first.moves + second.moves,
        "seconds": time.thread_time() - began,
    }


def _aim(base: Aim) -> Aim:
    return replace(base, levels=_LEVELS, steer=aims.REPLAN.steer, ramped=_MUST_NOT)


def sound(day: Day, plan: Plan, kept: Collection[int]) -> Plan:
    """Return a plan without what must not be, by leaving visits out, the least urgent first.

    A search that was ended early may hold a visit that runs into somebody's leave or overtime.
    What is kept is never left out; where leaving out does not help any more, it is that.
    """
    trouble = _trouble(day, plan)
    while trouble > EPSILON:
        loose = [n for n in plan.order if n not in kept]
        tried = [(n, _without(day, plan, n)) for n in loose]
        better = [(n, p) for n, p in tried if _trouble(day, p) < trouble - EPSILON]
        if not better:
            break
        _, plan = min(better, key=lambda t: (day.jobs[t[0]].weight, _trouble(day, t[1])))
        trouble = _trouble(day, plan)
    return plan


def _trouble(day: Day, plan: Plan) -> float:
    figures = Decoded(day, plan).figures()
    return figures.excess + figures.lunch_late_minutes


def _without(day: Day, plan: Plan, number: int) -> Plan:
    """Return a plan without a job, timed anew."""
    order = tuple(n for n in plan.order if n != number)
    routes = tuple(tuple(s for s in route if s.job != number) for route in plan.routes)
    starts = Decoded(day, Plan(routes, order)).starts
    return Plan(
        tuple(tuple(Stop(s.job, s.part, starts[s.job, s.part]) for s in r) for r in routes), order
    )


def _child(line: str, out: TextIO) -> None:
    raw = json.loads(line)
    limit = int(float(raw["seconds"])) + GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    last = 0.0

    def progress(share: float) -> None:
        nonlocal last
        if share >= last + STEP:
            last = share
            out.write(json.dumps({"progress": round(share, 2)}) + "\n")
            out.flush()

    out.write(json.dumps({"plan": solve(raw, progress)}) + "\n")
    out.flush()


def _warm() -> None:
    """Load (at the very first time: compile) everything before the first fork."""
    day = Day(
        tuple(Job(1, 0.0, 60.0, (), Part(10.0, {0: 0.0}), rank=3) for _ in range(3)),
        (Worker(0.0, 480.0, 0, None, lunch=(200.0, 200.0, 30.0)),),
        np.array([[0.0, 5.0], [5.0, 0.0]]),
    )
    running.search(day, aims.DAY, 0.01)


def main() -> None:
    """Answer problems until the input ends."""
    _warm()
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _child(line, sys.stdout)
            except Exception as exc:  # noqa: BLE001 - said to who asked, whatever it is
                sys.stdout.write(json.dumps({"error": f"{type(exc).__name__}: {exc}"}) + "\n")
                sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        ended = os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps({"ended": ended}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
