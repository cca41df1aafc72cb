"""Generated days of a centre, a greedy dispatcher to compare with, and the file they travel in."""

import json
import math
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fieldops.dispatch.engine.aims import COMPLAINT, FAULT, IMPORTANT, INSTALL, WEIGHT
from fieldops.dispatch.engine.packing import Day, Job, Part, Reals, Worker
from fieldops.dispatch.engine.plans import Decoded, Plan, Stop

SKILLS = ("fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise")
# What leaving one out costs in the score by which plans are compared here.
PENALTY = {COMPLAINT: 1000.0, IMPORTANT: 600.0, FAULT: 300.0, INSTALL: 100.0, 4: 100.0, 5: 100.0}
KM = 18.0  # the side of the city
MINUTES_A_KM = 1.35 / 28.0 * 60.0  # great circle to road, and 28 km/h
FORMAT = "fieldops-day-1"

Crew = list[tuple[int, int | None]]


def scattered(count: int, seed: int) -> list[tuple[float, float]]:
    """Return so many places of a square city, in kilometres east and north of its corner."""
    rng = random.Random(seed)
    return [(rng.uniform(0, KM), rng.uniform(0, KM)) for _ in range(count)]


def generate(
    technicians: int,
    visits: int,
    *,
    pairs: float = 0.1,
    seed: int = 1,
    at: Sequence[tuple[float, float]] | None = None,
) -> Day:
    """Return a day: technicians with two to four skills, visits of four classes with windows.

    One visit in ten needs two technicians, or one with both skills for longer. There is a little
    more work than the technicians can do. `at` are the places of technicians and visits, scattered
    over a square city when not given.
    """
    if at is None:
        at = scattered(technicians + visits, seed)
    rng = random.Random(f"day {seed}")
    skills = [set(rng.sample(SKILLS, rng.randint(2, 4))) for _ in range(technicians)]
    workers = []
    for t in range(technicians):
        begins = rng.choice((450, 480, 480, 480, 540))
        workers.append(Worker(begins, begins + 540.0, t, t, longer=0.0, lunch=(660.0, 780.0, 40.0)))
    jobs = []
    for v in range(visits):
        rank = rng.choices((COMPLAINT, IMPORTANT, FAULT, INSTALL), (4, 6, 35, 55))[0]
        opens = rng.choice((480, 540, 600, 660, 720, 780, 840, 900))
        length = rng.choice((90, 120, 120, 180))
        minutes = float(
            round(rng.triangular(25, 110, 50) if rank != INSTALL else rng.triangular(40, 130, 70))
        )
        needs = [rng.choice(SKILLS)]
        if rng.random() < pairs:
            needs = rng.sample(SKILLS, 2)
        team = tuple(
            Part(minutes, {t: 0.0 for t in range(technicians) if need in skills[t]})
            for need in needs
        )
        both = {t: 0.0 for t in range(technicians) if set(needs) <= skills[t]}
        alone = Part(minutes * 1.7, both) if len(needs) > 1 else None
        if len(needs) == 1:
            team, alone = (), team[0]
        job = Job(
            technicians + v,
            float(opens),
            float(opens + length),
            team,
            alone,
            grace=0.0,
            rank=rank,
            weight=WEIGHT[rank],
        )
        jobs.append(job)
    points = np.array(at)
    ways = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    return Day(tuple(jobs), tuple(workers), ways * MINUTES_A_KM)


def greedy(day: Day) -> Plan:
    """Return what a dispatcher does who takes the most urgent visit first.

    Each visit goes to the technicians, and to the place in their day, that cost the least extra
    way and make nobody late; what finds no such place is left out.
    """
    routes: list[list[Stop]] = [[] for _ in day.workers]
    order: list[int] = []
    for number in sorted(range(len(day.jobs)), key=lambda v: (day.jobs[v].rank, day.jobs[v].opens)):
        choice = _cheapest(day, routes, order, number)
        if choice is not None:
            crew, place = choice
            order.insert(place, number)
            for worker, part in crew:
                routes[worker].append(Stop(number, part, 0.0))
                routes[worker].sort(key=lambda s: order.index(s.job))
    return timed(day, Plan(tuple(map(tuple, routes)), tuple(order)))


def timed(day: Day, plan: Plan) -> Plan:
    """Return a plan with the starts its order gives."""
    starts = Decoded(day, plan).starts
    return Plan(
        tuple(
            tuple(Stop(s.job, s.part, starts[s.job, s.part]) for s in route)
            for route in plan.routes
        ),
        plan.order,
    )


def _cheapest(
    day: Day, routes: list[list[Stop]], order: list[int], number: int
) -> tuple[Crew, int] | None:
    """Return the cheapest crew and place in the order for a job that make nobody late."""
    job = day.jobs[number]
    place = next(
        (i for i, other in enumerate(order) if day.jobs[other].opens > job.opens), len(order)
    )
    rank = {other: i for i, other in enumerate(order)}

    def first(part: Part, name: int | None, crew: Crew) -> Crew | None:
        """Return a crew with the nearest technician who can still take this part."""
        free = [worker for worker in part.prices if all(worker != taken for taken, _ in crew)]
        ways = {worker: _extra(day, routes[worker], worker, number, rank, place) for worker in free}
        for worker in sorted(free, key=lambda w: ways[w]):
            if _possible(day, routes, order, number, [*crew, (worker, name)], place):
                return [*crew, (worker, name)]
        return None

    if job.alone is not None and (crew := first(job.alone, None, [])) is not None:
        return crew, place
    team: Crew | None = [] if job.team else None
    for name, part in enumerate(job.team):
        if team is not None:
            team = first(part, name, team)
    return None if team is None else (team, place)


