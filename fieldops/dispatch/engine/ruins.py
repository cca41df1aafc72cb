"""The large move: a piece of the plan is taken out and put in again, each visit where it fits best.

After J. Christiaens and G. Vanden Berghe, "Slack Induction by String Removals" (2020): strings of
neighbouring visits leave neighbouring routes, and come back one by one. What stands is never made
later than it may be by what comes in, so that this move heals where the small ones press.
"""

import math

import numpy as np
from numba import njit

from fieldops.dispatch.engine.layout import (
    ALLOWED,
    ALLOWED_FIRST,
    BEFORE,
    CLOSES,
    DURATION,
    EATEN,
    END_PLACE,
    ENDS,
    FIRST,
    FREE,
    FROZEN,
    GAP_LEAST,
    GAP_MOST,
    HELD,
    LADEN,
    LEAVES,
    LOAD,
    LUNCH_FROM,
    LUNCH_LENGTH,
    LUNCH_UNTIL,
    MODE,
    NEED,
    NEXT,
    NODES,
    OPENS,
    OVER,
    PARTS,
    PLACE,
    PRICES,
    RANK,
    RARITY,
    ROOM,
    SCARCE,
    SOLO,
    SOLO_NODE,
    START,
    TEAM,
    TECHNICIAN,
    TECHNICIANS,
    TRAVEL,
    UNSERVED,
    UNSERVED_WEIGHT,
    VISIT,
    VISITS,
    WEIGHT,
    WIDTH,
    key_of,
    length_between,
    minutes_between,
    near_of,
    nodes_of,
    place_of,
    price_of,
)
from fieldops.dispatch.engine.moves import key_between, leave_out, take_in
from fieldops.dispatch.engine.timing import spread

REMOVED = 3.0  # visits on average
LONGEST = 3  # visits of one route
BLINK = 0.01  # a place is not looked at, so that the same is not found again and again
SOME = 10  # places that are tried for a part of a team
MOST_REMOVED = 128  # visits, with those that were left out before
ALMOST = 1e-9


@njit(cache=True)
def arrive(w, r, technician, ready, origin, eaten, target, opens, minutes):
    """Return when a technician gets somewhere and whether lunch was had; as timing.reach does.

    The time is infinite where lunch would be late.
    """
    way = minutes_between(w, r, origin, target)
    if eaten == 0.0:
        begin = max(ready + way, opens)
        lunch = max(ready, r[w[LUNCH_FROM] + technician])
        over = lunch + r[w[LUNCH_LENGTH] + technician]
        until = r[w[LUNCH_UNTIL] + technician]
        if begin + minutes > until or over + way <= begin:
            if lunch > until:
                return math.inf, 1.0
            return over + way, 1.0
    return ready + way, eaten


