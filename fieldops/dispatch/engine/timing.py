"""When everything begins: starts, lunches, ends of routes, in the order of the keys."""

from numba import njit

from fieldops.dispatch.engine.layout import (
    BEFORE,
    CLOSES,
    DURATION,
    EATEN,
    END_PLACE,
    ENDS,
    EXCESS,
    GAP_LEAST,
    GAP_MOST,
    GRACE,
    LATE,
    LATE_TIME,
    LATE_VISITS,
    LEAVES,
    LONGER,
    LUNCH,
    LUNCH_FROM,
    LUNCH_LATE,
    LUNCH_LENGTH,
    LUNCH_UNTIL,
    NEXT,
    NODES,
    OPENS,
    OVER,
    OVERTIME,
    PLACE,
    START,
    TECHNICIAN,
    TECHNICIANS,
    TOTAL,
    VISIT,
    key_of,
    minutes_between,
    nodes_of,
    place_of,
)
from fieldops.dispatch.engine.routes import (
    MOST_CHANGES,
    add,
    put_real,
)


@njit(cache=True)
def reach(w, r, node, opens):
    """Return when a technician gets to a node, whether lunch was had, how late it was begun."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    technician = w[w[TECHNICIAN] + node]
    before = w[w[BEFORE] + node]
    ready = r[w[LEAVES] + before]
    eaten = r[w[EATEN] + before]
    origin = place_of(w, nodes, technicians, before)
    way = minutes_between(w, r, origin, w[w[PLACE] + w[w[VISIT] + node]])
    late = 0.0
    if eaten == 0.0:
        straight = ready + way
        begin = max(straight, opens)
        lunch = max(ready, r[w[LUNCH_FROM] + technician])
        over = lunch + r[w[LUNCH_LENGTH] + technician]
        until = r[w[LUNCH_UNTIL] + technician]
        if begin + r[w[DURATION] + node] > until or over + way <= begin:
            late = max(0.0, lunch - until)
            ready = over
            eaten = 1.0
    return ready + way, eaten, late


@njit(cache=True)
def time_visit(w, r, j, f, visit, changed):
    """Set the starts of a visit's parts from what stands before them; marks what changed."""
    node, count = nodes_of(w, visit)
    opens, closes = r[w[OPENS] + visit], r[w[CLOSES] + visit]
    together = opens
    own = opens
    for i in range(count):
        reached, eaten, late = reach(w, r, node + i, opens)
        if eaten != r[w[EATEN] + node + i]:
            put_real(r, j, f, w[EATEN] + node + i, eaten)
            changed[i] = True
        if late != r[w[LUNCH] + node + i]:
            add(r, j, f, w[TOTAL] + LUNCH_LATE, late - r[w[LUNCH] + node + i])
            put_real(r, j, f, w[LUNCH] + node + i, late)
        if i == 0:
            own = max(opens, reached)
        together = max(together, reached)
    second = together
    if count == 2 and r[w[GAP_MOST] + visit] > 0.0:
        # The second part has its own arrival; `together` is the later of both arrivals.
        reached, _, _ = reach(w, r, node + 1, opens)
        second = max(opens, reached, own + r[w[GAP_LEAST] + visit])
        together = max(own, second - r[w[GAP_MOST] + visit])
    for i in range(count):
        begin = together if i == 0 or r[w[GAP_MOST] + visit] == 0.0 else second
        leaves = begin + r[w[DURATION] + node + i]
        if r[w[START] + node + i] != begin:
            put_real(r, j, f, w[START] + node + i, begin)
        late = max(0.0, begin - closes)
        was = r[w[LATE] + node + i]
        if late != was:
            add(r, j, f, w[TOTAL] + LATE_TIME, late - was)
            grace = r[w[GRACE] + visit]
            add(r, j, f, w[TOTAL] + EXCESS, max(0.0, late - grace) - max(0.0, was - grace))
            if (late > 0.0) != (was > 0.0):
                add(r, j, f, w[TOTAL] + LATE_VISITS, 1.0 if late > 0.0 else -1.0)
            put_real(r, j, f, w[LATE] + node + i, late)
        if r[w[LEAVES] + node + i] != leaves:
            put_real(r, j, f, w[LEAVES] + node + i, leaves)
            changed[i] = True


@njit(cache=True)
def close_route(w, r, j, f, technician):
    """Set the end of a route: overtime, and a lunch that nobody found time for before."""
    nodes, technicians = w[NODES], w[TECHNICIANS]
    tail = nodes + technicians + technician
    last = w[w[BEFORE] + tail]
    over, late = 0.0, 0.0
    if last < nodes:
        leaves = r[w[LEAVES] + last]
        origin = place_of(w, nodes, technicians, last)
        home = leaves + minutes_between(w, r, origin, w[w[END_PLACE] + technician])
        if r[w[EATEN] + last] == 0.0 and home > r[w[LUNCH_FROM] + technician]:
            lunch = max(leaves, r[w[LUNCH_FROM] + technician])
            late = max(0.0, lunch - r[w[LUNCH_UNTIL] + technician])
            if home > r[w[LUNCH_UNTIL] + technician]:
                home += r[w[LUNCH_LENGTH] + technician]
            else:
                late = 0.0
        over = max(0.0, home - r[w[ENDS] + technician])
    if over != r[w[OVER] + technician]:
        was, longer = r[w[OVER] + technician], r[w[LONGER] + technician]
        add(r, j, f, w[TOTAL] + OVERTIME, over - was)
        add(r, j, f, w[TOTAL] + EXCESS, max(0.0, over - longer) - max(0.0, was - longer))
        put_real(r, j, f, w[OVER] + technician, over)
    if late != r[w[LUNCH] + tail]:
        add(r, j, f, w[TOTAL] + LUNCH_LATE, late - r[w[LUNCH] + tail])
        put_real(r, j, f, w[LUNCH] + tail, late)


@njit(cache=True)
def wait_for(waiting, count, node):
    for i in range(count):
        if waiting[i] == node:
            return count
    waiting[count] = node
    return count + 1


@njit(cache=True)
def drop(waiting, count, node):
    for i in range(count):
        if waiting[i] == node:
            count -= 1
            waiting[i] = waiting[count]
            return count
    return count


@njit(cache=True)
def spread(w, r, j, f, waiting, count, changed):
    """Time every node that is waiting and all that changes behind it, in the order of keys.

    Returns False when it does not come to an end, which no order of keys allows: the move is then
    refused instead of filling the journal.
    """
    nodes, technicians = w[NODES], w[TECHNICIANS]
    while count > 0:
        if j[1] > MOST_CHANGES:
            return False
        best = 0
        least = key_of(w, r, nodes, technicians, waiting[0])
        for i in range(1, count):
            key = key_of(w, r, nodes, technicians, waiting[i])
            if key < least:
                best, least = i, key
        node = waiting[best]
        count -= 1
        waiting[best] = waiting[count]
        if node >= nodes:
            close_route(w, r, j, f, node - nodes - technicians)
            continue
        visit = w[w[VISIT] + node]
        i = 0
        while i < count:  # its other parts may wait as well
            if waiting[i] < nodes and w[w[VISIT] + waiting[i]] == visit:
                count -= 1
                waiting[i] = waiting[count]
            else:
                i += 1
        first, parts = nodes_of(w, visit)
        for i in range(parts):
            changed[i] = False
        time_visit(w, r, j, f, visit, changed)
        for i in range(parts):
            if changed[i]:
                count = wait_for(waiting, count, w[w[NEXT] + first + i])
    return True
