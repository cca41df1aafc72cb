"""Reads of the calls people have to make, and of those that are due on the ladder."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import policy, rules
from fieldops.appointments.models import Appointment, CallTask
from fieldops.kernel.erasure import Erasure
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one


def call_tasks(scope: Scope) -> Select[CallTask]:
    """Return the statement for the call tasks in a scope."""
    return select(CallTask).where(policy.visible(scope, CallTask))


async def lock_call_task(session: AsyncSession, scope: Scope, call_task_id: UUID) -> CallTask:
    """Return a call task locked for a change; raises NotFound outside the scope."""
    return await lock_one(
        session, call_tasks(scope).where(CallTask.id == call_task_id), "call task"
    )


async def call_task(session: AsyncSession, scope: Scope, call_task_id: UUID) -> CallTask:
    """Return a call task; raises NotFound outside the scope."""
    return await find_one(
        session, call_tasks(scope).where(CallTask.id == call_task_id), "call task"
    )


async def open_tasks(
    session: AsyncSession, region_id: int, visit_id: UUID, kinds: Collection[str] | None = None
) -> list[CallTask]:
    """Return the calls still to be made for a visit, locked, of some kinds or of all."""
    statement = select(CallTask).where(
        CallTask.region_id == region_id,
        CallTask.visit_id == visit_id,
        CallTask.done_at.is_(None),
    )
    if kinds is not None:
        statement = statement.where(CallTask.kind.in_(kinds))
    found = await session.scalars(statement.order_by(CallTask.id).with_for_update())
    return list(found)


async def open_calls(
    session: AsyncSession, region_id: int, call_task_ids: Collection[UUID]
) -> list[CallTask]:
    """Return the calls still to be made of some, locked."""
    found = await session.scalars(
        select(CallTask)
        .where(
            CallTask.region_id == region_id,
            CallTask.id.in_(call_task_ids),
            CallTask.done_at.is_(None),
        )
        .order_by(CallTask.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


def _task_exists(region_id: int, kind: str, *, open_only: bool = False) -> Any:
    conditions = [
        CallTask.region_id == region_id,
        CallTask.appointment_id == Appointment.id,
        CallTask.window_start == Appointment.window_start,
        CallTask.kind == kind,
    ]
    if open_only:
        conditions.append(CallTask.done_at.is_(None))
    return exists().where(*conditions)


def _due(region_id: int, now: datetime) -> Select[Appointment]:
    """Return the statement for unanswered appointments whose next step is a person's call.

    Nobody calls who was erased (CU-07).
    """
    erased = select(Erasure.subject_id).where(Erasure.region_id == region_id)
    call = and_(
        Appointment.call_at <= now,
        ~_task_exists(region_id, "unconfirmed"),
        ~_task_exists(region_id, "reconfirm", open_only=True),
    )
    personal = and_(
        Appointment.needs_person,
        Appointment.reconfirm_at <= now,
        ~_task_exists(region_id, "unconfirmed"),
        ~_task_exists(region_id, "reconfirm"),
    )
    return select(Appointment).where(
        Appointment.region_id == region_id,
        Appointment.state.in_(rules.UNANSWERED_STATES),
        Appointment.window_start > now,
        or_(call, personal),
        or_(Appointment.customer_id.is_(None), Appointment.customer_id.not_in(erased)),
    )


async def due_calls(session: AsyncSession, region_id: int, now: datetime, limit: int) -> list[UUID]:
    """Return the visits whose customers a person has to call (AP-04), nearest window first.

    Nothing is locked: a visit is locked before its appointment (`call_due`).
    """
    found = await session.scalars(
        _due(region_id, now).order_by(Appointment.window_start, Appointment.id).limit(limit)
    )
    return [appointment.visit_id for appointment in found]


async def call_due(
    session: AsyncSession, region_id: int, now: datetime, visit_id: UUID
) -> rules.TaskKind | None:
    """Return the kind of call that is due about a locked visit, None when none is any more."""
    found: Appointment | None = await session.scalar(
        _due(region_id, now)
        .where(Appointment.visit_id == visit_id)
        .with_for_update(of=Appointment)
        .execution_options(populate_existing=True)
    )
    if found is None:
        return None
    return "unconfirmed" if found.call_at is not None and found.call_at <= now else "reconfirm"
