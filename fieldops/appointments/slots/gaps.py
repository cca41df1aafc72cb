"""The free gaps of one technician's days as rows of numbers: what the search looks at."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fieldops.appointments.slots.calendars import Busy, Calendar
from fieldops.kernel.clock import local_day
from fieldops.kernel.geo import Position
from fieldops.travel.rules import leg_seconds

Reals = NDArray[np.float64]

DAY, OPENS, CLOSES, READY, ONWARD, FROM_LON, FROM_LAT, TO_LON, TO_LAT, DIRECT, LOAD = range(11)
COLUMNS = 11
"""A row: the day's ordinal; the free time; since when its technician could have been driving here
and when they must have driven on (pauses taken out, no number for no end); from where, to where;
how long that drive takes anyway; the seconds reserved on that day."""

WORKED_COLUMNS = 5
NOWHERE = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Days:
    """A technician's gaps, and each worked day in a row.

    [ordinal, seconds worked, seconds reserved, first moment of work, last moment]. `visits` are
    those with reserved time, `held_until` is when the first hold runs out.
    """

    gaps: Reals
    worked: Reals
    visits: frozenset[UUID]
    held_until: datetime | None


def days_of(calendar: Calendar, zone: ZoneInfo) -> Days:
    """Return the gaps of a calendar [n, COLUMNS] in the order of time.

    A gap lies inside one piece of working time, between two reserved times. The technician
    drives in working time only: what lies between, lunch or leave, is no time to drive.
    """
    by_day: dict[date, list[tuple[float, float]]] = {}
    for opens, closes in calendar.working:
        spans = by_day.setdefault(local_day(opens, zone), [])
        spans.append((opens.timestamp(), closes.timestamp()))
    busy = sorted(calendar.busy, key=lambda b: b.start)
    days = [local_day(b.start, zone) for b in busy]
    rows: list[tuple[float, ...]] = []
    worked = []
    for day, spans in sorted(by_day.items()):
        today = busy[bisect_left(days, day) : bisect_right(days, day)]
        load = sum((b.end - b.start).total_seconds() for b in today)
        first, last = min(a for a, _ in spans), max(b for _, b in spans)
        worked.append((day.toordinal(), sum(b - a for a, b in spans), load, first, last))
        rows += _gaps(day, spans, today, load, calendar.home)
    gaps = np.array(rows, dtype=np.float64).reshape(-1, COLUMNS)
    direct = leg_seconds(gaps[:, FROM_LON : FROM_LAT + 1], gaps[:, TO_LON : TO_LAT + 1])
    gaps[:, DIRECT] = np.nan_to_num(direct)  # nowhere is no drive
    return Days(
        gaps,
        np.array(worked, dtype=np.float64).reshape(-1, WORKED_COLUMNS),
        frozenset(b.visit_id for b in busy),
        min((b.held_until for b in busy if b.held_until is not None), default=None),
    )


def _gaps(
    day: date,
    spans: Sequence[tuple[float, float]],
    busy: Sequence[Busy],
    load: float,
    home: Position | None,
) -> list[tuple[float, ...]]:
    starts = [b.start.timestamp() for b in busy]
    ends = [b.end.timestamp() for b in busy]
    found: list[tuple[float, ...]] = []
    for opens, closes in spans:
        for free, until in _free(opens, closes, list(zip(starts, ends, strict=True))):
            before = max((n for n, end in enumerate(ends) if end <= free), default=None)
            after = min((n for n, start in enumerate(starts) if start >= until), default=None)
            since = -math.inf if before is None else ends[before]
            by = math.inf if after is None else starts[after]
            origin = home if before is None else busy[before].position
            goal = None if after is None else busy[after].position
            found.append(
                (
                    day.toordinal(),
                    free,
                    until,
                    free - _worked(spans, since, free),
                    math.inf if after is None else until + _worked(spans, until, by),
                    *(origin or NOWHERE),
                    *(goal or NOWHERE),
                    0.0,
                    load,
                )
            )
    return found


def _free(
    opens: float, closes: float, busy: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    found, at = [], opens
    for start, end in busy:
        if end <= at or start >= closes:
            continue
        if start > at:
            found.append((at, start))
        at = max(at, end)
    return [*found, (at, closes)] if at < closes else found


def _worked(spans: Sequence[tuple[float, float]], since: float, until: float) -> float:
    """Return the working seconds between two moments."""
    return sum(max(0.0, min(b, until) - max(a, since)) for a, b in spans)
