"""Health records of broadband lines."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, verb
from fieldops.health import commands, queries, rules
from fieldops.health.models import HealthReading, HealthRecord
from fieldops.health.schemas import HealthReadingRead, HealthRecordOnDevice, HealthRecordRead
from fieldops.kernel.permissions import Permission

router = APIRouter(tags=["health"])

verb(router, "/v1/visits/{visit_id}/health-readings", commands.record_reading)


@router.get(
    "/v1/health-records",
    operation_id="health_record_list",
    summary="List health records, of one line or premises, or only flagged ones.",
    responses=problems(),
)
async def list_records(
    reading: Annotated[Reading, reads(Permission.HEALTH_READ)],
    service_id: Annotated[UUID | None, Query(description="Only of this line.")] = None,
    premises_id: Annotated[UUID | None, Query(description="Only at these premises.")] = None,
    flagged: Annotated[
        bool | None, Query(description="Only those whose newest reading is (not) flagged.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[HealthRecordOnDevice]:
    statement = queries.records(
        reading.scope, service_id=service_id, premises_id=premises_id, flagged=flagged
    )
    return await page(reading, statement, HealthRecord.id, after, limit, HealthRecordOnDevice)


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


def _with_change(row: HealthReading, record: HealthRecord) -> dict[str, Any]:
    baseline = commands.baseline_of(record)
    change = None
    if baseline is not None and not row.is_baseline:
        change = asdict(rules.change(commands.values_of(row), baseline))
    own = {name: getattr(row, name) for name in HealthReadingRead.model_fields if name != "change"}
    return {**own, "change": change}
