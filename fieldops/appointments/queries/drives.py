"""The drives between a visit and other places, as windows are promised by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.slots.gaps import Reals
from fieldops.kernel.clock import local_day
from fieldops.kernel.geo import Position
from fieldops.organisation import queries as organisation
from fieldops.travel import queries as travel
from fieldops.travel.rules import Hours, example_of

SLOWEST_OF = (Hours.MORNING_PEAK, Hours.DAY, Hours.AFTERNOON_PEAK)


@dataclass(frozen=True, slots=True)
class Drives:
    """Whole seconds of driving to a visit and onward from it; `here` None: nowhere, no drive."""

    here: Position | None
    there: dict[Position, float]
    onward: dict[Position, float]

    def __call__(self, a: Position, b: Position) -> float:
        """Return the seconds from one place to another, one of them the visit's.

        A place that was not asked about is out of reach.
        """
        if b == self.here:
            return self.there.get(a, np.inf)
        return self.onward.get(b, np.inf)

    def of(self, places: Reals, *, there: bool) -> Reals:
        """Return the seconds for places [n, 2]; none for a place that is not known (nan)."""
        known = self.there if there else self.onward
        return np.array(
            [known[lon, lat] if lon == lon else 0.0 for lon, lat in places.tolist()]  # noqa: PLR0124 - nan
        )


async def drives(
    session: AsyncSession,
    region_id: int,
    places: Sequence[Position],
    here: Position | None,
    now: datetime,
) -> Drives:
    """Return the drives between a visit and some places in the slowest hours of a working day.

    So that what is offered today is still possible when it is booked tomorrow, and whether the
    technician drives at eight or at ten is the day plan's business.
    """
    different = sorted(set(places))
    if here is None or not different:
        return Drives(here, dict.fromkeys(different, 0.0), dict.fromkeys(different, 0.0))
    zone = await organisation.zone_of(session, region_id)
    there, onward = np.zeros(len(different)), np.zeros(len(different))
    for hours in SLOWEST_OF:
        at = example_of(hours, local_day(now, zone)).replace(tzinfo=zone)
        to = await travel.seconds(session, region_id, different, [here], at)
        on = await travel.seconds(session, region_id, [here], different, at)
        there, onward = np.maximum(there, to[:, 0]), np.maximum(onward, on[0])
    return Drives(
        here,
        dict(zip(different, np.ceil(there).tolist(), strict=True)),
        dict(zip(different, np.ceil(onward).tolist(), strict=True)),
    )
