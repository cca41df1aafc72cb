"""What happened to checklists, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.checklists.rules import Bound
from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class CorrectedTooLate(Event):
    """An answer that had opened work was corrected, and somebody has the work at hand."""

    opened_id: UUID
    work_order_id: UUID


@dataclass(frozen=True, slots=True)
class ListsCompleting(Event):
    """Lists of a visit lack no answer; `bound` are their mandatory items that need a test."""

    visit_id: UUID
    bound: tuple[Bound, ...]
