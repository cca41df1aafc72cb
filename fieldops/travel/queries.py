"""The one question of this module: how many seconds from each origin to each destination."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from geoalchemy2 import Geometry
from sqlalchemy import Integer, Select, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.customers.models import Premises
from fieldops.kernel import configuration
from fieldops.kernel.direct import given, once
from fieldops.kernel.geo import EARTH_RADIUS_M, Position
from fieldops.kernel.rows import tuples
from fieldops.organisation import queries as organisation
from fieldops.organisation.models import Technician
from fieldops.travel import rules
from fieldops.travel.models import TravelTable
from fieldops.travel.rules import ANY_HOUR, FACTORS, Hours, Reals, Zones

LOOKED_AGAIN_S = 60.0
"""How long a process trusts its copy of a region's tables before it looks for newer ones."""


class _Known:
    """What a process holds of one region: its tables by hours, and when it looked last."""

    def __init__(self) -> None:
        self.looked = -LOOKED_AGAIN_S
        self.stamp: tuple[Any, ...] = ()
        self.tables: dict[str, Zones] = {}


_known: WeakKeyDictionary[Any, dict[int, _Known]] = WeakKeyDictionary()


async def seconds(
    session: AsyncSession,
    region_id: int,
    origins: Sequence[Position],
    destinations: Sequence[Position],
    leaving: datetime,
) -> Reals:
    """Return seconds of driving as float64 [origin, destination] for who leaves at a moment.

    Places are (longitude, latitude), SRID 4326. The formula of great circle x 1.35, times what
    the region's table says for the two zones and the hour. Never asks another machine: it may be
    called inside a command's transaction.
    """
    ways = rules.great_circle_seconds(origins, destinations)
    if not ways.size:
        return ways
    numbers = await configuration.values(session, region_id)
    zone = await organisation.zone_of(session, region_id)
    hours = rules.hours_of(leaving.astimezone(zone), numbers)
    tables = await _tables(session, region_id)
    table = tables.get(hours.value) or tables.get(ANY_HOUR)
    if table is not None:
        ways *= table.factor(origins, destinations)
    if table is None or not table.knows_hours:
        ways *= numbers[FACTORS[hours].name]
    return ways


async def _tables(session: AsyncSession, region_id: int) -> Mapping[str, Zones]:
    """Return the region's tables; a process looks for newer ones once a minute."""
    regions = _known.setdefault(session.sync_session.get_bind().engine, {})
    known = regions.setdefault(region_id, _Known())
    if time.monotonic() - known.looked < LOOKED_AGAIN_S:
        return known.tables
    stamp = tuple(await tuples(session, once(_stamps), {"region_id": region_id}))
    if stamp != known.stamp:
        rows = await session.scalars(_tables_of(region_id))
        known.tables = {row.hours: _zones(row) for row in rows}
        known.stamp = stamp
    known.looked = time.monotonic()
    return known.tables


def forget(session: AsyncSession) -> None:
    """Look for newer tables at the next question."""
    _known.pop(session.sync_session.get_bind().engine, None)


def _stamps() -> Select[str, datetime]:
    mine = TravelTable.region_id == given("region_id", Integer())
    return select(TravelTable.hours, TravelTable.made_at).where(mine).order_by(TravelTable.hours)


def _tables_of(region_id: int) -> Select[TravelTable]:
    return select(TravelTable).where(TravelTable.region_id == region_id)


def _zones(row: TravelTable) -> Zones:
    cells = np.frombuffer(row.cells, "<i4").reshape(-1, 2)
    thousandths = np.frombuffer(row.factors, "<u2").reshape(len(cells), len(cells))
    factors = (thousandths / np.float32(1000)).astype(np.float32)
    return Zones(row.zone_metres, row.latitude, cells, factors, row.hours != ANY_HOUR)


async def tables(session: AsyncSession, region_id: int) -> list[TravelTable]:
    """Return a region's stored tables by hours, for who makes or shows them."""
    return list(await session.scalars(_tables_of(region_id).order_by(TravelTable.hours)))


async def drop_tables(session: AsyncSession, region_id: int) -> None:
    """Remove a region's tables, before others are written in the same transaction."""
    await session.execute(delete(TravelTable).where(TravelTable.region_id == region_id))


async def places(
    session: AsyncSession, region_id: int, metres: float
) -> tuple[float, list[Position]]:
    """Return a latitude and the middle of each zone with premises or technicians' doors in it.

    Those with most premises first, at most MOST_ZONES; the zones are squares of `metres`.
    """
    x = func.ST_X(cast(Premises.point, Geometry))
    y = func.ST_Y(cast(Premises.point, Geometry))
    here = Premises.region_id == region_id
    latitude = await session.scalar(select(func.avg(y)).where(here))
    doors = [
        (float(lon or 0), float(lat or 0))
        for lon, lat in await session.execute(
            select(Technician.start_longitude, Technician.start_latitude).where(
                Technician.region_id == region_id,
                Technician.active,
                Technician.start_longitude.is_not(None),
            )
        )
    ]
    if latitude is None and not doors:
        return 0.0, []
    latitude = float(np.mean([y for _, y in doors])) if latitude is None else float(latitude)
    degree = float(np.radians(1) * EARTH_RADIUS_M)
    squeeze = degree * float(np.cos(np.radians(latitude)))
    column, row_ = func.floor(x * squeeze / metres), func.floor(y * degree / metres)
    found = await session.execute(
        select(func.avg(x), func.avg(y))
        .where(here)
        .group_by(column, row_)
        .order_by(func.count().desc(), column, row_)
        .limit(rules.MOST_ZONES)
    )
    middles = [(float(lon), float(lat)) for lon, lat in found]
    taken = {tuple(cell) for cell in rules.cell_of(middles, metres, latitude).tolist()}
    for door, cell in zip(doors, rules.cell_of(doors, metres, latitude).tolist(), strict=True):
        if tuple(cell) not in taken and len(middles) < rules.MOST_ZONES:
            taken.add(tuple(cell))
            middles.append(door)
    return latitude, middles


def hours_asked(knows_hours: bool) -> tuple[Hours | None, ...]:  # noqa: FBT001 - a plain fact
    """Return what a source is asked for: each class of hours, or once for any."""
    return tuple(Hours) if knows_hours else (None,)
