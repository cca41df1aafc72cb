"""GeoPackages (OGC 12-128r18, no extension) by the standard library: written, and read warily.

Read is a file that a stranger may have made: opened read-only, nothing of its schema is trusted, no
function, view, trigger or virtual table runs, and rows, sizes and work are limited.
"""

import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x47504B47  # "GPKG"
USER_VERSION = 10301  # version 1.3.1
MAGIC = b"SQLite format 3\x00"
SRID = 4326
LONGEST_VALUE = 1_000_000  # bytes of one value; a line of 10,000 positions has 160,000
MOST_COLUMNS = 100
MOST_TABLES = 50
MOST_WORK = 3_000  # times 10,000 steps of SQLite's machine for one file
WKB_TYPES = {1: "Point", 2: "LineString"}
OTHER_TYPES = ("Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")
_ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}

_WGS_84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,'
    'AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AUTHORITY["EPSG","4326"]]'
)
_TABLES = """
create table gpkg_spatial_ref_sys (
  srs_name text not null, srs_id integer not null primary key, organization text not null,
  organization_coordsys_id integer not null, definition text not null, description text);
create table gpkg_contents (
  table_name text not null primary key, data_type text not null, identifier text unique,
  description text default '', last_change datetime not null
  default (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x double, min_y double, max_x double, max_y double, srs_id integer,
  constraint fk_gc_r_srs_id foreign key (srs_id) references gpkg_spatial_ref_sys(srs_id));
create table gpkg_geometry_columns (
  table_name text not null, column_name text not null, geometry_type_name text not null,
  srs_id integer not null, z tinyint not null, m tinyint not null,
  constraint pk_geom_cols primary key (table_name, column_name),
  constraint uk_gc_table_name unique (table_name),
  constraint fk_gc_tn foreign key (table_name) references gpkg_contents(table_name),
  constraint fk_gc_srs foreign key (srs_id) references gpkg_spatial_ref_sys (srs_id));
"""


class UnreadableError(ValueError):
    """A file, or a geometry in it, is not what a GeoPackage holds; the text says why."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A table to write: `geometry_type` None for one without places; a type for each column.

    Rows have the columns' values and, under `shape`, a GeoJSON point or line.
    """

    name: str
    geometry_type: str | None
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read: its table and number there, its values, the blob of its geometry."""

    table: str
    fid: int
    values: dict[str, Any]
    blob: bytes | None


def write(layers: Sequence[Layer], now: datetime) -> bytes:
    """Return a GeoPackage with some tables, SRID 4326."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as book:
        book.executescript(
            f"pragma application_id = {APPLICATION_ID}; pragma user_version = {USER_VERSION};"
            + _TABLES
        )
        book.executemany(
            "insert into gpkg_spatial_ref_sys values (?, ?, ?, ?, ?, ?)",
            [
                ("WGS 84 geodetic", SRID, "EPSG", SRID, _WGS_84, "longitude, latitude"),
                ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", None),
                ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
            ],
        )
        for layer in layers:
            _add(book, layer, now)
        return book.serialize()


