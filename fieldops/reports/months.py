"""Targets and weights by month (KP-03): the newest set for a month or before it counts."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.reports.models import Target, WeightTable
from fieldops.reports.registry import DEFAULT_WEIGHTS, REGISTRY, Weights


@dataclass(frozen=True, slots=True)
class Aims:
    """What a region aims at in one indicator, and how it weighs, by month."""

    default: float | None
    targets: tuple[tuple[date, float], ...]
    weights: tuple[tuple[date, Weights], ...]

    def target(self, day: date) -> float | None:
        """Return the target of the month of a day."""
        place = bisect_right([month for month, _ in self.targets], day)
        return self.targets[place - 1][1] if place else self.default

    def weight(self, day: date) -> Weights:
        """Return the weights of the month of a day."""
        return weights_of(self.weights, day)


def weights_of(by_month: Sequence[tuple[date, Weights]], day: date) -> Weights:
    """Return the weights of the month of a day, out of those by month."""
    place = bisect_right([month for month, _ in by_month], day)
    return by_month[place - 1][1] if place else DEFAULT_WEIGHTS


async def aims(
    session: AsyncSession, region_id: int, indicators: Collection[str]
) -> dict[str, Aims]:
    """Return a region's targets of some indicators, and its weights; two statements."""
    targets: dict[str, list[tuple[date, float]]] = defaultdict(list)
    for name, month, value in await session.execute(
        select(Target.indicator, Target.month, Target.value)
        .where(Target.region_id == region_id, Target.indicator.in_(indicators))
        .order_by(Target.month)
    ):
        targets[name].append((month, value))
    weighed = await weights_by_month(session, region_id)
    return {name: Aims(REGISTRY[name].target, tuple(targets[name]), weighed) for name in indicators}


async def weights_by_month(
    session: AsyncSession, region_id: int
) -> tuple[tuple[date, Weights], ...]:
    """Return a region's own weights by the month from which they hold."""
    found = await session.execute(
        select(WeightTable.month, WeightTable.services, WeightTable.tiers)
        .where(WeightTable.region_id == region_id)
        .order_by(WeightTable.month)
    )
    return tuple((row.month, Weights(row.services, row.tiers)) for row in found)


async def targets(session: AsyncSession, region_id: int, day: date) -> dict[str, float | None]:
    """Return the target of every indicator in the month of a day."""
    found = await session.execute(
        select(Target.indicator, Target.value)
        .where(Target.region_id == region_id, Target.month <= day)
        .order_by(Target.month)
    )
    own = {row.indicator: row.value for row in found}
    return {name: own.get(name, one.target) for name, one in REGISTRY.items()}


async def weights(session: AsyncSession, region_id: int, day: date) -> Weights:
    """Return the weights in the month of a day."""
    return weights_of(await weights_by_month(session, region_id), day)


async def lock_target(
    session: AsyncSession, region_id: int, indicator: str, month: date
) -> Target | None:
    """Return a month's own target, locked."""
    found: Target | None = await session.scalar(
        select(Target)
        .where(Target.region_id == region_id, Target.indicator == indicator, Target.month == month)
        .with_for_update()
    )
    return found


async def lock_weights(session: AsyncSession, region_id: int, month: date) -> WeightTable | None:
    """Return a month's own weights, locked."""
    found: WeightTable | None = await session.scalar(
        select(WeightTable)
        .where(WeightTable.region_id == region_id, WeightTable.month == month)
        .with_for_update()
    )
    return found
