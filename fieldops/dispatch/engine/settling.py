"""Settling a plan found: what gains nothing goes back to how it was published, compiled.

A search walks by a sum and leaves behind changes that nobody needs. Here a technician whose visits
changed is asked for after the other: can all of it be as published, or what came to them be done by
somebody who has to be told of a change anyway? The levels of the plan decide, with a price for each
technician concerned beside the prices of the changes.
"""

import numpy as np
from numba import njit

from fieldops.dispatch.engine.annealing import most_late
from fieldops.dispatch.engine.layout import (
    COMPONENTS,
    FIRST,
    FREE,
    HELD,
    LATE_MOST,
    LEAVES,
    MODE,
    MOST_PARTS,
    NEXT,
    NODES,
    OPENS,
    PARTS,
    PLACE,
    PRICES,
    REAL_STATE,
    SOLO,
    SOLO_NODE,
    STATE,
    TEAM,
    TECHNICIAN,
    TECHNICIANS,
    TOTAL,
    UNSERVED,
    VISIT,
    VISITS,
    key_of,
    minutes_between,
    nodes_of,
    price_of,
)
from fieldops.dispatch.engine.moves import key_between, leave_out, take_in
from fieldops.dispatch.engine.routes import undo
from fieldops.dispatch.engine.timing import spread

ROUNDS = 3
SAME = 1e-6


@njit(cache=True)
def crews_of(w):
    """Return how each visit is served and by whom: its mode, then the technicians of its parts."""
    crews = np.full((w[VISITS], 1 + MOST_PARTS), UNSERVED)
    for visit in range(w[VISITS]):
        node, parts = nodes_of(w, visit)
        crews[visit, 0] = w[w[MODE] + visit]
        for i in range(parts):
            crews[visit, 1 + i] = w[w[TECHNICIAN] + node + i]
    return crews


@njit(cache=True)
def is_as(w, home, visit):
    node, parts = nodes_of(w, visit)
    if w[w[MODE] + visit] != home[visit, 0]:
        return False
    for i in range(parts):
        if w[w[TECHNICIAN] + node + i] != home[visit, 1 + i]:
            return False
    return True


@njit(cache=True)
def mark(w, home, concerned):
    """Mark the technicians whose visits are not as they were; returns how many they are."""
    concerned[:] = False
    for visit in range(w[VISITS]):
        if is_as(w, home, visit):
            continue
        node, parts = nodes_of(w, visit)
        for i in range(parts):
            concerned[w[w[TECHNICIAN] + node + i]] = True
        for i in range(MOST_PARTS):
            if home[visit, 1 + i] >= 0:
                concerned[home[visit, 1 + i]] = True
    return concerned.sum()


@njit(cache=True)
def weigh(levels, w, r, extra, worth):
    """Set what the plan is worth level by level, with something added to its prices."""
    for level in range(levels.shape[0]):
        worth[level] = levels[level, PRICES] * extra
        for i in range(COMPONENTS):
            worth[level] += levels[level, i] * r[w[TOTAL] + i]


@njit(cache=True)
def less(one, two):
    for level in range(len(one)):
        if abs(one[level] - two[level]) > SAME:
            return one[level] < two[level]
    return False


@njit(cache=True)
def put_in(w, r, j, f, visit, mode, team, key, waiting, changed):
    """Serve a visit; returns whether that was possible, with nothing changed when not."""
    j[0] = 2
    j[1] = 0
    count = take_in(w, r, j, f, visit, mode, team, key, waiting, 0)
    if count >= 0 and spread(w, r, j, f, waiting, count, changed):
        return True
    undo(w, r, j, f)
    return False


