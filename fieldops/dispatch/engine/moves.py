"""The moves of the search. Each returns how many nodes wait to be timed, or -1: not possible."""

import math

import numpy as np
from numba import njit

from fieldops.dispatch.engine.layout import (
    ALLOWED,
    ALLOWED_FIRST,
    BEFORE,
    CLOSES,
    FIRST,
    FREE,
    FROZEN,
    HELD,
    KEY,
    LEAVES,
    LOCKED,
    MODE,
    NEXT,
    NOBODY,
    NODES,
    OPENS,
    PARTS,
    PLACE,
    PRICES,
    RANK,
    SCARCE,
    SOLO,
    SOLO_NODE,
    TEAM,
    TECHNICIAN,
    TECHNICIANS,
    TOTAL,
    TRAVEL,
    UNSERVED,
    UNSERVED_WEIGHT,
    VISIT,
    WEIGHT,
    WIDTH,
    key_of,
    minutes_between,
    near_of,
    nodes_of,
    price_of,
)
from fieldops.dispatch.engine.routes import (
    add,
    apart_from,
    arc,
    link,
    put,
    put_real,
    room_for,
    unlink,
    worth_of,
)
from fieldops.dispatch.engine.timing import (
    drop,
    wait_for,
)


@njit(cache=True)
def leave_out(w, r, j, f, visit, waiting, count):
    """Take a visit out of the plan; its followers wait to be timed."""
    node, parts = nodes_of(w, visit)
    for i in range(parts):
        follower = w[w[NEXT] + node + i]
        unlink(w, r, j, f, node + i)
        count = wait_for(waiting, drop(waiting, count, node + i), follower)
    put(w, j, w[MODE] + visit, UNSERVED)
    add(r, j, f, w[TOTAL] + w[w[RANK] + visit], 1.0)
    add(r, j, f, w[TOTAL] + UNSERVED_WEIGHT, r[w[WEIGHT] + visit])
    return count


@njit(cache=True)
def take_in(w, r, j, f, visit, mode, team, key, waiting, count):
    """Serve a visit with a team at a key; its nodes and their followers wait to be timed."""
    put(w, j, w[MODE] + visit, mode)
    put_real(r, j, f, w[KEY] + visit, key)
    node, parts = nodes_of(w, visit)
    for i in range(parts):
        after = room_for(w, r, team[i], key)
        if after < 0:
            return -1
        link(w, r, j, f, node + i, team[i], after)
    for i in range(parts):
        # What was timed before it was left out may be the same again: time the follower anyway.
        count = wait_for(waiting, count, node + i)
        count = wait_for(waiting, count, w[w[NEXT] + node + i])
    add(r, j, f, w[TOTAL] + w[w[RANK] + visit], -1.0)
    add(r, j, f, w[TOTAL] + UNSERVED_WEIGHT, -r[w[WEIGHT] + visit])
    return count


@njit(cache=True)
def some_allowed(w, node):
    begin, end = w[w[ALLOWED_FIRST] + node], w[w[ALLOWED_FIRST] + node + 1]
    if end == begin:
        return NOBODY
    return w[w[ALLOWED] + begin + np.random.randint(end - begin)]


@njit(cache=True)
def choose_mode(w, visit):
    if w[w[PARTS] + visit] == 0:
        return SOLO
    if w[w[SOLO_NODE] + visit] < 0:
        return TEAM
    return SOLO if np.random.random() < 0.5 else TEAM


@njit(cache=True)
def fill_team(w, r, visit, mode, given, former, former_count, team):
    """Choose the technicians of a visit: `given` for one part, former or any ones for the rest.

    Returns whether all differ and may do their part.
    """
    node = w[w[SOLO_NODE] + visit] if mode == SOLO else w[w[FIRST] + visit]
    parts = 1 if mode == SOLO else w[w[PARTS] + visit]
    lead = np.random.randint(parts)
    if given != NOBODY and price_of(w, r, node + lead, given) == math.inf:
        for i in range(parts):
            if price_of(w, r, node + i, given) != math.inf:
                lead = i
    for i in range(parts):
        if i == lead and given != NOBODY:
            team[i] = given
        elif former_count == parts and parts > 1 and np.random.random() < 0.6:
            team[i] = former[i]
        else:
            team[i] = some_allowed(w, node + i)
        if team[i] == NOBODY or price_of(w, r, node + i, team[i]) == math.inf:
            return False
        for j in range(i):
            if team[j] == team[i]:
                return False
    return True


