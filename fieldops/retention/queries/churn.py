"""Reads of the register of who may leave: cases, revisits, the figures by month (CU-09)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, and_, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.clock import start_of_day
from fieldops.kernel.erasure import Reach
from fieldops.kernel.limits import limit, towards
from fieldops.kernel.permissions import Role, Scope
from fieldops.kernel.records import find_one, lock_one
from fieldops.orders.rules import SHARES
from fieldops.retention import policy, rules
from fieldops.retention.models import ChurnCase, Revisit
from fieldops.retention.rules import Churn, Purpose, Said, Standing


def cases(scope: Scope, *, withdrawn: bool | None = None) -> Select[ChurnCase]:
    """Return the statement for the cases of the register in a scope, by id.

    `withdrawn` keeps the entries that were withdrawn, or those that were not.
    """
    found = select(ChurnCase).where(policy.visible(scope, ChurnCase)).order_by(ChurnCase.id)
    if withdrawn is not None:
        gone = ChurnCase.withdrawn_at.is_not(None)
        found = found.where(gone if withdrawn else ~gone)
    return found


async def lock_revisits_of(session: AsyncSession, region_id: int, case_id: UUID) -> list[Revisit]:
    """Return the revisits of a case that count, locked, by id."""
    found = await session.scalars(
        select(Revisit)
        .where(
            Revisit.region_id == region_id,
            Revisit.churn_case_id == case_id,
            Revisit.withdrawn_at.is_(None),
        )
        .order_by(Revisit.id)
        .with_for_update(of=Revisit)
    )
    return list(found)


def revisits(scope: Scope) -> Select[Revisit]:
    """Return the statement for the revisits in a scope that still count, by id."""
    return (
        select(Revisit)
        .where(policy.visible(scope, Revisit), Revisit.withdrawn_at.is_(None))
        .order_by(Revisit.id)
    )


async def case(session: AsyncSession, scope: Scope, case_id: UUID) -> ChurnCase:
    """Return a case; raises NotFound outside the scope."""
    return await find_one(session, cases(scope).where(ChurnCase.id == case_id), "churn case")


async def lock_case(session: AsyncSession, scope: Scope, case_id: UUID) -> ChurnCase:
    """Return a case locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(session, cases(scope).where(ChurnCase.id == case_id), "churn case")


async def lock_revisit(session: AsyncSession, scope: Scope, revisit_id: UUID) -> Revisit:
    """Return a revisit locked, as it is now; raises NotFound outside the scope."""
    return await lock_one(
        session,
        select(Revisit).where(policy.visible(scope, Revisit), Revisit.id == revisit_id),
        "revisit",
    )


async def of_orders(
    session: AsyncSession, region_id: int, order_ids: Collection[UUID]
) -> list[Revisit]:
    """Return the revisits that orders were made for, locked."""
    found = await session.scalars(
        select(Revisit)
        .where(
            Revisit.region_id == region_id,
            Revisit.order_id.in_(sorted(order_ids)),
            Revisit.withdrawn_at.is_(None),
        )
        .order_by(Revisit.id)
        .with_for_update(of=Revisit)
    )
    return list(found)


def stands(standing: Standing, now: datetime) -> ColumnElement[bool]:
    """Return the condition for revisits that count so at a time (CU-09)."""
    open_ = Revisit.done_at.is_(None)
    return {
        Standing.IN_TIME: Revisit.done_at <= Revisit.due_at,
        Standing.LATE: Revisit.done_at > Revisit.due_at,
        Standing.MISSED: and_(open_, Revisit.due_at < now),
        Standing.WAITING: and_(open_, Revisit.due_at >= now),
    }[standing]


def in_month(column: Any, month: date, zone: ZoneInfo) -> ColumnElement[bool]:
    """Return the condition for moments in a month of a zone, named by any of its days."""
    first = start_of_day(month.replace(day=1), zone)
    return and_(column >= first, column < start_of_day(rules.month_end(month), zone))


