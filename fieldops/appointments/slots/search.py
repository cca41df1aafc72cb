"""The windows somebody can keep: an interval test of every gap with every window of its day.

A gap with its two drives says when work can begin in it at the earliest and at the latest; a window
is kept by it when the two overlap. A team begins together: its gaps have to overlap with each other
inside the window, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from fieldops.appointments.slots.calendars import MOST_TECHNICIANS, Window
from fieldops.appointments.slots.gaps import (
    CLOSES,
    DAY,
    DIRECT,
    FROM_LAT,
    FROM_LON,
    LOAD,
    ONWARD,
    OPENS,
    READY,
    TO_LAT,
    TO_LON,
    Reals,
)
from fieldops.appointments.slots.table import Ints, Table

MINUTE = 60.0
A_LITTLE_LOAD = 1e-6  # of two equal drives the one of the emptier day is taken
DISPLACING = 1e7  # dearer than any drive: nobody is put off when there is another way


@dataclass(frozen=True, slots=True)
class Asked:
    """What the kernel is asked: mask of skills, least number of people, seconds on site."""

    skills: int
    people: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """A window that can be kept: by whom, from when on, at how many seconds of extra driving.

    `displaced` are numbers of reserved times that would have to go elsewhere, usually none.
    """

    window: Window
    technician_ids: tuple[UUID, ...]
    arrival: float
    extra_seconds: float
    displaced: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chances:
    """The gaps that can take the work: when it can begin there, and at what cost."""

    day: Reals
    first: Reals
    last: Reals
    cost: Reals
    extra: Reals
    skills: Ints
    technician: Ints
    displaced: Ints


@dataclass(frozen=True, slots=True)
class Rows:
    """Those gaps of a table that are long enough for the work, and where they lie between."""

    table: Table
    gaps: Reals
    number: Ints

    @property
    def origins(self) -> Reals:
        """Where technicians come from [n, 2], longitude and latitude; nan: unknown."""
        return self.gaps[:, [FROM_LON, FROM_LAT]]

    @property
    def goals(self) -> Reals:
        """Where technicians have to be next [n, 2]; nan: nowhere."""
        return self.gaps[:, [TO_LON, TO_LAT]]

    @property
    def places(self) -> Reals:
        """Return all places [n, 2] that technicians come from or go to, each once or more."""
        both: Reals = np.concatenate([self.origins, self.goals])
        known: Reals = both[~np.isnan(both[:, 0])]
        return known


def rows_for(table: Table, asked: Asked) -> Rows:
    """Return the gaps that are long enough, of technicians with any of the skills."""
    gaps = table.gaps
    long_enough = gaps[:, CLOSES] - gaps[:, OPENS] >= asked.seconds
    number = np.flatnonzero(long_enough & ((table.skills & asked.skills) != 0))
    return Rows(table, gaps[number], number)


def chances(rows: Rows, asked: Asked, there: Reals, onward: Reals) -> Chances:
    """Return when work can begin in each gap; `there` and `onward` are whole seconds of driving."""
    table, gaps = rows.table, rows.gaps
    first = np.maximum(gaps[:, OPENS], gaps[:, READY] + there)
    first = np.ceil(first / MINUTE) * MINUTE
    last = np.minimum(gaps[:, CLOSES], gaps[:, ONWARD] - onward) - asked.seconds
    can = np.flatnonzero(first <= last)
    extra = np.maximum(there + onward - gaps[:, DIRECT], 0.0)[can]
    number = rows.number[can]
    displaced = table.displaced[number]
    return Chances(
        day=gaps[can, DAY],
        first=first[can],
        last=last[can],
        cost=extra + A_LITTLE_LOAD * gaps[can, LOAD] + np.where(displaced >= 0, DISPLACING, 0.0),
        extra=extra,
        skills=table.skills[number] & asked.skills,
        technician=table.technician[number],
        displaced=displaced,
    )


def search(
    table: Table, among: Chances, windows: Sequence[Window], asked: Asked
) -> Iterator[Found]:
    """Yield the windows that can be kept, in the order given (by day), each with its best team.

    One technician who can do it all is taken before two, two before three; among as many the
    least extra driving decides.
    """
    begin = 0
    while begin < len(windows):
        day = windows[begin].day
        end = begin
        while end < len(windows) and windows[end].day == day:
            end += 1
        yield from _search_day(table, among, windows[begin:end], asked)
        begin = end


def _search_day(
    table: Table, among: Chances, windows: Sequence[Window], asked: Asked
) -> Iterator[Found]:
    ordinal = float(windows[0].day.toordinal())
    rows = slice(
        int(np.searchsorted(among.day, ordinal)),
        int(np.searchsorted(among.day, ordinal, side="right")),
    )
    if rows.start == rows.stop:
        return
    starts = np.array([w.start.timestamp() for w in windows])
    ends = np.array([w.end.timestamp() for w in windows])
    first = np.maximum(among.first[rows, None], starts)
    last = np.minimum(among.last[rows, None], ends - MINUTE)
    can = first <= last
    whole = (among.skills[rows] == asked.skills) if asked.people == 1 else None
    for n, window in enumerate(windows):
        own = np.flatnonzero(can[:, n])
        if not len(own):
            continue
        team: Sequence[int] | None = None
        if whole is not None:
            alone = own[whole[own]]
            if len(alone):
                team = [int(alone[np.argmin(among.cost[rows][alone])])]
        if team is None:
            team = _team(among, rows, own, first[:, n], last[:, n], asked)
        if team:
            yield _found(table, among, rows, window, team, float(first[team, n].max()))


def _found(
    table: Table, among: Chances, rows: slice, window: Window, team: Sequence[int], arrival: float
) -> Found:
    at = rows.start + np.array(team)
    displaced = among.displaced[at]
    return Found(
        window,
        tuple(table.ids[n] for n in among.technician[at]),
        arrival,
        float(among.extra[at].sum()),
        tuple(int(n) for n in displaced[displaced >= 0]),
    )


def _team(
    among: Chances, rows: slice, own: Ints, first: Reals, last: Reals, asked: Asked
) -> Sequence[int]:
    """Return the rows of the smallest, then cheapest team that can begin together.

    A team can begin at one of its members' own first moments if it can begin at all.
    """
    moments = np.unique(first[own])
    there = (first[own] <= moments[:, None]) & (moments[:, None] <= last[own])
    skills = among.skills[rows][own]
    kinds = [int(kind) for kind in np.unique(skills)]
    cost = among.cost[rows][own]
    prices = [
        _cheapest(np.where(there[:, skills == kind], cost[skills == kind], np.inf))
        for kind in kinds
    ]
    for size in range(max(asked.people, 1), MOST_TECHNICIANS + 1):
        best = _best(kinds, prices, size, asked.skills)
        if best is not None:
            moment, chosen = best
            picked = _pick(among.technician[rows][own], cost, skills, there[moment], chosen)
            if picked:
                members: Sequence[int] = own[picked].tolist()
                return members
    return ()


def _cheapest(prices: Reals) -> Reals:
    """Return for each moment the few cheapest prices in order, filled up with infinity."""
    few = np.full((len(prices), MOST_TECHNICIANS), np.inf)
    some = np.sort(prices, axis=1)[:, :MOST_TECHNICIANS]
    few[:, : some.shape[1]] = some
    return few


def _best(
    kinds: Sequence[int], prices: Sequence[Reals], size: int, needed: int
) -> tuple[int, tuple[int, ...]] | None:
    """Return the moment and the kinds of technicians of the cheapest team of a size."""
    best: tuple[float, int, tuple[int, ...]] | None = None
    for places in combinations_with_replacement(range(len(kinds)), size):
        covered = 0
        total: Reals | float = 0.0
        for n, place in enumerate(places):
            covered |= kinds[place]
            total = total + prices[place][:, places[:n].count(place)]
        if covered != needed:
            continue
        summed = np.asarray(total)
        moment = int(np.argmin(summed))
        price = float(summed[moment])
        if np.isfinite(price) and (best is None or price < best[0]):
            best = price, moment, tuple(kinds[place] for place in places)
    return None if best is None else best[1:]


def _pick(
    technician: Ints, cost: Reals, skills: Ints, there: NDArray[np.bool_], kinds: Sequence[int]
) -> list[int]:
    """Return the cheapest rows of the kinds, each of another technician."""
    taken: set[int] = set()
    picked = []
    for kind in kinds:
        rows = np.flatnonzero(there & (skills == kind))
        for row in rows[np.argsort(cost[rows], kind="stable")]:
            if int(technician[row]) not in taken:
                taken.add(int(technician[row]))
                picked.append(int(row))
                break
    picked.sort(key=lambda row: float(cost[row]))
    return picked if len(picked) == len(kinds) else []
