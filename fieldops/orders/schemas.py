"""Read shapes of orders, shared by the API and the devices."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.orders.rules import Channel, Matter, MatterState, State


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class ReasonRead(_Read):
    """A reason of the list for one process."""

    code: str = Field(examples=["customer_asked_later"])
    process: str = Field(examples=["suspend"])
    cause: str = Field(description="operator or customer: who made it necessary.")
    text_en: str
    text_zh: str
    active: bool


class WorkOrderRead(_Read):
    """One task of an order."""

    order_id: UUID
    premises_id: UUID | None = Field(description="Where it is; null: work of the plant.")
    centre_id: UUID
    number: int
    kind: str = Field(examples=["install"])
    service: str = Field(examples=["broadband"])
    technology: str | None
    product: str | None
    symptom: str | None
    service_id: UUID | None
    feature_id: UUID | None
    skill: str
    department: str
    state: State
    state_since: datetime
    state_reason: str | None
    state_note: str | None
    resume_on: date | None
    transferred_to: str | None
    transfer_accepted_at: datetime | None = Field(
        description="When the department said that it takes the work; null: not yet."
    )
    transfer_accepted_by: UUID | None
    due_at: datetime
    duration_minutes: int = Field(description="Planned time on site, minutes.")
    priority: int = Field(description="Greater is more urgent (WO-06).")


class OrderRead(_Read):
    """A service order; its state follows from its work orders."""

    external_ref: str
    customer_id: UUID | None
    premises_id: UUID | None = Field(description="Its main premises; items may name others.")
    centre_id: UUID
    state: State
    urgency: str
    wish: str | None
    received_at: datetime
    closed_at: datetime | None
    urges: int


class OrderDetail(OrderRead):
    """An order with its work orders."""

    work_orders: list[WorkOrderRead]


class WarningRead(_Read):
    """A warning that work nears or has passed its limit (WO-04)."""

    work_order_id: UUID
    centre_id: UUID
    audience: str = Field(description="Whom it is for: by role, or the cable department (RE-03).")
    percent: int
    due_at: datetime
    warned_at: datetime


class MatterRead(_Read):
    """What a customer wants about an order, and who answers it (WO-05)."""

    order_id: UUID
    centre_id: UUID
    kind: Matter
    words: str | None
    channel: Channel
    state: MatterState
    owner_id: UUID | None = Field(description="Who answers it; null: nobody has taken it yet.")
    owned_since: datetime | None
    offered_to: UUID | None = Field(description="Who was asked to take it over.")
    offered_at: datetime | None
    offer_note: str | None
    came_at: datetime
    answered_at: datetime | None
    answer: str | None
    answer_channel: Channel | None


class UrgeRead(_Read):
    """One time that somebody pressed for an order."""

    order_id: UUID
    matter_id: UUID
    side: str = Field(description="Who pressed: customer or agent.")
    channel: Channel
    words: str | None
    taken_by: UUID
    at: datetime
    raises: bool = Field(description="Whether it counted; one too soon after another does not.")
