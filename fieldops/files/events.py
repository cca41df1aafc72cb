"""Facts about files that higher modules react to."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class FileLinked(Event):
    """A content was promised as evidence; `visit_id` is None for papers without a visit.

    `arrived` tells whether its bytes were there already. Visits judges whether the actor may
    add to the visit.
    """

    link_id: UUID
    visit_id: UUID | None
    centre_id: UUID | None
    sha256: str
    purpose: str
    subject_type: str
    subject_id: UUID
    item_key: str | None
    technician_id: UUID | None
    arrived: bool
