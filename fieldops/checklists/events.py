"""What happened to checklists, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class ChecklistAnswered(Event):
    """Items of a visit's checklist were answered, by key."""

    checklist_id: UUID
    visit_id: UUID
    centre_id: UUID
    item_keys: tuple[str, ...]
