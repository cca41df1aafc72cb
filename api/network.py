"""The network record: maps, topology, what serves premises, and the verbs that change it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.customers import queries as customers
from fieldops.kernel.geo import Latitude, Longitude
from fieldops.kernel.permissions import Permission
from fieldops.network import commands, queries, rules
from fieldops.network.models import Finding, NetworkFeature, NetworkService
from fieldops.network.rules import Box, FeatureKind, FindingState
from fieldops.network.schemas import (
    ConnectionRead,
    FeatureCollection,
    FeatureRead,
    FindingRead,
    GeoFeature,
    ServiceRead,
    ServiceWithPath,
)

router = APIRouter(prefix="/v1", tags=["network"])


class GeoJSONResponse(JSONResponse):
    """RFC 7946 section 12: GeoJSON has a media type of its own."""

    media_type = "application/geo+json"


Kinds = Annotated[
    list[FeatureKind],
    Query(max_length=len(FeatureKind), description="Only these kinds; all without it."),
]
Network = Annotated[Reading, reads(Permission.NETWORK_READ)]

verb(router, "/network/features", commands.add_feature)
verb(router, "/network/features/{feature_id}/change", commands.change_feature)
verb(router, "/network/features/{feature_id}/mark-bad", commands.mark_pair_bad)
verb(router, "/network/features/{feature_id}/reserve", commands.reserve)
verb(router, "/network/features/{feature_id}/release", commands.release)
verb(router, "/network/connections", commands.connect)
verb(router, "/network/services", commands.register_service)
verb(router, "/network/services/{service_id}/state", commands.change_service)
verb(router, "/network/services/{service_id}/swap-pair", commands.swap_pair)
verb(router, "/network/services/{service_id}/change-port", commands.change_port)
verb(router, "/network/findings", commands.report_finding)
verb(router, "/network/findings/{finding_id}/close", commands.close_finding)


@router.get(
    "/network/features",
    operation_id="features_map",
    summary="The features in a box of at most 25 km2, at most 2,000, as GeoJSON",
    response_class=GeoJSONResponse,
    responses=problems(),
)
async def features_map(
    reading: Network,
    west: Annotated[Longitude, Query(examples=[24.93])],
    south: Annotated[Latitude, Query(examples=[60.16])],
    east: Annotated[Longitude, Query(examples=[24.96])],
    north: Annotated[Latitude, Query(examples=[60.18])],
    kind: Kinds = [],  # noqa: B006 - FastAPI copies a query parameter's default
) -> FeatureCollection:
    box = Box(west, south, east, north)
    return await queries.map_of(reading.session, reading.scope, box, kind)


@router.get(
    "/network/features/{feature_id}",
    operation_id="feature_get",
    summary="One feature as GeoJSON",
    response_class=GeoJSONResponse,
    responses=problems(404),
)
async def feature(feature_id: UUID, reading: Network) -> GeoFeature:
    return await queries.map_feature(reading.session, reading.scope, feature_id)


@router.get(
    "/network/features/{feature_id}/parts",
    operation_id="feature_parts",
    summary="What a feature is made of, for instance the pairs of a cable",
    responses=problems(404),
)
async def parts(
    feature_id: UUID, reading: Network, after: After = None, limit: Limit = 50
) -> Page[FeatureRead]:
    whole = await queries.feature(reading.session, reading.scope, feature_id)
    statement = queries.parts(whole.region_id, whole.id)
    return await page(reading, statement, NetworkFeature.id, after, limit, FeatureRead)


@router.get(
    "/network/features/{feature_id}/connections",
    operation_id="feature_connections",
    summary="What a feature is tied to, at most 500 ties",
    responses=problems(404),
)
async def connections(feature_id: UUID, reading: Network) -> list[ConnectionRead]:
    row = await queries.feature(reading.session, reading.scope, feature_id)
    return await queries.connections_of(reading.session, row.region_id, row.id)


@router.get(
    "/network/features/{feature_id}/free-pairs",
    operation_id="feature_free_pairs",
    summary="The free pairs or fibres that end at a box or cabinet, for a swap (RE-03)",
    responses=problems(404),
)
async def free_pairs(
    feature_id: UUID,
    reading: Network,
    *,
    fibre: Annotated[bool, Query(description="Fibres instead of pairs.")] = False,
    after: After = None,
    limit: Limit = 50,
) -> Page[FeatureRead]:
    box = await queries.feature(reading.session, reading.scope, feature_id)
    kind = FeatureKind.FIBRE if fibre else FeatureKind.PAIR
    statement = queries.free_conductors(box.region_id, box.id, kind)
    return await page(reading, statement, NetworkFeature.id, after, limit, FeatureRead)


@router.get(
    "/network/services",
    operation_id="service_list",
    summary="List the services in scope",
    responses=problems(),
)
async def services(reading: Network, after: After = None, limit: Limit = 50) -> Page[ServiceRead]:
    statement = queries.services(reading.scope)
    return await page(reading, statement, NetworkService.id, after, limit, ServiceRead)


@router.get(
    "/network/services/{service_id}",
    operation_id="service_get",
    summary="One service with its ordered access path and the states on it",
    responses=problems(404),
)
async def service(service_id: UUID, reading: Network) -> ServiceWithPath:
    row = await queries.service(reading.session, reading.scope, service_id)
    return (await queries.with_paths(reading.session, row.region_id, [row]))[0]


@router.get(
    "/premises/{premises_id}/services",
    operation_id="premises_services",
    summary="What serves this premises: each service with its path from the exchange",
    responses=problems(404),
)
async def serving(premises_id: UUID, reading: Network) -> list[ServiceWithPath]:
    await customers.premises(reading.session, reading.scope, premises_id)
    return await queries.serving(reading.session, reading.scope, premises_id)


@router.get(
    "/premises/{premises_id}/features",
    operation_id="premises_features",
    summary="What lies within N metres of this premises, nearest first, as GeoJSON",
    response_class=GeoJSONResponse,
    responses=problems(404),
)
async def near(
    premises_id: UUID,
    reading: Network,
    within_m: Annotated[
        float,
        Query(gt=0, le=rules.MOST_METRES, allow_inf_nan=False, description="Metres, at most 1000."),
    ] = 300,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies a query parameter's default
) -> FeatureCollection:
    premises = await customers.premises(reading.session, reading.scope, premises_id)
    return await queries.map_near(reading.session, reading.scope, premises, within_m, kind)


@router.get(
    "/network/findings",
    operation_id="finding_list",
    summary="List the findings in scope (VI-06)",
    responses=problems(),
)
async def findings(
    reading: Network,
    state: FindingState | None = None,
    sort: sort_by("severity", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FindingRead]:
    statement = queries.findings(reading.scope, state)
    return await page(reading, statement, Finding.id, after, limit, FindingRead, sort)
