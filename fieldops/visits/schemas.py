"""Read shapes of visits for the API, and of all that goes to a technician's device with them."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.customers.schemas import PointRead
from fieldops.files.schemas import Evidence
from fieldops.kernel.geo import Shape
from fieldops.visits.rules import FactKind, NextStep, NoticeKind, State, Step


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class VisitRead(_Read):
    """A trip to one customer; times are UTC."""

    order_id: UUID
    premises_id: UUID
    customer_id: UUID | None = Field(description="Null: a visit to plant.")
    centre_id: UUID
    former_visit_id: UUID | None
    state: State
    window_start: datetime | None
    window_end: datetime | None
    expected_arrival: datetime | None = Field(description="When all technicians are due.")
    duration_minutes: int = Field(description="Planned time on site, minutes.")
    kit: dict[str, list[str]] = Field(description="The kit list by group (VI-02).")
    split_reason: str | None
    override_reason: str | None = Field(
        description="Why it lies outside a technician's working calendar (ORG-07)."
    )
    kit_confirmed_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    identity_confirmed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    cancelled_at: datetime | None
    end_reason: str | None
    end_cause: str | None
    end_note: str | None
    next_step: NextStep | None
    told_customer: str | None
    signature_sha256: str | None
    signature_refused_reason: str | None
    report_wanted_at: datetime | None = Field(
        description="Since when the customer wants the report of the visit by link."
    )


class AssignmentRead(_Read):
    """A technician on a visit; `ended_at` is set for one who is not any more."""

    visit_id: UUID
    technician_id: UUID
    technician_name: str | None
    centre_id: UUID = Field(description="The technician's home centre.")
    is_contact: bool = Field(description="Whether the technician is the customer's contact.")
    state: Step
    travel_seconds: int | None
    latest_departure_at: datetime | None
    assigned_at: datetime
    accepted_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None


class VisitWorkRead(_Read):
    """A work order on a visit, and how it left it."""

    visit_id: UUID
    work_order_id: UUID
    ended_at: datetime | None
    outcome: str | None


class FactRead(_Read):
    """Something seen or done on a visit."""

    visit_id: UUID
    technician_id: UUID | None
    person_id: UUID
    kind: FactKind
    body: dict[str, Any]
    point: PointRead | None
    captured_at: datetime | None = Field(description="The device's clock, as sent.")
    estimated_at: datetime = Field(description="When it happened as far as the server can tell.")
    received_at: datetime
    clock_far_off: bool
    by_other_technician: bool = Field(
        description="Recorded by a technician who did not have the visit any more."
    )


class OrderContact(BaseModel):
    """The one technician who speaks to the customer of an order, for all trades (VI-01)."""

    model_config = ConfigDict(from_attributes=True)

    visit_id: UUID = Field(description="The visit that makes them the contact.")
    technician_id: UUID
    technician_name: str | None


class OffCalendarRead(BaseModel):
    """A technician's visit outside their working calendar (ORG-07)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Of the technician's part in the visit.")
    visit_id: UUID
    order_id: UUID
    centre_id: UUID
    technician_id: UUID
    technician_name: str
    is_contact: bool
    window_start: datetime
    window_end: datetime
    expected_arrival: datetime
    duration_minutes: int
    override_reason: str | None = Field(
        description="Why a dispatcher wanted it so; null: nobody has decided yet."
    )
    why: Literal["not_working", "left"]


class VisitDetail(VisitRead):
    """A visit with its technicians, its work and what happened on it."""

    next_commands: list[str] = Field(description="The commands that lead on.")
    assignments: list[AssignmentRead]
    work: list[VisitWorkRead]
    evidence: Evidence | None = Field(
        description="Photos and signatures promised for it; null for roles that read no files."
    )


class OrderOnDevice(_Read):
    external_ref: str
    customer_id: UUID | None
    premises_id: UUID | None
    state: str
    urgency: str
    wish: str | None
    received_at: datetime


class CustomerOnDevice(_Read):
    """A customer without contact data."""

    segment: str
    tier: str
    locale: str


class PremisesOnDevice(_Read):
    """Where a visit goes; it leaves the device 48 h after the visit has ended (CU-05)."""

    street: str
    house_number: str
    unit: str | None
    postcode: str
    city: str
    building: str | None
    access_notes: str | None
    point: PointRead


class WorkOrderOnDevice(_Read):
    order_id: UUID
    premises_id: UUID | None = Field(description="Where it is: an order may have several.")
    number: int
    kind: str
    service: str
    technology: str | None
    product: str | None
    symptom: str | None
    service_id: UUID | None
    skill: str
    state: str
    state_reason: str | None
    resume_on: date | None
    due_at: datetime
    duration_minutes: int
    priority: int


class VisitOnDevice(_Read):
    order_id: UUID
    premises_id: UUID
    customer_id: UUID | None = Field(description="Null: a visit to plant.")
    state: str
    window_start: datetime | None
    window_end: datetime | None
    expected_arrival: datetime | None
    duration_minutes: int
    kit: dict[str, list[str]]
    kit_confirmed_at: datetime | None
    arrived_at: datetime | None
    identity_confirmed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    cancelled_at: datetime | None
    end_reason: str | None
    next_step: str | None


class AssignmentOnDevice(_Read):
    visit_id: UUID
    technician_id: UUID
    technician_name: str | None = Field(
        description="Who it is: the contact is named to every technician of the visit (VI-01)."
    )
    is_contact: bool
    state: str
    travel_seconds: int | None
    latest_departure_at: datetime | None
    accepted_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    started_at: datetime | None


class VisitWorkOnDevice(_Read):
    visit_id: UUID
    work_order_id: UUID
    outcome: str | None


class FactOnDevice(_Read):
    visit_id: UUID
    technician_id: UUID | None
    kind: str
    body: dict[str, Any]
    captured_at: datetime | None
    estimated_at: datetime
    by_other_technician: bool


class ServiceOnDevice(_Read):
    premises_id: UUID
    customer_id: UUID
    kind: str
    technology: str
    sold_down_mbps: int | None
    sold_up_mbps: int | None
    account: str | None
    state: str


class FeatureOnDevice(_Read):
    """A piece of plant of the access path or nearby; a bad one with its reason (RE-02)."""

    kind: str
    name: str
    parent_id: UUID | None
    shape: Shape | None
    state: str | None
    state_reason: str | None
    state_since: datetime | None
    service_id: UUID | None
    claim_until: datetime | None = Field(description="Until when a visit holds it by a claim.")
    claim_visit_id: UUID | None
    attributes: dict[str, Any]


class PathElementOnDevice(_Read):
    service_id: UUID
    position: int
    feature_id: UUID


class FindingOnDevice(_Read):
    feature_id: UUID | None
    visit_id: UUID | None
    point: PointRead | None
    kind: str
    severity: str
    text: str
    state: str
    captured_at: datetime


class NoticeOnDevice(_Read):
    """What became of a visit: shown until it is read (`notice.read`), 14 days at most."""

    visit_id: UUID | None = Field(description="The visit; it may have left this phone.")
    kind: NoticeKind
    text: dict[str, str] = Field(description="A sentence by language: `en`, `zh_CN`.")
    reason: str | None = Field(description="Why, in the words of who did it, or a reason's code.")
    window_start: datetime | None = Field(description="The visit's time as it was known.")
    window_end: datetime | None
    new_window_start: datetime | None = Field(description="The time it was moved to.")
    new_window_end: datetime | None
    by_id: UUID | None
    by_name: str | None = Field(description="Who did it; null: the system.")
    at: datetime
