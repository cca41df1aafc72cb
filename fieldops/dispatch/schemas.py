"""What is read of plans, days, locks and disturbances."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.dispatch.rules import Cause, Class, LineKind, PlanKind, PlanState


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class LockRead(_Read):
    """A visit that stays as it is, and why."""

    visit_id: UUID
    centre_id: UUID
    reason: str
    locked_by: UUID
    locked_at: datetime
    unlocked_by: UUID | None
    unlocked_at: datetime | None


class SentenceRead(BaseModel):
    """A reason in words: its code, and the sentence by language (en, zh_CN)."""

    code: str
    text: dict[str, str]


class CandidateRead(BaseModel):
    """A technician for a visit: whether they can, why, and why not.

    `whole`: holds every skill of it; `covers` are the skills of it they hold. `score` is minutes:
    less is better. `arrives_at` is the earliest, `extra_way_minutes` what the day's ways grow by.
    """

    technician_id: UUID
    name: str
    firm_id: UUID | None
    can: bool
    whole: bool
    covers: list[str]
    score: float
    arrives_at: datetime | None
    extra_way_minutes: int
    day_minutes: int
    present: bool
    reasons: list[SentenceRead]
    hindrances: list[SentenceRead]


class RankingRead(BaseModel):
    """Who can do a visit in a window, best first; then who cannot, and why not."""

    visit_id: UUID
    window_start: datetime
    window_end: datetime
    skills: list[str]
    people: int = Field(description="How many technicians it takes at least, all due together.")
    candidates: list[CandidateRead]


class PlanRead(_Read):
    """A proposal for a day."""

    centre_id: UUID
    day: date
    kind: PlanKind
    cause: Cause
    urgent_visit_ids: list[UUID]
    seconds: float = Field(description="CPU seconds the search may take.")
    asked_by: UUID
    asked_at: datetime
    state: PlanState
    progress: int = Field(description="How far the search is, percent.")
    began_at: datetime | None
    ready_at: datetime | None
    published_at: datetime | None
    failed_reason: str | None
    figures: dict[str, Any] = Field(description="The day before and after, in numbers; minutes.")


class LineRead(_Read):
    """What a plan does to one visit, in numbers and in words."""

    number: int
    visit_id: UUID
    order_ref: str
    kind: LineKind
    priority_class: Class
    technician_ids: list[UUID] = Field(description="Who comes; the first is the contact.")
    former_technician_ids: list[UUID]
    starts_at: datetime | None
    ends_at: datetime | None
    former_start: datetime | None
    window_start: datetime | None
    window_end: datetime | None
    promised: tuple[datetime, datetime] | None = Field(
        description="The window the customer has; null: none was agreed."
    )
    breaks_promise: bool = Field(description="A promised window is not kept by it.")
    requires: list[UUID] = Field(description="Lines that go with it or before it.")
    gains: dict[str, float] = Field(description="What it saves: minutes of travel, of lateness.")
    published_at: datetime | None
    words: dict[str, str] = Field(description="A sentence for the dispatcher by language.")


class PlanDetail(PlanRead):
    """A proposal with its lines and everybody's hours before and after."""

    lines: list[LineRead]
    hours: list[dict[str, Any]] = Field(
        description="Each technician's visits and minutes of work, travel, wait, lunch, time "
        "elsewhere, free time and overtime, before and after."
    )


class HourRead(BaseModel):
    """A technician's part of the day in minutes, as it stands."""

    technician_id: UUID
    name: str
    visits: int
    work: float
    travel: float
    wait: float
    lunch: float
    elsewhere: float
    free: float
    over: float
    shift: float


class DayVisit(BaseModel):
    """A visit of the day as planning sees it."""

    visit_id: UUID
    order_ref: str
    state: str
    priority_class: Class
    window_start: datetime | None
    window_end: datetime | None
    expected_arrival: datetime | None
    predicted_start: datetime | None = Field(description="As the day stands, ways included.")
    late_minutes: float = Field(description="By how much that is after the window.")
    due_at: datetime | None
    minutes: float
    technician_ids: list[UUID]
    skills: list[str]
    locked: bool
    under_way: bool
    fixed: bool = Field(description="Neither a plan nor a replan would touch it now.")


class DayRead(BaseModel):
    """A centre's day: what is to be done, and everybody's hours."""

    centre_id: UUID
    day: date
    visits: list[DayVisit]
    hours: list[HourRead]


class AffectedVisit(BaseModel):
    """A visit that an absence or a delay concerns."""

    visit_id: UUID
    customer_id: UUID | None
    state: str
    window_start: datetime | None
    window_end: datetime | None
    appointment: str | None = Field(description="State of the promise; null: none was given.")
    other_technician_ids: list[UUID] = Field(description="Who else is on it.")
    locked: bool


class DisturbanceRead(_Read):
    """Something that upsets a day and is not mended yet."""

    centre_id: UUID
    day: date
    cause: Cause
    technician_id: UUID | None
    subject_id: UUID | None = Field(
        description="What causes it: the late technician, the urgent visit, the area fault."
    )
    visit_ids: list[UUID] = Field(
        description="The visits it touches: late, held, to be planned again, urgent."
    )
    starts_at: datetime
    ends_at: datetime
    noticed_at: datetime
    plan_id: UUID | None = Field(description="The replan that was asked for it.")


class WayOutRead(BaseModel):
    """A way out of a late visit: another technician, another order of the late one's own visits,
    or a new time, which needs the customer; the first two keep the window.
    """

    kind: str
    technician_ids: list[UUID]
    contact_id: UUID
    instead_of: UUID | None
    window_start: datetime
    window_end: datetime
    arrives_at: datetime
    waiting_visit_id: UUID | None = Field(
        None, description="Exchange: the visit that is made after the late one then."
    )
    waiting_arrives_at: datetime | None = Field(
        None, description="Exchange: when the technician is there."
    )
    until: datetime | None = Field(None, description="Until when it can be taken; null: any time.")
    text: dict[str, str]


class LateWarningRead(_Read):
    """A visit that will miss its window, who comes last and why, and the ways out (AP-07)."""

    visit_id: UUID
    technician_id: UUID
    centre_id: UUID
    window_start: datetime
    window_end: datetime
    cause: str
    predicted_arrival: datetime
    raised_at: datetime
    ways: list[WayOutRead]
    taken: dict[str, str | int | None] | None
    settled_at: datetime | None
    outcome: str | None
