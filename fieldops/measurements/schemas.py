"""Read shapes of measurements, shared by REST and pull; units are in the names."""

from datetime import datetime
from typing import Any
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
    instrument_state: str | None = Field(
        examples=["past_due"],
        description="valid, past_due or unknown on the day it was taken (ORG-05).",
    )
    note: str | None
    estimated_at: datetime


class LineTestRead(LineTestOnDevice):
    centre_id: UUID
    technician_id: UUID | None
    captured_at: datetime | None
    by_other_technician: bool


class LineCheckOnDevice(BaseModel):
    """A line test before the visit, where lines are poor, with the best free pair (RE-04)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    visit_id: UUID
    service_id: UUID
    place_id: UUID = Field(description="The box or cable that is poor.")
    why: dict[str, Any] = Field(description="Its kind and name, how many were measured and poor.")
    best_id: UUID | None
    best: dict[str, Any] | None = Field(description="The best free pair, its values, and why.")
    due_at: datetime
    state: str = Field(examples=["planned"])
    result: str | None = Field(examples=["poor"])
    done_at: datetime | None


class LineCheckRead(LineCheckOnDevice):
    centre_id: UUID
    done_by: UUID | None
    rework_id: UUID | None = Field(description="The cable department's work that came of it.")


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
    instrument_state: str | None = Field(
        examples=["past_due"],
        description="valid, past_due or unknown on the day it was taken (ORG-05).",
    )
    note: str | None
    estimated_at: datetime


class SpeedTestRead(SpeedTestOnDevice):
    centre_id: UUID
    technician_id: UUID | None
    captured_at: datetime | None
    by_other_technician: bool


class CableWorkRow(BaseModel):
    """Open work of the cable department, as its order has it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    order_id: UUID
    centre_id: UUID
    premises_id: UUID | None
    service_id: UUID | None
    feature_id: UUID | None
    kind: str = Field(examples=["repair"])
    service: str
    state: str
    state_since: datetime
    state_reason: str | None
    state_note: str | None
    symptom: str | None
    department: str = Field(description="`cable`: its own; `field`: transferred by the field.")
    received_at: datetime
    suspended_seconds: int
    due_at: datetime
    priority: int
    transfer_accepted_at: datetime | None
    transfer_accepted_by: UUID | None


class CableWork(CableWorkRow):
    """Work of the cable department with the tests that speak for it (RE-03)."""

    feature_kind: str | None
    feature_name: str | None
    feature_state: str | None
    pair_test: dict[str, Any] | None = Field(description="What showed the pair to be bad.")
    transfer_due_at: datetime | None = Field(description="Until when it was to be transferred.")
    transferred_late: bool | None = Field(description="Null: its own work, nothing transferred.")
    tests: list[LineTestRead] = Field(description="The newest first.")
    tests_missing: bool = Field(description="Nothing was measured: a reason to refuse it.")
    corrected: bool = Field(
        description="The answers of checklists that called for it were corrected since; it was at "
        "hand already, so it was not taken back."
    )
