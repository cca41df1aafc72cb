"""What happened to follow-ups, for the modules above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class FollowUpPlanned(Event):
    """A customer is to be asked; by message from `ask_at` on when `by_message` (FO-02)."""

    follow_up_id: UUID
    customer_id: UUID
    visit_id: UUID | None
    centre_id: UUID
    by_message: bool
    ask_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class FollowUpAnswered(Event):
    """A customer said how it went (FO-03)."""

    follow_up_id: UUID
    customer_id: UUID
    order_id: UUID | None
    visit_id: UUID | None
    satisfaction: str
    reason: str | None
    centre_id: UUID


@dataclass(frozen=True, slots=True)
class CareTaskTaken(Event):
    """Somebody cares for a dissatisfied customer now (FO-03)."""

    care_task_id: UUID
    customer_id: UUID
    person_id: UUID
