"""Routes as linked lists, and the journal by which a refused move is undone.

`j` holds, from 2 on, what was overwritten in `w` as pairs of place and value, and from FLOATS_FROM
on the places in `r`, whose values stand in `f`; j[0] and j[1] say how far.
"""

from numba import njit

from fieldops.dispatch.engine.layout import (
    BALANCE,
    BEFORE,
    DURATION,
    EXCESS,
    FROZEN,
    GRACE,
    HELD,
    LADEN,
    LATE,
    LATE_TIME,
    LATE_VISITS,
    LOAD,
    LUNCH,
    LUNCH_LATE,
    NEED,
    NEXT,
    NOBODY,
    NODES,
    PRICES,
    RARITY,
    ROOM,
    SCARCE,
    TECHNICIAN,
    TECHNICIANS,
    TOTAL,
    TRAVEL,
    VISIT,
    WORK,
    key_of,
    length_between,
    place_of,
    price_of,
)

FLOATS_FROM = 1 << 17
JOURNAL = 1 << 18
MOST_CHANGES = 1 << 16  # of floats in one move


@njit(cache=True)
def put(w, j, at, value):
    used = j[0]
    j[used] = at
    j[used + 1] = w[at]
    j[0] = used + 2
    w[at] = value


@njit(cache=True)
def put_real(r, j, f, at, value):
    used = j[1]
    j[FLOATS_FROM + used] = at
    f[used] = r[at]
    j[1] = used + 1
    r[at] = value


@njit(cache=True)
def add(r, j, f, at, value):
    put_real(r, j, f, at, r[at] + value)


@njit(cache=True)
def undo(w, r, j, f):
    """Take back everything since the journal was last empty."""
    for i in range(j[0] - 2, 1, -2):
        w[j[i]] = j[i + 1]
    for i in range(j[1] - 1, -1, -1):
        r[j[FLOATS_FROM + i]] = f[i]
    j[0] = 2
    j[1] = 0


@njit(cache=True)
def account_for(w, r, j, f, node, technician, sign):
    worked = r[w[WORK] + technician]
    change = sign * r[w[DURATION] + node]
    put_real(r, j, f, w[WORK] + technician, worked + change)
    add(r, j, f, w[TOTAL] + BALANCE, change * (2.0 * worked + change))
    rare = r[w[RARITY] + technician] - r[w[NEED] + node]
    if rare > 0.0:
        add(r, j, f, w[TOTAL] + SCARCE, sign * rare)
    if r[w[LOAD] + node] != 0.0:
        laden, room = r[w[LADEN] + technician], r[w[ROOM] + technician]
        now = laden + sign * r[w[LOAD] + node]
        put_real(r, j, f, w[LADEN] + technician, now)
        add(r, j, f, w[TOTAL] + EXCESS, max(0.0, now - room) - max(0.0, laden - room))


@njit(cache=True)
def link(w, r, j, f, node, technician, after):
    """Put a node into a route behind another and account for travel, price, work and load."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    follower = w[w[NEXT] + after]
    here = place_of(w, nodes, technicians, node)
    before = place_of(w, nodes, technicians, after)
    behind = place_of(w, nodes, technicians, follower)
    put(w, j, w[NEXT] + after, node)
    put(w, j, w[BEFORE] + follower, node)
    put(w, j, w[NEXT] + node, follower)
    put(w, j, w[BEFORE] + node, after)
    put(w, j, w[TECHNICIAN] + node, technician)
    way = length_between(w, r, before, here) + length_between(w, r, here, behind)
    if after >= nodes and follower >= nodes:
        add(r, j, f, w[TOTAL] + TRAVEL, way)
    else:
        add(r, j, f, w[TOTAL] + TRAVEL, way - length_between(w, r, before, behind))
    add(r, j, f, w[TOTAL] + PRICES, price_of(w, r, node, technician))
    account_for(w, r, j, f, node, technician, 1.0)


@njit(cache=True)
def unlink(w, r, j, f, node):
    """Take a node out of its route."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    technician = w[w[TECHNICIAN] + node]
    after, follower = w[w[BEFORE] + node], w[w[NEXT] + node]
    here = place_of(w, nodes, technicians, node)
    before = place_of(w, nodes, technicians, after)
    behind = place_of(w, nodes, technicians, follower)
    put(w, j, w[NEXT] + after, follower)
    put(w, j, w[BEFORE] + follower, after)
    put(w, j, w[TECHNICIAN] + node, NOBODY)
    way = -length_between(w, r, before, here) - length_between(w, r, here, behind)
    if after < nodes or follower < nodes:
        way += length_between(w, r, before, behind)
    add(r, j, f, w[TOTAL] + TRAVEL, way)
    add(r, j, f, w[TOTAL] + PRICES, -price_of(w, r, node, technician))
    add(r, j, f, w[TOTAL] + LATE_TIME, -r[w[LATE] + node])
    if r[w[LATE] + node] > 0:
        over = max(0.0, r[w[LATE] + node] - r[w[GRACE] + w[w[VISIT] + node]])
        add(r, j, f, w[TOTAL] + EXCESS, -over)
        add(r, j, f, w[TOTAL] + LATE_VISITS, -1.0)
        put_real(r, j, f, w[LATE] + node, 0.0)
    add(r, j, f, w[TOTAL] + LUNCH_LATE, -r[w[LUNCH] + node])
    put_real(r, j, f, w[LUNCH] + node, 0.0)
    account_for(w, r, j, f, node, technician, -1.0)


@njit(cache=True)
def room_for(w, r, technician, key):
    """Return the last node of a route whose key is smaller than this one; -1: no room there.

    Equal keys would be no order: technicians could wait for each other in a circle. And before
    what is frozen nothing may come any more.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    node = nodes + technician
    while True:
        follower = w[w[NEXT] + node]
        found = key_of(w, r, nodes, technicians, follower)
        if found >= key:
            if found == key or (follower < nodes and w[w[HELD] + w[w[VISIT] + follower]] == FROZEN):
                return -1
            return node
        node = follower


@njit(cache=True)
def arc(w, r, nodes, technicians, origin, target):
    """Return the length between two nodes; an empty route has none."""
    if origin >= nodes and target >= nodes:
        return 0.0
    return length_between(
        w,
        r,
        place_of(w, nodes, technicians, origin),
        place_of(w, nodes, technicians, target),
    )


@njit(cache=True)
def worth_of(w, r, steer, node, technician, before, behind):
    """Return what steers by a node between two others: its detour, its technician's price."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    detour = arc(w, r, nodes, technicians, before, node)
    detour += arc(w, r, nodes, technicians, node, behind)
    detour -= arc(w, r, nodes, technicians, before, behind)
    cost = steer[TRAVEL] * detour + steer[PRICES] * price_of(w, r, node, technician)
    rare = r[w[RARITY] + technician] - r[w[NEED] + node]
    if rare > 0.0:
        cost += steer[SCARCE] * rare
    return cost


@njit(cache=True)
def apart_from(w, r, technician, key, visit):
    """Return what room_for does for a visit that is not yet taken out; -2: it would stand there."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    node = nodes + technician
    while True:
        follower = w[w[NEXT] + node]
        found = key_of(w, r, nodes, technicians, follower)
        if found >= key:
            if node < nodes and w[w[VISIT] + node] == visit:
                return -2
            if follower < nodes and w[w[VISIT] + follower] == visit:
                return -2
            if found == key or (follower < nodes and w[w[HELD] + w[w[VISIT] + follower]] == FROZEN):
                return -1
            return node
        node = follower
