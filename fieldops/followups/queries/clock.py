"""What the clock looks for: what nobody has planned, what has no answer, what is late."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints.models import Complaint
from fieldops.followups import rules
from fieldops.followups.models import AskedMatter, CareTask, FollowUp
from fieldops.followups.queries.records import DONE
from fieldops.followups.rules import State
from fieldops.kernel.erasure import Erasure
from fieldops.kernel.limits import Stage, limit, towards
from fieldops.kernel.permissions import Role
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import ABOVE, OPEN, SHARES

AT_ONCE = 200


def _erased(region_id: int) -> Select[Any]:
    """Return who was erased: nobody can ask them any more (CU-07)."""
    return select(Erasure.subject_id).where(Erasure.region_id == region_id)


async def forgotten(session: AsyncSession, region_id: int, since: datetime) -> list[UUID]:
    """Return orders that were done since a moment and are in no follow-up (FO-01)."""
    asked = (
        select(AskedMatter.id)
        .where(AskedMatter.region_id == region_id, AskedMatter.order_id == ServiceOrder.id)
        .exists()
    )
    done = (
        select(WorkOrder.id)
        .where(
            WorkOrder.region_id == region_id,
            WorkOrder.order_id == ServiceOrder.id,
            WorkOrder.kind.in_([kind.value for kind in rules.FOLLOWED]),
            WorkOrder.state.in_(DONE),
        )
        .exists()
    )
    found = await session.scalars(
        select(ServiceOrder.id)
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.customer_id.is_not(None),
            ServiceOrder.closed_at >= since,
            ServiceOrder.state.not_in(sorted(OPEN)),
            done,
            ~asked,
            ServiceOrder.customer_id.not_in(_erased(region_id)),
        )
        .order_by(ServiceOrder.id)
        .limit(AT_ONCE)
    )
    return list(found)


async def forgotten_complaints(
    session: AsyncSession, region_id: int, since: datetime
) -> list[UUID]:
    """Return complaints that were closed since a moment and are in no follow-up (FO-01)."""
    asked = (
        select(AskedMatter.id)
        .where(AskedMatter.region_id == region_id, AskedMatter.complaint_id == Complaint.id)
        .exists()
    )
    found = await session.scalars(
        select(Complaint.id)
        .where(
            Complaint.region_id == region_id,
            Complaint.closed_at >= since,
            ~asked,
            Complaint.customer_id.not_in(_erased(region_id)),
        )
        .order_by(Complaint.id)
        .limit(AT_ONCE)
    )
    return list(found)


async def lock_unanswered(
    session: AsyncSession, region_id: int, asked_before: datetime
) -> list[FollowUp]:
    """Return follow-ups whose message has brought no answer, locked."""
    found = await session.scalars(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.state == State.WAITING,
            FollowUp.ask_at <= asked_before,
        )
        .order_by(FollowUp.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def lock_overdue(
    session: AsyncSession, region_id: int, model: Any, now: datetime
) -> list[Any]:
    """Return what is past its latest time and was not found so before, locked (FO-01, FO-03)."""
    past = (
        and_(FollowUp.state.in_(rules.OPEN), FollowUp.latest_at <= now)
        if model is FollowUp
        else and_(CareTask.closed_at.is_(None), CareTask.due_at <= now)
    )
    found = await session.scalars(
        select(model)
        .where(model.region_id == region_id, model.escalated_at.is_(None), past)
        .order_by(model.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


# --- what has a limit ------------------------------------------------------------------------


def _running(region_id: int, due: Any) -> Select[Any]:
    of = FollowUp.id, FollowUp.centre_id, FollowUp.finished_at, due, FollowUp.taken_by
    return towards(*of).where(FollowUp.region_id == region_id, FollowUp.state.in_(rules.OPEN))


@limit(
    "follow_up",
    "FO-01",
    "follow_up",
    shares={Stage.RESPONSIBLE: SHARES[Stage.SUPERVISOR]},
    takers={Role.AGENT},
)
async def asked_the_same_day(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the customers to be asked by the end of the day; who asks hears of it then."""
    return _running(region_id, FollowUp.due_at)


@limit(
    "follow_up_latest",
    "FO-01",
    "follow_up",
    shares=ABOVE,
    takers={Role.AGENT},
)
async def asked_at_the_latest(
    _session: AsyncSession, region_id: int, _now: datetime
) -> Select[Any]:
    """Return the customers to be asked within three days; above who asks hear of it then."""
    return _running(region_id, FollowUp.latest_at)


@limit(
    "care_task",
    "FO-03",
    "care_task",
    shares=SHARES,
    takers={Role.AGENT},
)
async def cared_for(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the open tasks of dissatisfied customers."""
    of = CareTask.id, CareTask.centre_id, CareTask.opened_at, CareTask.due_at, CareTask.taken_by
    return towards(*of).where(CareTask.region_id == region_id, CareTask.closed_at.is_(None))