def _extra(
    day: Day, route: list[Stop], worker: int, number: int, rank: dict[int, int], place: int
) -> float:
    """Return the extra way of a technician who serves one more job at a place in the order."""
    at = sum(rank[stop.job] < place for stop in route)
    with_it = [*route[:at], Stop(number, None, 0.0), *route[at:]]
    return _way(day, worker, with_it) - _way(day, worker, route)


def _possible(
    day: Day,
    routes: list[list[Stop]],
    order: list[int],
    number: int,
    crew: Crew,
    place: int,
) -> bool:
    """Return whether nobody would be late, work overtime or lunch too late with this crew."""
    concerned = {worker for worker, _ in crew}
    jobs = {number, *(s.job for w in concerned for s in routes[w])}
    grown = True
    while grown:  # all who share a visit with somebody concerned
        grown = False
        for w, route in enumerate(routes):
            if w not in concerned and any(s.job in jobs for s in route):
                concerned.add(w)
                jobs |= {s.job for s in route}
                grown = True
    after = [*order[:place], number, *order[place:]]
    rank = {job: i for i, job in enumerate(after)}
    trial = []
    for w in range(len(day.workers)):
        stops = list(routes[w]) if w in concerned else []
        stops += [Stop(number, part, 0.0) for worker, part in crew if worker == w]
        trial.append(tuple(sorted(stops, key=lambda s: rank[s.job])))
    figures = Decoded(day, Plan(tuple(trial), tuple(j for j in after if j in jobs))).figures()
    return not (figures.late_visits or figures.overtime_minutes or figures.lunch_late_minutes)


def _way(day: Day, worker: int, route: Any) -> float:
    own = day.workers[worker]
    places = [own.start, *(day.jobs[s.job].place for s in route), own.end]
    if len(places) == 2:
        return 0.0
    return float(sum(day.minutes[a, b] for a, b in pairwise(places)))


def write(day: Day, path: Path) -> None:
    """Write a day as JSON; docs/dispatch.md says what its fields mean."""
    path.write_text(json.dumps(shape(day)), encoding="utf-8")


def shape(day: Day) -> dict[str, Any]:
    """Return a day as plain values; what has no limit is null."""

    def limit(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def part(p: Part) -> dict[str, Any]:
        prices = {str(t): price for t, price in p.prices.items()}
        return {"minutes": p.minutes, "prices": prices, "load": p.load, "need": p.need}

    shaped: dict[str, Any] = {
        "format": FORMAT,
        "jobs": [
            {
                "place": j.place,
                "window": [j.opens, j.closes],
                "team": [part(p) for p in j.team],
                "alone": part(j.alone) if j.alone else None,
                "gap": list(j.gap),
                "grace": limit(j.grace),
                "rank": j.rank,
                "weight": j.weight,
            }
            for j in day.jobs
        ],
        "workers": [
            {
                "shift": [w.begins, w.ends],
                "start": w.start,
                "end": w.end,
                "lunch": list(w.lunch),
                "longer": limit(w.longer),
                "room": limit(w.room),
                "rarity": w.rarity,
            }
            for w in day.workers
        ],
        "minutes": np.round(day.minutes, 3).tolist(),
    }
    if day.lengths is not None:
        shaped["lengths"] = np.round(day.lengths, 3).tolist()
    return shaped


def parse(raw: dict[str, Any]) -> Day:
    """Return the day that `shape` wrote; raises ValueError for another format or a wrong day."""
    if raw.get("format") != FORMAT:
        raise ValueError(f"not a day of the format {FORMAT}")

    def limit(value: float | None) -> float:
        return math.inf if value is None else float(value)

    def part(p: dict[str, Any]) -> Part:
        prices = {int(t): float(price) for t, price in p["prices"].items()}
        return Part(float(p["minutes"]), prices, float(p.get("load", 0)), float(p.get("need", 0)))

    def job(j: dict[str, Any]) -> Job:
        opens, closes = map(float, j["window"])
        least, most = map(float, j.get("gap", (0, 0)))
        return Job(
            int(j["place"]),
            opens,
            closes,
            tuple(part(p) for p in j["team"]),
            part(j["alone"]) if j.get("alone") else None,
            (least, most),
            limit(j.get("grace")),
            int(j["rank"]),
            float(j["weight"]),
        )

    def worker(w: dict[str, Any]) -> Worker:
        begins, ends = map(float, w["shift"])
        earliest, latest, length = map(float, w["lunch"])
        return Worker(
            begins,
            ends,
            int(w["start"]),
            None if w["end"] is None else int(w["end"]),
            limit(w.get("room")),
            limit(w.get("longer")),
            float(w.get("rarity", 0)),
            (earliest, latest, length),
        )

    lengths = matrix(raw["lengths"]) if "lengths" in raw else None
    return Day(
        tuple(map(job, raw["jobs"])),
        tuple(map(worker, raw["workers"])),
        matrix(raw["minutes"]),
        lengths,
    )


def matrix(rows: Any) -> Reals:
    """Return the ways between places; raises ValueError when they are no square of numbers."""
    try:
        ways: Reals = np.array(rows, float)
    except ValueError as exc:
        raise ValueError("the ways are no square matrix of numbers") from exc
    if ways.ndim != 2 or ways.shape[0] != ways.shape[1]:
        raise ValueError("the ways are no square matrix of numbers")
    return ways
