"""Tables of training: sessions, attendances, exams (ORG-04)."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fieldops.kernel.base import Regional, catalogue_link, link, one_of
from fieldops.organisation.rules import SKILLS
from fieldops.training import rules


class TrainingSession(Regional):
    """A lesson on one local day, of one centre or (without one) of the whole region."""

    __tablename__ = "training_session"
    resource = "training"
    counted: ClassVar[bool] = False

    centre_id: Mapped[UUID | None] = catalogue_link("organisation_unit", nullable=True)
    subject_zh: Mapped[str]
    subject_en: Mapped[str]
    skill: Mapped[str | None]
    held_on: Mapped[date]
    minutes: Mapped[int] = mapped_column(Integer)
    trainer: Mapped[str]
    state: Mapped[str]

    __table_args__ = (
        CheckConstraint(one_of("state", rules.State), name="state_known"),
        CheckConstraint(one_of("skill", SKILLS), name="skill_known"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        Index("ix_training_session_day", "region_id", "held_on"),
    )


class Attendance(Regional):
    """Whether a technician was at a session; `centre_id` is their home centre on that day."""

    __tablename__ = "training_attendance"
    resource = "attendance"
    counted: ClassVar[bool] = False

    training_id: Mapped[UUID] = link("training_session", index=False)
    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    present: Mapped[bool]

    __table_args__ = (UniqueConstraint("region_id", "training_id", "technician_id"),)


class Exam(Regional):
    """An exam of a technician: points reached, points there were, points needed to pass.

    `qualification_id` is what came of it, when somebody has decided so (ORG-03).
    """

    __tablename__ = "training_exam"
    resource = "exam"
    counted: ClassVar[bool] = False

    technician_id: Mapped[UUID] = link("organisation_technician")
    centre_id: Mapped[UUID] = catalogue_link("organisation_unit")
    training_id: Mapped[UUID | None] = link("training_session", nullable=True)
    subject_zh: Mapped[str]
    subject_en: Mapped[str]
    skill: Mapped[str | None]
    taken_on: Mapped[date]
    examiner: Mapped[str]
    score: Mapped[float]
    maximum: Mapped[float]
    pass_mark: Mapped[float]
    passed: Mapped[bool]
    qualification_id: Mapped[UUID | None] = link("organisation_qualification", nullable=True)

    __table_args__ = (
        CheckConstraint(one_of("skill", SKILLS), name="skill_known"),
        CheckConstraint(
            "0 <= score and score <= maximum and 0 < pass_mark and pass_mark <= maximum",
            name="points_fit",
        ),
        CheckConstraint("passed = (score >= pass_mark)", name="passed_by_points"),
        CheckConstraint("qualification_id is null or passed", name="qualifies_passed"),
        Index("ix_training_exam_day", "region_id", "taken_on"),
    )
