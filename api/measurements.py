"""Line tests and speed tests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, verb
from fieldops.kernel.permissions import Permission
from fieldops.measurements import commands, queries
from fieldops.measurements.models import LineTest, SpeedTest
from fieldops.measurements.schemas import LineTestRead, SpeedTestRead

router = APIRouter(tags=["measurements"])

OfVisit = Annotated[UUID | None, Query(description="Only of this visit.")]
OfService = Annotated[UUID | None, Query(description="Only of this line.")]

verb(router, "/v1/visits/{visit_id}/line-tests", commands.record_line_test)
verb(router, "/v1/visits/{visit_id}/speed-tests", commands.record_speed_test)


@router.get(
    "/v1/line-tests",
    operation_id="line_test_list",
    summary="List line tests, of one visit or line.",
    responses=problems(),
)
async def list_line_tests(
    reading: Annotated[Reading, reads(Permission.MEASUREMENT_READ)],
    visit_id: OfVisit = None,
    service_id: OfService = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[LineTestRead]:
    statement = queries.tests(reading.scope, LineTest, visit_id=visit_id, service_id=service_id)
    return await page(reading, statement, LineTest.id, after, limit, LineTestRead)


@router.get(
    "/v1/line-tests/{test_id}",
    operation_id="line_test_get",
    summary="Read a line test.",
    responses=problems(404),
)
async def get_line_test(
    test_id: UUID, reading: Annotated[Reading, reads(Permission.MEASUREMENT_READ)]
) -> LineTestRead:
    row = await queries.one(reading.session, reading.scope, LineTest, test_id)
    return LineTestRead.model_validate(row)


@router.get(
    "/v1/speed-tests",
    operation_id="speed_test_list",
    summary="List speed tests, of one visit or line.",
    responses=problems(),
)
async def list_speed_tests(
    reading: Annotated[Reading, reads(Permission.MEASUREMENT_READ)],
    visit_id: OfVisit = None,
    service_id: OfService = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[SpeedTestRead]:
    statement = queries.tests(reading.scope, SpeedTest, visit_id=visit_id, service_id=service_id)
    return await page(reading, statement, SpeedTest.id, after, limit, SpeedTestRead)


@router.get(
    "/v1/speed-tests/{test_id}",
    operation_id="speed_test_get",
    summary="Read a speed test.",
    responses=problems(404),
)
async def get_speed_test(
    test_id: UUID, reading: Annotated[Reading, reads(Permission.MEASUREMENT_READ)]
) -> SpeedTestRead:
    row = await queries.one(reading.session, reading.scope, SpeedTest, test_id)
    return SpeedTestRead.model_validate(row)
