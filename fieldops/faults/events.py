"""What happened to work in the area of a fault, for the modules above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class WorkHeld(Event):
    """A customer's repair waits for an area fault, or for another time than was expected.

    `visit_id` is the visit that is off,
    `window_start` is the time that was promised, None when nothing was.
    """

    area_fault_id: UUID
    held_id: UUID
    visit_id: UUID
    customer_id: UUID
    centre_id: UUID
    window_start: datetime | None
    expected_repair_at: datetime


@dataclass(frozen=True, slots=True)
class WorkBack(Event):
    """An area fault is over and a customer's repair is in planning again, on `visit_id`.

    `held_visit_id` is the visit that was called off.
    """

    area_fault_id: UUID
    held_id: UUID
    visit_id: UUID
    held_visit_id: UUID
    customer_id: UUID
    centre_id: UUID