@njit(cache=True)
def find_place(w, r, j, f, levels, visit, mode, concerned, team, waiting, changed, tried):
    """Put a visit that one technician does where the levels like it best, with somebody concerned.

    It stays out where that is better.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    node = w[w[SOLO_NODE] + visit] if mode == SOLO else w[w[FIRST] + visit]
    best_key, best_technician = 0.0, -1
    weigh(levels, w, r, 0.0, tried[0])
    for technician in range(technicians):
        if not concerned[technician] or price_of(w, r, node, technician) == np.inf:
            continue
        before = nodes + technician
        while before < nodes or before == nodes + technician:
            follower = w[w[NEXT] + before]
            low = key_of(w, r, nodes, technicians, before)
            high = key_of(w, r, nodes, technicians, follower)
            wanted = r[w[OPENS] + visit]
            if before < nodes:
                here = w[w[PLACE] + w[w[VISIT] + before]]
                way = minutes_between(w, r, here, w[w[PLACE] + visit])
                wanted = max(wanted, r[w[LEAVES] + before] + way)
            key = key_between(low, high, wanted)
            team[0] = technician
            if put_in(w, r, j, f, visit, mode, team, key, waiting, changed):
                weigh(levels, w, r, 0.0, tried[1])
                if less(tried[1], tried[0]):
                    tried[0, :] = tried[1]
                    best_key, best_technician = key, technician
                undo(w, r, j, f)
            before = follower
    if best_technician >= 0:
        team[0] = best_technician
        put_in(w, r, j, f, visit, mode, team, best_key, waiting, changed)


@njit(cache=True)
def go_home(w, r, j, f, home, keys, visit, team, waiting, changed):
    """Serve a visit as it was; returns whether that is possible."""
    if home[visit, 0] == UNSERVED:
        return False
    for i in range(MOST_PARTS):
        team[i] = home[visit, 1 + i]
    return put_in(w, r, j, f, visit, home[visit, 0], team, keys[visit], waiting, changed)


@njit(cache=True)
def was_with(home, visit, technician):
    for i in range(1, 1 + MOST_PARTS):
        if home[visit, i] == technician:
            return True
    return False


@njit(cache=True)
def is_with(w, visit, technician):
    node, parts = nodes_of(w, visit)
    for i in range(node, node + parts):
        if w[w[TECHNICIAN] + i] == technician:
            return True
    return False


@njit(cache=True)
def changed_of(w, home, technician, moved):
    """List the visits that a technician gave or got, those that may move; returns how many."""
    count = 0
    for visit in range(w[VISITS]):
        if is_as(w, home, visit) or w[w[HELD] + visit] != FREE:
            continue
        if is_with(w, visit, technician) or was_with(home, visit, technician):
            moved[count] = visit
            count += 1
    return count


@njit(cache=True)
def release(w, r, j, f, levels, home, keys, technician, concerned, back, buffers):
    """Let a technician have what was published, and others who are concerned have the rest.

    With `back` what came from others goes back to them first, if it can be there at all.
    """
    waiting, changed, team, moved, tried = buffers
    count = changed_of(w, home, technician, moved)
    for visit in moved[:count]:
        if w[w[MODE] + visit] != UNSERVED:
            j[0] = 2
            j[1] = 0
            spread(w, r, j, f, waiting, leave_out(w, r, j, f, visit, waiting, 0), changed)
    for visit in moved[:count]:
        if back or was_with(home, visit, technician):
            go_home(w, r, j, f, home, keys, visit, team, waiting, changed)
    concerned[technician] = False
    for visit in moved[:count]:
        if w[w[MODE] + visit] != UNSERVED:
            continue
        mode = SOLO if w[w[SOLO_NODE] + visit] >= 0 else TEAM
        if mode == SOLO or w[w[PARTS] + visit] == 1:
            find_place(w, r, j, f, levels, visit, mode, concerned, team, waiting, changed, tried)


@njit(cache=True)
def settle(w, r, j, f, levels, home, keys, price):
    """Undo what gains nothing by the levels, with a price for each technician concerned.

    `home` says how each visit was served (`crews_of`), `keys` when.
    """
    technicians = w[TECHNICIANS]
    waiting = np.zeros(w[NODES] + 2 * technicians, np.int64)
    changed = np.zeros(MOST_PARTS, np.bool_)
    team = np.zeros(MOST_PARTS, np.int64)
    moved = np.zeros(w[VISITS], np.int64)
    tried = np.zeros((2, levels.shape[0]))
    buffers = (waiting, changed, team, moved, tried)
    concerned = np.zeros(technicians, np.bool_)
    now, then = np.zeros(levels.shape[0]), np.zeros(levels.shape[0])
    for _ in range(ROUNDS):
        gained = False
        for technician in range(technicians):
            for back in (True, False):
                extra = price * mark(w, home, concerned)
                if not concerned[technician]:
                    break
                weigh(levels, w, r, extra, now)
                wholes, reals = w[w[STATE] :].copy(), r[w[REAL_STATE] :].copy()
                release(w, r, j, f, levels, home, keys, technician, concerned, back, buffers)
                weigh(levels, w, r, price * mark(w, home, concerned), then)
                if less(then, now):
                    gained = True
                else:
                    w[w[STATE] :], r[w[REAL_STATE] :] = wholes, reals
        if not gained:
            break
    r[w[TOTAL] + LATE_MOST] = most_late(w, r)
