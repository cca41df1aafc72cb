"""OGC API - Features, part 1 (core, GeoJSON, OpenAPI 3.0): QGIS opens the layers of the maps.

What the standard asks for goes before this API's ways here: a parameter that makes no sense, or
that nobody knows, is 400, and a limit above the greatest is the greatest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.layers import (
    FILTERS,
    GEOJSON,
    LAYERS,
    MOST_ITEMS,
    Having,
    Known,
    Layer,
    Link,
    MapFeature,
    MapPage,
    Maps,
    Name,
    asked,
    feature_of,
    headers_of,
    is_known,
    page_of,
    validator_of,
    written,
)
from api.network import GeoJSONResponse
from api.problems import problems
from api.routing import Open, Reading, public
from fieldops.kernel import maps
from fieldops.kernel.errors import InvalidRequest, NotFound

router = APIRouter(prefix="/v1/ogc", tags=["ogc"])

USUAL_ITEMS = 100
JSON = "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
ASKING = ("limit", "bbox", "datetime", "after")
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONFORMS_TO = [
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}"
    for name in ("core", "geojson", "oas30")
]


@dataclass(frozen=True)
class _Kind:
    """A collection: a layer, or its points or its lines alone, as map programs want them."""

    layer: Name
    title: str
    dimension: int | None = None


COLLECTIONS = {
    "plant-points": _Kind(Name.PLANT, "Plant: exchanges, cabinets, boxes, poles", 0),
    "plant-lines": _Kind(Name.PLANT, "Plant: cables, ducts, drops", 1),
    "findings": _Kind(Name.FINDINGS, "Findings"),
    "visits": _Kind(Name.VISITS, "Visits"),
}


class Landing(BaseModel):
    """What this service is, and where to go on."""

    title: str
    description: str
    links: list[Link]


class Conformance(BaseModel):
    conformsTo: list[str]  # noqa: N815 - OGC API - Features words it so


class Collection(BaseModel):
    """A collection of features; its extent is that of what the reader may see."""

    id: str
    title: str
    description: str
    links: list[Link]
    extent: dict[str, Any] | None = None
    itemType: str = "feature"  # noqa: N815 - see above
    crs: list[str] = [CRS84]
    storageCrs: str = CRS84  # noqa: N815 - see above


class Collections(BaseModel):
    links: list[Link]
    collections: list[Collection]


Everybody = Annotated[Open, public("it says what the service can do and holds no data")]


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{router.prefix}"


@router.get(
    "",
    operation_id="ogc_landing",
    summary="OGC API - Features: where everything is",
    responses=problems(),
)
async def landing(request: Request, _open: Everybody) -> Landing:
    base = _base(request)
    return Landing(
        title="FieldOps: plant, findings and visits",
        description="The network record and the work in the field, as far as its reader sees it.",
        links=[
            Link(href=base, rel="self", type=JSON, title="This document"),
            Link(href=f"{base}/api", rel="service-desc", type=OPENAPI, title="The API definition"),
            Link(
                href=f"{str(request.base_url).rstrip('/')}/docs",
                rel="service-doc",
                type="text/html",
                title="All routes, to read",
            ),
            Link(href=f"{base}/conformance", rel="conformance", type=JSON, title="Conformance"),
            Link(href=f"{base}/collections", rel="data", type=JSON, title="The collections"),
        ],
    )


@router.get(
    "/conformance",
    operation_id="ogc_conformance",
    summary="Which parts of OGC API - Features hold",
    responses=problems(),
)
async def conformance(_open: Everybody) -> Conformance:
    return Conformance(conformsTo=CONFORMS_TO)


@router.get(
    "/api",
    operation_id="ogc_api",
    summary="The definition of this service alone, as OpenAPI 3.0",
    responses=problems() | {200: {"content": {OPENAPI: {}}, "description": "Definition"}},
    response_class=Response,
)
async def definition(request: Request, _open: Everybody) -> Response:
    return JSONResponse(_definition(_base(request)), media_type=OPENAPI)


@router.get(
    "/collections",
    operation_id="ogc_collections",
    summary="The collections that the reader may see",
    responses=problems(),
)
async def collections(request: Request, reading: Maps) -> Collections:
    base = _base(request)
    return Collections(
        links=[Link(href=f"{base}/collections", rel="self", type=JSON)],
        collections=[
            await _described(request, reading, id_)
            for id_, kind in COLLECTIONS.items()
            if all(reading.actor.allows(need) for need in LAYERS[kind.layer].needs)
        ],
    )


@router.get(
    "/collections/{collection_id}",
    operation_id="ogc_collection",
    summary="One collection, with the extent of what the reader may see",
    responses=problems(404),
)
async def collection(collection_id: str, request: Request, reading: Maps) -> Collection:
    return await _described(request, reading, collection_id)


@router.get(
    "/collections/{collection_id}/items",
    operation_id="ogc_items",
    summary="The features of a collection, as pages of GeoJSON",
    response_class=GeoJSONResponse,
    response_model=MapPage,
    responses=problems(404) | {304: {"description": "The copy at hand is as good as a new one."}},
)
async def items(
    collection_id: str,
    request: Request,
    reading: Maps,
    named: Having,
    limit: Annotated[str | None, Query(description="1 to 1000; more is 1000.")] = None,
    bbox: Annotated[str | None, Query(description="West, south, east, north; degrees.")] = None,
    time: Annotated[
        str | None, Query(alias="datetime", description="A moment or an interval (RFC 3339).")
    ] = None,
    after: Annotated[str | None, Query(description="Out of the `next` link.")] = None,
    known: Known = None,
) -> Response:
    kind, layer = _of(collection_id)
    _check_names(request, {*ASKING, *layer.filters})
    wanted = await asked(reading, layer, bbox, time, named)
    wanted = replace(wanted, dimension=kind.dimension)
    most, beyond = _limit(limit), None if after is None else _id(after)
    rows = layer.rows(reading.actor, wanted)
    validator = await validator_of(reading, layer, _base(request), wanted, most, beyond)
    headers = headers_of(validator)
    if await is_known(reading, layer, validator, known):
        return Response(status_code=304, headers=headers)
    found = await page_of(request, reading, rows, beyond, most)
    found.links.append(_link(request, collection_id, "collection"))
    return written(found, headers)


@router.get(
    "/collections/{collection_id}/items/{item_id}",
    operation_id="ogc_item",
    summary="One feature of a collection",
    response_class=GeoJSONResponse,
    response_model=MapFeature,
    responses=problems(404),
)
async def item(collection_id: str, item_id: UUID, request: Request, reading: Maps) -> Response:
    kind, layer = _of(collection_id)
    _check_names(request, set())
    wanted = replace(await asked(reading, layer), dimension=kind.dimension)
    found = await maps.one(reading.session, layer.rows(reading.actor, wanted), item_id)
    if found is None:
        raise NotFound(thing="feature")
    feature = feature_of(found)
    feature.links = [
        Link(href=str(request.url), rel="self", type=GEOJSON),
        _link(request, collection_id, "collection"),
    ]
    return written(feature, headers_of(None))


def _of(collection_id: str) -> tuple[_Kind, Layer]:
    kind = COLLECTIONS.get(collection_id)
    if kind is None:
        raise NotFound(thing="collection")
    return kind, LAYERS[kind.layer]


def _check_names(request: Request, known: set[str]) -> None:
    """Refuse a parameter that the definition does not name (requirement 8 of the core)."""
    unknown = sorted(request.query_params.keys() - known)
    if unknown:
        raise InvalidRequest(reason=f"there is no parameter '{unknown[0]}' here")


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_ITEMS
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise InvalidRequest(reason="'limit' is a number from 1")
    return min(int(text[:9]), MOST_ITEMS)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest(reason="'after' stands in the link to the next page") from None


def _link(request: Request, collection_id: str, rel: str, below: str = "") -> Link:
    href = f"{_base(request)}/collections/{collection_id}{below}"
    return Link(href=href, rel=rel, type=GEOJSON if below else JSON)


async def _described(request: Request, reading: Reading, collection_id: str) -> Collection:
    kind, layer = _of(collection_id)
    wanted = replace(await asked(reading, layer), dimension=kind.dimension)
    frame = await maps.extent(reading.session, layer.rows(reading.actor, wanted))
    return Collection(
        id=collection_id,
        title=kind.title,
        description=layer.description,
        links=[
            _link(request, collection_id, "self"),
            _link(request, collection_id, "items", "/items"),
        ],
        extent=None
        if frame is None
        else {
            "spatial": {"bbox": [list(frame)], "crs": CRS84},
            "temporal": {
                "interval": [[None, None]],
                "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
            },
        },
    )


# The definition


def _operations() -> Iterator[tuple[str, str, str, list[str], str]]:
    """Yield path, operation id, sentence, parameters and media type of what there is.

    The items of each collection have a path of their own, with the properties it is asked for by:
    map programs then leave the choice to the server.
    """
    yield "/", "getLandingPage", "Where everything is", [], JSON
    yield "/conformance", "getConformance", "Which parts of the standard hold", [], JSON
    yield "/api", "getApi", "This definition", [], OPENAPI
    yield "/collections", "getCollections", "The collections", [], JSON
    one = "/collections/{collectionId}"
    yield one, "describeCollection", "One collection", ["collectionId"], JSON
    for id_, kind in COLLECTIONS.items():
        asking = [*ASKING, *LAYERS[kind.layer].filters]
        yield f"/collections/{id_}/items", f"getFeatures_{id_}", kind.title, asking, GEOJSON
    single = ["collectionId", "featureId"]
    yield f"{one}/items/{{featureId}}", "getFeature", "One feature", single, GEOJSON


def _definition(base: str) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "FieldOps: OGC API - Features", "version": "1"},
        "servers": [{"url": base}],
        "security": [{"basic": []}, {"bearer": []}],
        "paths": {
            path: {
                "get": {
                    "operationId": operation,
                    "summary": summary,
                    "parameters": [_PARAMETERS[name] for name in parameters],
                    "responses": {
                        "200": {
                            "description": summary,
                            "content": {media: {"schema": {"type": "object"}}},
                        },
                        "default": {"$ref": "#/components/responses/Problem"},
                    },
                }
            }
            for path, operation, summary, parameters, media in _operations()
        },
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "responses": {
                "Problem": {
                    "description": "Refused; the code says why (RFC 9457).",
                    "content": {"application/problem+json": {"schema": {"type": "object"}}},
                }
            },
        },
    }


def _in_query(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


_PARAMETERS: dict[str, Any] = {
    "collectionId": {
        "name": "collectionId",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": list(COLLECTIONS)},
    },
    "featureId": {
        "name": "featureId",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "limit": _in_query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": USUAL_ITEMS},
    ),
    "bbox": _in_query(
        "bbox",
        {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        style="form",
        explode=False,
    ),
    "datetime": _in_query("datetime", {"type": "string"}),
    "after": _in_query("after", {"type": "string", "format": "uuid"}),
    **{
        name: _in_query(name, {"type": "string", **({"format": "uuid"} if of is UUID else {})})
        for name, of in FILTERS.items()
    },
}
