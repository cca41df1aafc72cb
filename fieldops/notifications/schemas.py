"""What is read of messages: never an address, never the text that went out."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.kernel.limits import Stage
from fieldops.notifications.rules import ChannelName, Kind, State


class ReadModel(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MessageRead(ReadModel):
    """A reminder to a customer, planned or sent (AP-03, AP-05)."""

    id: UUID
    version: int
    visit_id: UUID
    appointment_id: UUID | None
    customer_id: UUID
    centre_id: UUID
    kind: Kind
    step: str | None = Field(description="The ladder's step that it was planned by.")
    state: State
    due_at: datetime
    not_after: datetime = Field(description="Later the message is of no use and is not sent.")
    window_start: datetime
    window_end: datetime
    expected_arrival: datetime | None
    technician_name: str | None
    certificate_number: str | None
    channel: ChannelName | None
    attempts: int
    ended_at: datetime | None
    ended_reason: str | None


class AttemptRead(ReadModel):
    """One try to deliver, from the log."""

    number: int
    channel: ChannelName
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reference: str | None
    receipt: str | None = Field(description="What the peer said of it later.")


class MessageDetail(MessageRead):
    """A message with its delivery log."""

    log: list[AttemptRead]


class LimitWarningRead(BaseModel):
    """A warning to you that a matter nears or passed its limit."""

    id: UUID
    version: int
    about: str = Field(description="Which limit.", examples=["complaint_contact"])
    rule: str = Field(examples=["CO-01"])
    title: str = Field(description="What that is, in the language asked for.")
    record_type: str = Field(description="What the matter is.", examples=["complaint"])
    record_id: UUID
    centre_id: UUID = Field(description="The unit it belongs to: a centre, or one above.")
    stage: Stage = Field(description="As whom you are warned.")
    percent: int = Field(description="The share of the time that was over.")
    due_at: datetime
    warned_at: datetime
    told_at: datetime | None = Field(description="When you were written to or woken.")
    seen_at: datetime | None
    over_at: datetime | None = Field(description="Since when it is no longer true, or not yours.")