async def figures(
    session: AsyncSession,
    scope: Scope,
    first: date,
    last: date,
    zone: ZoneInfo,
    now: datetime,
    *,
    centre_id: UUID | None = None,
) -> dict[tuple[date, str], Churn]:
    """Return the churn figures by month and reason, from the month of one day to that of another.

    Each record counts in the month of what it is counted for: a case in the month it was opened,
    and in that it was closed; a revisit in the month it was due (CU-09).
    """
    span = start_of_day(first.replace(day=1), zone), start_of_day(rules.month_end(last), zone)
    found: dict[tuple[date, str], Churn] = defaultdict(Churn)
    of_cases = (
        (ChurnCase.opened_at, [("opened", func.count())]),
        (
            ChurnCase.closed_at,
            [
                ("kept", func.count().filter(ChurnCase.outcome == Said.STAYS)),
                ("lost", func.count().filter(ChurnCase.outcome == Said.GOES)),
            ],
        ),
    )
    of_revisits = (
        (
            Revisit.due_at,
            [
                (standing.value, func.count().filter(stands(standing, now)))
                for standing in (Standing.IN_TIME, Standing.LATE, Standing.MISSED)
            ],
        ),
        (Revisit.done_at, [("undecided", func.count().filter(Revisit.outcome == Said.UNDECIDED))]),
    )
    for model, asked in ((ChurnCase, of_cases), (Revisit, of_revisits)):
        for column, counts in asked:
            statement = _by_month(scope, model, column, [c for _, c in counts], zone).where(
                column >= span[0], column < span[1]
            )
            if centre_id is not None:
                statement = statement.where(model.centre_id == centre_id)
            for month, reason, *values in await session.execute(statement):
                for (name, _), value in zip(counts, values, strict=True):
                    setattr(found[month, reason], name, value)
    return dict(found)


def _by_month(
    scope: Scope, model: Any, column: Any, counts: list[Any], zone: ZoneInfo
) -> Select[Any]:
    month = cast(func.date_trunc("month", func.timezone(zone.key, column)), Date)
    counted = select(month, ChurnCase.reason, *counts).where(
        policy.visible(scope, model), ChurnCase.withdrawn_at.is_(None)
    )
    if model is Revisit:
        counted = counted.join(
            ChurnCase,
            and_(ChurnCase.region_id == Revisit.region_id, ChurnCase.id == Revisit.churn_case_id),
        ).where(
            ChurnCase.region_id == scope.region_id,
            Revisit.purpose == Purpose.CHURN,
            Revisit.withdrawn_at.is_(None),
        )
    return counted.group_by(month, ChurnCase.reason)


# --- what has a limit ------------------------------------------------------------------------


@limit(
    "revisit",
    "CU-09",
    "revisit",
    shares=SHARES,
    takers={Role.AGENT, Role.SUPERVISOR},
)
async def to_be_made(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the revisits that are due and not made; the owner of the case answers for each."""
    case = and_(ChurnCase.region_id == Revisit.region_id, ChurnCase.id == Revisit.churn_case_id)
    return (
        towards(
            Revisit.id, Revisit.centre_id, Revisit.opened_at, Revisit.due_at, ChurnCase.owner_id
        )
        .outerjoin(ChurnCase, and_(case, ChurnCase.region_id == region_id))
        .where(
            Revisit.region_id == region_id,
            Revisit.done_at.is_(None),
            Revisit.withdrawn_at.is_(None),
        )
    )


@limit("retention_visit_answer", "CU-09", "revisit", shares=SHARES, takers={Role.DISPATCHER})
async def to_be_answered(_session: AsyncSession, region_id: int, _now: datetime) -> Select[Any]:
    """Return the visits the field was asked for and has not answered."""
    of = towards(Revisit.id, Revisit.centre_id, Revisit.asked_at, Revisit.answer_due_at)
    return of.where(
        Revisit.region_id == region_id,
        Revisit.asked_at.is_not(None),
        Revisit.answered_at.is_(None),
        Revisit.done_at.is_(None),
        Revisit.withdrawn_at.is_(None),
    )


async def end(session: AsyncSession, reach: Reach) -> None:
    """Close an erased customer's open case and take the open revisits back."""
    changes = (
        (ChurnCase, ChurnCase.closed_at, {"closed_at": reach.now}),
        (Revisit, Revisit.outcome, {"withdrawn_at": reach.now}),
    )
    for model, ended, values in changes:
        still = [Revisit.done_at.is_(None)] if model is Revisit else []
        await session.execute(
            update(model)
            .where(
                model.region_id == reach.region_id,
                model.id.in_(reach.of(model)),
                ended.is_(None),
                *still,
            )
            .values(**values, version=model.version + 1, updated_at=reach.now)
            .execution_options(synchronize_session=False)
        )
