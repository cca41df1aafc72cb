"""Maps of any layer: vector tiles (Mapbox Vector Tile 2.1) and pages of GeoJSON (RFC 7946).

A layer is a statement of its module, already in the reader's scope: the columns `id` and `shape`
(a geometry, SRID 4326), properties beside them, and, where some matter more than others, `rank`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import geo
from fieldops.kernel.errors import Refusal

MOST_ZOOM = 20
MOST_IN_TILE = 3_000
GRID = 4_096  # units of a tile's side, as MVT has it
MARGIN = 64  # units beyond the side, so that lines and signs meet at the seams
WEB_MERCATOR = 3857


class TileOutside(Refusal):
    """There is no tile {z}/{x}/{y} of this layer; it has zoom levels {least} to {most}."""

    code = "tile_outside"
    status = 422
    advice = "Ask for the levels that the layer's description names."


class Frame(NamedTuple):
    """A box: longitudes west and east, latitudes south and north, in degrees."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a layer is asked for; `today` is the first moment of the region's day.

    No boxes: everywhere. `start` and `end` are a closed interval, None where it is open. `zoom`
    is that of a tile, which shows less the further away it looks. `dimension`: 0 points, 1 lines.
    `having` names properties, each with the values of which it is to have one.
    """

    today: datetime
    boxes: tuple[Frame, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    zoom: int | None = None
    dimension: int | None = None
    having: tuple[tuple[str, tuple[Any, ...]], ...] = ()


class Tile(NamedTuple):
    """The address of a tile: zoom level, column from the west, row from the north."""

    z: int
    x: int
    y: int

    def frame(self) -> Frame:
        """Return what the tile shows, its margin included."""
        side, beyond = 2**self.z, MARGIN / GRID
        west, east = ((self.x + shift) / side * 360 - 180 for shift in (-beyond, 1 + beyond))
        south, north = (
            math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (self.y + shift) / side))))
            for shift in (1 + beyond, -beyond)
        )
        return Frame(max(west, -180.0), south, min(east, 180.0), north)


def check_tile(tile: Tile, least_zoom: int) -> None:
    """Raise TileOutside unless a layer that begins at a zoom level has such a tile."""
    across = 2 ** max(tile.z, 0)
    if not (least_zoom <= tile.z <= MOST_ZOOM and tile.x < across and tile.y < across):
        raise TileOutside(**tile._asdict(), least=least_zoom, most=MOST_ZOOM)


def envelope(frame: Frame) -> ColumnElement[Any]:
    """Return a box as a geometry."""
    made: ColumnElement[Any] = func.ST_MakeEnvelope(*frame, geo.SRID)
    return made


def touching(shape: Any, boxes: Sequence[Frame]) -> ColumnElement[bool]:
    """Return the condition that a geometry touches one of some boxes (an index finds it)."""
    return or_(*(func.ST_Intersects(shape, envelope(box)) for box in boxes))


def having(rows: Select[*tuple[Any, ...]], asked: Asked) -> Select[*tuple[Any, ...]]:
    """Return the rows of a layer whose properties have the values that are asked for."""
    if not asked.having:
        return rows
    given = rows.subquery("given")
    return select(given).where(*(given.c[name].in_(values) for name, values in asked.having))


async def tile(
    session: AsyncSession, name: str, rows: Select[*tuple[Any, ...]], place: Tile
) -> tuple[bytes, bool]:
    """Return a layer's tile and whether it is full: then there may be more than it shows.

    Lines are simplified to the tile's grid. Of too many rows those of the least rank stay.
    """
    given = rows.subquery("given")
    order = (given.c.rank, given.c.id) if "rank" in given.c else (given.c.id,)
    found = select(given).order_by(*order).limit(MOST_IN_TILE).subquery("found")
    unit = 2 * math.pi * 6_378_137 / 2**place.z / GRID
    flat = func.ST_Simplify(func.ST_Transform(found.c.shape, WEB_MERCATOR), unit, True)
    bounds = func.ST_TileEnvelope(place.z, place.x, place.y)
    properties = [c for c in found.c if c.name not in {"shape", "rank"}]
    drawn = func.ST_AsMVTGeom(flat, bounds, GRID, MARGIN, True).label("drawn")
    layer = select(*properties, drawn).subquery("layer")
    made = select(
        func.ST_AsMVT(layer.table_valued(), name, GRID, "drawn"), func.count()
    ).select_from(layer)
    content, number = (await session.execute(made)).one()
    return bytes(content), number >= MOST_IN_TILE


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of a layer: its geometry as GeoJSON, its properties by name."""

    id: UUID
    geometry: Any
    properties: dict[str, Any]


async def part(
    session: AsyncSession, rows: Select[*tuple[Any, ...]], after: UUID | None, limit: int
) -> tuple[list[Shown], UUID | None]:
    """Return a page of a layer by id, and the `after` of the next one, None on the last."""
    given = rows.subquery("given")
    names = [c.name for c in given.c if c.name not in {"id", "shape", "rank"}]
    wanted = select(given.c.id, geo.as_geojson(given.c.shape), *(given.c[name] for name in names))
    if after is not None:
        wanted = wanted.where(given.c.id > after)
    found = (await session.execute(wanted.order_by(given.c.id).limit(limit + 1))).all()
    shown = [Shown(id_, shape, dict(zip(names, rest, strict=True))) for id_, shape, *rest in found]
    return shown[:limit], shown[limit - 1].id if len(shown) > limit else None


async def one(session: AsyncSession, rows: Select[*tuple[Any, ...]], row_id: UUID) -> Shown | None:
    """Return a row of a layer by its id, None when it is not in it."""
    given = rows.subquery("given")
    found, _next = await part(session, select(given).where(given.c.id == row_id), None, 1)
    return found[0] if found else None


async def extent(session: AsyncSession, rows: Select[*tuple[Any, ...]]) -> Frame | None:
    """Return the box around a layer, None when there is nothing in it."""
    given = rows.subquery("given")
    around = func.ST_Extent(given.c.shape)
    sides = (func.ST_XMin(around), func.ST_YMin(around), func.ST_XMax(around), func.ST_YMax(around))
    found = (await session.execute(select(*sides))).one()
    return None if found[0] is None else Frame(*found)


def around(shapes: Sequence[Any]) -> Frame | None:
    """Return the box around GeoJSON points and lines, None when there are none."""
    places = [
        place
        for shape in shapes
        if shape is not None
        for place in ([shape["coordinates"]] if shape["type"] == "Point" else shape["coordinates"])
    ]
    if not places:
        return None
    longitudes, latitudes = [p[0] for p in places], [p[1] for p in places]
    return Frame(min(longitudes), min(latitudes), max(longitudes), max(latitudes))
