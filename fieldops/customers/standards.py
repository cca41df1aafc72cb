"""The service standards FieldOps ships with (CU-02): data, and the function that lays it down."""

from collections.abc import Iterator

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import ServiceStandard
from fieldops.customers.rules import (
    BUSINESS,
    BUSINESS_TIERS,
    PRIVATE_TIERS,
    Segment,
    Service,
    Standard,
    Task,
)
from fieldops.kernel.ids import new_id

HOUR, DAY = 60, 24 * 60

BUSINESS_LIMITS = {
    # task: minutes promised, upper limit
    Task.BOOKING_CALL: (30, 120),
    Task.ARRIVAL: (60, 180),
    Task.ACTIVATION: (3 * DAY, 7 * DAY),
    Task.REPAIR: (3 * HOUR, 24 * HOUR),
    Task.COMPLAINT_CONTACT: (60, 120),
}
PRIVATE_LIMITS = {
    Task.BOOKING_CALL: (2 * HOUR, 8 * HOUR),
    Task.ARRIVAL: (2 * HOUR, 4 * HOUR),
    Task.ACTIVATION: (7 * DAY, 15 * DAY),
    Task.REPAIR: (24 * HOUR, 48 * HOUR),
    Task.COMPLAINT_CONTACT: (2 * HOUR, 2 * HOUR),
}
TIER_SHARE = {
    # tier: percent of the limit that it waits at most
    **{f"{size}{series}": 50 + 10 * size for series in "AB" for size in range(1, 6)},
    "diamond": 60,
    "gold": 75,
    "silver": 90,
    "basic": 100,
}
BROADBAND_SHARE = 80  # percent of the fixed line's limit


def _standards() -> Iterator[Standard]:
    for task in Task:
        minutes, upper = PRIVATE_LIMITS[task]
        yield Standard(task, minutes, upper)
        for segment in Segment:
            limits = BUSINESS_LIMITS if segment in BUSINESS else PRIVATE_LIMITS
            yield from _pair(task, limits[task], 100, segment=segment)
        for tier in (*BUSINESS_TIERS, *PRIVATE_TIERS):
            limits = BUSINESS_LIMITS if tier in BUSINESS_TIERS else PRIVATE_LIMITS
            yield from _pair(task, limits[task], TIER_SHARE[tier], tier=tier)


def _pair(
    task: Task,
    limits: tuple[int, int],
    percent: int,
    *,
    segment: Segment | None = None,
    tier: str | None = None,
) -> Iterator[Standard]:
    for service, share in ((None, percent), (Service.BROADBAND, percent * BROADBAND_SHARE // 100)):
        minutes, upper = (limit * share // 100 for limit in limits)
        yield Standard(task, minutes, upper, segment=segment, tier=tier, service=service)


DEFAULTS: tuple[Standard, ...] = tuple(_standards())
"""The common rows: by tier, by segment, and one per task for everything else."""


async def ensure_defaults(session: AsyncSession) -> None:
    """Lay down the default rows that are missing; rows already there are left as they are."""
    rows = [
        {
            "id": new_id(),
            "version": 1,
            "region_number": None,
            "segment": standard.segment,
            "tier": standard.tier,
            "service": standard.service,
            "task": standard.task,
            "minutes": standard.minutes,
            "upper_minutes": standard.upper_minutes,
        }
        for standard in DEFAULTS
    ]
    await session.execute(insert(ServiceStandard).values(rows).on_conflict_do_nothing())
