"""What the clock looks for: what nobody has planned, what has no answer, what is late."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.complaints.models import Complaint
from fieldops.followups import policy, rules
from fieldops.followups.models import AskedMatter, CareTask, FollowUp, FollowUpWarning
from fieldops.followups.queries.records import DONE
from fieldops.followups.rules import Audience, State
from fieldops.kernel.permissions import Scope
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import OPEN

AT_ONCE = 200


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
        .where(Complaint.region_id == region_id, Complaint.closed_at >= since, ~asked)
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


async def late(
    session: AsyncSession, region_id: int, audience: Audience, now: datetime
) -> list[FollowUp]:
    """Return open follow-ups that this audience is to be warned of and was not, locked."""
    # As rules.warned_at says: twice the latest time is the latest plus its distance.
    past: dict[Audience, ColumnElement[bool]] = {
        "handler": FollowUp.due_at <= now,
        "supervisor": FollowUp.latest_at <= now,
        "unit_above": FollowUp.latest_at + (FollowUp.latest_at - FollowUp.finished_at) <= now,
    }
    found = await session.scalars(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.state.in_(rules.OPEN),
            past[audience],
            ~_warned(region_id, "follow_up", audience, FollowUp.id),
        )
        .order_by(FollowUp.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def late_tasks(
    session: AsyncSession, region_id: int, audience: Audience, now: datetime
) -> list[CareTask]:
    """Return open care tasks that this audience is to be warned of and was not, locked."""
    twice = CareTask.due_at + (CareTask.due_at - CareTask.opened_at)
    past = (twice if audience == "unit_above" else CareTask.due_at) <= now
    found = await session.scalars(
        select(CareTask)
        .where(
            CareTask.region_id == region_id,
            CareTask.closed_at.is_(None),
            past,
            ~_warned(region_id, "care", audience, CareTask.follow_up_id),
        )
        .order_by(CareTask.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


def _warned(
    region_id: int, subject: str, audience: str, follow_up_id: ColumnElement[UUID] | object
) -> ColumnElement[bool]:
    return (
        select(FollowUpWarning.id)
        .where(
            FollowUpWarning.region_id == region_id,
            FollowUpWarning.follow_up_id == follow_up_id,
            FollowUpWarning.subject == subject,
            FollowUpWarning.audience == audience,
        )
        .exists()
    )


def warnings(scope: Scope, audiences: Collection[str]) -> Select[FollowUpWarning]:
    """Return the statement for an audience's warnings by id, of what is still not done."""
    asked = and_(
        FollowUp.region_id == FollowUpWarning.region_id,
        FollowUp.id == FollowUpWarning.follow_up_id,
    )
    care = and_(
        CareTask.region_id == FollowUpWarning.region_id,
        CareTask.id == FollowUpWarning.care_task_id,
        CareTask.region_id == scope.region_id,
    )
    return (
        select(FollowUpWarning)
        .join(FollowUp, asked)
        .outerjoin(CareTask, care)
        .where(
            policy.visible_warnings(scope),
            FollowUp.region_id == scope.region_id,
            or_(
                and_(FollowUpWarning.subject == "follow_up", FollowUp.state.in_(rules.OPEN)),
                and_(FollowUpWarning.subject == "care", CareTask.closed_at.is_(None)),
            ),
            FollowUpWarning.audience.in_(sorted(audiences)),
        )
        .order_by(FollowUpWarning.id)
    )
