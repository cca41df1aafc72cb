"""Whose duty it is to inspect, how often, and since when it is overdue: pure (QA-02).

The province inspects each region; the region and the centre itself inspect each centre. Time goes
in whole periods of the calendar: a period of three months is a quarter.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from fieldops.kernel.configuration import Number, number


class Level(StrEnum):
    """Whose inspection it is."""

    PROVINCE = "province"
    REGION = "region"
    CENTRE = "centre"


def _every(level: Level, months: int) -> Number:
    return number(
        f"quality_duty_{level.value}", "QA-02", "months", months,
        f"How often the {level.value} inspects, in whole periods of so many months.",
        within=(1, 24),
    )  # fmt: skip


EVERY: dict[Level, Number] = {
    Level.PROVINCE: _every(Level.PROVINCE, 12),
    Level.REGION: _every(Level.REGION, 3),
    Level.CENTRE: _every(Level.CENTRE, 1),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a duty stands: the last day for the next inspection, and whether that is over."""

    due_by: date
    overdue: bool


def _first_day(period: int, months: int) -> date:
    year, month = divmod(period * months, 12)
    return date(year, month + 1, 1)


def last_day(day: date, months: int, *, later: int = 0) -> date:
    """Return the last day of the period a day lies in, or of a number of periods later."""
    period = (day.year * 12 + day.month - 1) // months
    return _first_day(period + 1 + later, months) - timedelta(days=1)


def period_of(day: date, months: int) -> tuple[date, date]:
    """Return the first and the last day of the period a day lies in."""
    return _first_day((day.year * 12 + day.month - 1) // months, months), last_day(day, months)


def periods(first: date, last: date, months: int) -> list[tuple[date, date]]:
    """Return the periods that have one of some days in them, both ends of the days included."""
    found = [period_of(first, months)]
    while found[-1][1] < last:
        found.append(period_of(found[-1][1] + timedelta(days=1), months))
    return found


def standing(today: date, months: int, last_done: date | None, since: date) -> Standing:
    """Return how a duty stands: once in every period, the first in the one it began in.

    `since` is the day from which there was something to inspect. An inspection on any day of a
    period fulfils it, and two in one do not fulfil the next.
    """
    begun = last_day(since, months)
    due = begun if last_done is None else max(begun, last_day(last_done, months, later=1))
    return Standing(due, today > due)
