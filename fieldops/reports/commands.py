"""Verbs of the reports: targets and weights from a month on (KP-03), a month is closed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from fieldops.customers.rules import BUSINESS_TIERS, PRIVATE_TIERS
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.reports import closing, months
from fieldops.reports.errors import (
    MonthIsOver,
    TargetOutOfBounds,
    WeightsOutOfOrder,
    WeightUnknown,
)
from fieldops.reports.events import MonthClosed, TargetSet, WeightsSet
from fieldops.reports.models import ClosedMonth, Target, WeightTable
from fieldops.reports.registry import REGISTRY, SERVICE_WEIGHTS, TIER_WEIGHTS, Unit

MOST = {Unit.PERCENT: 100.0, Unit.MINUTES: 1440.0, Unit.PER_DAY: 100.0}

SERIES: tuple[Sequence[str], ...] = (
    ("broadband", "fixed_line"),
    PRIVATE_TIERS,
    tuple(tier for tier in BUSINESS_TIERS if tier.endswith("A")),
    tuple(tier for tier in BUSINESS_TIERS if tier.endswith("B")),
)
"""What weighs no less than what stands after it."""

Month = Annotated[
    date,
    AfterValidator(lambda day: day.replace(day=1)),
    Field(description="Any day of the first month it holds for.", examples=["2026-12-01"]),
]
Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Weighed = Annotated[dict[str, Weight], Field(max_length=40)]


class SetTarget(Args):
    name: Text = Field(max_length=80, description="The indicator's name.")
    month: Month
    value: float = Field(allow_inf_nan=False, description="In the indicator's unit.")
    reason: Text = Field(min_length=3, max_length=500)


@command("indicator.set_target", permission=Permission.RULE_EDIT)
async def set_target(ctx: Context, args: SetTarget) -> Target:
    """Set what a region aims at in an indicator from a month on (KP-03).

    Former months keep theirs. Raises NotFound, MonthIsOver, TargetOutOfBounds.
    """
    indicator = REGISTRY.get(args.name)
    if indicator is None:
        raise NotFound(thing="indicator")
    most = MOST[indicator.unit]
    if not 0 <= args.value <= most:
        raise TargetOutOfBounds(indicator=args.name, most=most)
    await _still_open(ctx, args.month)
    ctx.reason = args.reason
    row = await months.lock_target(ctx.session, ctx.region_id, args.name, args.month)
    if row is None:
        row = Target(
            region_id=ctx.region_id, indicator=args.name, month=args.month, value=args.value
        )
        ctx.add(row)
    row.value = args.value
    await ctx.emit(TargetSet(args.name, args.month))
    return row


class SetWeights(Args):
    month: Month
    services: Weighed = Field(description="Weight by service; all of them.")
    tiers: Weighed = Field(description="Weight by tier, household and business; all of them.")
    reason: Text = Field(min_length=3, max_length=500)


@command("indicator.set_weights", permission=Permission.RULE_EDIT)
async def set_weights(ctx: Context, args: SetWeights) -> WeightTable:
    """Set what services and tiers weigh in scores from a month on (KP-03).

    Raises MonthIsOver, WeightUnknown, WeightsOutOfOrder.
    """
    for wanted, given in ((SERVICE_WEIGHTS, args.services), (TIER_WEIGHTS, args.tiers)):
        for name in sorted(wanted.keys() ^ given.keys()):
            raise WeightUnknown(name=name)
    for higher, lower in _wrong({**args.services, **args.tiers}):
        raise WeightsOutOfOrder(higher=higher, lower=lower)
    await _still_open(ctx, args.month)
    ctx.reason = args.reason
    row = await months.lock_weights(ctx.session, ctx.region_id, args.month)
    if row is None:
        row = WeightTable(
            region_id=ctx.region_id, month=args.month, services=args.services, tiers=args.tiers
        )
        ctx.add(row)
    row.services, row.tiers = args.services, args.tiers
    await ctx.emit(WeightsSet(args.month))
    return row


class CloseMonth(Args):
    month: Month
    reason: Text = Field(min_length=3, max_length=500)


@command("indicator.close_month", permission=Permission.INDICATOR_CLOSE)
async def close_month(ctx: Context, args: CloseMonth) -> ClosedMonth:
    """Keep the figures of a month that is over as they are, with its targets and weights (KP-02).

    Raises Forbidden for who does not see the whole region, MonthNotOver, MonthIsClosed,
    MonthNotCounted.
    """
    if not ctx.actor.scope(Permission.INDICATOR_CLOSE).whole_region:
        raise Forbidden(permission=Permission.INDICATOR_CLOSE.value)
    ctx.reason = args.reason
    row = await closing.close(ctx.session, ctx.region_id, args.month, ctx.actor.id, ctx.now)
    ctx.add(row)
    await ctx.emit(MonthClosed(row.month))
    return row


def _wrong(weights: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for series in SERIES:
        for higher, lower in pairwise(series):
            if weights[higher] < weights[lower]:
                yield higher, lower


async def _still_open(ctx: Context, month: date) -> None:
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    if month < local_day(ctx.now, zone).replace(day=1):
        raise MonthIsOver(month=f"{month:%Y-%m}")
