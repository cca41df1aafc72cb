"""Read shapes of emergency plans."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from fieldops.emergencies.rules import Kind, State, WorkKind


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


class PlanRead(_Read):
    """What changes at once in an emergency (EM-01)."""

    centre_id: UUID | None = Field(description="Without one it is the whole region's.")
    name: str = Field(examples=["Storm damage"])
    kind: Kind
    owner_id: UUID = Field(description="Who is responsible; a trigger proposes it to them.")
    open_work_percent: int | None = Field(description="Trigger: open work in percent of capacity.")
    area_faults: int | None = Field(description="Trigger: how many area faults are open.")
    automatic: bool = Field(description="A trigger puts it in force instead of proposing it.")
    put_off_kinds: list[WorkKind]
    put_off_days: int
    window_minutes: int | None
    offer_days: int | None
    limit_percent: int
    raised_kinds: list[WorkKind]
    raised_classes: int
    reserve_percent: int | None
    text_en: str
    text_zh: str
    retired: bool


class PlanDetail(PlanRead):
    """A plan with who helps out while it is in force."""

    reserve_technician_ids: list[UUID]


class ActivationRead(_Read):
    """When a plan is, or was, in force: who, why, since, until, ended by."""

    plan_id: UUID
    centre_id: UUID | None
    owner_id: UUID
    state: State
    reason: str
    open_work_percent: int | None = Field(description="As measured when it was proposed.")
    area_faults: int | None = Field(description="As counted when it was proposed.")
    proposed_by: UUID | None
    proposed_at: datetime | None
    activated_by: UUID | None
    since: datetime | None
    until: datetime | None
    ended_by: UUID | None
    ended_at: datetime | None
    end_reason: str | None
    owner_told_at: datetime | None = Field(description="When its owner was told of the proposal.")
    owner_reminded_at: datetime | None = Field(description="When again, undecided as it was.")


class PlanInForceRead(BaseModel):
    """One of the plans in force for a centre."""

    model_config = ConfigDict(from_attributes=True)

    activation_id: UUID
    plan_id: UUID
    kind: Kind
    name: str
    centre_id: UUID | None
    since: datetime
    until: datetime | None
    text_en: str
    text_zh: str


class InForce(BaseModel):
    """What is in force for a centre, all plans together, as who answers customers needs it."""

    model_config = ConfigDict(from_attributes=True)

    plans: list[PlanInForceRead] = Field(description="Disasters, own and newer plans first.")
    put_off: dict[WorkKind, int] = Field(description="Days that kinds of work are offered later.")
    window_minutes: int | None
    offer_days: int | None
    limit_percent: int
    raised: dict[WorkKind, int] = Field(description="Classes that kinds of work are raised by.")
    reserve_percent: int | None
    reserve: list[UUID] = Field(description="Technicians of other centres who help out.")
    text_en: str = Field(description="What customers are told: a line of each plan.")
    text_zh: str


class InForceOrNone(BaseModel):
    """What is in force for a centre; null when nothing is."""

    plan: InForce | None
