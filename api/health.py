"""Health records of broadband lines: readings, why they are flagged, charts."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.health import charting, commands, places, queries, rules
from fieldops.health.commands import declining
from fieldops.health.decline import State
from fieldops.health.models import HealthDecline, HealthReading, HealthRecord
from fieldops.health.queries import declines
from fieldops.health.schemas import (
    HealthDeclineRead,
    HealthReadingRead,
    HealthRecordOnDevice,
    HealthRecordRead,
    PlaceRuleRead,
)
from fieldops.kernel.commands import Text
from fieldops.kernel.permissions import Permission

router = APIRouter(tags=["health"])

verb(router, "/v1/visits/{visit_id}/health-readings", commands.record_reading)
verb(router, "/v1/health-declines/look", declining.look_for_decline)


@router.get(
    "/v1/health-records",
    operation_id="health_record_list",
    summary="List health records, of one line or premises, or only flagged ones.",
    responses=problems(),
)
async def list_records(
    reading: Annotated[Reading, reads(Permission.HEALTH_READ)],
    only: Annotated[
        Narrowing, narrow_by(HealthRecord, "centre_id", "likely_place", "last_reading_at")
    ],
    service_id: Annotated[UUID | None, Query(description="Only of this line.")] = None,
    premises_id: Annotated[UUID | None, Query(description="Only at these premises.")] = None,
    flagged: Annotated[
        bool | None, Query(description="Only those whose newest reading is (not) flagged.")
    ] = None,
    sort: sort_by("last_reading_at", "baseline_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[HealthRecordOnDevice]:
    statement = queries.records(
        reading.scope, service_id=service_id, premises_id=premises_id, flagged=flagged
    )
    return await page(
        reading, only(statement), HealthRecord.id, after, limit, HealthRecordOnDevice, sort
    )


@router.get(
    "/v1/health-records/{record_id}",
    operation_id="health_record_get",
    summary="Read a health record with every reading and its change since the activation.",
    responses=problems(404),
)
async def get_record(
    record_id: UUID, reading: Annotated[Reading, reads(Permission.HEALTH_READ)]
) -> HealthRecordRead:
    record = await queries.record(reading.session, reading.scope, record_id)
    rows = await queries.readings(reading.session, reading.scope.region_id, [record.id])
    own = {
        name: getattr(record, name) for name in HealthRecordRead.model_fields if name != "readings"
    }
    return HealthRecordRead.model_validate(
        {**own, "readings": [_with_change(row, record) for row in rows]}
    )


@router.get(
    "/v1/health-records/{record_id}/chart.svg",
    operation_id="health_record_chart",
    summary="The readings of a line as a chart, against activation, threshold and sold rate.",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {"image/svg+xml": {}}, "description": "The picture"}},
)
async def get_chart(
    record_id: UUID,
    reading: Annotated[Reading, reads(Permission.HEALTH_READ)],
    measure: Annotated[charting.Measure, Query(description="What to draw.")] = "down_mbps",
    language: Annotated[charting.Language, Query(description="Of the words in it.")] = "en",
) -> Response:
    session, region_id = reading.session, reading.scope.region_id
    record = await queries.record(session, reading.scope, record_id)
    rows = await queries.readings(session, region_id, [record.id])
    service = await queries.service(session, region_id, record.service_id)
    drawn = charting.chart(
        measure,
        [(row.estimated_at, commands.values_of(row)) for row in reversed(rows)],
        commands.baseline_of(record),
        rules.Sold(service.sold_down_mbps, service.sold_up_mbps),
        await queries.limits(session, region_id),
        language,
    )
    return Response(drawn, media_type="image/svg+xml")


@router.get(
    "/v1/health-rules",
    operation_id="health_rule_list",
    summary="The rules that name the likely place of a flagged line, in the order they are tried.",
    responses=problems(),
)
async def list_rules(
    reading: Annotated[Reading, reads(Permission.HEALTH_READ)],
) -> list[PlaceRuleRead]:
    limits = await queries.limits(reading.session, reading.scope.region_id)
    return [
        PlaceRuleRead.model_validate(
            {
                "id": rule.id,
                "place": rule.place.value,
                "text": rule.text,
                "when": places.conditions(rule, limits),
            }
        )
        for rule in places.table()
    ]


@router.get(
    "/v1/health-declines",
    operation_id="health_decline_list",
    summary="List the lines that are getting worse; sort=-at_risk puts most at risk first (HR-04).",
    responses=problems(),
)
async def list_declines(
    reading: Annotated[Reading, reads(Permission.HEALTH_READ)],
    state: Annotated[
        list[State], Query(max_length=3, description="Only these states; empty: all.")
    ] = [State.WORSENING],  # noqa: B006 - FastAPI copies it
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    box_id: Annotated[UUID | None, Query(description="Only on this box.")] = None,
    tier: Annotated[
        list[Annotated[Text, Field(max_length=20)]],
        Query(max_length=14, description="Only customers of these tiers; empty: all."),
    ] = [],  # noqa: B006 - FastAPI copies it
    sort: sort_by("at_risk", "lines_on_box", "newest_at", "noticed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[HealthDeclineRead]:
    statement = declines.declines(
        reading.scope, states=state, centre_id=centre_id, box_id=box_id, tiers=tier
    )
    return await page(reading, statement, HealthDecline.id, after, limit, HealthDeclineRead, sort)


def _with_change(row: HealthReading, record: HealthRecord) -> dict[str, Any]:
    baseline = commands.baseline_of(record)
    change = None
    if baseline is not None and not row.is_baseline:
        change = asdict(rules.change(commands.values_of(row), baseline))
    own = {name: getattr(row, name) for name in HealthReadingRead.model_fields if name != "change"}
    return {**own, "change": change}
