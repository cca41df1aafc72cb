"""Reads of follow-ups: lists in scope, what a caller should know, the figures of FO-05."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, Text, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.models import Appointment
from fieldops.followups import policy, rules
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.rules import State
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Scope
from fieldops.measurements.models import SpeedTest
from fieldops.network.models import NetworkService
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import OPEN
from fieldops.orders.rules import State as Work
from fieldops.visits.models import Visit
from fieldops.visits.rules import State as VisitState

AT_ONCE = 200
DONE = (Work.COMPLETED.value, Work.CLOSED.value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is asked for; None or empty: everything."""

    states: Collection[State] = ()
    overdue: bool | None = None
    mine: UUID | None = None
    customer_id: UUID | None = None
    satisfaction: rules.Satisfaction | None = None
    reason: str | None = None
    finished_from: datetime | None = None
    finished_until: datetime | None = None


def follow_ups(scope: Scope, wanted: Wanted, now: datetime) -> Select[FollowUp]:
    """Return the statement for the follow-ups in a scope, by id."""
    found = select(FollowUp).where(policy.visible(scope)).order_by(FollowUp.id)
    late = and_(FollowUp.state.in_(rules.OPEN), FollowUp.due_at <= now)
    if wanted.states:
        found = found.where(FollowUp.state.in_(wanted.states))
    if wanted.overdue is not None:
        found = found.where(late if wanted.overdue else ~late)
    if wanted.mine is not None:
        found = found.where(FollowUp.taken_by == wanted.mine)
    if wanted.customer_id is not None:
        found = found.where(FollowUp.customer_id == wanted.customer_id)
    if wanted.satisfaction is not None:
        found = found.where(FollowUp.satisfaction == wanted.satisfaction)
    if wanted.reason is not None:
        found = found.where(FollowUp.reason == wanted.reason)
    if wanted.finished_from is not None:
        found = found.where(FollowUp.finished_at >= wanted.finished_from)
    if wanted.finished_until is not None:
        found = found.where(FollowUp.finished_at < wanted.finished_until)
    return found


