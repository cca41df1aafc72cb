"""Line tests and speed tests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.checklists import queries as checklists
from fieldops.kernel import configuration
from fieldops.kernel.permissions import Permission
from fieldops.measurements import commands, queries
from fieldops.measurements.commands import checks as checking
from fieldops.measurements.models import LineCheck, LineTest, SpeedTest
from fieldops.measurements.queries import checks
from fieldops.measurements.rules import CheckState
from fieldops.measurements.schemas import (
    CableWork,
    CableWorkRow,
    LineCheckRead,
    LineTestRead,
    SpeedTestRead,
)
from fieldops.orders import rules as order_rules
from fieldops.orders.models import WorkOrder
from fieldops.orders.queries import cable

router = APIRouter(tags=["measurements"])

OfVisit = Annotated[UUID | None, Query(description="Only of this visit.")]
OfService = Annotated[UUID | None, Query(description="Only of this line.")]

verb(router, "/v1/visits/{visit_id}/line-tests", commands.record_line_test)
verb(router, "/v1/visits/{visit_id}/speed-tests", commands.record_speed_test)
verb(router, "/v1/line-checks/plan", checking.plan_line_checks)
verb(router, "/v1/line-checks/{check_id}/record", checking.record_line_check)


@router.get(
    "/v1/line-checks",
    operation_id="line_check_list",
    summary="Line tests planned before visits in areas of poor lines (RE-04)",
    responses=problems(),
)
async def line_checks(
    reading: Annotated[Reading, reads(Permission.CABLE_READ)],
    *,
    state: CheckState | None = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    due_before: Annotated[AwareDatetime | None, Query(description="Only due before.")] = None,
    sort: sort_by("due_at", "state") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LineCheckRead]:
    scope = await cable.scope_of_department(reading.session, reading.scope)
    statement = checks.listed(scope, state=state, centre_id=centre_id, due_before=due_before)
    return await page(reading, statement, LineCheck.id, after, limit, LineCheckRead, sort)


@router.get(
    "/v1/line-tests",
    operation_id="line_test_list",
    summary="List line tests, of one visit or line.",
    responses=problems(),
)
async def list_line_tests(
    reading: Annotated[Reading, reads(Permission.MEASUREMENT_READ)],
    only: Annotated[
        Narrowing,
        narrow_by(
            LineTest,
            "centre_id",
            "feature_id",
            "technician_id",
            "measured_at_place",
            "instrument_state",
            "estimated_at",
        ),
    ],
    visit_id: OfVisit = None,
    service_id: OfService = None,
    sort: sort_by("estimated_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LineTestRead]:
    statement = queries.tests(reading.scope, LineTest, visit_id=visit_id, service_id=service_id)
    return await page(reading, only(statement), LineTest.id, after, limit, LineTestRead, sort)


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
    only: Annotated[
        Narrowing,
        narrow_by(
            SpeedTest, "centre_id", "technician_id", "method", "instrument_state", "estimated_at"
        ),
    ],
    visit_id: OfVisit = None,
    service_id: OfService = None,
    sort: sort_by("estimated_at", "down_mbps") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[SpeedTestRead]:
    statement = queries.tests(reading.scope, SpeedTest, visit_id=visit_id, service_id=service_id)
    return await page(reading, only(statement), SpeedTest.id, after, limit, SpeedTestRead, sort)


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


@router.get(
    "/v1/cable-work",
    operation_id="cable_work_list",
    summary="The cable department's open work: bad plant, transfers, the tests with it (RE-03)",
    responses=problems(),
)
async def cable_work(
    reading: Annotated[Reading, reads(Permission.CABLE_READ)],
    *,
    unanswered: Annotated[
        bool, Query(description="Only transfers nobody has accepted or refused.")
    ] = False,
    sort: sort_by("due_at", "received_at", "priority") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[CableWork]:
    session, region_id = reading.session, reading.scope.region_id
    scope = await cable.scope_of_department(session, reading.scope)
    statement = queries.cable_work(scope, unanswered=unanswered)
    found = await page(reading, statement, WorkOrder.id, after, limit, CableWorkRow, sort)
    within = await configuration.duration(session, region_id, order_rules.TRANSFER_LIMIT)
    tests = await queries.evidence_of(session, scope, [row.id for row in found.items])
    ids = {row.feature_id for row in found.items if row.feature_id is not None}
    plant = await queries.features_of(session, region_id, ids)
    in_error = await checklists.corrected_work(session, region_id, [r.id for r in found.items])
    items = []
    for row in found.items:
        feature = plant.get(row.feature_id) if row.feature_id is not None else None
        transferred = row.state == order_rules.State.TRANSFERRED
        due = order_rules.transfer_due(row.received_at, within, row.suspended_seconds)
        pair_test = feature.state_test if feature is not None else None
        items.append(
            CableWork(
                **row.model_dump(),
                feature_kind=feature.kind if feature is not None else None,
                feature_name=feature.name if feature is not None else None,
                feature_state=feature.state if feature is not None else None,
                pair_test=pair_test,
                transfer_due_at=due if transferred else None,
                transferred_late=row.state_since > due if transferred else None,
                tests=[LineTestRead.model_validate(test) for test in tests[row.id]],
                tests_missing=not tests[row.id] and pair_test is None,
                corrected=row.id in in_error,
            )
        )
    return Page[CableWork](items=items, next=found.next)
