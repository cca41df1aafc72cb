"""Facts of the reports."""

from dataclasses import dataclass
from datetime import date

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class TargetSet(Event):
    """A region aims at another value of an indicator from a month on."""

    indicator: str
    month: date


@dataclass(frozen=True, slots=True)
class WeightsSet(Event):
    """A region's scores weigh otherwise from a month on."""

    month: date


@dataclass(frozen=True, slots=True)
class MonthClosed(Event):
    """The figures of a month are kept as they are now."""

    month: date
