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
MOST_LINKS = 60_000  # ties, services, steps of paths: of each
FIELDS = ("version", "centre_id", "kind", "name", "parent_id", "state", "attributes")
TIE = ("kind", "from_id", "to_id")
SERVICE = (
    "version", "premises_id", "customer_id", "kind", "technology", "sold_down_mbps",
    "sold_up_mbps", "account", "state", "path",
)  # fmt: skip
STEP = ("service_id", "position", "feature_id")
NEEDED = {
    "pieces": {"kind", "name"},
    "ties": set(TIE),
    "services": {"premises_id", "customer_id", "technology"},
    "paths": set(STEP),
}
"""By which columns a table of a GeoPackage is known."""
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
    """A piece of plant, a tie or a service in a file: where it stands there, and what it says.

    `values` has what the file gives of `id`, the fields, and `shape` or `path`; `fault` says why it
    could not be read.
    """

    where: str
    values: dict[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds; tables that are no plant are not looked at."""

    pieces: list[Piece]
    ties: list[Piece]
    services: list[Piece]
    ignored: list[str]


Rows = Sequence[Mapping[str, Any]]


def written(
    rows: Rows, ties: Rows, services: Rows | None, kind: PlantFormat, now: datetime
) -> bytes:
    """Return plant as a file; each piece has an id, the fields, and `shape` as GeoJSON or None.

    Services that are None are not in the file at all.
    """
    if kind is PlantFormat.GPKG:
        return geopackage.write([*_layers(rows), *_link_layers(ties, services)], now)
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": row["shape"],
            "properties": {name: row[name] for name in FIELDS},
        }
        for row in rows
    ]
    of_services = {} if services is None else {"services": services}
    return to_json({"type": "FeatureCollection", "features": features, "ties": ties, **of_services})


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


def _link_layers(ties: Rows, services: Rows | None) -> list[Layer]:
    """Return ties, services and the steps of their paths as tables without places."""
    numbers = {"version", "sold_down_mbps", "sold_up_mbps", "position"}

    def table(name: str, columns: Sequence[str], of: Rows) -> Layer:
        types = {column: "integer" if column in numbers else "text" for column in columns}
        texts = [
            {
                column: row[column]
                if row[column] is None or column in numbers
                else str(row[column])
                for column in columns
            }
            for row in of
        ]
        return Layer(name, None, types, texts)

    layers = [table("plant_ties", ("id", *TIE), ties)]
    if services is not None:
        steps = [
            {"service_id": row["id"], "position": position, "feature_id": id_}
            for row in services
            for position, id_ in enumerate(row["path"], start=1)
        ]
        layers.append(table("plant_services", ("id", *SERVICE[:-1]), services))
        layers.append(table("plant_paths", STEP, steps))
    return layers


def read(content: bytes) -> Contents:
    """Return what a file holds, by its first bytes; raises PlantFileUnreadable."""
    try:
        if content.startswith(geopackage.MAGIC):
            return _from_geopackage(content)
        return _from_geojson(content)
    except UnreadableError as exc:
        raise PlantFileUnreadable(reason=str(exc)) from None


def _from_geopackage(content: bytes) -> Contents:
    most = {name: MOST_PIECES if name == "pieces" else MOST_LINKS for name in NEEDED}
    found, ignored = geopackage.read(content, NEEDED, most)
    ties = [_of_row(row, TIE) for row in found["ties"]]
    services = [_of_row(row, SERVICE) for row in found["services"]]
    services += _with_paths(services, [_of_row(row, STEP) for row in found["paths"]])
    return Contents([_of_row(row, FIELDS) for row in found["pieces"]], ties, services, ignored)


def _with_paths(services: Sequence[Piece], steps: Sequence[Piece]) -> list[Piece]:
    """Give the services of a GeoPackage their paths; return the steps that belong to none."""
    by_id = {str(piece.values.get("id")): piece for piece in services}
    paths: dict[str, list[tuple[int, Any]]] = {}
    lost = []
    for step in steps:
        position, service_id = step.values.get("position"), str(step.values.get("service_id"))
        if step.fault is not None or not isinstance(position, int) or service_id not in by_id:
            fault = step.fault or "a step has a position and a service of the same file"
            lost.append(Piece(step.where, {}, fault))
        else:
            paths.setdefault(service_id, []).append((position, step.values.get("feature_id")))
    for service_id, path in paths.items():
        ordered = sorted(path, key=lambda step: step[0])
        by_id[service_id].values["path"] = [feature_id for _position, feature_id in ordered]
    return lost


def _of_row(row: geopackage.Row, fields: Sequence[str]) -> Piece:
    where = f"{row.table} fid {row.fid}"
    values = _known({name.lower(): value for name, value in row.values.items()}, fields)
    if any(isinstance(value, bytes) for value in values.values()):
        return Piece(where, {}, "a column that holds text has a blob")
    if fields is not FIELDS:
        return Piece(where, values)
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
    pieces = [_of_feature(n, one) for n, one in enumerate(features, start=1)]
    ties = _members(given, "ties", TIE)
    return Contents(pieces, ties, _members(given, "services", SERVICE), [])


def _members(given: Mapping[str, Any], name: str, fields: Sequence[str]) -> list[Piece]:
    """Return a list beside the features of a collection, which RFC 7946 leaves to its makers."""
    rows = given.get(name, [])
    if not isinstance(rows, list) or len(rows) > MOST_LINKS:
        raise UnreadableError(f"'{name}' is a list of at most {MOST_LINKS}")
    return [
        Piece(f"{name[:-1]} {n}", _known(row, fields))
        if isinstance(row, dict)
        else Piece(f"{name[:-1]} {n}", {}, "it is no object")
        for n, row in enumerate(rows, start=1)
    ]


def _of_feature(number: int, feature: Any) -> Piece:
    where = f"feature {number}"
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return Piece(where, {}, "it is no GeoJSON Feature")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        return Piece(where, {}, "it has no properties")
    values = _known(properties, FIELDS)
    if feature.get("id") is not None:
        values["id"] = feature["id"]
    values["shape"] = feature.get("geometry")
    return Piece(where, values)


def _known(values: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return what is known of some properties; null stands for not given, but as a parent."""
    return {
        name: values[name]
        for name in ("id", *fields)
        if name in values and (values[name] is not None or name == "parent_id")
    }
