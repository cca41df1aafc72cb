"""A day as two flat arrays, whole numbers `w` and floats `r`: where what stands.

Compiled functions take few arguments fast and many slowly: with an array for each thing the calls
cost more than the search. So `w` begins with the places of all others, and `w[w[NEXT] + node]` is
the follower of a node. What a day asks for comes first; from w[STATE] and r[REAL_STATE] on stands
the plan, which is what is copied when a better one was found.

A *node* is a part of a visit, or a whole visit done by one technician alone; behind the visits'
nodes come a first and a last node for each technician. Times and travel are minutes.
"""

import math

from numba import njit

NOBODY = -1
UNSERVED, TEAM, SOLO = -1, 0, 1
MOST_PARTS = 3
FREE, LOCKED, FROZEN = 0, 1, 2

(
    NODES,
    TECHNICIANS,
    VISITS,
    PLACES,
    WIDTH,  # how many visits are listed as near
    STATE,
    REAL_STATE,
    # whole numbers, by visit
    FIRST,  # its first node
    PARTS,
    SOLO_NODE,  # -1: nobody may do all of it alone
    RANK,  # class of priority, 0 the most urgent
    PLACE,
    HELD,  # LOCKED: stays with whom it has; FROZEN: that, and nothing comes before it any more
    NEAR,
    # by node
    VISIT,
    ALLOWED_FIRST,
    ALLOWED,  # the technicians of each node, one node after the other
    # by technician
    START_PLACE,
    END_PLACE,  # -1: stays where the last visit is
    # floats, by visit
    OPENS,
    CLOSES,  # the latest start that is not late
    GRACE,  # how late a start may be at all
    GAP_LEAST,  # the second part starts at least so long after the first ...
    GAP_MOST,  # ... and at most so long; both 0 for parts that start together
    WEIGHT,  # what leaving it out weighs in steering
    # by node
    DURATION,
    LOAD,
    NEED,  # how rare the skills are that it asks for
    PRICE,  # node x technician; infinite: not allowed
    # by technician
    BEGINS,
    ENDS,
    LONGER,  # how much overtime may be at all
    ROOM,
    RARITY,  # how rare the technician's skills are
    LUNCH_FROM,
    LUNCH_UNTIL,  # latest begin
    LUNCH_LENGTH,  # 0: none to plan
    # place x place
    MINUTES,
    LENGTH,  # what travel costs
    # the plan: whole numbers
    NEXT,
    BEFORE,
    TECHNICIAN,
    MODE,
    # floats
    KEY,
    START,
    LEAVES,
    EATEN,  # 1: lunch was had before the work here begins
    LUNCH,  # how late lunch was begun
    LATE,
    OVER,
    WORK,
    LADEN,
    TOTAL,
    SLOTS,
) = range(54)

# The components of a plan's worth, summed up while moves are tried: first the unserved visits by
# class of priority.
CLASSES = 6
LATE_VISITS = 6  # starts after the window closed
LATE_TIME = 7
LATE_MOST = 8
OVERTIME = 9
LUNCH_LATE = 10
TRAVEL = 11
PRICES = 12  # of technicians for parts: changes of what is published
BALANCE = 13  # sum of squared working times
EXCESS = 14  # what may not be: minutes over a grace, load over what a technician can take
UNSERVED_WEIGHT = 15  # the single weights of unserved visits
SCARCE = 16  # rare skills spent on work that does not ask for them
COMPONENTS = 17


@njit(cache=True)
def price_of(w, r, node, technician):
    return r[w[PRICE] + node * w[TECHNICIANS] + technician]


@njit(cache=True)
def near_of(w, visit, which):
    return w[w[NEAR] + visit * w[WIDTH] + which]


@njit(cache=True)
def minutes_between(w, r, origin, target):
    if origin < 0 or target < 0:
        return 0.0
    return r[w[MINUTES] + origin * w[PLACES] + target]


@njit(cache=True)
def length_between(w, r, origin, target):
    if origin < 0 or target < 0:
        return 0.0
    return r[w[LENGTH] + origin * w[PLACES] + target]


@njit(cache=True)
def nodes_of(w, visit):
    """Return the first node of a visit as it is served now, and how many there are."""
    mode = w[w[MODE] + visit]
    if mode == SOLO:
        return w[w[SOLO_NODE] + visit], 1
    if mode == TEAM:
        return w[w[FIRST] + visit], w[w[PARTS] + visit]
    return 0, 0


@njit(cache=True)
def place_of(w, nodes, technicians, node):
    """Return where a node is: a visit's place, a technician's first or last place."""
    if node < nodes:
        return w[w[PLACE] + w[w[VISIT] + node]]
    if node < nodes + technicians:
        return w[w[START_PLACE] + node - nodes]
    return w[w[END_PLACE] + node - nodes - technicians]


@njit(cache=True)
def key_of(w, r, nodes, technicians, node):
    if node < nodes:
        return r[w[KEY] + w[w[VISIT] + node]]
    return -math.inf if node < nodes + technicians else math.inf
