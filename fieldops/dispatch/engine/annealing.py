"""Simulated annealing over the moves, compiled."""

import math

import numpy as np
from numba import njit

from fieldops.dispatch.engine.layout import (
    BALANCE,
    BEFORE,
    COMPONENTS,
    EXCESS,
    KEY,
    LATE,
    LATE_MOST,
    LATE_TIME,
    LATE_VISITS,
    LUNCH_LATE,
    MODE,
    MOST_PARTS,
    NODES,
    OVERTIME,
    REAL_STATE,
    START,
    STATE,
    TECHNICIANS,
    TOTAL,
    UNSERVED,
    VISITS,
    nodes_of,
)
from fieldops.dispatch.engine.moves import (
    take_in,
    try_drop,
    try_eject,
    try_relocate,
    try_segment,
    try_swap,
    try_tails,
)
from fieldops.dispatch.engine.routes import (
    put_real,
    undo,
)
from fieldops.dispatch.engine.ruins import (
    MOST_REMOVED,
    SOME,
    try_ruin,
)
from fieldops.dispatch.engine.timing import (
    spread,
)


@njit(cache=True)
def cost_of(steer, w, r):
    worth = 0.0
    for i in range(COMPONENTS):
        worth += steer[i] * r[w[TOTAL] + i]
    return worth


@njit(cache=True)
def vanishing(steer, w, r):
    """Return what of the cost may vanish with a move, whatever else it does."""
    share = steer[LATE_TIME] * r[w[TOTAL] + LATE_TIME]
    share += steer[LATE_VISITS] * r[w[TOTAL] + LATE_VISITS]
    share += steer[LATE_MOST] * r[w[TOTAL] + LATE_MOST]
    share += steer[OVERTIME] * r[w[TOTAL] + OVERTIME]
    share += steer[EXCESS] * r[w[TOTAL] + EXCESS]
    share += steer[LUNCH_LATE] * r[w[TOTAL] + LUNCH_LATE]
    return share


@njit(cache=True)
def most_late(w, r):
    most = 0.0
    for node in range(w[NODES]):
        most = max(most, r[w[LATE] + node])
    return most


@njit(cache=True)
def better(levels, w, r, best):
    """Compare level by level; a level is a weighted sum of components."""
    for level in range(levels.shape[0]):
        now = 0.0
        for i in range(COMPONENTS):
            now += levels[level, i] * r[w[TOTAL] + i]
        if now < best[level] - 1e-7:
            return True
        if now > best[level] + 1e-7:
            return False
    return False


@njit(cache=True)
def worth(levels, w, r, best):
    for level in range(levels.shape[0]):
        now = 0.0
        for i in range(COMPONENTS):
            now += levels[level, i] * r[w[TOTAL] + i]
        best[level] = now


@njit(cache=True)
def seed(number):
    """Seed the compiled random numbers."""
    np.random.seed(number)


@njit(cache=True)
def try_some(w, r, j, f, steer, slack, visit, left_out, outside, former, team, waiting, moved):
    """Try one of the small moves; returns how many nodes wait to be timed, -1: not possible."""
    pick = np.random.random()
    if outside > 0 and pick < 0.15:
        visit = left_out[np.random.randint(outside)]
        if np.random.random() < 0.5:
            return try_eject(w, r, j, f, visit, former, team, waiting)
        return try_relocate(w, r, j, f, steer, slack, visit, former, team, waiting)
    if pick < 0.62:
        return try_relocate(w, r, j, f, steer, slack, visit, former, team, waiting)
    if pick < 0.76:
        return try_swap(w, r, j, f, steer, slack, visit, former, team, waiting)
    if pick < 0.86:
        return try_segment(w, r, j, f, visit, waiting, moved)
    if pick < 0.97:
        return try_tails(w, r, j, f, steer, slack, visit, waiting, moved)
    if pick < 0.99:
        return try_eject(w, r, j, f, visit, former, team, waiting)
    return try_drop(w, r, j, f, visit, waiting)


