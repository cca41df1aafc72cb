"""Read shapes of the three-colour list and its tasks."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.retention.rules import Colour, Sign


class ColouredCustomer(BaseModel):
    """A red or yellow customer, and why."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The customer.")
    centre_id: UUID
    segment: str
    tier: str
    colour: Colour
    signs: list[Sign] = Field(description="What happened, each kind once.")
    times: int = Field(description="How often something happened.")
    last_at: datetime = Field(description="When the last of it happened.")
    repair_task_id: UUID | None = Field(description="The open task of relationship repair.")
    owner_id: UUID | None = Field(description="Who owns that task.")
    due_at: datetime | None = Field(description="By when it is to be closed.")


class SignRead(BaseModel):
    """One thing that happened to a customer, and the record that shows it."""

    model_config = ConfigDict(from_attributes=True)

    sign: Sign
    at: datetime
    record_type: str = Field(examples=["complaint"])
    record_id: UUID


class CustomerColour(BaseModel):
    """How it stands between one customer and us, and why."""

    customer_id: UUID
    colour: Colour
    signs: list[SignRead] = Field(description="The newest first.")


class RepairTaskRead(BaseModel):
    """A task to put things right with a customer."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    customer_id: UUID
    centre_id: UUID
    colour: Colour
    sign: Sign
    sign_at: datetime
    opened_at: datetime
    due_at: datetime
    owner_id: UUID | None
    closed_at: datetime | None
    customer_said: str | None
    settled: bool | None = Field(description="Whether the customer is content again.")
