"""The drives between a visit and other places, as windows are promised by them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
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
    """Whole seconds of driving to a visit and onward from it; `here` None: nowhere, no drive.

    `places` are the others [n], each as longitude + latitude x 1j, in order and once.
    """

    here: Position | None
    places: NDArray[np.complex128]
    there: Reals
    onward: Reals

    def __call__(self, a: Position, b: Position) -> float:
        """Return the seconds from one place to another, one of them the visit's.

        A place that was not asked about is out of reach.
        """
        to_here = b == self.here
        place = complex(*(a if to_here else b))
        at = int(np.searchsorted(self.places, place))
        if at == len(self.places) or self.places[at] != place:
            return float("inf")
        return float((self.there if to_here else self.onward)[at])

    def of(self, places: Reals, *, there: bool) -> Reals:
        """Return the seconds for places [n, 2] that were asked about; none for nan."""
        known = ~np.isnan(places[:, 0])
        seconds = np.zeros(len(places))
        at = np.searchsorted(self.places, _as_one(places[known]))
        seconds[known] = (self.there if there else self.onward)[at]
        return seconds


def _as_one(places: Reals) -> NDArray[np.complex128]:
    return places[:, 0] + 1j * places[:, 1]


async def drives(
    session: AsyncSession, region_id: int, places: Reals, here: Position | None, now: datetime
) -> Drives:
    """Return the drives between a visit and places [n, 2] in the slowest hours of a working day.

    So that what is offered today is still possible when it is booked tomorrow, and whether the
    technician drives at eight or at ten is the day plan's business.
    """
    different = np.unique(_as_one(places))
    there, onward = np.zeros(len(different)), np.zeros(len(different))
    if here is not None and len(different):
        pairs: Any = np.column_stack([different.real, different.imag])
        zone = await organisation.zone_of(session, region_id)
        for hours in SLOWEST_OF:
            at = example_of(hours, local_day(now, zone)).replace(tzinfo=zone)
            to = await travel.seconds(session, region_id, pairs, [here], at)
            on = await travel.seconds(session, region_id, [here], pairs, at)
            there, onward = np.maximum(there, to[:, 0]), np.maximum(onward, on[0])
    return Drives(here, different, np.ceil(there), np.ceil(onward))
