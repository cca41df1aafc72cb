"""Read shapes of training (ORG-04)."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TrainingRead(_Read):
    id: UUID
    version: int
    centre_id: UUID | None = Field(description="Null: the whole region.")
    subject_zh: str
    subject_en: str
    skill: str | None
    held_on: date
    minutes: int
    trainer: str
    state: str = Field(examples=["held"])


class AttendanceRead(_Read):
    """A technician on the list of a session."""

    id: UUID
    training_id: UUID
    held_on: date
    subject_zh: str
    subject_en: str
    skill: str | None
    minutes: int
    technician_id: UUID
    technician_name: str
    firm_id: UUID | None = Field(description="Null: own staff.")
    centre_id: UUID
    present: bool


class ExamRead(_Read):
    """An exam with its points; a passed one may have become a qualification (ORG-03)."""

    id: UUID
    version: int
    technician_id: UUID
    technician_name: str
    firm_id: UUID | None = Field(description="Null: own staff.")
    centre_id: UUID
    training_id: UUID | None
    subject_zh: str
    subject_en: str
    skill: str | None
    taken_on: date
    examiner: str
    score: float
    maximum: float
    pass_mark: float
    passed: bool
    qualification_id: UUID | None
