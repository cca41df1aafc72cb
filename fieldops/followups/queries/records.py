"""The records: lists in scope by what is wanted, and the loads of commands."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Customer
from fieldops.followups import policy, rules
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.rules import State
from fieldops.kernel.permissions import Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.orders.rules import State as Work
from fieldops.organisation import queries as organisation

DONE = (Work.COMPLETED.value, Work.CLOSED.value)


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of follow-ups that is looked at, in lists and in figures; None: everything."""

    centre_id: UUID | None = None
    party: str | None = None
    firm_id: UUID | None = None
    technician_id: UUID | None = None
    matter: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions for this part (FO-05, ORG-06)."""
        found: list[ColumnElement[bool]] = []
        if self.centre_id is not None:
            found.append(FollowUp.centre_id == self.centre_id)
        if self.party is not None:
            ours = FollowUp.firm_id.is_(None)
            found.append(ours if self.party == "own" else ~ours)
        if self.firm_id is not None:
            found.append(FollowUp.firm_id == self.firm_id)
        if self.technician_id is not None:
            found.append(FollowUp.technician_id == self.technician_id)
        if self.matter is not None:
            found.append(FollowUp.matter == self.matter)
        return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is asked for; None or empty: everything.

    `callable_at`: only calls to be made then that nobody has, `claimed_since` saying from when on
    somebody does.
    """

    states: Collection[State] = ()
    overdue: bool | None = None
    escalated: bool | None = None
    callable_at: datetime | None = None
    claimed_since: datetime | None = None
    mine: UUID | None = None
    customer_id: UUID | None = None
    order_id: UUID | None = None
    satisfaction: rules.Satisfaction | None = None
    reason: str | None = None
    finished_from: datetime | None = None
    finished_until: datetime | None = None
    cut: Cut = field(default_factory=Cut)


def follow_ups(scope: Scope, wanted: Wanted, now: datetime) -> Select[FollowUp]:
    """Return the statement for the follow-ups in a scope, by id."""
    found = select(FollowUp).where(policy.visible(scope), *wanted.cut.conditions())
    if wanted.states:
        found = found.where(FollowUp.state.in_(wanted.states))
    if wanted.overdue is not None:
        late = and_(FollowUp.state.in_(rules.OPEN), FollowUp.due_at <= now)
        found = found.where(late if wanted.overdue else ~late)
    if wanted.escalated is not None:
        told = FollowUp.escalated_at.is_not(None)
        found = found.where(told if wanted.escalated else ~told)
    if wanted.callable_at is not None:
        free = FollowUp.taken_at.is_(None) | (FollowUp.taken_at <= wanted.claimed_since)
        waits = and_(FollowUp.state == State.TO_CALL, FollowUp.call_at <= wanted.callable_at)
        found = found.where(waits, free)
    for column, value in (
        (FollowUp.taken_by, wanted.mine),
        (FollowUp.customer_id, wanted.customer_id),
        (FollowUp.order_id, wanted.order_id),
        (FollowUp.satisfaction, wanted.satisfaction),
        (FollowUp.reason, wanted.reason),
    ):
        if value is not None:
            found = found.where(column == value)
    if wanted.finished_from is not None:
        found = found.where(FollowUp.finished_at >= wanted.finished_from)
    if wanted.finished_until is not None:
        found = found.where(FollowUp.finished_at < wanted.finished_until)
    return found.order_by(FollowUp.id)


