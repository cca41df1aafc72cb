"""What happened on visits, for the modules above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class VisitAssigned(Event):
    """The technicians of a visit changed; all now assigned, and those who lost it."""

    visit_id: UUID
    technician_ids: tuple[UUID, ...]
    removed_ids: tuple[UUID, ...]
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class TechniciansTold(Event):
    """Technicians have a new notice about their visits."""

    technician_ids: tuple[UUID, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class VisitGrowing(Event):
    """More work is about to join a visit; who has no time for it refuses here (WO-02)."""

    visit_id: UUID
    duration_minutes: int


@dataclass(frozen=True, slots=True)
class VisitResized(Event):
    """Work joined or left a visit, and its planned time on site followed."""

    visit_id: UUID


@dataclass(frozen=True, slots=True)
class WindowChanged(Event):
    """The visit has another time window (None: it has none)."""

    visit_id: UUID
    old_start: datetime | None
    old_end: datetime | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class VisitRetimed(Event):
    """The visit is due at another moment of the window it has."""

    visit_id: UUID


@dataclass(frozen=True, slots=True)
class TechnicianDeparted(Event):
    """A technician of the visit has left for it."""

    visit_id: UUID
    technician_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class TechnicianArrived(Event):
    """A technician of the visit is at the door."""

    visit_id: UUID
    technician_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class VisitStarted(Event):
    """Work began; checklists are made of the versions published now."""

    visit_id: UUID
    technician_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class VisitCompleting(Event):
    """A visit is about to be completed; whoever misses evidence refuses here (VI-04)."""

    visit_id: UUID
    order_id: UUID
    premises_id: UUID
    customer_id: UUID | None
    centre_id: UUID
    technician_id: UUID
    work_order_ids: tuple[UUID, ...]
    attachments: frozenset[str]


@dataclass(frozen=True, slots=True)
class VisitCompleted(Event):
    """The work of a visit is done."""

    visit_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class VisitFailed(Event):
    """A visit ended without completing its work; its next step was carried out (VI-05)."""

    visit_id: UUID
    reason: str
    next_step: str
    cause: str
    new_visit_id: UUID | None


@dataclass(frozen=True, slots=True)
class ReportWanted(Event):
    """The customer wants the report of a visit, whether it has ended or not."""

    visit_id: UUID


@dataclass(frozen=True, slots=True)
class NobodyHome(Event):
    """Nobody was at home; a new appointment is asked for the same day (AP-08)."""

    visit_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class VisitCancelled(Event):
    """A visit will not take place."""

    visit_id: UUID
    reason: str
    new_visit_id: UUID | None


@dataclass(frozen=True, slots=True)
class VisitRevived(Event):
    """A dispatcher accepted work done on a cancelled visit: it takes place after all."""

    visit_id: UUID
