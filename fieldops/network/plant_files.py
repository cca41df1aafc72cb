"""Plant in a file: GeoJSON (RFC 7946) and GeoPackage, written and read as the same pieces. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic_core import from_json, to_json

from fieldops.network import geopackage
from fieldops.network.errors import PlantFileUnreadable
from fieldops.network.geopackage import Layer, UnreadableError

MOST_PIECES = 20_000
FIELDS = ("version", "centre_id", "kind", "name", "parent_id", "state", "attributes")
NEEDED = {"kind", "name"}
_TEXTS = dict.fromkeys(("id", "centre_id", "kind", "name", "parent_id", "state"), "text")
_COLUMNS = {"id": "text", "version": "integer", **_TEXTS, "attributes": "text"}
_WGS_84 = {"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "EPSG:4326"}


class PlantFormat(StrEnum):
    """What kind of file."""

    GEOJSON = "geojson"
    GPKG = "gpkg"


MEDIA_TYPES = {
    PlantFormat.GEOJSON: "application/geo+json",
    PlantFormat.GPKG: "application/geopackage+sqlite3",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of plant in a file: where it stands there, and what it says.

    `values` has what the file gives of `id`, the fields and `shape`; `fault` says why it could
    not be read.
    """

    where: str
    values: dict[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds; tables that are no plant are not looked at."""

    pieces: list[Piece]
    ignored: list[str]


def written(rows: Sequence[Mapping[str, Any]], kind: PlantFormat, now: datetime) -> bytes:
    """Return pieces as a file; each has an id, the fields, and `shape` as GeoJSON or None."""
    if kind is PlantFormat.GPKG:
        return geopackage.write(_layers(rows), now)
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": row["shape"],
            "properties": {name: row[name] for name in FIELDS},
        }
        for row in rows
    ]
    return to_json({"type": "FeatureCollection", "features": features})


def _layers(rows: Sequence[Mapping[str, Any]]) -> list[Layer]:
    kinds: dict[str | None, list[Mapping[str, Any]]] = {"Point": [], "LineString": [], None: []}
    for row in rows:
        texts = {name: None if row[name] is None else str(row[name]) for name in _TEXTS}
        attributes = to_json(row["attributes"]).decode()
        kinds[row["shape"]["type"] if row["shape"] else None].append(
            {**texts, "version": row["version"], "attributes": attributes, "shape": row["shape"]}
        )
    names = {"Point": "plant_points", "LineString": "plant_lines", None: "plant_parts"}
    return [Layer(names[kind], kind, _COLUMNS, of_kind) for kind, of_kind in kinds.items()]


def read(content: bytes) -> Contents:
    """Return what a file holds, by its first bytes; raises PlantFileUnreadable."""
    try:
        if content.startswith(geopackage.MAGIC):
            return _from_geopackage(content)
        return _from_geojson(content)
    except UnreadableError as exc:
        raise PlantFileUnreadable(reason=str(exc)) from None


def _from_geopackage(content: bytes) -> Contents:
    rows, ignored = geopackage.read(content, NEEDED, MOST_PIECES)
    return Contents([_of_row(row) for row in rows], ignored)


def _of_row(row: geopackage.Row) -> Piece:
    where = f"{row.table} fid {row.fid}"
    values = _known({name.lower(): value for name, value in row.values.items()})
    if any(isinstance(value, bytes) for value in values.values()):
        return Piece(where, {}, "a column that holds text has a blob")
    try:
        values["shape"] = None if row.blob is None else geopackage.geometry(row.blob)
        if isinstance(values.get("attributes"), str):
            values["attributes"] = from_json(values["attributes"], allow_inf_nan=False)
    except ValueError as exc:
        reason = (
            str(exc) if isinstance(exc, UnreadableError) else f"'attributes' is not JSON: {exc}"
        )
        return Piece(where, values, reason)
    return Piece(where, values)


def _from_geojson(content: bytes) -> Contents:
    try:
        given = from_json(content, allow_inf_nan=False)
    except ValueError as exc:
        raise UnreadableError(f"it is neither a GeoPackage nor JSON: {exc}") from None
    features = given.get("features") if isinstance(given, dict) else None
    if not isinstance(features, list) or given.get("type") != "FeatureCollection":
        raise UnreadableError("it is no GeoJSON FeatureCollection")
    if len(features) > MOST_PIECES:
        raise UnreadableError(f"it has more than {MOST_PIECES} features")
    if (crs := given.get("crs")) is not None:
        properties = crs.get("properties") if isinstance(crs, dict) else None
        name = properties.get("name") if isinstance(properties, dict) else None
        if name not in _WGS_84:
            raise UnreadableError("its coordinates are not in WGS 84 (RFC 7946 knows no other)")
    return Contents([_of_feature(n, one) for n, one in enumerate(features, start=1)], [])


def _of_feature(number: int, feature: Any) -> Piece:
    where = f"feature {number}"
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return Piece(where, {}, "it is no GeoJSON Feature")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        return Piece(where, {}, "it has no properties")
    values = _known(properties)
    if feature.get("id") is not None:
        values["id"] = feature["id"]
    values["shape"] = feature.get("geometry")
    return Piece(where, values)


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of some properties; null stands for not given, but as a parent."""
    return {
        name: values[name]
        for name in ("id", *FIELDS)
        if name in values and (values[name] is not None or name == "parent_id")
    }
