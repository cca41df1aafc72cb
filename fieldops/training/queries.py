"""Reads of training sessions, attendances and exams (ORG-04)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.organisation.models import Technician
from fieldops.organisation.policy import own_rows
from fieldops.training import policy
from fieldops.training.models import Attendance, Exam, TrainingSession


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of people's training is narrowed to; None: not narrowed."""

    technician_id: UUID | None = None
    centre_id: UUID | None = None
    firm_id: UUID | None = None
    contractor: bool | None = None
    skill: str | None = None
    since: date | None = None
    until: date | None = None


def sessions(
    scope: Scope,
    *,
    centre_id: UUID | None = None,
    skill: str | None = None,
    state: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Select[TrainingSession]:
    """Return the statement for the sessions in a scope by id; `until` is the last day."""
    found = select(TrainingSession).where(policy.visible_sessions(scope))
    for column, value in (
        (TrainingSession.centre_id, centre_id),
        (TrainingSession.skill, skill),
        (TrainingSession.state, state),
    ):
        if value is not None:
            found = found.where(column == value)
    if since is not None:
        found = found.where(TrainingSession.held_on >= since)
    if until is not None:
        found = found.where(TrainingSession.held_on <= until)
    return found.order_by(TrainingSession.id)


def _narrowed(statement: Select[Any], model: Any, day: Any, asked: Asked) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (model.technician_id, asked.technician_id),
            (model.centre_id, asked.centre_id),
            (Technician.firm_id, asked.firm_id),
        )
        if value is not None
    ]
    if asked.contractor is not None:
        firm = Technician.firm_id
        conditions.append(firm.is_not(None) if asked.contractor else firm.is_(None))
    if asked.since is not None:
        conditions.append(day >= asked.since)
    if asked.until is not None:
        conditions.append(day <= asked.until)
    return statement.where(*conditions)


def attendances(scope: Scope, asked: Asked, training_id: UUID | None = None) -> Select[Any]:
    """Return the statement for who was at which session, one row each, by id."""
    lesson = TrainingSession
    columns: list[Any] = [
        Attendance.id,
        Attendance.training_id,
        lesson.held_on,
        lesson.subject_zh,
        lesson.subject_en,
        lesson.skill,
        lesson.minutes,
        Attendance.technician_id,
        Technician.name.label("technician_name"),
        Technician.firm_id,
        Attendance.centre_id,
        Attendance.present,
    ]
    found = (
        select(*columns)
        .join(
            lesson, and_(lesson.region_id == scope.region_id, lesson.id == Attendance.training_id)
        )
        .join(
            Technician,
            and_(
                Technician.region_id == scope.region_id,
                Technician.id == Attendance.technician_id,
            ),
        )
        .where(own_rows(Attendance, scope))
        .order_by(Attendance.id)
    )
    if training_id is not None:
        found = found.where(Attendance.training_id == training_id)
    if asked.skill is not None:
        found = found.where(lesson.skill == asked.skill)
    return _narrowed(found, Attendance, lesson.held_on, asked)


def exams(scope: Scope, asked: Asked, *, passed: bool | None = None) -> Select[Any]:
    """Return the statement for exams with the technicians' names, one row each, by id."""
    columns = [column for column in Exam.__table__.c if column.name != "region_id"]
    found = (
        select(*columns, Technician.name.label("technician_name"), Technician.firm_id)
        .select_from(Exam)
        .join(
            Technician,
            and_(Technician.region_id == scope.region_id, Technician.id == Exam.technician_id),
        )
        .where(own_rows(Exam, scope))
        .order_by(Exam.id)
    )
    if passed is not None:
        found = found.where(Exam.passed == passed)
    if asked.skill is not None:
        found = found.where(Exam.skill == asked.skill)
    return _narrowed(found, Exam, Exam.taken_on, asked)


async def session_of(session: AsyncSession, scope: Scope, training_id: UUID) -> TrainingSession:
    """Return a training session of the scope; raises NotFound."""
    return await find_one(
        session, sessions(scope).where(TrainingSession.id == training_id), "training session"
    )


async def lock_session(session: AsyncSession, scope: Scope, training_id: UUID) -> TrainingSession:
    """Return a training session of the scope locked for a change; raises NotFound."""
    return await lock_one(
        session, sessions(scope).where(TrainingSession.id == training_id), "training session"
    )


async def listed(
    session: AsyncSession, region_id: int, training_id: UUID, technician_ids: Collection[UUID]
) -> dict[UUID, Attendance]:
    """Return who of some technicians is on the list of a session already, by technician."""
    found = await session.scalars(
        select(Attendance).where(
            Attendance.region_id == region_id,
            Attendance.training_id == training_id,
            Attendance.technician_id.in_(technician_ids),
        )
    )
    return {row.technician_id: row for row in found}


async def lock_exam(session: AsyncSession, scope: Scope, exam_id: UUID) -> Exam:
    """Return an exam of the scope locked for a change; raises NotFound."""
    return await lock_one(
        session, select(Exam).where(own_rows(Exam, scope), Exam.id == exam_id), "exam"
    )