@njit(cache=True)
def key_between(low, high, wanted):
    if low < wanted < high:
        return wanted
    if low == -math.inf:
        return high - 1.0 - 20.0 * np.random.random()
    if high == math.inf:
        return low + 1.0 + 20.0 * np.random.random()
    return low + (high - low) * (0.05 + 0.9 * np.random.random())


@njit(cache=True)
def aim(w, r, visit):
    """Return a technician and a key beside a visit that is worth standing beside, or anywhere."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    width = w[WIDTH]
    if width > 0 and np.random.random() < 0.9:
        pick = np.random.random()
        other = near_of(w, visit, int(pick * pick * width))
        if other >= 0 and w[w[MODE] + other] != UNSERVED:
            node, parts = nodes_of(w, other)
            beside = node + np.random.randint(parts)
            technician = w[w[TECHNICIAN] + beside]
            here = r[w[KEY] + other]
            if np.random.random() < 0.5:
                follower = w[w[NEXT] + beside]
                high = key_of(w, r, nodes, technicians, follower)
                way = minutes_between(w, r, w[w[PLACE] + other], w[w[PLACE] + visit])
                wanted = max(r[w[LEAVES] + beside] + way, r[w[OPENS] + visit])
                return technician, key_between(here, high, wanted)
            before = w[w[BEFORE] + beside]
            low = key_of(w, r, nodes, technicians, before)
            ready = r[w[LEAVES] + before]
            return technician, key_between(low, here, max(ready, r[w[OPENS] + visit]))
    spread = r[w[CLOSES] + visit] - r[w[OPENS] + visit]
    key = r[w[OPENS] + visit] + spread * np.random.random()
    return NOBODY, key


@njit(cache=True)
def change_one(w, r, visit, former, parts, team):
    """Give one part of a team to another technician; the others and the order stay."""
    which = np.random.randint(parts)
    for i in range(parts):
        team[i] = former[i]
    team[which] = some_allowed(w, w[w[FIRST] + visit] + which)
    for i in range(parts):
        if i != which and team[i] == team[which]:
            team[i] = former[which]  # they change places
            if price_of(w, r, w[w[FIRST] + visit] + i, team[i]) == math.inf:
                return False
    return team[which] != NOBODY


@njit(cache=True)
def too_dear(w, r, steer, slack, visit, mode, team, key):
    """Return whether moving a visit costs more than `slack` by its ways and prices alone.

    Nothing is changed, so that most moves end here and soon.
    """
    now = w[w[MODE] + visit]
    change = 0.0
    if now == UNSERVED:
        change -= steer[UNSERVED_WEIGHT] * r[w[WEIGHT] + visit] + steer[w[w[RANK] + visit]]
    else:
        node, parts = nodes_of(w, visit)
        for i in range(node, node + parts):
            technician = w[w[TECHNICIAN] + i]
            change -= worth_of(w, r, steer, i, technician, w[w[BEFORE] + i], w[w[NEXT] + i])
    node, parts = w[w[SOLO_NODE] + visit], 1
    if mode == TEAM:
        node, parts = w[w[FIRST] + visit], w[w[PARTS] + visit]
    for i in range(parts):
        after = apart_from(w, r, team[i], key, visit)
        if after == -2:
            return False
        if after == -1:
            return True
        change += worth_of(w, r, steer, node + i, team[i], after, w[w[NEXT] + after])
    return change > slack


@njit(cache=True)
def try_relocate(w, r, j, f, steer, slack, visit, former, team, waiting):
    """Move one visit: other technicians, another place in the order, another mode."""
    held = w[w[HELD] + visit]
    if held == FROZEN:
        return -1
    node, parts = nodes_of(w, visit)
    for i in range(parts):
        former[i] = w[w[TECHNICIAN] + node + i]
    key = r[w[KEY] + visit]
    count = 0
    mode = choose_mode(w, visit)
    given = NOBODY
    pick = np.random.random()
    if held == LOCKED:
        mode, pick = w[w[MODE] + visit], 1.0  # only its place in the order may change
    if parts > 1 and mode == TEAM and pick < 0.35:
        if not change_one(w, r, visit, former, parts, team):
            return -1
    elif pick > 0.9 and parts > 0 and mode == w[w[MODE] + visit]:
        key += 120.0 * (np.random.random() - 0.5)
        for i in range(parts):
            team[i] = former[i]
    else:
        given, key = aim(w, r, visit)
        if not fill_team(w, r, visit, mode, given, former, parts, team):
            return -1
    if too_dear(w, r, steer, slack, visit, mode, team, key):
        return -1
    if w[w[MODE] + visit] != UNSERVED:
        count = leave_out(w, r, j, f, visit, waiting, count)
    return take_in(w, r, j, f, visit, mode, team, key, waiting, count)


@njit(cache=True)
def try_swap(w, r, j, f, steer, slack, visit, former, team, waiting):
    """Let two visits change places: technicians and order."""
    width = w[WIDTH]
    if width == 0 or w[w[MODE] + visit] == UNSERVED or w[w[HELD] + visit] != FREE:
        return -1
    other = near_of(w, visit, np.random.randint(width))
    if other < 0 or w[w[MODE] + other] == UNSERVED or w[w[HELD] + other] != FREE:
        return -1
    a, parts = nodes_of(w, visit)
    b, others = nodes_of(w, other)
    if parts != others:
        return -1
    for i in range(parts):
        former[i] = w[w[TECHNICIAN] + a + i]
        team[i] = w[w[TECHNICIAN] + b + i]
        if price_of(w, r, a + i, team[i]) == math.inf:
            return -1
        if price_of(w, r, b + i, former[i]) == math.inf:
            return -1
    if parts == 1 and w[w[NEXT] + a] != b and w[w[NEXT] + b] != a:
        one, two = former[0], team[0]
        before, behind = w[w[BEFORE] + a], w[w[NEXT] + a]
        change = worth_of(w, r, steer, b, one, before, behind)
        change -= worth_of(w, r, steer, a, one, before, behind)
        before, behind = w[w[BEFORE] + b], w[w[NEXT] + b]
        change += worth_of(w, r, steer, a, two, before, behind)
        change -= worth_of(w, r, steer, b, two, before, behind)
        if change > slack:
            return -1
    key, other_key = r[w[KEY] + visit], r[w[KEY] + other]
    mode, other_mode = w[w[MODE] + visit], w[w[MODE] + other]
    count = leave_out(w, r, j, f, visit, waiting, 0)
    count = leave_out(w, r, j, f, other, waiting, count)
    count = take_in(w, r, j, f, visit, mode, team, other_key, waiting, count)
    if count < 0:
        return -1
    return take_in(w, r, j, f, other, other_mode, former, key, waiting, count)


@njit(cache=True)
def try_eject(w, r, j, f, visit, former, team, waiting):
    """Let a visit take the place of another, which looks for a new one or is left out."""
    width = w[WIDTH]
    if width == 0 or w[w[HELD] + visit] != FREE:
        return -1
    other = near_of(w, visit, np.random.randint(width))
    if other < 0 or w[w[MODE] + other] == UNSERVED or w[w[HELD] + other] != FREE:
        return -1
    node, parts = nodes_of(w, other)
    given = w[w[TECHNICIAN] + node + np.random.randint(parts)]
    key = r[w[KEY] + other]
    mode = choose_mode(w, visit)
    if not fill_team(w, r, visit, mode, given, former, 0, team):
        return -1
    other_mode = w[w[MODE] + other]
    count = 0
    if w[w[MODE] + visit] != UNSERVED:
        count = leave_out(w, r, j, f, visit, waiting, count)
    count = leave_out(w, r, j, f, other, waiting, count)
    count = take_in(w, r, j, f, visit, mode, team, key, waiting, count)
    if count < 0:
        return -1
    if np.random.random() < 0.3:
        return count
    given, key = aim(w, r, other)
    if fill_team(w, r, other, other_mode, given, former, 0, team):
        count = take_in(w, r, j, f, other, other_mode, team, key, waiting, count)
    return count


@njit(cache=True)
def try_tails(w, r, j, f, steer, slack, visit, waiting, moved):
    """Let two technicians exchange what they have after a moment."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    width = w[WIDTH]
    if width == 0 or w[w[MODE] + visit] == UNSERVED:
        return -1
    other = near_of(w, visit, np.random.randint(width))
    if other < 0 or w[w[MODE] + other] == UNSERVED:
        return -1
    node, parts = nodes_of(w, visit)
    a = node + np.random.randint(parts)
    node, parts = nodes_of(w, other)
    b = node + np.random.randint(parts)
    one, two = w[w[TECHNICIAN] + a], w[w[TECHNICIAN] + b]
    if one == two:
        return -1
    here = a  # the first route is cut behind a, the second before b
    there = w[w[BEFORE] + b]
    behind = w[w[NEXT] + here]
    tail_one, tail_two = nodes + technicians + one, nodes + technicians + two
    last = w[w[BEFORE] + tail_two]
    change = arc(w, r, nodes, technicians, here, b) - arc(w, r, nodes, technicians, there, b)
    change += arc(w, r, nodes, technicians, last, tail_one)
    change -= arc(w, r, nodes, technicians, last, tail_two)
    change -= arc(w, r, nodes, technicians, here, behind)
    if behind < nodes:
        last = w[w[BEFORE] + tail_one]
        change += arc(w, r, nodes, technicians, there, behind)
        change += arc(w, r, nodes, technicians, last, tail_two)
        change -= arc(w, r, nodes, technicians, last, tail_one)
    else:
        change += arc(w, r, nodes, technicians, there, tail_two)
    # Its prices and rare skills, too, can at best vanish.
    best = steer[PRICES] * r[w[TOTAL] + PRICES] + steer[SCARCE] * r[w[TOTAL] + SCARCE]
    if steer[TRAVEL] * change - best > slack:
        return -1
    count_one = 0
    node = w[w[NEXT] + here]
    while node < nodes:
        if price_of(w, r, node, two) == math.inf or w[w[HELD] + w[w[VISIT] + node]] != FREE:
            return -1
        moved[count_one] = node
        count_one += 1
        node = w[w[NEXT] + node]
    count_all = count_one
    node = w[w[NEXT] + there]
    while node < nodes:
        if price_of(w, r, node, one) == math.inf or w[w[HELD] + w[w[VISIT] + node]] != FREE:
            return -1
        moved[count_all] = node
        count_all += 1
        node = w[w[NEXT] + node]
    if count_all == 0 or count_all > 40:
        return -1
    # The keys must stay in order on both sides of the cuts.
    if count_all > count_one and r[w[KEY] + w[w[VISIT] + moved[count_one]]] <= key_of(
        w, r, nodes, technicians, here
    ):
        return -1
    if count_one > 0 and r[w[KEY] + w[w[VISIT] + moved[0]]] <= key_of(
        w, r, nodes, technicians, there
    ):
        return -1
    for i in range(count_all):
        unlink(w, r, j, f, moved[i])
    after = there
    for i in range(count_one):
        link(w, r, j, f, moved[i], two, after)
        after = moved[i]
    after = here
    for i in range(count_one, count_all):
        link(w, r, j, f, moved[i], one, after)
        after = moved[i]
    count = 0
    for i in range(count_all):
        count = wait_for(waiting, count, moved[i])
    count = wait_for(waiting, count, nodes + technicians + one)
    return wait_for(waiting, count, nodes + technicians + two)


