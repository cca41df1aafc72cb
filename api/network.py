"""The network record: maps, topology, what serves premises, and the verbs that change it."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.customers import queries as customers
from fieldops.kernel import clock
from fieldops.kernel.audit import Audit
from fieldops.kernel.geo import Latitude, Longitude
from fieldops.kernel.permissions import Permission
from fieldops.network import commands, queries, ranking, rules
from fieldops.network.models import Finding, NetworkFeature, NetworkService
from fieldops.network.queries import choosing, ground, history, tracing
from fieldops.network.rules import Box, FeatureKind, FindingState
from fieldops.network.schemas import (
    BestFree,
    CarriedRead,
    ChangeRead,
    ChoiceRead,
    ConnectionRead,
    FeatureCollection,
    FeatureRead,
    FindingRead,
    GeoFeature,
    ImpactRead,
    ServiceRead,
    ServiceTrace,
    ServiceWithPath,
    Trace,
    TraceStep,
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
verb(router, "/network/features/{feature_id}/claim", commands.claim)
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
    return await ground.map_of(reading.session, reading.scope, box, kind)


@router.get(
    "/network/features/{feature_id}",
    operation_id="feature_get",
    summary="One feature as GeoJSON",
    response_class=GeoJSONResponse,
    responses=problems(404),
)
async def feature(feature_id: UUID, reading: Network) -> GeoFeature:
    return await ground.map_feature(reading.session, reading.scope, feature_id)


@router.get(
    "/network/features/{feature_id}/parts",
    operation_id="feature_parts",
    summary="What a feature is made of, for instance the pairs of a cable",
    responses=problems(404),
)
async def parts(
    feature_id: UUID,
    reading: Network,
    only: Annotated[Narrowing, narrow_by(NetworkFeature, "state", "state_since", kind=FeatureKind)],
    sort: sort_by("name", "state", "state_since") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FeatureRead]:
    whole = await queries.feature(reading.session, reading.scope, feature_id)
    statement = queries.parts(whole.region_id, whole.id)
    return await page(reading, only(statement), NetworkFeature.id, after, limit, FeatureRead, sort)


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
    only: Annotated[Narrowing, narrow_by(NetworkFeature, "parent_id")],
    *,
    fibre: Annotated[bool, Query(description="Fibres instead of pairs.")] = False,
    sort: sort_by("name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FeatureRead]:
    box = await queries.feature(reading.session, reading.scope, feature_id)
    kind = FeatureKind.FIBRE if fibre else FeatureKind.PAIR
    statement = choosing.free_conductors(box.region_id, box.id, kind)
    return await page(reading, only(statement), NetworkFeature.id, after, limit, FeatureRead, sort)


@router.get(
    "/network/features/{feature_id}/upstream",
    operation_id="feature_upstream",
    summary="What a feature hangs on, up to the exchange, nearest first, at most 500",
    responses=problems(404),
)
async def upstream(feature_id: UUID, reading: Network) -> Trace:
    row = await queries.feature(reading.session, reading.scope, feature_id)
    way = await tracing.above(reading.session, row.region_id, [row.id])
    return Trace(**_walked(way))


@router.get(
    "/network/features/{feature_id}/carried",
    operation_id="feature_carried",
    summary="The services in use that hang on a feature, with their customers' tiers",
    responses=problems(404),
)
async def carried(
    feature_id: UUID,
    reading: Network,
    only: Annotated[Narrowing, narrow_by(NetworkService, "kind", "technology", "premises_id")],
    sort: sort_by("kind", "account") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CarriedRead]:
    row = await queries.feature(reading.session, reading.scope, feature_id)
    statement = tracing.carried(reading.scope, row.id)
    return await page(
        reading, only(statement), NetworkService.id, after, limit, CarriedRead, sort, columns=True
    )


@router.get(
    "/network/features/{feature_id}/impact",
    operation_id="feature_impact",
    summary="How many services, premises and customers by tier a feature carries (FA-02)",
    responses=problems(404),
)
async def impact(feature_id: UUID, reading: Network) -> ImpactRead:
    row = await queries.feature(reading.session, reading.scope, feature_id)
    found = await tracing.impact(reading.session, row.region_id, [row.id])
    return ImpactRead(**asdict(found))


@router.get(
    "/network/features/{feature_id}/history",
    operation_id="feature_history",
    summary="Every change of a feature: before, after, why, by whom, on which visit (RE-05)",
    responses=problems(404),
)
async def changes(
    feature_id: UUID,
    reading: Network,
    only: Annotated[Narrowing, narrow_by(Audit, "action", "actor_id", "at")],
    sort: sort_by("at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ChangeRead]:
    row = await queries.feature(reading.session, reading.scope, feature_id)
    statement = history.of_feature(row.region_id, row.id)
    return await page(
        reading, only(statement), Audit.id, after, limit, ChangeRead, sort, columns=True
    )


def _walked(way: tracing.Way) -> dict[str, Any]:
    steps = [
        TraceStep(
            depth=step.depth,
            feature_id=step.feature.id,
            kind=step.feature.kind,
            name=step.feature.name,
            state=step.feature.state,
        )
        for step in way.steps
    ]
    return {"reaches_exchange": way.reaches_exchange, "cut": way.cut, "steps": steps}


@router.get(
    "/network/services",
    operation_id="service_list",
    summary="List the services in scope",
    responses=problems(),
)
async def services(
    reading: Network,
    only: Annotated[
        Narrowing,
        narrow_by(
            NetworkService,
            "centre_id",
            "kind",
            "technology",
            "state",
            "customer_id",
            "premises_id",
            "account",
        ),
    ],
    sort: sort_by("account", "sold_down_mbps") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ServiceRead]:
    statement = queries.services(reading.scope)
    return await page(reading, only(statement), NetworkService.id, after, limit, ServiceRead, sort)


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
    "/network/services/{service_id}/trace",
    operation_id="service_trace",
    summary="The way of one service up to the exchange",
    responses=problems(404),
)
async def service_trace(service_id: UUID, reading: Network) -> ServiceTrace:
    row = await queries.service(reading.session, reading.scope, service_id)
    ways = await tracing.traces(reading.session, row.region_id, [row])
    return ServiceTrace(service_id=row.id, **_walked(ways[row.id]))


@router.get(
    "/network/services/{service_id}/best-free",
    operation_id="service_best_free",
    summary="What is free in the place of each pair, fibre and port of a service, the best first",
    responses=problems(404),
)
async def best_free(service_id: UUID, reading: Network) -> list[BestFree]:
    row = await queries.service(reading.session, reading.scope, service_id)
    used = await choosing.used_by(reading.session, row.region_id, row.id)
    now = clock.now()
    return [
        BestFree(
            instead_of=one.id,
            kind=one.kind,
            name=one.name,
            choices=[
                ChoiceRead(**choice.shown())
                for choice in await ranking.best_free(reading.session, one, now)
            ],
        )
        for one in used
    ]


@router.get(
    "/premises/{premises_id}/trace",
    operation_id="premises_trace",
    summary="The way of every service in use at a premises up to the exchange",
    responses=problems(404),
)
async def premises_trace(premises_id: UUID, reading: Network) -> list[ServiceTrace]:
    place = await customers.premises(reading.session, reading.scope, premises_id)
    rows = await queries.services_of_premises(reading.session, place.region_id, place.id)
    ways = await tracing.traces(reading.session, place.region_id, rows)
    return [ServiceTrace(service_id=id_, **_walked(way)) for id_, way in ways.items()]


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
    return await ground.map_near(reading.session, reading.scope, premises, within_m, kind)


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
