"""Points and lines on the earth: GeoJSON shapes, SRID 4326, distances in metres."""

import math
import struct
from typing import Annotated, Any, Literal

from geoalchemy2 import Geography, Geometry, WKBElement
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import JSON, ColumnElement, cast, func

SRID = 4326
EARTH_RADIUS_M = 6_371_008.8

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Position = tuple[Longitude, Latitude]


def _srid_4326(value: int) -> int:
    if value != SRID:
        raise ValueError(f"coordinates are in SRID {SRID} (longitude, latitude)")
    return value


Srid = Annotated[int, AfterValidator(_srid_4326)]


class Point(BaseModel):
    """A GeoJSON point: [longitude, latitude], degrees, SRID 4326."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"type": "Point", "coordinates": [24.941, 60.17]}]},
    )
    type: Literal["Point"] = "Point"
    coordinates: Position
    srid: Srid = Field(SRID, exclude=True)

    def wkt(self) -> str:
        return f"SRID={SRID};POINT({self.coordinates[0]!r} {self.coordinates[1]!r})"


class LineString(BaseModel):
    """A GeoJSON line of 2 to 10,000 positions, SRID 4326."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["LineString"] = "LineString"
    coordinates: list[Position] = Field(min_length=2, max_length=10_000)
    srid: Srid = Field(SRID, exclude=True)

    @model_validator(mode="after")
    def _has_length(self) -> "LineString":
        if all(p == self.coordinates[0] for p in self.coordinates):
            raise ValueError("a line needs two different positions")
        return self

    def wkt(self) -> str:
        return f"SRID={SRID};LINESTRING({','.join(f'{x!r} {y!r}' for x, y in self.coordinates)})"


Shape = Annotated[Point | LineString, Field(discriminator="type")]


def point_column() -> Geometry:
    """Return the column type of a point, SRID 4326 (the index is declared by the table)."""
    return Geometry("POINT", srid=SRID, spatial_index=False)


def shape_column() -> Geometry:
    """Return the column type of any geometry, SRID 4326."""
    return Geometry("GEOMETRY", srid=SRID, spatial_index=False)


def as_geojson(column: Any) -> ColumnElement[Any]:
    """Return a geometry column as a GeoJSON object with 7 decimals."""
    return cast(func.ST_AsGeoJSON(column, 7), JSON())


def within_metres(column: Any, point: Point, metres: float) -> ColumnElement[bool]:
    """Return the condition that a geometry lies within a distance on the ground (metres)."""
    geography = Geography(srid=SRID, spatial_index=False)
    return func.ST_DWithin(
        cast(column, geography), cast(func.ST_GeomFromEWKT(point.wkt()), geography), metres
    )


def distance_m(a: Position, b: Position) -> float:
    """Return the great-circle distance of two (longitude, latitude) pairs in metres."""
    lon1, lat1, lon2, lat2 = map(math.radians, (*a, *b))
    h = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(h))


def position_of(value: WKBElement | str) -> Position:
    """Return (longitude, latitude) of a loaded point column."""
    if isinstance(value, str):
        x, y = value.split("(")[1].rstrip(")").split()
        return float(x), float(y)
    raw = bytes(value.data) if not isinstance(value.data, str) else bytes.fromhex(value.data)
    order = "<" if raw[0] == 1 else ">"
    has_srid = struct.unpack_from(order + "I", raw, 1)[0] & 0x20000000
    return struct.unpack_from(order + "dd", raw, 9 if has_srid else 5)
