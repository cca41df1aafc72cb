"""Read shapes of the organisation."""

from datetime import date, datetime, time
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class UnitRead(_Read):
    id: UUID
    version: int
    kind: str
    name: str
    code: str
    parent_id: UUID | None
    region_number: int | None
    zone: str | None
    active: bool


class GrantRead(_Read):
    id: UUID
    unit_id: UUID
    role: str


class PersonRead(_Read):
    id: UUID
    version: int
    email: str
    name: str
    kind: str
    locale: str
    active: bool
    grants: list[GrantRead] = []


class QualificationRead(_Read):
    id: UUID
    version: int
    technician_id: UUID
    skill: str
    certificate_number: str
    valid_from: date
    valid_until: date


class ShiftRead(_Read):
    id: UUID
    weekday: int
    starts: time
    ends: time
    lunch_starts: time | None
    lunch_ends: time | None


class DutyDayRead(_Read):
    """A working time on one day, instead of the weekly shifts."""

    id: UUID
    day: date
    starts: time
    ends: time
    lunch_starts: time | None
    lunch_ends: time | None
    reason: str


class HolidayRead(_Read):
    id: UUID
    version: int
    day: date
    name: str
    centre_id: UUID | None = Field(description="Null: the whole region.")


class LeaveRead(_Read):
    id: UUID
    version: int
    kind: str
    starts_at: datetime
    ends_at: datetime
    reason: str | None


class TechnicianRead(_Read):
    id: UUID
    version: int
    centre_id: UUID
    firm_id: UUID | None
    name: str
    certificate_number: str
    phone: str | None
    active: bool
    department: str | None = Field(description="field or cable; null: field.")


class TechnicianDetail(TechnicianRead):
    qualifications: list[QualificationRead]
    shifts: list[ShiftRead]
    leaves: list[LeaveRead]
    days: list[DutyDayRead]


class MapTokenRead(_Read):
    """A key for map programs, without its secret."""

    id: UUID
    version: int
    person_id: UUID
    name: str = Field(examples=["QGIS on my desk"])
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = Field(description="Last use, to five minutes.")
    revoked_at: datetime | None


class ToolOnDevice(_Read):
    """A tool or instrument in a technician's custody, or offered to them (ORG-05)."""

    id: UUID
    version: int
    kind: str = Field(examples=["otdr"])
    serial: str
    model: str
    needs_calibration: bool
    calibrated_until: date | None = Field(description="The last local day its calibration holds.")
    holder_id: UUID | None = Field(description="Null: in the centre's store.")
    held_since: datetime | None
    offered_to_id: UUID | None = Field(description="Who has yet to accept it.")
    offered_at: datetime | None
    lost_at: datetime | None = Field(description="Since when it is reported lost.")
    lost_how: str | None


class ToolRead(ToolOnDevice):
    centre_id: UUID
    active: bool


class CalibrationRead(_Read):
    id: UUID
    calibrated_on: date
    valid_until: date
    certificate_number: str


class ToolDetail(ToolRead):
    """A tool with its calibrations, newest first."""

    calibrations: list[CalibrationRead]


class Interval(BaseModel):
    starts_at: datetime
    ends_at: datetime
