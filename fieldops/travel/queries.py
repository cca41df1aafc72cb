"""The one question of this module: how many seconds from each origin to each destination."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel.geo import Position
from fieldops.travel import rules
from fieldops.travel.rules import Reals


async def seconds(
    session: AsyncSession,  # noqa: ARG001 - the region's table of travel times comes from it
    region_id: int,  # noqa: ARG001 - see above
    origins: Sequence[Position],
    destinations: Sequence[Position],
    leaving: datetime,  # noqa: ARG001 - the hour decides where the source knows the hours
) -> Reals:
    """Return seconds of driving as float64 [origin, destination] for who leaves at a moment.

    Places are (longitude, latitude), SRID 4326. Never asks another machine: it may be called
    inside a command's transaction.
    """
    return rules.great_circle_seconds(origins, destinations)