async def follow_up(session: AsyncSession, scope: Scope, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up; raises NotFound outside the scope."""
    return await find_one(
        session,
        select(FollowUp).where(policy.visible(scope), FollowUp.id == follow_up_id),
        "follow-up",
    )


async def lock_follow_up(session: AsyncSession, scope: Scope, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(FollowUp).where(policy.visible(scope), FollowUp.id == follow_up_id),
        "follow-up",
    )


async def lock_waiting(
    session: AsyncSession, region_id: int, follow_up_id: UUID
) -> FollowUp | None:
    """Return a follow-up that a message may ask for, locked; None when it may not any more."""
    found: FollowUp | None = await session.scalar(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.id == follow_up_id,
            FollowUp.state == State.WAITING,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def lock_for_answer(session: AsyncSession, region_id: int, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up that a customer answers by themselves, locked; raises NotFound."""
    return await lock_follow_up(session, Scope(region_id, whole_region=True), follow_up_id)


async def lock_of_customer(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> list[FollowUp]:
    """Return all follow-ups of a customer that a person is to make, locked by id (FO-04)."""
    found = await session.scalars(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.customer_id == customer_id,
            FollowUp.state == State.TO_CALL,
        )
        .order_by(FollowUp.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


async def lock_open(
    session: AsyncSession,
    region_id: int,
    follow_up_ids: Collection[UUID],
    task_ids: Collection[UUID],
) -> tuple[list[FollowUp], list[CareTask]]:
    """Return the follow-ups still to be made and the care tasks still open of some, locked."""
    asked = await session.scalars(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.id.in_(follow_up_ids),
            FollowUp.state.in_(rules.OPEN),
        )
        .order_by(FollowUp.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    tasks = await session.scalars(
        select(CareTask)
        .where(
            CareTask.region_id == region_id,
            CareTask.id.in_(task_ids),
            CareTask.closed_at.is_(None),
        )
        .order_by(CareTask.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(asked), list(tasks)


def care_tasks(
    scope: Scope,
    *,
    open_only: bool | None,
    escalated: bool | None,
    follow_up_id: UUID | None,
    centre_id: UUID | None = None,
    mine: UUID | None = None,
) -> Select[CareTask]:
    """Return the statement for the care tasks in a scope, by id."""
    found = select(CareTask).where(policy.visible_tasks(scope)).order_by(CareTask.id)
    if open_only is not None:
        ended = CareTask.closed_at.is_not(None)
        found = found.where(~ended if open_only else ended)
    if escalated is not None:
        told = CareTask.escalated_at.is_not(None)
        found = found.where(told if escalated else ~told)
    for column, value in (
        (CareTask.follow_up_id, follow_up_id),
        (CareTask.centre_id, centre_id),
        (CareTask.taken_by, mine),
    ):
        if value is not None:
            found = found.where(column == value)
    return found


async def lock_task(session: AsyncSession, scope: Scope, care_task_id: UUID) -> CareTask:
    """Return a care task locked; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(CareTask).where(policy.visible_tasks(scope), CareTask.id == care_task_id),
        "care task",
    )


async def lock_open_tasks(
    session: AsyncSession, region_id: int, customer_id: UUID
) -> list[CareTask]:
    """Return the open care tasks of a customer, locked, by id."""
    found = await session.scalars(
        select(CareTask)
        .where(
            CareTask.region_id == region_id,
            CareTask.customer_id == customer_id,
            CareTask.closed_at.is_(None),
        )
        .order_by(CareTask.id)
        .with_for_update(of=CareTask)
        .execution_options(populate_existing=True)
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a customer's link opens: the follow-up, their region's zone, their language."""

    row: FollowUp
    zone: ZoneInfo
    locale: str | None


async def linked(session: AsyncSession, region_id: int, follow_up_id: UUID) -> Linked | None:
    """Return what a genuine link stands for; None when that is gone."""
    found = (
        await session.execute(
            select(FollowUp, Customer.locale)
            .join(
                Customer,
                and_(Customer.region_id == FollowUp.region_id, Customer.id == FollowUp.customer_id),
            )
            .where(
                FollowUp.region_id == region_id,
                Customer.region_id == region_id,
                FollowUp.id == follow_up_id,
                FollowUp.state != State.WITHDRAWN,
            )
        )
    ).first()
    if found is None:
        return None
    return Linked(found[0], await organisation.zone_of(session, region_id), found[1])
