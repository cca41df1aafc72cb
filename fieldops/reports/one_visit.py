"""The share of orders served in one visit (WO-02), and the orders behind it."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Scope
from fieldops.reports import months, queries, rules, served
from fieldops.reports.queries import Places
from fieldops.reports.rules import Period
from fieldops.reports.schemas import OneVisitPeriod, OneVisitRecord, OneVisitShare, TripRead


class Question:
    """What is asked: local days, both included, on which orders were done; whose work."""

    def __init__(self, first: date, last: date, *, centre_id: UUID | None = None) -> None:
        self.first = first
        self.last = last
        self.centre_id = centre_id

    async def places(self, session: AsyncSession, scope: Scope) -> tuple[Places, queries.Cut]:
        """Return the zone's places and the cut; raises NotFound for a centre outside the scope."""
        known = await queries.places(session, scope.region_id)
        cut = queries.cut_for(known, scope, self.first, self.last, centre_id=self.centre_id)
        return known, cut


async def share(
    session: AsyncSession, scope: Scope, question: Question, period: Period
) -> OneVisitShare:
    """Return the share of the orders done that took one trip, in total and cut by a period."""
    known, cut = await question.places(session, scope)
    counts: dict[date | None, list[int]] = defaultdict(lambda: [0, 0])
    trips: dict[int, int] = defaultdict(int)
    for row in await session.execute(served.orders_done(scope.region_id, cut)):
        start = rules.period_start(local_day(row.done_at, known.zone), period)
        for key in {None, start}:
            counts[key][0] += 1
            counts[key][1] += row.trips == 1
        trips[row.trips] += 1
    total = counts.pop(None, [0, 0])
    aims = (await months.aims(session, scope.region_id, ["one_visit"]))["one_visit"]
    return OneVisitShare(
        from_day=question.first,
        to_day=question.last,
        target_percent=aims.target(question.last),
        total=_period(None, *total),
        by_trips={str(number): trips[number] for number in sorted(trips)},
        periods=[_period(day, *counts[day]) for day in sorted(filter(None, counts))],
    )


async def records(
    session: AsyncSession,
    scope: Scope,
    question: Question,
    *,
    one_visit: bool | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[OneVisitRecord]:
    """Return the orders behind the share by id, at most `limit` + 1, each with all its trips.

    `one_visit` keeps only those that took one trip, or only the others.
    """
    _known, cut = await question.places(session, scope)
    statement = served.page_of_orders(
        scope.region_id, cut, one_visit=one_visit, after=after, limit=limit + 1
    )
    rows = (await session.execute(statement)).all()
    found = await session.execute(served.trips(scope.region_id, [row.order_id for row in rows]))
    of_order: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for trip in found:
        of_order[trip.order_id].append(trip)
    return [
        OneVisitRecord(
            id=row.order_id,
            centre_id=row.centre_id,
            external_ref=row.external_ref,
            done_at=row.done_at,
            one_visit=row.trips == 1,
            trips=[TripRead.model_validate(trip) for trip in of_order[row.order_id]],
        )
        for row in rows
    ]


def _period(day: date | None, orders: int, in_one: int) -> OneVisitPeriod:
    return OneVisitPeriod(
        first_day=day,
        orders=orders,
        in_one_visit=in_one,
        share_percent=round(100 * in_one / orders, 2) if orders else None,
    )
