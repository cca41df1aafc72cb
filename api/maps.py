"""Maps for the offices: vector tiles and GeoJSON of plant, findings and visits, by layer."""

from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from api.layers import (
    LAYERS,
    MOST_ITEMS,
    Bbox,
    Having,
    Known,
    MapPage,
    Maps,
    Name,
    Time,
    asked,
    headers_of,
    is_known,
    page_of,
    validator_of,
    written,
)
from api.network import GeoJSONResponse
from api.problems import problems
from fieldops.kernel import maps
from fieldops.kernel.maps import Tile

router = APIRouter(prefix="/v1/maps", tags=["maps"])

MVT = "application/vnd.mapbox-vector-tile"


class LayerRead(BaseModel):
    """A layer as TileJSON 3.0.0 describes it."""

    tilejson: Literal["3.0.0"] = "3.0.0"
    name: str
    description: str
    tiles: list[str]
    scheme: Literal["xyz"] = "xyz"
    minzoom: int
    maxzoom: int
    vector_layers: list[dict[str, Any]]


_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The copy that If-None-Match names is as good as a new one."}
}


@router.get(
    "/{layer}",
    operation_id="map_layer",
    summary="A layer's tiles and properties as TileJSON",
    responses=problems(),
)
async def describe(layer: Name, request: Request, reading: Maps) -> LayerRead:
    what = LAYERS[layer]
    for need in what.needs:
        reading.actor.scope(need)
    base = str(request.base_url).rstrip("/")
    return LayerRead(
        name=what.title,
        description=what.description,
        tiles=[f"{base}/v1/maps/{layer.value}/{{z}}/{{x}}/{{y}}.mvt"],
        minzoom=what.least_zoom,
        maxzoom=maps.MOST_ZOOM,
        vector_layers=[{"id": layer.value, "fields": {"id": "String", **what.fields}}],
    )


@router.get(
    "/{layer}/{z}/{x}/{y}.mvt",
    operation_id="map_tile",
    summary="A vector tile (MVT 2.1) of what the reader may see, at most 3,000 features",
    response_class=Response,
    responses=problems() | _NOT_MODIFIED | {200: {"content": {MVT: {}}, "description": "Tile"}},
)
async def tile(
    layer: Name,
    z: Annotated[int, Path(ge=0, le=maps.MOST_ZOOM)],
    x: Annotated[int, Path(ge=0, lt=2**maps.MOST_ZOOM)],
    y: Annotated[int, Path(ge=0, lt=2**maps.MOST_ZOOM)],
    reading: Maps,
    named: Having,
    time: Time = None,
    known: Known = None,
) -> Response:
    what, place = LAYERS[layer], Tile(z, x, y)
    maps.check_tile(place, what.least_zoom)
    wanted = replace(await asked(reading, what, None, time, named), boxes=(place.frame(),), zoom=z)
    rows = what.rows(reading.actor, wanted)
    validator = await validator_of(reading, what, place, wanted)
    headers = headers_of(validator)
    if await is_known(reading, what, validator, known):
        return Response(status_code=304, headers=headers)
    content, full = await maps.tile(reading.session, layer.value, rows, place)
    if full:
        headers["FieldOps-Tile"] = "full"
    return Response(content, headers=headers, media_type=MVT)


@router.get(
    "/{layer}/features",
    operation_id="map_features",
    summary="What of a layer lies in a box, as pages of GeoJSON (RFC 7946)",
    response_class=GeoJSONResponse,
    response_model=MapPage,
    responses=problems() | _NOT_MODIFIED,
)
async def features(
    layer: Name,
    request: Request,
    reading: Maps,
    named: Having,
    bbox: Bbox = None,
    time: Time = None,
    after: Annotated[UUID | None, Query(description="Out of the `next` link.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Most features.")] = 200,
    known: Known = None,
) -> Response:
    what = LAYERS[layer]
    wanted = await asked(reading, what, bbox, time, named)
    rows = what.rows(reading.actor, wanted)
    validator = await validator_of(reading, what, wanted, after, limit)
    headers = headers_of(validator)
    if await is_known(reading, what, validator, known):
        return Response(status_code=304, headers=headers)
    found = await page_of(request, reading, rows, after, limit)
    return written(found, headers)
