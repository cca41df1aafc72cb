"""Running the search: temperatures over time, the weights that steer, the best plan found."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fieldops.dispatch.engine import annealing, layout, packing
from fieldops.dispatch.engine.packing import Day, Reals, Wholes
from fieldops.dispatch.engine.plans import Plan, Stop

MOVES_A_TURN = 20_000

COMPONENT = {
    "left_out": layout.UNSERVED_WEIGHT,
    "late_visits": layout.LATE_VISITS,
    "late_minutes": layout.LATE_TIME,
    "latest_minutes": layout.LATE_MOST,
    "overtime_minutes": layout.OVERTIME,
    "lunch_late_minutes": layout.LUNCH_LATE,
    "length": layout.TRAVEL,
    "price": layout.PRICES,
    "balance": layout.BALANCE,
    "excess": layout.EXCESS,
    "scarce": layout.SCARCE,
} | {f"left_out_{rank}": rank for rank in range(layout.CLASSES)}

Weights = dict[str, float]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is looked for.

    `levels` compare two plans: a weighted sum of figures each, the first that differs decides.
    `steer` is the one sum the search walks by; those of `ramped` begin at a twentieth of their
    weight and reach it at half time, for a search that may not be late at first finds little.
    Temperatures are in the unit of that sum.
    """

    levels: Sequence[Weights]
    steer: Weights
    warm: float
    cold: float
    ramped: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Found:
    """The best plan of a run, its worth level by level, how many moves were tried."""

    plan: Plan
    worth: tuple[float, ...]
    moves: int
    seconds: float


def search(
    day: Day,
    aim: Aim,
    seconds: float,
    *,
    start: Plan | None = None,
    seed: int = 1,
    clock: Callable[[], float] = time.process_time,
) -> Found:
    """Return the best plan found in so many seconds of CPU time.

    `start` is a plan to begin with. The same seed gives the same moves, but how many fit into the
    time depends on the machine.
    """
    if not day.jobs or not day.workers:
        return Found(Plan(((),) * len(day.workers), ()), (), 0, 0.0)
    w, r = packing.pack(day)
    j, f = packing.empty_journal()
    steer, levels = _vector(aim.steer), np.array([_vector(level) for level in aim.levels])
    best = np.full(len(aim.levels), np.inf)
    best_w, best_r = w[w[layout.STATE] :].copy(), r[w[layout.REAL_STATE] :].copy()
    annealing.seed(seed)
    annealing.anneal(w, r, j, f, steer, levels, 1.0, 0, best, best_w, best_r)  # compiles
    if start is not None:
        _begin_with(start, w, r, j, f)
    annealing.keep(levels, w, r, best, best_w, best_r)
    began, moves = clock(), 0
    while (gone := (clock() - began) / seconds) < 1:
        warmth = aim.warm * (aim.cold / aim.warm) ** gone
        annealing.renew_keys(w, r, _by_key(w, r))
        annealing.anneal(
            w,
            r,
            j,
            f,
            _ramp(steer, aim.ramped, gone),
            levels,
            warmth,
            MOVES_A_TURN,
            best,
            best_w,
            best_r,
        )
        moves += MOVES_A_TURN
    spent = clock() - began
    w[w[layout.STATE] :], r[w[layout.REAL_STATE] :] = best_w, best_r
    return Found(_plan(day, w, r), tuple(best.tolist()), moves, spent)


def _vector(weights: Weights) -> Reals:
    vector = np.zeros(layout.COMPONENTS)
    for name, weight in weights.items():
        vector[COMPONENT[name]] = weight
    return vector


def _ramp(steer: Reals, ramped: frozenset[str], gone: float) -> Reals:
    share = min(1.0, 0.05 + 1.9 * gone)
    risen = steer.copy()
    for name in ramped:
        risen[COMPONENT[name]] *= share
    return risen


def _by_key(w: Wholes, r: Reals) -> Wholes:
    keys = r[w[layout.KEY] : w[layout.KEY] + w[layout.VISITS]]
    return np.argsort(keys, kind="stable")


def _begin_with(start: Plan, w: Wholes, r: Reals, j: Wholes, f: Reals) -> None:
    """Put the jobs of a plan into the empty state, in its order."""
    crews: dict[int, dict[int | None, int]] = {}
    for worker, route in enumerate(start.routes):
        for stop in route:
            crews.setdefault(stop.job, {})[stop.part] = worker
    for place, number in enumerate(start.order):
        crew = crews[number]
        mode = layout.SOLO if None in crew else layout.TEAM
        team = np.zeros(layout.MOST_PARTS, np.int64)
        for i, part in enumerate(sorted(crew, key=lambda p: -1 if p is None else p)):
            team[i] = crew[part]
        annealing.place_visit(w, r, j, f, number, mode, team, float(place))


def _plan(day: Day, w: Wholes, r: Reals) -> Plan:
    """Read a plan from the state."""
    nodes = int(w[layout.NODES])
    routes = []
    for worker in range(len(day.workers)):
        stops = []
        node = int(w[w[layout.NEXT] + nodes + worker])
        while node < nodes:
            job = int(w[w[layout.VISIT] + node])
            part = node - day.first_node[job]
            alone = part == len(day.jobs[job].team)
            start = float(r[w[layout.START] + node])
            stops.append(Stop(job, None if alone else part, start))
            node = int(w[w[layout.NEXT] + node])
        routes.append(tuple(stops))
    served = w[w[layout.MODE] : w[layout.MODE] + len(day.jobs)] != layout.UNSERVED
    order = tuple(int(v) for v in _by_key(w, r) if served[v])
    return Plan(tuple(routes), order)
