"""What is read of appointments, by REST and by devices."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.appointments.ladders import Step
from fieldops.appointments.rules import (
    Answer,
    AnswerChannel,
    Cause,
    Channel,
    LinkAnswer,
    Outcome,
    Promise,
    State,
    TaskKind,
)
from fieldops.appointments.situations import Situation
from fieldops.orders.rules import Kind

_ID = "01938f5e-0000-7000-8000-000000000001"


class ReadModel(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class AppointmentRead(ReadModel):
    """A promised window (AP-02), its second confirmation and how often it was moved."""

    id: UUID
    version: int
    visit_id: UUID
    customer_id: UUID | None = Field(description="Null: a visit to plant, promised to nobody.")
    centre_id: UUID
    state: State
    window_start: datetime
    window_end: datetime
    channel: Channel
    customer_said: str | None
    night_visit_wanted: bool
    needs_person: bool = Field(description="Reconfirmed by a person, not by a message (AP-04).")
    booked_at: datetime
    reconfirm_at: datetime | None
    call_at: datetime | None
    confirmed_at: datetime | None
    operator_reschedules: int
    customer_reschedules: int
    moved_cause: Cause | None
    moved_reason: str | None
    customer_contacted_at: datetime | None
    contacted_in_time: bool | None
    endangered_at: datetime | None = Field(
        description="Since when it is known that the window cannot be kept (AP-06)."
    )
    endangered_reason: str | None


class LadderRead(BaseModel):
    """The ladder that counts in a region."""

    number: int | None = Field(description="The version; null: the shipped ladder.")
    published_at: datetime | None
    published_by: UUID | None
    reason: str | None
    steps: list[Step]


class LadderVersion(ReadModel):
    """A ladder that was published once."""

    id: UUID
    number: int
    published_at: datetime
    published_by: UUID
    reason: str
    steps: list[Step]


class ReconfirmationRead(ReadModel):
    """An answer about one window (AP-04)."""

    id: UUID
    version: int
    window_start: datetime
    answer: Answer
    channel: AnswerChannel
    note: str | None
    by_id: UUID | None
    answered_at: datetime
    received_at: datetime
    counted_in: bool = Field(
        description="False: the window had moved or ended meanwhile, or it was too late to cancel."
    )


class HistoryEntry(ReadModel):
    """One change of an appointment: who, when by server and device, why, before and after."""

    at: datetime
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor_id: UUID | None
    command: str | None
    captured_at: datetime | None
    reason: str | None


class AppointmentDetail(AppointmentRead):
    """An appointment with its answers and its whole history (AP-02)."""

    answers: list[ReconfirmationRead]
    history: list[HistoryEntry]


class DisplacedRead(ReadModel):
    """A visit that a person would have to move first: promised, but not confirmed yet."""

    visit_id: UUID
    appointment_id: UUID
    window_start: datetime
    window_end: datetime
    priority: int = Field(description="Less than that of the visit the windows are for (WO-06).")


class SlotRead(ReadModel):
    """A window that can be kept; the first technician is the customer's contact (VI-01)."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "start": "2026-11-24T06:00:00Z",
                    "end": "2026-11-24T08:00:00Z",
                    "arrival": "2026-11-24T06:25:00Z",
                    "technician_ids": [_ID],
                    "within_limit": True,
                    "extra_travel_minutes": 9,
                    "lateness_risk": 0.012,
                    "displaces": [],
                }
            ]
        },
    )
    start: datetime
    end: datetime
    arrival: datetime = Field(description="When all its technicians would be due.")
    technician_ids: list[UUID]
    within_limit: bool = Field(
        description="Whether the standard's limits are kept (CU-02): the work done by its due time "
        "even if it begins with the window's last moment, and at a fault the arrival wait."
    )
    extra_travel_minutes: int = Field(
        description="Driving that the visit adds to its technicians' day, all together."
    )
    lateness_risk: float = Field(
        ge=0,
        le=1,
        description="Probability that the window is missed: earlier work and the drive vary "
        "normally around their plan by slot_work_spread.",
    )
    displaces: list[DisplacedRead] = Field(
        description="Visits that would have to move first; nothing of it is done by itself."
    )


class ToTell(BaseModel):
    """What a customer is told who asks why windows are as they are (EM-01)."""

    en: str
    zh_cn: str = Field(serialization_alias="zh_CN")


class Slots(BaseModel):
    """The free windows for a visit, earliest first."""

    items: list[SlotRead]
    emergency: ToTell | None = Field(
        None, description="Of the emergency plan in force: what to tell the customer."
    )


class CallTaskRead(ReadModel):
    """A call a person has to make to a customer."""

    id: UUID
    version: int
    visit_id: UUID
    appointment_id: UUID | None
    customer_id: UUID
    centre_id: UUID
    kind: TaskKind
    due_at: datetime
    window_start: datetime | None
    subject: str | None
    taken_by: UUID | None = Field(description="Who makes the call; null: whoever takes it.")
    taken_at: datetime | None
    tries: int | None = Field(description="Calls that were made.")
    tried_at: datetime | None
    promise: Promise | None = Field(description="What the customer promised at the last call.")
    outcome: Outcome | Literal["withdrawn"] | None
    note: str | None
    done_at: datetime | None
    done_by: UUID | None


class PublicAppointment(BaseModel):
    """What the customer's link shows: window, work, who comes, what can be done; nothing personal.

    After a move it shows the present window; `link` then is the token to go on with.
    """

    situation: Situation
    state: State
    window_start: datetime = Field(description="With the offset of the region's zone.")
    window_end: datetime
    expected_arrival: datetime | None
    work: list[Kind] = Field(
        description="What is to be done, which tells the visits of a move apart; none when over."
    )
    technician_name: str | None
    certificate_number: str | None
    answers: list[LinkAnswer] = Field(description="The answers that are taken now.")
    link: str = Field(description="The token for the present window, in place of the one asked.")


class PublicWindow(BaseModel):
    """A free window a customer may move to."""

    window_start: datetime = Field(description="With the offset of the region's zone.")
    window_end: datetime


class PublicWindows(BaseModel):
    """The windows that are free for this appointment now, earliest first."""

    items: list[PublicWindow]
    emergency: ToTell | None = Field(
        None, description="Why there are none, or only later ones: the emergency plan's text."
    )


class AppointmentOnDevice(BaseModel):
    """An appointment as a technician's device holds it."""

    id: UUID
    version: int
    visit_id: UUID
    state: State
    window_start: datetime
    window_end: datetime
    confirmed_at: datetime | None
    needs_person: bool
    night_visit_wanted: bool


class ReconfirmationOnDevice(BaseModel):
    """An answer as a technician's device holds it."""

    id: UUID
    version: int
    appointment_id: UUID
    visit_id: UUID
    window_start: datetime
    answer: Answer
    channel: AnswerChannel
    answered_at: datetime
