"""Read shapes of complaints and of the evidence they open."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.complaints.rules import (
    Channel,
    Department,
    EntryKind,
    Grade,
    State,
    Topic,
)


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class ComplaintRead(_Read):
    """A complaint as it stands."""

    customer_id: UUID
    centre_id: UUID
    order_id: UUID | None
    repeat_of_id: UUID | None = Field(description="The complaint it repeats (CO-04).")
    channel: Channel
    grade: Grade = Field(description="Its class, which gives the total limit.")
    topic: Topic = Field(description="What it is about.")
    words: str = Field(description="What the customer said.")
    wants_report: bool
    state: State
    arrived_at: datetime
    contact_due_at: datetime = Field(description="By when the customer is spoken to (CO-01).")
    contacted_at: datetime | None
    due_at: datetime = Field(description="By when the customer has the answer (CO-02).")
    department: Department = Field(description="Who took it and replies to the customer.")
    owner_id: UUID | None
    handling_department: Department = Field(description="Who has it now.")
    handler_id: UUID | None
    offered_to: Department | None = Field(description="Who is asked to take it over.")
    answer: str | None = Field(description="What the handling department answered.")
    answered_at: datetime | None
    report: str | None
    reply: str | None = Field(description="What the customer was told.")
    closed_at: datetime | None
    escalated_at: datetime | None
    justified: bool | None
    serious: bool | None
    decided_at: datetime | None
    decided_by: UUID | None
    decision_note: str | None
    responsible_technician_id: UUID | None
    responsible_firm_id: UUID | None
    responsible_department: Department | None


class ComplaintDetail(ComplaintRead):
    """A complaint with its visits and the commands that lead on."""

    visit_ids: list[UUID]
    next_steps: list[str]


class ComplaintEntryRead(_Read):
    """One thing that was done about a complaint."""

    complaint_id: UUID
    kind: EntryKind
    by_id: UUID
    department: Department | None
    channel: Channel | None
    reached: bool | None = Field(description="Of a contact: whether the customer was reached.")
    words: str | None
    at: datetime


class CrewMember(BaseModel):
    """A technician of a visit."""

    technician_id: UUID
    name: str | None
    is_contact: bool


class PromiseEvidence(BaseModel):
    """What was promised for a visit, and how often it was moved."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: str
    window_start: datetime
    window_end: datetime
    confirmed_at: datetime | None
    operator_reschedules: int
    customer_reschedules: int


class Link(BaseModel):
    """A record and where to read it."""

    id: UUID
    href: str = Field(examples=["/v1/checklists/01938f5e-0000-7000-8000-000000000001"])


class FileEvidence(Link):
    """A photo, signature or paper; `arrived` once its bytes are here."""

    purpose: str
    sha256: str
    arrived: bool
    captured_at: datetime


class FactEvidence(BaseModel):
    """Something seen or done on a visit; a technician's answer to a complaint is a note."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    technician_id: UUID | None
    estimated_at: datetime
    body: dict[str, Any]


class VisitEvidenceRead(BaseModel):
    """All that was recorded on one visit; a list is null for who may not read its records."""

    visit_id: UUID
    href: str
    state: str
    departed_at: datetime | None
    arrived_at: datetime | None
    identity_confirmed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    signed: bool
    signature_refused_reason: str | None
    crew: list[CrewMember]
    promise: PromiseEvidence | None
    checklists: list[Link] | None
    line_tests: list[Link] | None
    speed_tests: list[Link] | None
    files: list[FileEvidence] | None
    facts: list[FactEvidence]


class ComplaintEvidence(BaseModel):
    """The evidence of a complaint's visits in one answer."""

    complaint_id: UUID
    visits: list[VisitEvidenceRead]
