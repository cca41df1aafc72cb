"""What happened to plans, for the modules above."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class PlanPublished(Event):
    """Lines of a plan became the day: these visits changed."""

    plan_id: UUID
    centre_id: UUID
    day: date
    visit_ids: tuple[UUID, ...]
