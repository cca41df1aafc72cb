"""What happened to the network record; visits and orders listen."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class PairSwapped(Event):
    """A service was moved from one pair or fibre to another (RE-03)."""

    visit_id: UUID | None
    service_id: UUID
    premises_id: UUID
    customer_id: UUID
    centre_id: UUID
    from_id: UUID
    to_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ResourceClaimed(Event):
    """A visit holds a pair, fibre or port for a service for a while (RE-02)."""

    visit_id: UUID | None
    service_id: UUID
    premises_id: UUID
    customer_id: UUID
    centre_id: UUID
    feature_id: UUID


@dataclass(frozen=True, slots=True)
class PairMarkedBad(Event):
    """A pair, fibre or port was found bad; premises and customer are those it served, if any."""

    visit_id: UUID | None
    feature_id: UUID
    centre_id: UUID
    premises_id: UUID | None
    customer_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class PortChanged(Event):
    """A service was moved from one port to another."""

    visit_id: UUID | None
    service_id: UUID
    premises_id: UUID
    customer_id: UUID
    centre_id: UUID
    from_id: UUID
    to_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class FindingReported(Event):
    """Somebody saw something wrong with the outside plant (VI-06)."""

    finding_id: UUID
    visit_id: UUID | None
    feature_id: UUID | None
    centre_id: UUID
    severity: str
    fixed: bool


@dataclass(frozen=True, slots=True)
class FindingClosed(Event):
    """A finding needs nobody any more; the reason stands in the history."""

    finding_id: UUID