@njit(cache=True)
def fits(w, r, node, visit, technician, before, least):
    """Return when a node would begin behind another, not before `least`; infinite: it may not.

    It may not be late, nor make later what follows: nothing beyond its window, no team at all, no
    end of the day beyond what is or may be.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    place = w[w[PLACE] + visit]
    opens = r[w[OPENS] + visit]
    minutes = r[w[DURATION] + node]
    origin = place_of(w, nodes, technicians, before)
    ready, eaten = arrive(
        w,
        r,
        technician,
        r[w[LEAVES] + before],
        origin,
        r[w[EATEN] + before],
        place,
        opens,
        minutes,
    )
    begin = max(ready, opens, least)
    if begin > r[w[CLOSES] + visit] + ALMOST:
        return math.inf
    ready = begin + minutes
    follower = w[w[NEXT] + before]
    while follower < nodes:
        other = w[w[VISIT] + follower]
        target = w[w[PLACE] + other]
        minutes = r[w[DURATION] + follower]
        reached, eaten = arrive(
            w, r, technician, ready, place, eaten, target, r[w[OPENS] + other], minutes
        )
        start = r[w[START] + follower]
        if w[w[MODE] + other] == TEAM:
            if reached > start + ALMOST:
                return math.inf
            reached = start
        else:
            reached = max(reached, r[w[OPENS] + other])
            if reached > max(r[w[CLOSES] + other], start) + ALMOST:
                return math.inf
        ready = reached + minutes
        if ready <= r[w[LEAVES] + follower] and eaten >= r[w[EATEN] + follower]:
            return begin
        place = target
        follower = w[w[NEXT] + follower]
    home = ready + minutes_between(w, r, place, w[w[END_PLACE] + technician])
    if eaten == 0.0 and home > r[w[LUNCH_UNTIL] + technician]:
        lunch = max(ready, r[w[LUNCH_FROM] + technician])
        if lunch > r[w[LUNCH_UNTIL] + technician]:
            return math.inf
        home += r[w[LUNCH_LENGTH] + technician]
    if home > r[w[ENDS] + technician] + r[w[OVER] + technician] + ALMOST:
        return math.inf
    return begin


@njit(cache=True)
def look_along(w, r, steer, node, visit, technician, found, costs, count, most):
    """Look at every place in a route; keeps the cheapest `most` places of all that were looked at.

    `found` holds technician and node before, `costs` cost and begin; returns how many there are.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    price = price_of(w, r, node, technician)
    if price == math.inf:
        return count
    if r[w[LADEN] + technician] + r[w[LOAD] + node] > r[w[ROOM] + technician]:
        return count
    price = steer[PRICES] * price
    rare = r[w[RARITY] + technician] - r[w[NEED] + node]
    if rare > 0.0:
        price += steer[SCARCE] * rare
    place = w[w[PLACE] + visit]
    opens, closes = r[w[OPENS] + visit], r[w[CLOSES] + visit]
    minutes = r[w[DURATION] + node]
    before = nodes + technician
    origin = place_of(w, nodes, technicians, before)
    while before < nodes + technicians:
        ready = r[w[LEAVES] + before] + minutes_between(w, r, origin, place)
        if ready > closes:
            break
        follower = w[w[NEXT] + before]
        target = place_of(w, nodes, technicians, follower)
        looked = np.random.random() > BLINK
        if follower < nodes:
            other = w[w[VISIT] + follower]
            latest = max(r[w[CLOSES] + other], r[w[START] + follower])
            leaves = max(ready, opens) + minutes
            late = leaves + minutes_between(w, r, place, target) > latest + ALMOST
            if late or w[w[HELD] + other] == FROZEN:
                looked = False
        if looked:
            cost = length_between(w, r, origin, place) + length_between(w, r, place, target)
            if before < nodes or follower < nodes:
                cost -= length_between(w, r, origin, target)
            cost = steer[TRAVEL] * cost + price
            if count < most or cost < costs[count - 1, 0]:
                begin = fits(w, r, node, visit, technician, before, opens)
                if begin < math.inf:
                    if count < most:
                        count += 1
                    at = count - 1
                    while at > 0 and costs[at - 1, 0] > cost:
                        found[at, :] = found[at - 1, :]
                        costs[at, :] = costs[at - 1, :]
                        at -= 1
                    found[at, 0], found[at, 1] = technician, before
                    costs[at, 0], costs[at, 1] = cost, begin
        if follower >= nodes:
            break
        before, origin = follower, target
    return count


@njit(cache=True)
def look_around(w, r, steer, node, visit, touched, everywhere, found, costs, most):
    """Look at the routes of all who may do a node, or of those that were touched."""
    count = 0
    for i in range(w[w[ALLOWED_FIRST] + node], w[w[ALLOWED_FIRST] + node + 1]):
        technician = w[w[ALLOWED] + i]
        if everywhere or touched[technician] != 0:
            count = look_along(w, r, steer, node, visit, technician, found, costs, count, most)
    return count


