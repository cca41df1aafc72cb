"""Read shapes of fault reports and area faults."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.faults.rules import AnalysisState, Channel, Serious, State


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class FaultReportRead(_Read):
    """A fault that was reported."""

    centre_id: UUID
    premises_id: UUID | None
    customer_id: UUID | None
    service_id: UUID | None
    feature_id: UUID | None
    order_id: UUID | None = Field(description="The repair order; none for a report of the plant.")
    area_fault_id: UUID | None = Field(description="The area fault it belongs to, if any.")
    repeat_of_id: UUID | None = Field(description="The report whose repair did not hold (FA-01).")
    joined: bool = Field(description="Whether its repair was open already when it came.")
    channel: Channel
    symptom: str | None
    reporter_id: UUID | None
    reported_at: datetime
    service_works: bool | None = Field(description="What the customer said when it was over.")
    settled_at: datetime | None
    settled_note: str | None


class AreaFaultRead(_Read):
    """A fault that many services of one box or cable have in common (FA-02)."""

    centre_id: UUID
    feature_id: UUID
    state: State
    proposed_at: datetime | None
    confirmed_at: datetime | None
    confirmed_by: UUID | None
    cause: str | None = Field(description="What the hotline says is broken.")
    expected_repair_at: datetime | None = Field(description="What the hotline says about when.")
    cable_work_id: UUID | None = Field(description="The cable department's work order.")
    ended_at: datetime | None
    ended_by: UUID | None
    end_reason: str | None


class AreaFaultTouching(AreaFaultRead):
    """An area fault with its box or cable and whom it touches, counted."""

    feature_kind: str = Field(examples=["distribution_box"])
    feature_name: str = Field(examples=["Box N04-2"])
    reports: int = Field(description="Reports that belong to it.")
    services: int = Field(description="Services in use that hang on it, by the trace.")
    premises: int = Field(description="Premises that these services are at.")
    customers: int = Field(description="Customers that these services are of.")
    tiers: dict[str, int] = Field(description="These customers by tier.", examples=[{"gold": 2}])
    cut: bool = Field(description="Whether the walk was cut: then there are at least so many.")
    held: int = Field(description="Repairs that wait for it now.")


class TouchedPremises(BaseModel):
    """Premises in the area of a fault."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    street: str
    house_number: str
    unit: str | None
    building: str | None
    services: int = Field(description="Services there whose way leads through the fault.")
    reported: bool = Field(description="Whether somebody there has reported it.")


class HeldWorkRead(_Read):
    """A repair that waits, or waited, for an area fault."""

    area_fault_id: UUID
    order_id: UUID
    work_order_id: UUID
    customer_id: UUID
    centre_id: UUID
    visit_id: UUID = Field(description="The visit that was called off.")
    new_visit_id: UUID | None = Field(description="The visit planned when it was over.")
    window_start: datetime | None = Field(description="What was promised before.")
    window_end: datetime | None
    held_at: datetime
    back_at: datetime | None
    back_reason: str | None


class AnalysisRead(_Read):
    """The analysis report of a serious fault (FA-03)."""

    centre_id: UUID
    area_fault_id: UUID | None
    report_id: UUID | None = Field(description="The report of a key customer instead.")
    reasons: list[Serious] = Field(description="Why it is needed.")
    state: AnalysisState
    opened_at: datetime
    due_at: datetime
    owner_id: UUID | None
    cause: str | None
    lesson: str | None
    prevention: str | None
    handed_in_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: UUID | None
    review_note: str | None


class MomentRead(BaseModel):
    """One moment of a fault, as the record or the report has it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    what: str
    detail: str | None = None


class AnalysisWhole(AnalysisRead):
    """An analysis report with its timeline, and what the record has."""

    timeline: list[MomentRead] | None
    record: list[MomentRead] = Field(description="What the record knows, to begin with.")


class AdviceRead(BaseModel):
    """What to do with a report, in both languages; the most telling first."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    en: str
    zh_cn: str


class LineHealth(BaseModel):
    """What the health record says of the line (HR-02)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    last_reading_at: datetime | None
    flags: list[str]
    likely_place: str | None


class OpenWorkRead(BaseModel):
    """Work that is open at the premises, with its visit."""

    work_order_id: UUID
    order_id: UUID
    kind: str
    service: str
    state: str
    due_at: datetime
    visit_id: UUID | None
    window_start: datetime | None
    window_end: datetime | None


class IntakePicture(BaseModel):
    """What a reported service is matched with: record, earlier faults, area, open work (FA-01)."""

    service_id: UUID
    premises_id: UUID
    advice: list[AdviceRead]
    health: LineHealth | None
    earlier: list[FaultReportRead] = Field(description="Reports of late, the newest first.")
    repeat_of_id: UUID | None
    joins_order_id: UUID | None = Field(description="The open repair that a report now joins.")
    area_fault: AreaFaultRead | None
    open_work: list[OpenWorkRead]


class Answer(BaseModel):
    """What the hotline tells a customer: the area fault of the service, null without one."""

    area_fault: AreaFaultTouching | None
