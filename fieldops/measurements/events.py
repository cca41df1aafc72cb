"""Tests that were taken, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class LineTested(Event):
    """A line was tested on a visit."""

    test_id: UUID
    visit_id: UUID
    service_id: UUID | None
    feature_id: UUID | None
    centre_id: UUID


@dataclass(frozen=True, slots=True)
class SpeedTested(Event):
    """A broadband service's speed was tested on a visit."""

    test_id: UUID
    visit_id: UUID
    service_id: UUID
    centre_id: UUID
