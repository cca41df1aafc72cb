"""Read shapes of follow-ups, care tasks and their figures."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.followups.rules import (
    AnswerChannel,
    Channel,
    Matter,
    Satisfaction,
    SpokenBy,
    State,
)


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class FollowUpRead(_Read):
    """A customer to be asked, or who was, how it went."""

    customer_id: UUID
    centre_id: UUID
    order_id: UUID | None
    visit_id: UUID | None
    technician_id: UUID | None
    firm_id: UUID | None = Field(description="The contractor firm whose technician came.")
    matter: Matter
    channel: Channel = Field(description="How the customer is asked first (FO-02).")
    state: State
    finished_at: datetime
    ask_at: datetime
    due_at: datetime = Field(description="The end of the day on which to ask (FO-01).")
    latest_at: datetime
    call_at: datetime = Field(description="When a person may call, or call again.")
    taken_by: UUID | None
    taken_at: datetime | None
    tries: int
    tried_at: datetime | None
    escalated_at: datetime | None = Field(description="When it was found overdue.")
    satisfaction: Satisfaction | None
    reason: str | None
    words: str | None
    answered_at: datetime | None
    answered_by: UUID | None
    answer_channel: AnswerChannel | None


class CareTaskRead(_Read):
    """What is still to be settled with a dissatisfied customer."""

    follow_up_id: UUID
    customer_id: UUID
    centre_id: UUID
    opened_at: datetime
    due_at: datetime
    taken_by: UUID | None
    taken_at: datetime | None
    escalated_at: datetime | None
    closed_at: datetime | None
    closed_by: UUID | None
    outcome: str | None
    spoken_by: SpokenBy | None
    said: str | None = Field(description="What the customer said of it.")
    customer_agreed: bool | None


class ScriptLine(BaseModel):
    """A line to say, in both languages."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    en: str
    zh_cn: str


class ReasonRead(BaseModel):
    """A reason of dissatisfaction."""

    code: str
    en: str
    zh_cn: str


class Figures(BaseModel):
    """The figures of one period and one part."""

    model_config = ConfigDict(from_attributes=True)

    period_start: date
    part: str | None = Field(description="The centre, firm, own or contractor; null: all.")
    planned: int = Field(description="Matters that ended in the period and are followed up.")
    answered: int
    in_time: int = Field(description="Answered within the latest time (FO-01).")
    very_satisfied: int
    satisfied: int
    dissatisfied: int
    reach_percent: float | None
    in_time_percent: float | None
    satisfaction_percent: float | None


class ReasonShare(BaseModel):
    """A row of the Pareto table; without a code: dissatisfied, the reason is not known yet."""

    model_config = ConfigDict(from_attributes=True)

    reason: str | None
    count: int
    share_percent: float
    cumulative_percent: float


class Statistics(BaseModel):
    """Count, reach and satisfaction by period and part, and the reasons of the whole range."""

    items: list[Figures]
    reasons: list[ReasonShare]