def _add(book: sqlite3.Connection, layer: Layer, now: datetime) -> None:
    placed = layer.geometry_type is not None
    place = {"geom": layer.geometry_type.upper()} if layer.geometry_type else {}
    types = {**place, **layer.columns}
    columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
    table = _quoted(layer.name)
    book.execute(
        f"create table {table} (fid integer primary key autoincrement not null, {columns})"
    )
    sides = _around([row["shape"] for row in layer.rows]) if placed else (None,) * 4
    last_change = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    kind = "features" if placed else "attributes"
    book.execute(
        "insert into gpkg_contents values (?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
        (layer.name, kind, layer.name, last_change, *sides, SRID if placed else None),
    )
    if placed:
        book.execute(
            "insert into gpkg_geometry_columns values (?, 'geom', ?, ?, 0, 0)",
            (layer.name, types["geom"], SRID),
        )
    names = ", ".join(_quoted(name) for name in types)
    marks = ", ".join("?" for _ in types)
    book.executemany(
        f"insert into {table} ({names}) values ({marks})",
        (
            [
                *([_blob(row["shape"])] if placed else []),
                *(row.get(name) for name in layer.columns),
            ]
            for row in layer.rows
        ),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _around(shapes: Sequence[Any]) -> tuple[float | None, ...]:
    places = [place for shape in shapes for place in _places(shape)]
    if not places:
        return (None,) * 4
    x, y = [p[0] for p in places], [p[1] for p in places]
    return min(x), min(y), max(x), max(y)


def _places(shape: Any) -> list[Any]:
    coordinates: list[Any] = shape["coordinates"]
    return [coordinates] if shape["type"] == "Point" else coordinates


def _blob(shape: Any) -> bytes:
    """Return a GeoJSON point or line as the standard's binary: header, then WKB, little-endian."""
    places = _places(shape)
    flat = [float(number) for place in places for number in place]
    if shape["type"] == "Point":
        return struct.pack("<2sBBi", b"GP", 0, 1, SRID) + struct.pack("<BI2d", 1, 1, *flat)
    x, y = flat[::2], flat[1::2]
    header = struct.pack("<2sBBi4d", b"GP", 0, 3, SRID, min(x), max(x), min(y), max(y))
    return header + struct.pack(f"<BII{len(flat)}d", 1, 2, len(places), *flat)


def geometry(blob: bytes) -> dict[str, Any]:
    """Return the geometry of a blob as GeoJSON; raises UnreadableError."""
    try:
        magic, _version, flags = struct.unpack_from("<2sBB", blob)
        (srid,) = struct.unpack_from("<i" if flags & 1 else ">i", blob, 4)
        start = 8 + _ENVELOPES[flags >> 1 & 7]
        order = "<" if blob[start] == 1 else ">"
        (kind,) = struct.unpack_from(f"{order}I", blob, start + 1)
    except (struct.error, KeyError, IndexError):
        raise UnreadableError("the geometry is cut off or has no header") from None
    if magic != b"GP" or flags & 0x20:
        raise UnreadableError("the geometry is not in the standard's binary form")
    if srid != SRID:
        raise UnreadableError(f"the geometry has the SRID {srid}; coordinates are in SRID {SRID}")
    if flags & 0x10:
        raise UnreadableError("the geometry is empty")
    if kind not in WKB_TYPES:
        plain = dict(enumerate(OTHER_TYPES, start=3)).get(kind, f"type {kind}")
        raise UnreadableError(
            f"a geometry is a Point or a LineString without heights, not a {plain}"
        )
    return _positions(blob, start + 5, order, WKB_TYPES[kind])


def _positions(blob: bytes, start: int, order: str, kind: str) -> dict[str, Any]:
    try:
        number = 1
        if kind == "LineString":
            (number,) = struct.unpack_from(f"{order}I", blob, start)
            start += 4
        if len(blob) != start + 16 * number:
            raise UnreadableError("the geometry is cut off or goes on behind its end")
        flat = struct.unpack_from(f"{order}{2 * number}d", blob, start)
    except struct.error:
        raise UnreadableError("the geometry is cut off") from None
    places = [[x, y] for x, y in zip(flat[::2], flat[1::2], strict=True)]
    return {"type": kind, "coordinates": places[0] if kind == "Point" else places}


def read(
    content: bytes, needed: Mapping[str, set[str]], most: Mapping[str, int]
) -> tuple[dict[str, list[Row]], list[str]]:
    """Return the rows of the tables that have needed columns, and the names of the other tables.

    `needed` names what is looked for, with the columns by which a table is known to hold it; the
    first that fits. Raises UnreadableError for what is no GeoPackage, is damaged, asks for more
    than is allowed, or has more than `most` rows of something.
    """
    rows: dict[str, list[Row]] = {what: [] for what in needed}
    ignored: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fieldops-") as folder:
        file = Path(folder, "given.gpkg")
        file.write_bytes(content)
        try:
            with _opened(file) as book:
                for table, geometry_column in _listed(book):
                    names = _columns(book, table)
                    fits = (what for what, columns in needed.items() if columns <= set(names))
                    if (what := next(fits, None)) is None:
                        ignored.append(table)
                        continue
                    left = most[what] - len(rows[what])
                    rows[what] += _rows(book, table, geometry_column, names, left)
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            raise UnreadableError(f"SQLite cannot read the file: {exc}") from None
    return rows, ignored


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    address = f"{file.as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as book:
        for limit, most in (
            (sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
            (sqlite3.SQLITE_LIMIT_COLUMN, MOST_COLUMNS),
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 20),
        ):
            book.setlimit(limit, most)
        for pragma in ("trusted_schema = off", "query_only = on", "cell_size_check = on"):
            book.execute(f"pragma {pragma}")
        work = iter(range(MOST_WORK))
        book.set_progress_handler(lambda: next(work, None) is None, 10_000)
        book.set_authorizer(_allowed)
        yield book


def _allowed(action: int, *_about: Any) -> int:
    """Allow to read tables and nothing else: no function, pragma, write or other file."""
    harmless = action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
    return sqlite3.SQLITE_OK if harmless else sqlite3.SQLITE_DENY


def _listed(book: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Return the real tables with features or attributes, and the column of their geometry."""
    found = book.execute("select name, rootpage, sql from sqlite_master where type = 'table'")
    real = {
        name
        for name, page, sql in found.fetchmany(1_000)
        if page and not str(sql).lower().startswith("create virtual")
    }
    if not {"gpkg_contents", "gpkg_geometry_columns"} <= real:
        raise UnreadableError("the file has no tables gpkg_contents and gpkg_geometry_columns")
    placed = {}
    columns = book.execute("select table_name, column_name, srs_id from gpkg_geometry_columns")
    for table, column, srid in columns.fetchmany(MOST_TABLES):
        if srid != SRID:
            raise UnreadableError(f"'{table}' has the SRID {srid}; coordinates are in SRID {SRID}")
        placed[table] = column
    contents = book.execute("select table_name, data_type from gpkg_contents")
    kinds = {"features", "attributes"}
    listed = [str(table) for table, kind in contents.fetchmany(MOST_TABLES) if kind in kinds]
    for table in listed:
        if table not in real or table.startswith(("gpkg_", "sqlite_")):
            raise UnreadableError(f"'{table}' is no table of its own")
    return [(table, placed.get(table)) for table in listed]


def _columns(book: sqlite3.Connection, table: str) -> list[str]:
    described = book.execute(f"select * from {_quoted(table)} limit 0").description
    return [column[0] for column in described]


def _rows(
    book: sqlite3.Connection, table: str, geometry_column: str | None, names: list[str], most: int
) -> list[Row]:
    found = book.execute(f"select rowid, * from {_quoted(table)}").fetchmany(most + 1)
    if len(found) > most:
        raise UnreadableError("the file has more rows than are taken at once")
    read_rows = []
    for fid, *values in found:
        of = dict(zip(names, values, strict=True))
        blob = of.pop(geometry_column, None) if geometry_column else None
        if blob is not None and not isinstance(blob, bytes):
            raise UnreadableError(f"'{table}' has a geometry that is no blob")
        read_rows.append(Row(table, fid, of, blob))
    return read_rows
