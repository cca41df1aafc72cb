"""Routes of upkeep: what of the plant is due, how fresh its record is, spot checks (RE-06)."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel import configuration
from fieldops.kernel.clock import local_day
from fieldops.kernel.permissions import Permission
from fieldops.network.models import NetworkFeature
from fieldops.network.rules import FeatureKind
from fieldops.orders.commands.plant import open_for_finding
from fieldops.organisation import queries as organisation
from fieldops.upkeep import commands, queries, rules
from fieldops.upkeep.models import PatrolPlan, Round, SpotCheck, SpotCheckItem
from fieldops.upkeep.schemas import (
    DueRead,
    FreshnessRead,
    FreshnessSummary,
    PatrolPlanRead,
    RoundRead,
    RoundStopRead,
    SpotCheckRead,
    SpotItemRead,
)

router = APIRouter(prefix="/v1", tags=["upkeep"])

verb(router, "/building-inspections/{feature_id}/open", commands.open_inspection)
verb(router, "/patrol-plans", commands.define_patrol)
verb(router, "/patrol-plans/{patrol_plan_id}/change", commands.change_patrol)
verb(router, "/patrol-plans/{patrol_plan_id}/open", commands.open_patrol)
verb(router, "/network/findings/{finding_id}/open-work", open_for_finding)
verb(router, "/spot-checks", commands.draw)
verb(router, "/spot-checks/{spot_check_id}/assign", commands.assign)
verb(router, "/spot-check-items/{spot_check_item_id}/record", commands.record)

Centre = Annotated[UUID | None, Query(description="Only of this centre.")]
Overdue = Annotated[bool | None, Query(description="True: only what is overdue or never done.")]
Within = Annotated[
    int | None, Query(ge=0, le=1095, description="Only what is due within so many days.")
]
Technician = Annotated[UUID | None, Query(description="Only given to this technician.")]


async def _today(reading: Reading) -> tuple[ZoneInfo, date]:
    zone = await organisation.zone_of(reading.session, reading.actor.region_id)
    return zone, local_day(reading.now, zone)


@router.get(
    "/building-inspections",
    operation_id="building_inspection_list",
    summary="The cabling of buildings, when last inspected, when due, what is overdue (CH-04)",
    responses=problems(),
)
async def building_inspections(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    centre_id: Centre = None,
    overdue: Overdue = None,
    within: Within = None,
    sort: sort_by("name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[DueRead]:
    zone, today = await _today(reading)
    every = await configuration.value(
        reading.session, reading.actor.region_id, rules.INSPECTION_EVERY
    )
    statement = queries.inspections(
        reading.scope, every, zone, today, centre_id=centre_id, overdue=overdue, within=within
    )
    return await page(
        reading, statement, NetworkFeature.id, after, limit, DueRead, sort, columns=True
    )


@router.get(
    "/patrol-plans",
    operation_id="patrol_plan_list",
    summary="Patrol plans with their routes, when last walked, when due (VI-06)",
    responses=problems(),
)
async def patrol_plans(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    centre_id: Centre = None,
    active: Annotated[bool | None, Query(description="False: those out of use.")] = None,
    overdue: Overdue = None,
    within: Within = None,
    sort: sort_by("name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[PatrolPlanRead]:
    zone, today = await _today(reading)
    statement = queries.plans(
        reading.scope,
        zone,
        today,
        centre_id=centre_id,
        active=active is not False,
        overdue=overdue,
        within=within,
    )
    return await page(
        reading, statement, PatrolPlan.id, after, limit, PatrolPlanRead, sort, columns=True
    )


@router.get(
    "/rounds",
    operation_id="round_list",
    summary="Patrols and inspections that were opened, done or not, with their findings (VI-06)",
    responses=problems(),
)
async def rounds(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    kind: Annotated[rules.RoundKind | None, Query(description="Only of this kind.")] = None,
    plan_id: Annotated[UUID | None, Query(description="Only of this plan.")] = None,
    feature_id: Annotated[UUID | None, Query(description="Only of this building.")] = None,
    done: Annotated[bool | None, Query(description="Only done, or only not done.")] = None,
    sort: sort_by("opened_at", "done_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[RoundRead]:
    statement = queries.rounds(
        reading.scope, kind=kind, plan_id=plan_id, feature_id=feature_id, done=done
    )
    return await page(reading, statement, Round.id, after, limit, RoundRead, sort, columns=True)


@router.get(
    "/rounds/{round_id}/stops",
    operation_id="round_stop_list",
    summary="The points of a round in the order of the way, with what was found (VI-06)",
    responses=problems(404),
)
async def stops(
    round_id: UUID, reading: Annotated[Reading, reads(Permission.FAULT_READ)]
) -> list[RoundStopRead]:
    found = await queries.stops(reading.session, reading.scope, round_id)
    return [RoundStopRead.model_validate(stop) for stop in found]


@router.get(
    "/spot-checks",
    operation_id="spot_check_list",
    summary="Spot checks with seed, share and the accuracy they found (RE-06)",
    responses=problems(),
)
async def spot_checks(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    centre_id: Centre = None,
    sort: sort_by("drawn_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[SpotCheckRead]:
    statement = queries.checks(reading.scope, centre_id)
    return await page(
        reading, statement, SpotCheck.id, after, limit, SpotCheckRead, sort, columns=True
    )


@router.get(
    "/spot-check-items",
    operation_id="spot_check_item_list",
    summary="Drawn plant with the record as it stood and what was found (RE-06)",
    responses=problems(),
)
async def spot_check_items(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    check_id: Annotated[UUID | None, Query(description="Only of this spot check.")] = None,
    technician_id: Technician = None,
    feature_id: Annotated[UUID | None, Query(description="Only this piece of plant.")] = None,
    result: Annotated[rules.Result | None, Query(description="Only with this result.")] = None,
    seen: Annotated[bool | None, Query(description="Only looked at, or not yet.")] = None,
    sort: sort_by("seen_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[SpotItemRead]:
    statement = queries.items(
        reading.scope,
        check_id=check_id,
        technician_id=technician_id,
        feature_id=feature_id,
        result=result,
        seen=seen,
    )
    return await page(reading, statement, SpotCheckItem.id, after, limit, SpotItemRead, sort)


Kind = Annotated[FeatureKind | None, Query(description="Only of this kind.")]


@router.get(
    "/network/freshness",
    operation_id="plant_freshness_list",
    summary="Plant with when a person last saw it, and what did not agree (RE-06)",
    responses=problems(),
)
async def freshness(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    centre_id: Centre = None,
    kind: Kind = None,
    not_since: Annotated[
        AwareDatetime | None, Query(description="Only what nobody has seen since that moment.")
    ] = None,
    mismatched: Annotated[
        bool | None, Query(description="True: only where a spot check found something else.")
    ] = None,
    sort: sort_by("name", "last_seen_at", "mismatches", "open_findings") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FreshnessRead]:
    statement = queries.freshness(
        reading.scope, centre_id=centre_id, kind=kind, not_since=not_since, mismatched=mismatched
    )
    key = statement.selected_columns.id
    return await page(reading, statement, key, after, limit, FreshnessRead, sort, columns=True)


@router.get(
    "/network/freshness/summary",
    operation_id="plant_freshness_summary",
    summary="How fresh, exact and complete the record of the plant is (RE-06)",
    responses=problems(),
)
async def freshness_summary(
    reading: Annotated[Reading, reads(Permission.NETWORK_READ)],
    centre_id: Centre = None,
    kind: Kind = None,
) -> FreshnessSummary:
    days = await configuration.value(reading.session, reading.actor.region_id, rules.FRESH_FOR)
    features, fresh, checked, matching, services, with_way = await queries.summary(
        reading.session, reading.scope, reading.now - timedelta(days=days), centre_id, kind
    )
    return FreshnessSummary(
        features=features,
        fresh=fresh,
        fresh_percent=rules.percent(fresh, features),
        checked=checked,
        matching=matching,
        accuracy_percent=rules.percent(matching, checked),
        services=services,
        with_way=with_way,
        completeness_percent=rules.percent(with_way, services),
    )
