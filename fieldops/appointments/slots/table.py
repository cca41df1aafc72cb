"""The gaps of a whole centre as one array, and what its days have left for whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from fieldops.appointments.slots.calendars import Calendar
from fieldops.appointments.slots.gaps import COLUMNS, DAY, WORKED_COLUMNS, Days, Reals

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Table:
    """All gaps, sorted by day; `technician` and `skills` belong to the rows of `gaps`.

    `skills` is a mask: bit n is the n-th skill of `known`. `displaced` is -1, or the number of the
    reserved time that would have to go elsewhere for the gap to be there. `worked` are rows of
    `gaps.Days` with the mask behind.
    """

    ids: tuple[UUID, ...]
    known: tuple[str, ...]
    gaps: Reals
    technician: Ints
    skills: Ints
    displaced: Ints
    worked: Reals

    def mask_of(self, skills: Iterable[str]) -> int:
        """Return the mask of skills; a skill that nobody has makes it one that nobody covers."""
        place = {skill: n for n, skill in enumerate(self.known)}
        return sum(1 << place.get(skill, len(self.known)) for skill in set(skills))

    def spans(self) -> dict[int, tuple[float, float]]:
        """Return for each day's ordinal from when to when anybody works, in seconds."""
        days, which = np.unique(self.worked[:, 0], return_inverse=True)
        first, last = np.full(len(days), np.inf), np.full(len(days), -np.inf)
        np.minimum.at(first, which, self.worked[:, 3])
        np.maximum.at(last, which, self.worked[:, 4])
        return {int(d): (float(a), float(b)) for d, a, b in zip(days, first, last, strict=True)}


def table_of(calendars: Mapping[UUID, Calendar], days: Mapping[UUID, Days]) -> Table:
    """Put the gaps of technicians together; both mappings have the same keys."""
    ids = tuple(sorted(calendars))
    known = tuple(sorted({c.skill for one in calendars.values() for c in one.certificates}))
    blocks = [days[id_].gaps for id_ in ids]
    gaps = np.concatenate(blocks) if blocks else np.empty((0, COLUMNS))
    technician = np.repeat(np.arange(len(ids)), [len(block) for block in blocks])
    worked = [days[id_].worked for id_ in ids]
    days_worked = np.concatenate(worked) if worked else np.empty((0, WORKED_COLUMNS))
    whose = np.repeat(np.arange(len(ids)), [len(block) for block in worked])
    valid = _validity(calendars, ids, known)
    order = np.argsort(gaps[:, DAY], kind="stable")
    gaps, technician = gaps[order], technician[order]
    return Table(
        ids,
        known,
        gaps,
        technician,
        _masks(valid, technician, gaps[:, DAY]),
        np.full(len(gaps), -1),
        np.column_stack([days_worked, _masks(valid, whose, days_worked[:, 0])]),
    )


Validity = list[tuple[int, int, int, int]]  # technician, bit, first and last day's ordinal


def _validity(
    calendars: Mapping[UUID, Calendar], ids: tuple[UUID, ...], known: tuple[str, ...]
) -> Validity:
    bits = {skill: 1 << n for n, skill in enumerate(known)}
    return [
        (n, bits[c.skill], c.valid_from.toordinal(), c.valid_until.toordinal())
        for n, id_ in enumerate(ids)
        for c in calendars[id_].certificates
    ]


def _masks(valid: Validity, technician: Ints, day: Reals) -> Ints:
    """Return for each row the skills its technician may use on its day (ORG-03)."""
    mask = np.zeros(len(technician), dtype=np.int64)
    if not valid or not len(technician):
        return mask
    given = np.array(valid, dtype=np.int64)
    for bit in np.unique(given[:, 1]):
        of_bit = given[given[:, 1] == bit]
        for nth in range(int(np.bincount(of_bit[:, 0]).max())):
            first, last = _nth_span(of_bit, nth, int(technician.max()) + 1)
            mask |= np.where((first[technician] <= day) & (day <= last[technician]), bit, 0)
    return mask


def _nth_span(of_bit: Ints, nth: int, count: int) -> tuple[Ints, Ints]:
    """Return each technician's n-th validity of a skill, an empty one where there is none."""
    first, last = np.full(count, 1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    seen: dict[int, int] = {}
    for technician, _bit, opens, closes in of_bit.tolist():
        turn = seen.get(technician, 0)
        seen[technician] = turn + 1
        if turn == nth and technician < count:
            first[technician], last[technician] = opens, closes
    return first, last


def open_days(table: Table, skills: Iterable[str], seconds: float, share: float) -> set[int]:
    """Return the days (ordinals) whose reserve would stay whole if this work were added.

    `share` of the working time of those who hold a skill is kept free, for each of the skills.
    """
    found: set[int] | None = None
    mask = table.worked[:, WORKED_COLUMNS].astype(np.int64)
    for skill in set(skills):
        rows = table.worked[(mask & table.mask_of([skill])) != 0]
        days, which = np.unique(rows[:, 0], return_inverse=True)
        worked = np.bincount(which, weights=rows[:, 1], minlength=len(days))
        booked = np.bincount(which, weights=rows[:, 2], minlength=len(days))
        free = booked + seconds <= worked * (1.0 - share) + 1e-6
        open_ = {int(day) for day in days[free]}
        found = open_ if found is None else found & open_
    return found or set()
