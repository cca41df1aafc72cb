"""One window, judged slowly and plainly, minute by minute: the check of what the search found.

It shares no line with the search. What is shown and what is booked has passed it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from fieldops.appointments.slots.calendars import MINUTE, Calendar, Wanted
from fieldops.kernel.clock import local_day
from fieldops.kernel.geo import Position

Travel = Callable[[Position, Position], float]  # seconds of driving


def arrival(
    team: Sequence[Calendar], start: datetime, end: datetime, wanted: Wanted, travel: Travel
) -> datetime | None:
    """Return the first full minute of a window at which all of a team can begin, None if never."""
    at = start
    while at < end:
        if all(fits(calendar, at, wanted, travel) for calendar in team):
            return at
        at += MINUTE
    return None


def fits(calendar: Calendar, at: datetime, wanted: Wanted, travel: Travel) -> bool:
    """Return whether a technician can begin at a moment and keep what is promised to others."""
    over = at + wanted.duration
    if not any(opens <= at and over <= closes for opens, closes in calendar.working):
        return False
    if any(b.start < over and at < b.end for b in calendar.busy):
        return False
    day = local_day(at, wanted.zone)
    today = [b for b in calendar.busy if local_day(b.start, wanted.zone) == day]
    before = max((b for b in today if b.end <= at), key=lambda b: b.end, default=None)
    after = min((b for b in today if b.start >= over), key=lambda b: b.start, default=None)
    origin = calendar.home if before is None else before.position
    here = wanted.position
    if origin is not None and here is not None:
        since = None if before is None else before.end
        if _worked(calendar, wanted, since, at) < timedelta(seconds=travel(origin, here)):
            return False
    if after is not None and after.position is not None and here is not None:
        way = timedelta(seconds=travel(here, after.position))
        return _worked(calendar, wanted, over, after.start) >= way
    return True


def _worked(
    calendar: Calendar, wanted: Wanted, since: datetime | None, until: datetime
) -> timedelta:
    """Return the working time of the day between two moments; without the first, since morning."""
    day = local_day(until, wanted.zone)
    total = timedelta()
    for opens, closes in calendar.working:
        if local_day(opens, wanted.zone) != day:
            continue
        begins = opens if since is None else max(opens, since)
        total += max(min(closes, until) - begins, timedelta())
    return total
