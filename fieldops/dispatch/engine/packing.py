"""A day with named parts, and how it becomes the two flat arrays the search works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldops.dispatch.engine import layout, routes

Reals = NDArray[np.float64]
Wholes = NDArray[np.int64]

NEAREST = 24


@dataclass(frozen=True, slots=True)
class Part:
    """One technician's share of a visit: minutes of work, and a price for who may do it.

    `need` says how rare the skills are that it asks for, as `Worker.rarity` does.
    """

    minutes: float
    prices: dict[int, float]
    load: float = 0.0
    need: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A visit as the search sees it. Times are minutes of the day.

    `team` has one part for each technician of a team, `alone` is the whole of it for one who can
    do everything; one of both is needed. `gap` says how long after the first part the second may
    begin, (0, 0): together. A start after `closes` is late; more than `grace` minutes late it may
    not be. `rank` is the class of priority (0 the most urgent, below layout.CLASSES), `weight` what
    leaving it out weighs while searching.
    """

    place: int
    opens: float
    closes: float
    team: tuple[Part, ...] = ()
    alone: Part | None = None
    gap: tuple[float, float] = (0.0, 0.0)
    grace: float = np.inf
    rank: int = 0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A technician's day: minutes of the day, first and last place (None: wherever it ends).

    More overtime than `longer` minutes may not be.
    """

    begins: float
    ends: float
    start: int
    end: int | None
    room: float = np.inf
    longer: float = np.inf
    rarity: float = 0.0
    lunch: tuple[float, float, float] = (0.0, 0.0, 0.0)  # earliest, latest begin, length


@dataclass(frozen=True, slots=True)
class Day:
    """All there is to plan: jobs, workers, and the ways between the places in minutes.

    `lengths` is what a way costs; the minutes when not given.
    """

    jobs: tuple[Job, ...]
    workers: tuple[Worker, ...]
    minutes: Reals
    lengths: Reals | None = None
    first_node: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        first, node = [], 0
        for job in self.jobs:
            first.append(node)
            node += len(job.team) + (job.alone is not None)
        object.__setattr__(self, "first_node", (*first, node))


def check(day: Day) -> None:
    """Raise ValueError, naming the first mistake, for a day that cannot be reckoned with.

    Compiled code checks no index: what is wrong here would be read anywhere.
    """
    places = len(day.minutes)
    for ways in (day.minutes, day.lengths):
        if ways is not None and (
            ways.shape != (places, places) or not np.isfinite(ways).all() or (ways < 0).any()
        ):
            raise ValueError("the ways are no square matrix of numbers from nought up")
    for number, worker in enumerate(day.workers):
        ends = worker.start if worker.end is None else worker.end
        if not (0 <= worker.start < places and 0 <= ends < places):
            raise ValueError(f"worker {number} starts or ends at a place that is not there")
        if not np.isfinite((worker.begins, worker.ends, *worker.lunch)).all():
            raise ValueError(f"worker {number} has a time that is no number")
    for number, job in enumerate(day.jobs):
        if wrong := _wrong(job, places, len(day.workers)):
            raise ValueError(f"job {number} {wrong}")


def _wrong(job: Job, places: int, workers: int) -> str | None:
    """Return what is wrong with a job, as the end of a sentence."""
    parts = (*job.team, *([job.alone] if job.alone else []))
    least, most = job.gap
    sound = {
        "is at a place that is not there": 0 <= job.place < places,
        "has no part": bool(parts),
        f"has more than {layout.MOST_PARTS} parts": len(job.team) <= layout.MOST_PARTS,
        f"has a class beyond {layout.CLASSES - 1}": 0 <= job.rank < layout.CLASSES,
        "has a window that is no time": np.isfinite(job.opens) and not np.isnan(job.closes),
        "has a grace that is no time": job.grace >= 0,
        "has a gap that is none": 0 <= least <= most < np.inf and (most == 0 or len(job.team) == 2),  # noqa: PLR2004 - a gap lies between two
        "has a weight that is none": np.isfinite(job.weight),
        "has work of no length": all(0 <= part.minutes < np.inf for part in parts),
        "may be done by somebody who is not there": all(
            0 <= worker < workers and np.isfinite(price)
            for part in parts
            for worker, price in part.prices.items()
        ),
    }
    return next((said for said, holds in sound.items() if not holds), None)


def pack(day: Day) -> tuple[Wholes, Reals]:
    """Return the arrays of a day with an empty plan: every visit is left out.

    Raises ValueError as `check` does.
    """
    check(day)
    jobs, workers = day.jobs, day.workers
    visits, technicians, nodes = len(jobs), len(workers), day.first_node[-1]
    parts = [part for job in jobs for part in (*job.team, *([job.alone] if job.alone else []))]
    owners = [v for v, job in enumerate(jobs) for _ in range(len(job.team) + bool(job.alone))]
    allowed = [sorted(part.prices) for part in parts]
    near = _near(day)
    prices = np.full((nodes, technicians), np.inf)
    for node, part in enumerate(parts):
        for technician, price in part.prices.items():
            prices[node, technician] = price
    ends = nodes + 2 * technicians
    whole = {
        layout.FIRST: day.first_node[:-1],
        layout.PARTS: [len(job.team) for job in jobs],
        layout.SOLO_NODE: [
            first + len(job.team) if job.alone else -1
            for first, job in zip(day.first_node, jobs, strict=False)
        ],
        layout.RANK: [job.rank for job in jobs],
        layout.PLACE: [job.place for job in jobs],
        layout.HELD: np.full(visits, layout.FREE),
        layout.NEAR: near.ravel(),
        layout.VISIT: owners,
        layout.ALLOWED_FIRST: np.cumsum([0, *map(len, allowed)]),
        layout.ALLOWED: [technician for found in allowed for technician in found],
        layout.START_PLACE: [worker.start for worker in workers],
        layout.END_PLACE: [-1 if worker.end is None else worker.end for worker in workers],
        layout.NEXT: np.full(ends, -1),
        layout.BEFORE: np.full(ends, -1),
        layout.TECHNICIAN: np.full(nodes, layout.NOBODY),
        layout.MODE: np.full(visits, layout.UNSERVED),
    }
    real = {
        layout.OPENS: [job.opens for job in jobs],
        layout.CLOSES: [job.closes for job in jobs],
        layout.GRACE: [job.grace for job in jobs],
        layout.GAP_LEAST: [job.gap[0] for job in jobs],
        layout.GAP_MOST: [job.gap[1] for job in jobs],
        layout.WEIGHT: [job.weight for job in jobs],
        layout.DURATION: [part.minutes for part in parts],
        layout.LOAD: [part.load for part in parts],
        layout.NEED: [part.need for part in parts],
        layout.PRICE: prices.ravel(),
        layout.BEGINS: [worker.begins for worker in workers],
        layout.ENDS: [worker.ends for worker in workers],
        layout.LONGER: [worker.longer for worker in workers],
        layout.ROOM: [worker.room for worker in workers],
        layout.RARITY: [worker.rarity for worker in workers],
        layout.LUNCH_FROM: [worker.lunch[0] for worker in workers],
        layout.LUNCH_UNTIL: [worker.lunch[1] for worker in workers],
        layout.LUNCH_LENGTH: [worker.lunch[2] for worker in workers],
        layout.MINUTES: day.minutes.ravel(),
        layout.LENGTH: (day.minutes if day.lengths is None else day.lengths).ravel(),
        layout.KEY: np.zeros(visits),
        layout.START: np.zeros(nodes),
        layout.LEAVES: np.zeros(ends),
        layout.EATEN: np.zeros(ends),
        layout.LUNCH: np.zeros(ends),
        layout.LATE: np.zeros(nodes),
        layout.OVER: np.zeros(technicians),
        layout.WORK: np.zeros(technicians),
        layout.LADEN: np.zeros(technicians),
        layout.TOTAL: np.zeros(layout.COMPONENTS),
    }
    w = np.zeros(layout.SLOTS, np.int64)
    w[layout.NODES], w[layout.TECHNICIANS], w[layout.VISITS] = nodes, technicians, visits
    w[layout.PLACES], w[layout.WIDTH] = len(day.minutes), near.shape[1]
    w, r = _laid(w, whole, real)
    _empty(day, w, r)
    return w, r


def _laid(head: Wholes, whole: Mapping[int, Any], real: Mapping[int, Any]) -> tuple[Wholes, Reals]:
    """Lay the arrays one behind the other and note in the head where each begins."""
    at, wholes = layout.SLOTS, []
    for slot, values in whole.items():
        array = np.asarray(values, np.int64)
        head[slot] = at
        at += array.size
        wholes.append(array)
    at, reals = 0, []
    for slot, values in real.items():
        array = np.asarray(values, np.float64)
        head[slot] = at
        at += array.size
        reals.append(array)
    head[layout.STATE], head[layout.REAL_STATE] = head[layout.NEXT], head[layout.KEY]
    return np.concatenate([head, *wholes]), np.concatenate(reals)


def _empty(day: Day, w: Wholes, r: Reals) -> None:
    """Give every worker an empty route and count every visit as left out."""
    nodes, technicians = int(w[layout.NODES]), len(day.workers)
    for t, worker in enumerate(day.workers):
        head, tail = nodes + t, nodes + technicians + t
        w[w[layout.NEXT] + head] = tail
        w[w[layout.BEFORE] + tail] = head
        r[w[layout.LEAVES] + head] = worker.begins
        r[w[layout.EATEN] + head] = float(worker.lunch[2] == 0.0)
    for job in day.jobs:
        r[w[layout.TOTAL] + job.rank] += 1
        r[w[layout.TOTAL] + layout.UNSERVED_WEIGHT] += job.weight


def _near(day: Day) -> Wholes:
    """Return for each visit those worth standing beside: little way, little waiting, not late."""
    jobs = day.jobs
    count = len(jobs)
    place = np.array([job.place for job in jobs])
    opens = np.array([job.opens for job in jobs])
    closes = np.array([job.closes for job in jobs])
    longest = [max(p.minutes for p in (job.team or (job.alone,)) if p) for job in jobs]
    work = np.array(longest)
    way = day.minutes[np.ix_(place, place)]
    # [a, b]: b comes after a
    wait = opens[None, :] - (closes + work)[:, None] - way
    late = (opens + work)[:, None] + way - closes[None, :]
    after = way + 0.3 * np.maximum(0, wait) + np.maximum(0, late)
    score = np.minimum(after, after.T)
    np.fill_diagonal(score, np.inf)
    width = min(NEAREST, count - 1)
    return np.argsort(score, axis=1)[:, :width].astype(np.int64)


def empty_journal() -> tuple[Wholes, Reals]:
    """Return a journal with nothing in it."""
    j = np.zeros(routes.JOURNAL, np.int64)
    j[0] = 2
    return j, np.zeros(routes.JOURNAL - routes.FLOATS_FROM, np.float64)