@njit(cache=True)
def try_segment(w, r, j, f, visit, waiting, moved):
    """Give two or three visits in a row to another technician, in the same order."""
    nodes = w[NODES]
    if w[w[MODE] + visit] == UNSERVED:
        return -1
    node, parts = nodes_of(w, visit)
    first = node + np.random.randint(parts)
    one = w[w[TECHNICIAN] + first]
    two, _ = aim(w, r, visit)
    if two == NOBODY or two == one:  # noqa: SIM109, PLR1714 - numba finds no common type
        return -1
    count = 0
    node = first
    most = 2 + np.random.randint(2)
    while node < nodes and count < most:
        if price_of(w, r, node, two) == math.inf or w[w[HELD] + w[w[VISIT] + node]] != FREE:
            break
        visit = w[w[VISIT] + node]
        mine, parts = nodes_of(w, visit)
        for i in range(parts):
            if w[w[TECHNICIAN] + mine + i] == two:
                return -1
        moved[count] = node
        count += 1
        node = w[w[NEXT] + node]
    if count < 2:
        return -1
    behind = w[w[NEXT] + moved[count - 1]]
    for i in range(count):
        unlink(w, r, j, f, moved[i])
    waits = wait_for(waiting, 0, behind)
    for i in range(count):
        key = r[w[KEY] + w[w[VISIT] + moved[i]]]
        after = room_for(w, r, two, key)
        if after < 0:
            return -1
        link(w, r, j, f, moved[i], two, after)
    for i in range(count):
        waits = wait_for(waiting, waits, moved[i])
        waits = wait_for(waiting, waits, w[w[NEXT] + moved[i]])
    return waits


@njit(cache=True)
def try_drop(w, r, j, f, visit, waiting):
    """Leave a visit out."""
    if w[w[MODE] + visit] == UNSERVED or w[w[HELD] + visit] != FREE:
        return -1
    return leave_out(w, r, j, f, visit, waiting, 0)
