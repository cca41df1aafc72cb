"""Targets and weights by month (KP-03): the newest set for a month or before it counts."""

from bisect import bisect_right
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
        place = bisect_right([month for month, _ in self.weights], day)
        return self.weights[place - 1][1] if place else DEFAULT_WEIGHTS


async def aims(session: AsyncSession, region_id: int, indicator: str) -> Aims:
    """Return a region's targets of an indicator and its weights; two statements."""
    targets = await session.execute(
        select(Target.month, Target.value)
        .where(Target.region_id == region_id, Target.indicator == indicator)
        .order_by(Target.month)
    )
    weights = await session.execute(
        select(WeightTable.month, WeightTable.services, WeightTable.tiers)
        .where(WeightTable.region_id == region_id)
        .order_by(WeightTable.month)
    )
    return Aims(
        REGISTRY[indicator].target,
        tuple((row.month, row.value) for row in targets),
        tuple((row.month, Weights(row.services, row.tiers)) for row in weights),
    )


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
    found = await session.execute(
        select(WeightTable.services, WeightTable.tiers)
        .where(WeightTable.region_id == region_id, WeightTable.month <= day)
        .order_by(WeightTable.month.desc())
        .limit(1)
    )
    row = found.first()
    return DEFAULT_WEIGHTS if row is None else Weights(row.services, row.tiers)


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
