"""Closed months: their figures are kept, and what is corrected later shows beside them (KP-02).

A month is closed from its rollups, when every day of it is rolled up and none is stale.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Integer, Select, and_, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day
from fieldops.kernel.ids import NIL
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.reports import months, rules
from fieldops.reports.errors import MonthIsClosed, MonthNotCounted, MonthNotOver
from fieldops.reports.models import ClosedMonth, MonthFigure, RolledDay, Rollup
from fieldops.reports.registry import REGISTRY
from fieldops.reports.rollups import ONE, UNSETTLED, VALUES, Days

KEYS = ("centre_id", "technician_id", "firm_id", "service", "tier")


def month_of(day: date) -> Days:
    """Return the days of the month a day lies in."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Days(first, following - ONE)


async def close(
    session: AsyncSession, region_id: int, month: date, by: UUID | None, now: datetime
) -> ClosedMonth:
    """Return a month closed now, its figures kept; the caller adds it.

    Raises MonthNotOver before its last day is settled, MonthIsClosed, and MonthNotCounted while
    a day of it is not rolled up or stale.
    """
    days = month_of(month)
    said = f"{days.first:%Y-%m}"
    await organisation.one_at_a_time_in(session, region_id)
    zone = await organisation.zone_of(session, region_id)
    if days.last > local_day(now, zone) - UNSETTLED:
        raise MonthNotOver(month=said)
    if await closed(session, region_id, days.first) is not None:
        raise MonthIsClosed(month=said)
    if not await _counted(session, region_id, days):
        raise MonthNotCounted(month=said)
    await session.execute(_keep(region_id, days))
    weights = await months.weights(session, region_id, days.first)
    return ClosedMonth(
        region_id=region_id,
        month=days.first,
        closed_at=now,
        closed_by=by,
        targets=await months.targets(session, region_id, days.first),
        services=weights.services,
        tiers=weights.tiers,
    )


async def closed(session: AsyncSession, region_id: int, month: date) -> ClosedMonth | None:
    """Return a closed month; None for one that is not."""
    found: ClosedMonth | None = await session.scalar(
        select(ClosedMonth).where(ClosedMonth.region_id == region_id, ClosedMonth.month == month)
    )
    return found


async def _counted(session: AsyncSession, region_id: int, days: Days) -> bool:
    found = await session.execute(
        select(func.count(), func.count(RolledDay.stale_since)).where(
            RolledDay.region_id == region_id,
            RolledDay.indicator.in_(sorted(REGISTRY)),
            RolledDay.day.between(days.first, days.last),
        )
    )
    rolled, stale = found.one()
    wanted = len(REGISTRY) * ((days.last - days.first).days + 1)
    return bool(rolled == wanted and stale == 0)


def _keep(region_id: int, days: Days) -> Any:
    firm = func.coalesce(Technician.firm_id, NIL)
    keys = [Rollup.centre_id, Rollup.technician_id, firm, Rollup.service, Rollup.tier]
    return insert(MonthFigure).from_select(
        ["region_id", "month", "indicator", *KEYS, *VALUES],
        select(
            literal(region_id, Integer),
            literal(days.first, Date),
            Rollup.indicator,
            *keys,
            *(func.sum(getattr(Rollup, value)) for value in VALUES),
        )
        .outerjoin(
            Technician,
            and_(Technician.region_id == region_id, Technician.id == Rollup.technician_id),
        )
        .where(Rollup.region_id == region_id, Rollup.day.between(days.first, days.last))
        .group_by(Rollup.indicator, *keys),
    )


async def due(session: AsyncSession, region_id: int, now: datetime) -> date | None:
    """Return the last month that is to be closed by now and is not; None without one."""
    zone = await organisation.zone_of(session, region_id)
    after = await configuration.duration(session, region_id, rules.CLOSES_AFTER)
    ripe = local_day(now, zone) - after
    last = ripe.replace(day=1) - ONE
    days = month_of(last)
    if await closed(session, region_id, days.first) is not None:
        return None
    return days.first if await _counted(session, region_id, days) else None


def listed(region_id: int) -> Select[ClosedMonth]:
    """Return the statement for a region's closed months in the order of closing."""
    return select(ClosedMonth).where(ClosedMonth.region_id == region_id).order_by(ClosedMonth.id)


async def in_days(session: AsyncSession, region_id: int, days: Days) -> dict[date, ClosedMonth]:
    """Return the closed months that lie in some days as a whole."""
    found = await session.scalars(
        select(ClosedMonth).where(
            ClosedMonth.region_id == region_id, ClosedMonth.month.between(days.first, days.last)
        )
    )
    return {row.month: row for row in found if month_of(row.month).last <= days.last}


def kept(
    region_id: int, names: Collection[str], closed_months: Any, centre_ids: Any
) -> Select[Any]:
    """Return indicators' kept sums of some months, in the shape of `rollups.source`."""
    return select(
        MonthFigure.indicator,
        MonthFigure.month.label("day"),
        MonthFigure.centre_id,
        func.nullif(MonthFigure.technician_id, NIL).label("technician_id"),
        func.nullif(MonthFigure.firm_id, NIL).label("firm_id"),
        func.nullif(MonthFigure.service, "").label("service"),
        func.nullif(MonthFigure.tier, "").label("tier"),
        *(getattr(MonthFigure, value) for value in VALUES),
    ).where(
        MonthFigure.region_id == region_id,
        MonthFigure.indicator.in_(names),
        MonthFigure.month.in_(sorted(closed_months)),
        MonthFigure.centre_id.in_(centre_ids),
    )
