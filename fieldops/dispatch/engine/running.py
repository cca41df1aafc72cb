"""Running the search: temperatures over time, the weights that steer, the best plan found."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from fieldops.dispatch.engine import annealing, filling, layout, packing, settling
from fieldops.dispatch.engine.packing import Day, Reals, Wholes
from fieldops.dispatch.engine.plans import Plan, Stop, part_of

MOVES_A_TURN = 20_000
# What is ramped begins at this share of its weight and reaches all of it at this part of the time;
# then it grows on until nothing that is left out can outweigh it.
LEAST_SHARE, RISEN = 0.02, 0.7
HARD, HARDENED = 1e4, 0.85

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
    `steer` is the one sum the search walks by; those of `ramped` begin at a small share of their
    weight and end at a large multiple of it, for a search that may not be late at first finds
    little, and one that may be late at last ends with a plan that nobody can carry out.
    Temperatures are in the unit of that sum. `ruins` is the share of large moves among all, each
    of which takes as long as 50 to 150 small ones. With `filled` what is left out is first put in
    where it costs the least, the most urgent first: the search is then about a day that has its
    shape, and may begin colder. `concern` is what a technician whose published visits change costs
    at the end, in the unit of the prices.
    """

    levels: Sequence[Weights]
    steer: Weights
    warm: float
    cold: float
    ruins: float = 0.0
    ramped: frozenset[str] = field(default_factory=frozenset)
    filled: bool = False
    concern: float = 0.0


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
    seconds: float = math.inf,
    *,
    moves: int | None = None,
    start: Plan | None = None,
    published: Plan | None = None,
    frozen: Collection[int] = (),
    locked: Collection[int] = (),
    seed: int = 1,
    clock: Callable[[], float] = time.thread_time,
    stop: Callable[[], bool] | None = None,
) -> Found:
    """Return the best plan found in so many seconds of this thread's CPU time, or so many moves.

    `start` is a plan to begin with; what nobody may do as it says there begins left out. At the end
    what gains nothing goes back to how `published` has it, if there is such a plan. Jobs of
    `locked` stay served by those who have them in `start`, at a time that may change; those of
    `frozen` do so with all that stands before them, where nothing may come in any more. `stop`
    is asked some fifty times a second and ends the search early when it says so. The same seed and
    number of moves give the same plan; how many moves fit into a second depends on the machine.

    Raises ValueError when neither seconds nor moves end the search, or when a job that is to stay
    cannot be as `start` says.
    """
    if moves is None and not math.isfinite(seconds):
        raise ValueError("a search needs a number of seconds or of moves")
    if not day.jobs or not day.workers:
        if held := {*frozen, *locked}:
            raise ValueError(f"job {min(held)} cannot stay as it is: the day is empty")
        return Found(Plan(((),) * len(day.workers), ()), (0.0,) * len(aim.levels), 0, 0.0)
    w, r = packing.pack(day)
    j, f = packing.empty_journal()
    steer, levels = _vector(aim.steer), np.array([_vector(level) for level in aim.levels])
    best = np.full(len(aim.levels), np.inf)
    best_w, best_r = w[w[layout.STATE] :].copy(), r[w[layout.REAL_STATE] :].copy()
    annealing.seed(seed)
    annealing.anneal(w, r, j, f, steer, levels, 1.0, 0.0, 0, best, best_w, best_r)  # compiles
    _begin_with(start, day, w, r, j, f)
    _hold(frozen, locked, w)
    filling.fill(w, r, j, f, steer, np.empty(0, np.int64))  # compiles
    home = None if published is None or moves == 0 else _home(published, day)
    began, done = clock(), 0
    if aim.filled and moves != 0:
        filling.fill(w, r, j, f, steer, _by_urgency(day))
    annealing.keep(levels, w, r, best, best_w, best_r)
    while stop is None or not stop():
        gone = (clock() - began) / seconds
        if moves is not None:
            gone = max(gone, done / moves if moves else 1.0)
        if gone >= 1:
            break
        warmth = aim.warm * (aim.cold / aim.warm) ** gone
        now = _ramp(steer, aim.ramped, gone)
        turn = MOVES_A_TURN if moves is None else min(MOVES_A_TURN, moves - done)
        annealing.renew_keys(w, r, _by_key(w, r))
        annealing.anneal(w, r, j, f, now, levels, warmth, aim.ruins, turn, best, best_w, best_r)
        done += turn
    w[w[layout.STATE] :], r[w[layout.REAL_STATE] :] = best_w, best_r
    if home is not None:
        annealing.renew_keys(w, r, _by_key(w, r))
        settling.settle(w, r, j, f, levels, *home, aim.concern)
        annealing.worth(levels, w, r, best)
    spent = clock() - began
    return Found(_plan(day, w, r), tuple(best.tolist()), done, spent)


