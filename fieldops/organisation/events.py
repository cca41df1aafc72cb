"""What happened to people, for the modules above."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class TechnicianAway(Event):
    """A technician will be away for some time (ORG-07)."""

    technician_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CalendarChanged(Event):
    """Technicians work at other times than before: shifts, a day's times, a holiday (ORG-07).

    `first` and `last` are the local days concerned, None without an end. `technician_ids` None:
    all of the centre, or without a centre of the region.
    """

    technician_ids: tuple[UUID, ...] | None
    centre_id: UUID | None
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class RightsLost(Event):
    """A person lost a role or the whole account, and with it perhaps the work on a device."""

    person_id: UUID


@dataclass(frozen=True, slots=True)
class ToolJudgedAnew(Event):
    """More is known of an instrument than before: it was registered or calibrated (ORG-05)."""

    serial: str