@njit(cache=True)
def bounds(w, r, before):
    """Return the keys between which lies a place behind a node."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    low = key_of(w, r, nodes, technicians, before)
    return low, key_of(w, r, nodes, technicians, w[w[NEXT] + before])


@njit(cache=True)
def gather(w, r, visit, found, costs, counts, least, team):
    """Choose for each part of a team one of its places, so that all fit at one time and order.

    Returns the cost and the key, the cost infinite when nothing fits below `least`; `team` are the
    technicians.
    """
    node, parts = w[w[FIRST] + visit], w[w[PARTS] + visit]
    closes = r[w[CLOSES] + visit]
    gap_least, gap_most = r[w[GAP_LEAST] + visit], r[w[GAP_MOST] + visit]
    most = counts[0] * counts[1] * (counts[2] if parts == 3 else 1)
    key, best = 0.0, math.inf
    for number in range(most):
        a = number % counts[0]
        b = number // counts[0] % counts[1]
        c = number // counts[0] // counts[1]
        cost = costs[0, a, 0] + costs[1, b, 0]
        begin = max(costs[0, a, 1], costs[1, b, 1])
        if found[0, a, 0] == found[1, b, 0]:
            continue
        if parts == 3:
            if found[2, c, 0] == found[0, a, 0] or found[2, c, 0] == found[1, b, 0]:
                continue
            cost += costs[2, c, 0]
            begin = max(begin, costs[2, c, 1])
        if cost >= min(least, best) or begin > closes:
            continue
        second = begin
        if parts == 2 and gap_most > 0.0:
            second = max(costs[1, b, 1], costs[0, a, 1] + gap_least)
            begin = max(costs[0, a, 1], second - gap_most)
            if second > closes:
                continue
        low, high = bounds(w, r, found[0, a, 1])
        one, two = bounds(w, r, found[1, b, 1])
        low, high = max(low, one), min(high, two)
        if parts == 3:
            one, two = bounds(w, r, found[2, c, 1])
            low, high = max(low, one), min(high, two)
        if low >= high:
            continue
        if fits(w, r, node, visit, found[0, a, 0], found[0, a, 1], begin) == math.inf:
            continue
        if fits(w, r, node + 1, visit, found[1, b, 0], found[1, b, 1], second) == math.inf:
            continue
        if parts == 3:
            if fits(w, r, node + 2, visit, found[2, c, 0], found[2, c, 1], begin) == math.inf:
                continue
            team[2] = found[2, c, 0]
        best = cost
        team[0], team[1] = found[0, a, 0], found[1, b, 0]
        key = key_between(low, high, begin)
    return best, key


@njit(cache=True)
def put_back(w, r, j, f, steer, visit, touched, everywhere, found, costs, counts, team, waiting):
    """Serve a visit where it costs the least, if that costs less than leaving it out."""
    least = steer[UNSERVED_WEIGHT] * r[w[WEIGHT] + visit] + steer[w[w[RANK] + visit]]
    mode, key = UNSERVED, 0.0
    parts = w[w[PARTS] + visit]
    most = SOME if parts > 1 else 1
    for i in range(parts):
        node = w[w[FIRST] + visit] + i
        counts[i] = look_around(
            w, r, steer, node, visit, touched, everywhere, found[i], costs[i], most
        )
        if counts[i] == 0:
            parts = 0
            break
    if parts > 1:
        cost, wanted = gather(w, r, visit, found, costs, counts, least, team)
        if cost < least:
            least, key, mode = cost, wanted, TEAM
    elif parts == 1 and costs[0, 0, 0] < least:
        least, mode, team[0] = costs[0, 0, 0], TEAM, found[0, 0, 0]
        low, high = bounds(w, r, found[0, 0, 1])
        key = key_between(low, high, costs[0, 0, 1])
    node = w[w[SOLO_NODE] + visit]
    if node >= 0:
        one = look_around(w, r, steer, node, visit, touched, everywhere, found[0], costs[0], 1)
        if one > 0 and costs[0, 0, 0] < least:
            mode, team[0] = SOLO, found[0, 0, 0]
            low, high = bounds(w, r, found[0, 0, 1])
            key = key_between(low, high, costs[0, 0, 1])
    if mode == UNSERVED:
        return 0
    return take_in(w, r, j, f, visit, mode, team, key, waiting, 0)


@njit(cache=True)
def take_out(w, r, j, f, seed, touched, removed, waiting):
    """Take strings of visits out of routes around one; returns how many, and how many wait."""
    nodes = w[NODES]
    strings = int(1.0 + np.random.random() * (4.0 * REMOVED / (1.0 + LONGEST) - 1.0))
    taken, count = 0, 0
    for near in range(-1, w[WIDTH]):
        visit = seed if near < 0 else near_of(w, seed, near)
        if strings == 0 or taken + LONGEST > len(removed):
            break
        if w[w[MODE] + visit] == UNSERVED:
            continue
        node, parts = nodes_of(w, visit)
        node += np.random.randint(parts)
        technician = w[w[TECHNICIAN] + node]
        if touched[technician] == 2:
            continue
        touched[technician] = 2
        strings -= 1
        length = np.random.randint(1, LONGEST + 1)
        back = np.random.randint(length)
        while back > 0 and w[w[BEFORE] + node] < nodes:
            node = w[w[BEFORE] + node]
            back -= 1
        while length > 0 and node < nodes:
            follower = w[w[NEXT] + node]
            other = w[w[VISIT] + node]
            if w[w[HELD] + other] == FREE:
                first, parts = nodes_of(w, other)
                for i in range(parts):
                    mate = w[w[TECHNICIAN] + first + i]
                    touched[mate] = max(1, touched[mate])
                count = leave_out(w, r, j, f, other, waiting, count)
                removed[taken] = other
                taken += 1
            node = follower
            length -= 1
    return taken, count


@njit(cache=True)
def urgency(w, r, visit, order):
    """Return by what visits come back first, smallest first; `order` is one of several ways."""
    if order == 0:
        return np.random.random()
    if order == 1:
        return w[w[RANK] + visit] + np.random.random()
    if order == 2:
        return -r[w[DURATION] + w[w[FIRST] + visit]] * (2.0 if w[w[PARTS] + visit] > 1 else 1.0)
    return r[w[CLOSES] + visit]


@njit(cache=True)
def try_ruin(w, r, j, f, steer, visit, waiting, changed, team, touched, removed, scores, places):
    """Take a piece around a visit out and put it back, with what was left out before.

    What was left out before is only looked at where something was taken out. Everything is timed
    when it returns; False: it did not come to an end.
    """
    found, costs, counts = places
    touched[:] = 0
    taken, count = take_out(w, r, j, f, visit, touched, removed, waiting)
    if taken == 0 or not spread(w, r, j, f, waiting, count, changed):
        return False
    fresh = taken
    for other in range(w[VISITS]):
        if taken == len(removed):
            break
        if w[w[MODE] + other] == UNSERVED:
            new = True
            for i in range(fresh):
                if removed[i] == other:
                    new = False
            if new:
                removed[taken] = -1 - other
                taken += 1
    order = np.random.randint(4)
    for i in range(taken):
        other = removed[i]
        mine = urgency(w, r, other if other >= 0 else -1 - other, order)
        at = i
        while at > 0 and scores[at - 1] > mine:
            scores[at], removed[at] = scores[at - 1], removed[at - 1]
            at -= 1
        scores[at], removed[at] = mine, other
    for i in range(taken):
        other = removed[i]
        fresh_one = other >= 0
        if not fresh_one:
            other = -1 - other
        count = put_back(
            w, r, j, f, steer, other, touched, fresh_one, found, costs, counts, team, waiting
        )
        if count < 0 or not spread(w, r, j, f, waiting, count, changed):
            return False
    return True
