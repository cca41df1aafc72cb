"""Read shapes of retention: the three-colour list, its tasks, the churn register."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.retention.rules import Colour, Purpose, Reason, Said, Sign, Way


class ColouredCustomer(BaseModel):
    """A red or yellow customer, and why."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The customer.")
    customer_id: UUID = Field(description="The same.")
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


class ChurnCaseRead(BaseModel):
    """A customer who may leave."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    customer_id: UUID
    centre_id: UUID
    reason: Reason
    words: str | None
    owner_id: UUID | None
    opened_at: datetime
    opened_by: UUID
    outcome: Said | None = Field(
        description="Null while open, of an erased customer, of an entry that was withdrawn."
    )
    closed_at: datetime | None
    withdrawn_at: datetime | None = Field(description="Entered wrongly; it counts nowhere.")


class RevisitRead(BaseModel):
    """A revisit that is due or was made, or a retention visit."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    customer_id: UUID
    churn_case_id: UUID | None
    centre_id: UUID
    purpose: Purpose
    opened_at: datetime
    due_at: datetime
    order_id: UUID | None = Field(description="The care order that the field was asked for.")
    asked_at: datetime | None
    answer_due_at: datetime | None
    answered_at: datetime | None
    answer: str | None
    done_at: datetime | None
    done_by: UUID | None
    way: Way | None
    outcome: Said | None
    words: str | None


class ChurnCounts(BaseModel):
    """The figures of the register."""

    model_config = ConfigDict(from_attributes=True)

    opened: int = Field(description="Customers who came into the register.")
    due: int = Field(description="Revisits due that were made, or whose time has passed.")
    in_time: int = Field(description="Of them made in time.")
    late: int
    missed: int = Field(description="Of them not made, and past their time.")
    in_time_percent: float | None = Field(description="Null when none was due.")
    kept: int = Field(description="Customers who stay.")
    lost: int = Field(description="Customers who go.")
    undecided: int = Field(description="Revisits after which the customer was undecided.")


class ChurnOfReason(ChurnCounts):
    """The figures of one reason."""

    reason: Reason


class ChurnMonth(ChurnCounts):
    """The figures of one month, and of each reason in it."""

    month: date
    by_reason: list[ChurnOfReason]


class ChurnFigures(BaseModel):
    """The churn figures by month (CU-09)."""

    goal_percent: int = Field(description="All are revisited in time.")
    months: list[ChurnMonth]
