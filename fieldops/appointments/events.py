"""What happened to appointments, for the modules above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.appointments.rules import Answer, Cause
from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class AppointmentBooked(Event):
    """A customer was promised a window, or a visit to plant got one."""

    appointment_id: UUID
    visit_id: UUID
    customer_id: UUID | None
    centre_id: UUID
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class AppointmentMoved(Event):
    """The promised window was exchanged for another."""

    appointment_id: UUID
    visit_id: UUID
    old_start: datetime
    old_end: datetime
    start: datetime
    end: datetime
    cause: Cause


@dataclass(frozen=True, slots=True)
class AppointmentCancelled(Event):
    """The promise is off; the reserved time is free again."""

    appointment_id: UUID
    visit_id: UUID


@dataclass(frozen=True, slots=True)
class AppointmentEndangered(Event):
    """The operator cannot keep the window, and said so before it opened (AP-06)."""

    appointment_id: UUID
    visit_id: UUID


@dataclass(frozen=True, slots=True)
class LadderFollowed(Event):
    """A visit's steps were set anew: the ladder, the quiet hours or the tier changed."""

    visit_id: UUID


@dataclass(frozen=True, slots=True)
class AppointmentAnswered(Event):
    """The customer answered the second confirmation (AP-04)."""

    appointment_id: UUID
    visit_id: UUID
    answer: Answer
