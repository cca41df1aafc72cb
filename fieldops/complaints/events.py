"""What happened to complaints, for the modules above."""

from dataclasses import dataclass
from uuid import UUID

from fieldops.kernel.events import Event


@dataclass(frozen=True, slots=True)
class ComplaintEvent(Event):
    """A customer's complaint, and the visits it is about."""

    complaint_id: UUID
    customer_id: UUID
    order_id: UUID | None
    visit_ids: tuple[UUID, ...]
    centre_id: UUID


@dataclass(frozen=True, slots=True)
class ComplaintTaken(ComplaintEvent):
    """A complaint came in (CO-01)."""

    repeated: bool


@dataclass(frozen=True, slots=True)
class ComplaintDecided(ComplaintEvent):
    """A supervisor decided whether a complaint is justified, or decided anew (CO-04)."""

    justified: bool
    serious: bool


@dataclass(frozen=True, slots=True)
class ComplaintClosed(ComplaintEvent):
    """The customer has the answer (CO-03)."""


@dataclass(frozen=True, slots=True)
class ComplaintOffered(ComplaintEvent):
    """Another department is asked to answer a complaint, and has to accept it (CO-02)."""

    department: str
