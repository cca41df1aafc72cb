"""What readings showed, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class LineFlagged(Event):
    """A reading lies outside what HR-02 allows; the flags and the likely place say how."""

    record_id: UUID
    reading_id: UUID
    service_id: UUID
    visit_id: UUID
    centre_id: UUID
    flags: tuple[str, ...]
    likely_place: str
