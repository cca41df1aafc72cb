"""Read shapes of health records, shared by REST and pull; units are in the names."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class FlagRead(BaseModel):
    """A flag with what was measured and the limit it broke."""

    flag: str = Field(examples=["down_below_baseline"])
    value: float
    limit: float


class ValueRead(BaseModel):
    """A value that the rule asked about, with its test and its limit."""

    fact: str = Field(examples=["power_fell_db"])
    value: float | None
    test: str = Field(examples=["at_least"])
    limit: float | None


class RingRead(BaseModel):
    """How many neighbouring lines were read of late, and how many of them do badly."""

    lines: int
    worse: int


class Because(BaseModel):
    """Why the likely place was named, as it was judged then (HR-02)."""

    rule: str = Field(examples=["light_lost"], description="The rule's id in the table of rules.")
    text: dict[str, str] = Field(description="The rule in words, by language.")
    values: list[ValueRead]
    flags: list[FlagRead]
    neighbours: dict[str, RingRead] = Field(description="By what is shared: box, trunk, exchange.")


class PlaceRuleRead(BaseModel):
    """One row of the table that names the likely place; the first that fits says it (HR-02)."""

    id: str
    place: str
    text: dict[str, str]
    when: list[ValueRead] = Field(description="All of them must hold; limits as the region has.")


class HealthReadingOnDevice(BaseModel):
    """One reading with what it was flagged for."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    record_id: UUID
    visit_id: UUID | None = Field(description="None on a device that does not hold the visit.")
    is_baseline: bool
    down_mbps: float
    up_mbps: float
    latency_ms: float | None
    attenuation_db: float | None
    optical_power_dbm: float | None
    note: str | None
    flags: list[str] = Field(examples=[["down_below_baseline"]])
    likely_place: str | None = Field(examples=["drop"])
    because: Because | None
    estimated_at: datetime


class HealthRecordOnDevice(BaseModel):
    """The health of a broadband line: what it was like at activation, and what is there."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    service_id: UUID
    premises_id: UUID
    baseline_at: datetime | None
    baseline_down_mbps: float | None
    baseline_up_mbps: float | None
    baseline_latency_ms: float | None
    baseline_attenuation_db: float | None
    baseline_optical_power_dbm: float | None
    cabling_route: str | None
    cabling_material: str | None
    cabling_joints: int | None
    splitter_position: str | None
    terminal_model: str | None
    terminal_serial: str | None
    wireless_notes: str | None
    last_reading_at: datetime | None
    flags: list[str]
    likely_place: str | None
    because: Because | None


class Change(BaseModel):
    """How a reading stands against the activation; percent of the rate, differences else."""

    down_percent: float | None = Field(examples=[78.4])
    up_percent: float | None
    latency_ms: float | None
    attenuation_db: float | None
    optical_power_db: float | None


class HealthReadingRead(HealthReadingOnDevice):
    """A reading and its change against the activation baseline (HR-02)."""

    centre_id: UUID
    technician_id: UUID | None
    by_other_technician: bool
    photos: list[str]
    change: Change | None


class HealthRecordRead(HealthRecordOnDevice):
    """A health record with its readings, newest first."""

    centre_id: UUID
    readings: list[HealthReadingRead]


class DecliningReading(BaseModel):
    """One of the readings that show a line getting worse."""

    at: datetime
    down_mbps: float
    up_mbps: float
    latency_ms: float | None
    attenuation_db: float | None
    optical_power_dbm: float | None


class HealthDeclineRead(BaseModel):
    """A line that is, or was, getting worse (HR-04)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    record_id: UUID
    service_id: UUID
    centre_id: UUID
    box_id: UUID | None
    finding_id: UUID | None = Field(description="Null: neither box nor drop of it is recorded.")
    cause: str = Field(examples=["box"], description="box: its neighbours get worse with it.")
    measures: list[str] = Field(examples=[["optical_power_dbm"]])
    readings: list[DecliningReading] = Field(description="Oldest first.")
    tier: str = Field(examples=["gold"])
    lines_on_box: int
    at_risk: int = Field(description="The customers concerned, weighed by tier (1 to 10 each).")
    noticed_at: datetime
    newest_at: datetime
    state: str = Field(examples=["worsening"])
    ended_at: datetime | None
