"""A plan to begin with, or to go on from: what is left out is put in where it costs the least."""

import numpy as np
from numba import njit

from fieldops.dispatch.engine.layout import (
    MODE,
    MOST_PARTS,
    NODES,
    TECHNICIANS,
    UNSERVED,
)
from fieldops.dispatch.engine.routes import undo
from fieldops.dispatch.engine.ruins import SOME, put_back
from fieldops.dispatch.engine.timing import spread


@njit(cache=True)
def fill(w, r, j, f, steer, order):
    """Serve what is left out, one visit after the other, and make nobody late by it.

    What finds no such place stays left out, and so does what costs more than leaving it out.
    """
    waiting = np.zeros(w[NODES] + 2 * w[TECHNICIANS], np.int64)
    changed = np.zeros(MOST_PARTS, np.bool_)
    team = np.zeros(MOST_PARTS, np.int64)
    touched = np.zeros(w[TECHNICIANS], np.int64)
    found = np.zeros((MOST_PARTS, SOME, 2), np.int64)
    costs = np.zeros((MOST_PARTS, SOME, 2))
    counts = np.zeros(MOST_PARTS, np.int64)
    for visit in order:
        if w[w[MODE] + visit] != UNSERVED:
            continue
        j[0] = 2
        j[1] = 0
        count = put_back(
            w, r, j, f, steer, visit, touched, True, found, costs, counts, team, waiting
        )
        if count < 0 or not spread(w, r, j, f, waiting, count, changed):
            undo(w, r, j, f)
