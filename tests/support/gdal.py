"""GDAL's programs as a map client of the tests: what GDAL reads, QGIS opens."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30


def ogr2ogr(*arguments: str | Path, **configuration: str) -> dict[str, Any]:
    """Return what GDAL reads of a layer, as GeoJSON with all its decimals."""
    said = _run("ogr2ogr", "-f", "GeoJSON", "-lco", "RFC7946=YES", "/vsistdout/", *arguments,
                **configuration)  # fmt: skip
    read: dict[str, Any] = json.loads(said)
    return read


def rewritten(source: Path, target: Path, *arguments: str) -> None:
    """Have GDAL write what it reads of a GeoPackage to another one."""
    _run("ogr2ogr", "-f", "GPKG", target, source, *arguments)


def ogrinfo(*arguments: str | Path, **configuration: str) -> str:
    """Return what GDAL says of a source."""
    return _run("ogrinfo", "-ro", *arguments, **configuration)


def asked_by(*arguments: str | Path, **configuration: str) -> list[str]:
    """Return the addresses that GDAL asks for while it counts what it reads of a source."""
    done = _done("ogrinfo", "-ro", "-so", *arguments, **configuration, CPL_DEBUG="HTTP")
    return re.findall(r"HTTP: Fetch\((\S+)\)", done.stderr)


def tile_of(content: bytes, folder: Path, z: int, x: int, y: int) -> dict[str, Any]:
    """Return what GDAL reads of one vector tile, as GeoJSON in degrees."""
    file = folder / "tile.mvt"
    file.write_bytes(content)
    place = [part for name, n in (("X", x), ("Y", y), ("Z", z)) for part in ("-oo", f"{name}={n}")]
    return ogr2ogr(file, *place, "-t_srs", "EPSG:4326")


def _run(program: str, *arguments: str | Path, **configuration: str) -> str:
    return _done(program, *arguments, **configuration).stdout


def _done(
    program: str, *arguments: str | Path, **configuration: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "GDAL_HTTP_TIMEOUT": "20", "CPL_DEBUG": "OFF", **configuration},
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done
