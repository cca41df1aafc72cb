"""Read shapes of health records, shared by REST and pull; units are in the names."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


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
    likely_place: str | None = Field(examples=["outside_line"])
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
