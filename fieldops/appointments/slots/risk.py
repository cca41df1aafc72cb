"""How likely a promised window is missed, by what its technicians have to do before it."""

import math
from collections.abc import Sequence
from datetime import datetime

from fieldops.appointments.slots.calendars import Calendar, Wanted
from fieldops.appointments.slots.exact import Travel
from fieldops.kernel.clock import local_day


def lateness(
    team: Sequence[Calendar], arrival: datetime, end: datetime, wanted: Wanted,
    travel: Travel, spread: float,
) -> float:  # fmt: skip
    """Return the probability, 0 to 1, that somebody of a team comes after a window's end.

    Each earlier work of the day, and the drive here, is taken as normal around its planned length
    with `spread` of it as standard deviation, all independent; waits between the earlier ones,
    which would absorb delays, are left out, so it errs on the dark side. In a team all must come.
    """
    on_time = 1.0
    day = local_day(arrival, wanted.zone)
    for calendar in team:
        before = [
            b for b in calendar.busy if b.end <= arrival and local_day(b.start, wanted.zone) == day
        ]
        if not before:
            continue
        last = max(before, key=lambda b: b.end)
        drive = 0.0
        if last.position is not None and wanted.position is not None:
            drive = travel(last.position, wanted.position)
        lengths = [(b.end - b.start).total_seconds() for b in before]
        deviation = spread * math.hypot(*lengths, drive)
        slack = (end - last.end).total_seconds() - drive
        on_time *= 1.0 - _beyond(slack, deviation)
    return 1.0 - on_time


def _beyond(slack: float, deviation: float) -> float:
    """Return the probability that a delay is longer than the slack."""
    if deviation <= 0.0:
        return 0.0 if slack >= 0.0 else 1.0
    return 0.5 * math.erfc(slack / (deviation * math.sqrt(2.0)))
