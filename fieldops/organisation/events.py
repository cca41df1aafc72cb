"""What happened to people, for the modules above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class TechnicianAway(Event):
    """A technician will be away for some time (ORG-07)."""

    technician_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class RightsLost(Event):
    """A person lost a role or the whole account, and with it perhaps the work on a device."""

    person_id: UUID
