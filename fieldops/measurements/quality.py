"""What line tests say of plant, for the ranking of what is free and for poor areas (RE-04)."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import configuration
from fieldops.measurements import queries, rules
from fieldops.measurements.models import LineTest
from fieldops.network.ranking import Measured


async def of_features(
    session: AsyncSession, region_id: int, ids: Collection[UUID]
) -> dict[UUID, Measured]:
    """Return what the newest line test of each pair, fibre or port says; those measured only."""
    tests = await queries.newest_of_features(session, region_id, ids)
    if not tests:
        return {}
    own = await configuration.values(session, region_id)
    found = {}
    for feature_id, test in tests.items():
        measured = judged(test, own)
        if measured is not None:
            found[feature_id] = measured
    return found


def judged(test: LineTest, own: dict[str, float]) -> Measured | None:
    """Return what a test says, None when it measured nothing that has a limit."""
    values = {
        name: value for name in rules.LINE_VALUES if (value := getattr(test, name)) is not None
    }
    found = rules.quality(values, own)
    if found.score is None:
        return None
    return Measured(test.estimated_at, values, found.score, found.poor)