@njit(cache=True, nogil=True)
def anneal(w, r, j, f, steer, levels, warmth, ruins, moves, best, best_whole, best_real):
    """Try `moves` moves at a temperature; keeps the best plan seen by `levels`.

    `ruins` is the share of large moves. Returns how many moves were taken.
    """
    nodes, visits = w[NODES], w[VISITS]
    waiting = np.zeros(nodes + 2 * w[TECHNICIANS], np.int64)
    former = np.zeros(MOST_PARTS, np.int64)
    team = np.zeros(MOST_PARTS, np.int64)
    changed = np.zeros(MOST_PARTS, np.bool_)
    moved = np.zeros(nodes + 1, np.int64)
    left_out = np.zeros(visits, np.int64)
    touched = np.zeros(w[TECHNICIANS], np.int64)
    removed = np.zeros(MOST_REMOVED, np.int64)
    scores = np.zeros(MOST_REMOVED)
    places = (
        np.zeros((MOST_PARTS, SOME, 2), np.int64),
        np.zeros((MOST_PARTS, SOME, 2)),
        np.zeros(MOST_PARTS, np.int64),
    )
    outside = 0
    taken = 0
    cost = cost_of(steer, w, r)
    quick = steer[BALANCE] == 0.0
    by_most = steer[LATE_MOST] != 0.0
    for turn in range(moves):
        if turn % 1024 == 0:
            outside = 0
            for visit in range(visits):
                if w[w[MODE] + visit] == UNSERVED:
                    left_out[outside] = visit
                    outside += 1
        j[0] = 2
        j[1] = 0
        visit = np.random.randint(visits)
        bar = cost - warmth * math.log(np.random.random() + 1e-300)
        # What lateness there is can at best vanish: moves that are too dear all the same end soon.
        slack = bar - cost + vanishing(steer, w, r) if quick else math.inf
        if np.random.random() < ruins:
            possible = try_ruin(
                w, r, j, f, steer, visit, waiting, changed, team, touched, removed, scores, places
            )
        else:
            count = try_some(
                w, r, j, f, steer, slack, visit, left_out, outside, former, team, waiting, moved
            )
            possible = count >= 0 and cost_of(steer, w, r) - vanishing(steer, w, r) <= bar
            possible = possible and spread(w, r, j, f, waiting, count, changed)
        if possible and by_most:
            put_real(r, j, f, w[TOTAL] + LATE_MOST, most_late(w, r))
        now = cost_of(steer, w, r)
        if not possible or now > bar:
            undo(w, r, j, f)
            continue
        cost = now
        taken += 1
        keep(levels, w, r, best, best_whole, best_real)
    return taken


@njit(cache=True)
def keep(levels, w, r, best, best_whole, best_real):
    """Keep the present plan as the best when it is better."""
    if better(levels, w, r, best):
        worth(levels, w, r, best)
        best_whole[:] = w[w[STATE] :]
        best_real[:] = r[w[REAL_STATE] :]


@njit(cache=True)
def renew_keys(w, r, order):
    """Give each visit a key near its start, in the order the keys have, no two the same.

    Keys that crowd together would leave no room between them, and keys far from the times make
    bad guesses where a second technician of a visit would have room.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    reached = np.full(nodes + 2 * technicians, -math.inf)
    for visit in order:
        node, parts = nodes_of(w, visit)
        if parts == 0:
            continue
        key = r[w[START] + node] + 1e-7 * visit
        for i in range(parts):
            key = max(key, reached[w[w[BEFORE] + node + i]] + 1e-6)
        for i in range(parts):
            reached[node + i] = key
        r[w[KEY] + visit] = key


@njit(cache=True)
def place_visit(w, r, j, f, visit, mode, team, key):
    """Put a visit into the plan and time what follows; returns whether that was possible."""
    waiting = np.zeros(w[NODES] + 2 * w[TECHNICIANS], np.int64)
    changed = np.zeros(MOST_PARTS, np.bool_)
    j[0] = 2
    j[1] = 0
    count = take_in(w, r, j, f, visit, mode, team, key, waiting, 0)
    if count < 0 or not spread(w, r, j, f, waiting, count, changed):
        undo(w, r, j, f)
        return False
    put_real(r, j, f, w[TOTAL] + LATE_MOST, most_late(w, r))
    return True