async def follow_up(session: AsyncSession, scope: Scope, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up; raises NotFound outside the scope."""
    found: FollowUp | None = await session.scalar(
        select(FollowUp).where(policy.visible(scope), FollowUp.id == follow_up_id)
    )
    if found is None:
        raise NotFound(thing="follow-up")
    return found


async def lock_follow_up(session: AsyncSession, scope: Scope, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up locked, as it is now; raises NotFound outside the scope."""
    found: FollowUp | None = await session.scalar(
        select(FollowUp)
        .where(policy.visible(scope), FollowUp.id == follow_up_id)
        .with_for_update(of=FollowUp)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(thing="follow-up")
    return found


async def of_order(session: AsyncSession, region_id: int, order_id: UUID) -> UUID | None:
    """Return the follow-up of an order, None while there is none."""
    found: UUID | None = await session.scalar(
        select(FollowUp.id).where(
            FollowUp.region_id == region_id,
            FollowUp.order_id == order_id,
            FollowUp.matter != "complaint",
        )
    )
    return found


async def last_visit(session: AsyncSession, region_id: int, order_id: UUID) -> Visit | None:
    """Return the visit of an order that was completed last."""
    found: Visit | None = await session.scalar(
        select(Visit)
        .where(
            Visit.region_id == region_id,
            Visit.order_id == order_id,
            Visit.state == VisitState.COMPLETED,
        )
        .order_by(Visit.ended_at.desc(), Visit.id.desc())
        .limit(1)
    )
    return found


async def forgotten(session: AsyncSession, region_id: int, since: datetime) -> list[UUID]:
    """Return orders that were done since a moment and have no follow-up (FO-01)."""
    has_one = (
        select(FollowUp.id)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.order_id == ServiceOrder.id,
            FollowUp.matter != "complaint",
        )
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
            ~has_one,
        )
        .order_by(ServiceOrder.id)
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


async def lock_late(session: AsyncSession, region_id: int, now: datetime) -> list[FollowUp]:
    """Return follow-ups past their latest moment that nobody was told of, locked."""
    found = await session.scalars(
        select(FollowUp)
        .where(
            FollowUp.region_id == region_id,
            FollowUp.state.in_(rules.OPEN),
            FollowUp.latest_at <= now,
            FollowUp.escalated_at.is_(None),
        )
        .order_by(FollowUp.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def lock_late_tasks(session: AsyncSession, region_id: int, now: datetime) -> list[CareTask]:
    """Return care tasks past their time that nobody was told of, locked."""
    found = await session.scalars(
        select(CareTask)
        .where(
            CareTask.region_id == region_id,
            CareTask.closed_at.is_(None),
            CareTask.due_at <= now,
            CareTask.escalated_at.is_(None),
        )
        .order_by(CareTask.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return list(found)


def care_tasks(
    scope: Scope, *, open_only: bool | None, escalated: bool | None, follow_up_id: UUID | None
) -> Select[CareTask]:
    """Return the statement for the care tasks in a scope, by id."""
    found = select(CareTask).where(policy.visible_tasks(scope)).order_by(CareTask.id)
    if open_only is not None:
        ended = CareTask.closed_at.is_not(None)
        found = found.where(~ended if open_only else ended)
    if escalated is not None:
        told = CareTask.escalated_at.is_not(None)
        found = found.where(told if escalated else ~told)
    return found if follow_up_id is None else found.where(CareTask.follow_up_id == follow_up_id)


async def lock_task(session: AsyncSession, scope: Scope, care_task_id: UUID) -> CareTask:
    """Return a care task locked; raises NotFound outside the scope."""
    found: CareTask | None = await session.scalar(
        select(CareTask)
        .where(policy.visible_tasks(scope), CareTask.id == care_task_id)
        .with_for_update(of=CareTask)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(thing="care task")
    return found


# What a caller should know


@dataclass(frozen=True, slots=True)
class Known:
    """What was promised, measured and left open in a matter."""

    visit: Visit | None
    promise: Appointment | None
    measured: list[tuple[float, int | None]]
    open_orders: list[str]


async def known(session: AsyncSession, row: FollowUp) -> Known:
    """Return what a caller should know before asking; the caller has read the row in scope."""
    region_id = row.region_id
    visit = promise = None
    measured: list[tuple[float, int | None]] = []
    if row.visit_id is not None:
        visit = await session.get(Visit, (region_id, row.visit_id))
        promise = await session.scalar(
            select(Appointment)
            .where(Appointment.region_id == region_id, Appointment.visit_id == row.visit_id)
            .order_by(Appointment.id.desc())
            .limit(1)
        )
        measured = await _measured(session, region_id, row.visit_id)
    others = await session.scalars(
        select(ServiceOrder.external_ref)
        .where(
            ServiceOrder.region_id == region_id,
            ServiceOrder.customer_id == row.customer_id,
            ServiceOrder.state.in_(sorted(OPEN)),
        )
        .order_by(ServiceOrder.received_at, ServiceOrder.id)
        .limit(10)
    )
    return Known(visit, promise, measured, list(others))


async def _measured(
    session: AsyncSession, region_id: int, visit_id: UUID
) -> list[tuple[float, int | None]]:
    """Return the last speed of each line measured on a visit, with the rate sold; in Mbit/s."""
    found = await session.execute(
        select(SpeedTest.service_id, SpeedTest.down_mbps, NetworkService.sold_down_mbps)
        .join(
            NetworkService,
            and_(
                NetworkService.region_id == SpeedTest.region_id,
                NetworkService.id == SpeedTest.service_id,
            ),
        )
        .where(
            SpeedTest.region_id == region_id,
            NetworkService.region_id == region_id,
            SpeedTest.visit_id == visit_id,
        )
        .order_by(SpeedTest.estimated_at, SpeedTest.id)
    )
    last = {row.service_id: (row.down_mbps, row.sold_down_mbps) for row in found}
    return list(last.values())


# The figures of FO-05


@dataclass(frozen=True, slots=True)
class Counted:
    """How many follow-ups of one day and part got one answer, and how many of them in time."""

    day: date
    part: str | None
    satisfaction: str | None
    number: int
    in_time: int


async def counted(
    session: AsyncSession,
    scope: Scope,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    by: rules.By,
    party: str | None = None,
) -> list[Counted]:
    """Return the follow-ups of matters that ended from `start` to `end`, counted."""
    day = cast(func.timezone(zone.key, FollowUp.finished_at), Date)
    parts = _parts(by)
    in_time = FollowUp.answered_at <= FollowUp.latest_at
    columns: list[Any] = [
        day.label("day"),
        FollowUp.satisfaction,
        func.count().label("number"),
        func.count().filter(in_time).label("in_time"),
        *(part.label("part") for part in parts),
    ]
    found = await session.execute(
        select(*columns)
        .where(policy.visible(scope), *_within(start, end), *_of(party))
        .group_by(day, FollowUp.satisfaction, *parts)
    )
    rows = found.all()
    named = [str(row.part) if parts and row.part is not None else None for row in rows]
    return [
        Counted(row.day, part, row.satisfaction, row.number, row.in_time)
        for row, part in zip(rows, named, strict=True)
    ]


def _within(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return (FollowUp.finished_at >= start, FollowUp.finished_at < end)


def _of(party: str | None) -> tuple[ColumnElement[bool], ...]:
    ours = FollowUp.firm_id.is_(None)
    return () if party is None else (ours if party == "own" else ~ours,)


def _parts(by: rules.By) -> list[ColumnElement[Any]]:
    columns: dict[rules.By, ColumnElement[Any]] = {
        rules.By.CENTRE: cast(FollowUp.centre_id, Text),
        rules.By.FIRM: cast(FollowUp.firm_id, Text),
        rules.By.PARTY: case((FollowUp.firm_id.is_(None), "own"), else_="contractor"),
    }
    return [columns[by]] if by in columns else []


async def reasons(
    session: AsyncSession, scope: Scope, start: datetime, end: datetime, party: str | None
) -> dict[str | None, int]:
    """Return how often each reason was given for matters that ended in a time (FO-05)."""
    statement = (
        select(FollowUp.reason, func.count())
        .where(
            policy.visible(scope),
            *_within(start, end),
            *_of(party),
            FollowUp.satisfaction == rules.Satisfaction.DISSATISFIED,
        )
        .group_by(FollowUp.reason)
    )
    return {reason: int(number) for reason, number in await session.execute(statement)}