def _vector(weights: Weights) -> Reals:
    vector = np.zeros(layout.COMPONENTS)
    for name, weight in weights.items():
        vector[COMPONENT[name]] = weight
    return vector


def _ramp(steer: Reals, ramped: frozenset[str], gone: float) -> Reals:
    """Return the weights of a moment: what is ramped grows by the same factor in the same time."""
    if gone < RISEN:
        share = LEAST_SHARE ** (1 - gone / RISEN)
    else:
        share = HARD ** min(1.0, (gone - RISEN) / (HARDENED - RISEN))
    risen = steer.copy()
    for name in ramped:
        risen[COMPONENT[name]] *= share
    return risen


def _by_urgency(day: Day) -> Wholes:
    urgent = sorted(range(len(day.jobs)), key=lambda n: (day.jobs[n].rank, day.jobs[n].opens))
    return np.array(urgent, np.int64)


def _by_key(w: Wholes, r: Reals) -> Wholes:
    keys = r[w[layout.KEY] : w[layout.KEY] + w[layout.VISITS]]
    return np.argsort(keys, kind="stable")


def _begin_with(start: Plan | None, day: Day, w: Wholes, r: Reals, j: Wholes, f: Reals) -> None:
    """Put the jobs of a plan into the empty state, in its order."""
    if start is None:
        return
    crews = start.crews()
    for place, number in enumerate(start.order):
        crew = crews[number]
        if any(worker not in part_of(day, number, part).prices for part, worker in crew.items()):
            continue
        mode = layout.SOLO if None in crew else layout.TEAM
        if mode == layout.TEAM and len(crew) != len(day.jobs[number].team):
            continue
        team = np.zeros(layout.MOST_PARTS, np.int64)
        for part, worker in crew.items():
            team[part or 0] = worker
        annealing.place_visit(w, r, j, f, number, mode, team, float(place))


def _home(published: Plan, day: Day) -> tuple[Wholes, Reals]:
    """Return who serves what in a plan, and keys that say when that is as things stand."""
    w, r = packing.pack(day)
    j, f = packing.empty_journal()
    _begin_with(published, day, w, r, j, f)
    annealing.renew_keys(w, r, _by_key(w, r))
    crews: Wholes = settling.crews_of(w)
    keys = r[w[layout.KEY] : w[layout.KEY] + w[layout.VISITS]].copy()
    settling.settle(w, r, j, f, np.zeros((1, layout.COMPONENTS)), crews, keys, 0.0)  # compiles
    return crews, keys


def _hold(frozen: Collection[int], locked: Collection[int], w: Wholes) -> None:
    """Mark what stays as it is; raises ValueError for what is not there.

    What stands before a frozen visit is frozen with it: to insert before either would be the same.
    """
    for number in {*frozen, *locked}:
        if w[w[layout.MODE] + number] == layout.UNSERVED:
            raise ValueError(f"job {number} cannot stay with whom it has: nobody may do it so")
    for number in locked:
        w[w[layout.HELD] + number] = layout.LOCKED
    nodes, waiting = int(w[layout.NODES]), list(frozen)
    while waiting:
        number = waiting.pop()
        if w[w[layout.HELD] + number] == layout.FROZEN:
            continue
        w[w[layout.HELD] + number] = layout.FROZEN
        first, count = layout.nodes_of(w, number)
        before = [int(w[w[layout.BEFORE] + first + part]) for part in range(count)]
        waiting += [int(w[w[layout.VISIT] + node]) for node in before if node < nodes]


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
