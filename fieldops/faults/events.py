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
    visit_id: UUID
    customer_id: UUID
    centre_id: UUID
    window_start: datetime | None
    expected_repair_at: datetime


@dataclass(frozen=True, slots=True)
class WorkBack(Event):
    """A customer's repair no longer waits for an area fault: it is in planning, on `visit_id`.

    `over` says that the area fault is, else this repair alone was released from it.
    `held_visit_id` is the visit that was called off.
    """

    area_fault_id: UUID
    over: bool
    visit_id: UUID
    held_visit_id: UUID
    customer_id: UUID
    centre_id: UUID
