"""Read shapes of measurements, shared by REST and pull; units are in the names."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class LineTestOnDevice(BaseModel):
    """Values of a line, None where not measured."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID | None = Field(description="None on a device that does not hold the visit.")
    service_id: UUID | None
    feature_id: UUID | None
    measured_at_place: str = Field(examples=["outlet"])
    attenuation_db: float | None
    noise_margin_db: float | None
    loop_resistance_ohm: float | None
    insulation_mohm: float | None
    capacitance_nf: float | None
    foreign_voltage_v: float | None
    optical_power_dbm: float | None = Field(examples=[-18.5])
    instrument_serial: str | None
    note: str | None
    estimated_at: datetime


class LineTestRead(LineTestOnDevice):
    centre_id: UUID
    technician_id: UUID | None
    captured_at: datetime | None
    by_other_technician: bool


class SpeedTestOnDevice(BaseModel):
    """A speed test of a broadband service."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID | None = Field(description="None on a device that does not hold the visit.")
    service_id: UUID
    down_mbps: float = Field(examples=[942.1])
    up_mbps: float = Field(examples=[101.3])
    latency_ms: float | None
    jitter_ms: float | None
    loss_percent: float | None
    method: str = Field(examples=["wired"])
    server: str | None
    instrument_serial: str | None
    note: str | None
    estimated_at: datetime


class SpeedTestRead(SpeedTestOnDevice):
    centre_id: UUID
    technician_id: UUID | None
    captured_at: datetime | None
    by_other_technician: bool
