"""Read shapes of materials."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LimitRead(_Read):
    """How many of it a visit may use; null: any kind of work, any tier."""

    work_kind: str | None = Field(examples=["install"])
    tier: str | None = Field(examples=["gold"])
    most: float


class MaterialRead(_Read):
    id: UUID
    version: int
    code: str
    name_zh: str
    name_en: str
    use: str = Field(description="work, or gift: the customer signs for it.", examples=["gift"])
    unit: str = Field(examples=["piece"])
    limits: list[LimitRead]
    active: bool


class StockOnDevice(_Read):
    """What the technician should have of a material, in its unit."""

    id: UUID
    version: int
    material_id: UUID
    balance: float
    counted_at: datetime | None = Field(description="The last count it goes on from.")


class StockRead(_Read):
    """What a technician should have of a material; below zero something is unexplained."""

    id: UUID
    technician_id: UUID
    technician_name: str
    firm_id: UUID | None = Field(description="Null: own staff.")
    centre_id: UUID
    material_id: UUID
    code: str
    name_zh: str
    name_en: str
    unit: str
    balance: float
    counted_at: datetime | None


class MovementOnDevice(_Read):
    """What was used on a visit, and its corrections."""

    id: UUID
    version: int
    visit_id: UUID | None
    technician_id: UUID
    material_id: UUID
    kind: str = Field(examples=["use"])
    quantity: float
    note: str | None
    estimated_at: datetime
    allowed: float | None = Field(description="The limit that it went beyond.")
    accepted: bool | None = Field(description="What a supervisor decided of that; null: open.")
    decision_reason: str | None
    signature_sha256: str | None
    signature_refused_reason: str | None


class MovementRead(_Read):
    """One change of a stock; a count has what was there and what should have been."""

    id: UUID
    version: int
    technician_id: UUID
    technician_name: str
    firm_id: UUID | None = Field(description="Null: own staff.")
    centre_id: UUID
    visit_id: UUID | None
    material_id: UUID
    code: str
    name_zh: str
    name_en: str
    use: str
    unit: str
    kind: str = Field(examples=["use"])
    quantity: float
    expected: float | None
    corrects_id: UUID | None
    note: str | None
    person_id: UUID
    captured_at: datetime | None
    estimated_at: datetime
    by_other_technician: bool
    allowed: float | None = Field(description="The limit that it went beyond.")
    accepted: bool | None = Field(description="What a supervisor decided of that; null: open.")
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None
    signature_sha256: str | None
    signature_refused_reason: str | None


class MaterialDifference(_Read):
    """A visit whose lists say something else about free materials than was recorded."""

    visit_id: UUID
    centre_id: UUID
    ended_at: datetime
    said: float = Field(description="How many its lists name.")
    recorded: float = Field(description="How many gifts were used there, corrections included.")
    said_beyond: bool = Field(description="A list says it was more than the rules allow.")
    recorded_beyond: bool = Field(description="A use went beyond its limit.")
