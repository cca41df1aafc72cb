"""The share of orders served in one visit (WO-02), and the orders behind it."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.permissions import Scope
from fieldops.orders.models import ServiceOrder
from fieldops.reports import figures, served
from fieldops.reports.figures import Question
from fieldops.reports.registry import Sum, Unit
from fieldops.reports.rules import Period
from fieldops.reports.schemas import OneVisitPeriod, OneVisitRecord, OneVisitShare, TripRead

NAME = "one_visit"


def question(first: date, last: date, **whose: Any) -> Question:
    """Return the question for the orders done on some days; `whose` as of any indicator."""
    return Question(NAME, first, last, **whose)


async def share(
    session: AsyncSession, scope: Scope, of: Question, period: Period, now: datetime
) -> OneVisitShare:
    """Return the share of the orders done that took one trip, in total and cut by a period."""
    _known, counted = await figures.count(session, scope, of, [NAME], now, period=period)
    one = counted[NAME]
    trips = await figures.parts(session, scope, of, now)
    sums = {start: part for (_group, start), part in one.parts.items() if start is not None}
    return OneVisitShare(
        from_day=of.first,
        to_day=of.last,
        as_of=one.as_of,
        target_percent=one.aims.target(of.last),
        total=_period(None, one.total),
        by_trips=dict(sorted(trips.items(), key=lambda part: int(part[0]))),
        periods=[_period(day, sums[day]) for day in sorted(sums)],
    )


async def records(
    session: AsyncSession,
    scope: Scope,
    of: Question,
    now: datetime,
    *,
    one_visit: bool | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[OneVisitRecord]:
    """Return the orders behind the share by id, at most `limit` + 1, each with all its trips.

    `one_visit` keeps only those that took one trip, or only the others.
    """
    done = await figures.records(
        session, scope, of, now, counted=one_visit, after=after, limit=limit
    )
    ids = [row.order_id for row in done]
    rows = await session.execute(
        select(ServiceOrder.id, ServiceOrder.external_ref).where(
            ServiceOrder.region_id == scope.region_id, ServiceOrder.id.in_(ids)
        )
    )
    numbers: dict[UUID, str] = {row.id: row.external_ref for row in rows}
    found = await session.execute(served.trips(scope.region_id, ids))
    of_order: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for trip in found:
        of_order[trip.order_id].append(trip)
    return [
        OneVisitRecord(
            id=row.order_id,
            centre_id=row.centre_id,
            external_ref=numbers[row.order_id],
            done_at=row.at,
            one_visit=row.numerator > 0,
            trips=[TripRead.model_validate(trip) for trip in of_order[row.order_id]],
        )
        for row in done
    ]


def _period(day: date | None, of: Sum) -> OneVisitPeriod:
    return OneVisitPeriod(
        first_day=day,
        orders=round(of.denominator),
        in_one_visit=round(of.numerator),
        share_percent=of.value(Unit.PERCENT),
    )
