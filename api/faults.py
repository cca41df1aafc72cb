"""Faults that are reported, area faults, and what the hotline says about them (FA-02)."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, part, reads, sort_by, verb
from fieldops.customers.models import Premises
from fieldops.faults import queries, rules
from fieldops.faults.commands import deciding, reporting, settling
from fieldops.faults.errors import ServiceNotKnown, ServiceNotNamed
from fieldops.faults.models import AreaFault, FaultReport, HeldWork
from fieldops.faults.queries import Touched
from fieldops.faults.schemas import (
    Answer,
    AreaFaultRead,
    AreaFaultTouching,
    FaultReportRead,
    HeldWorkRead,
    TouchedPremises,
)
from fieldops.kernel.commands import Text
from fieldops.kernel.permissions import Permission
from fieldops.network.queries import tracing

router = APIRouter(prefix="/v1", tags=["faults"])

READ = Permission.FAULT_READ

verb(router, "/fault-reports", reporting.report)
verb(router, "/fault-reports/{report_id}/settle", settling.settle)
verb(router, "/area-faults", deciding.declare)
verb(router, "/area-faults/{area_fault_id}/confirm", deciding.confirm)
verb(router, "/area-faults/{area_fault_id}/dismiss", deciding.dismiss)
verb(router, "/area-faults/{area_fault_id}/change", deciding.change)
verb(router, "/area-faults/{area_fault_id}/release", deciding.release)
verb(router, "/area-faults/{area_fault_id}/end", deciding.end)


@router.get(
    "/fault-reports",
    operation_id="fault_report_list",
    summary="List the faults that were reported.",
    responses=problems(),
)
async def report_list(
    reading: Annotated[Reading, reads(READ)],
    area_fault_id: Annotated[UUID | None, Query(description="Only of this area fault.")] = None,
    sort: sort_by("reported_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FaultReportRead]:
    statement = queries.reports(reading.scope, area_fault_id=area_fault_id)
    return await page(reading, statement, FaultReport.id, after, limit, FaultReportRead, sort)


@router.get(
    "/fault-reports/{report_id}",
    operation_id="fault_report_get",
    summary="One report.",
    responses=problems(404),
)
async def report_get(report_id: UUID, reading: Annotated[Reading, reads(READ)]) -> FaultReportRead:
    found = await queries.report(reading.session, reading.scope, report_id)
    return FaultReportRead.model_validate(found)


@router.get(
    "/area-faults",
    operation_id="area_fault_list",
    summary="List area faults with cause, expected repair and whom they touch, for the hotline.",
    responses=problems(),
)
async def area_fault_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(AreaFault, "centre_id", "feature_id", "proposed_at")],
    state: Annotated[
        list[rules.State], Query(max_length=4, description="Only these states; empty: the open.")
    ] = [],  # noqa: B006 - FastAPI copies it
    sort: sort_by("proposed_at", "expected_repair_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AreaFaultTouching]:
    statement = only(queries.area_faults(reading.scope, state or rules.OPEN))
    rows, following = await part(reading, statement, AreaFault.id, after, limit, sort)
    found = await queries.touching(reading.session, reading.scope.region_id, rows)
    return Page[AreaFaultTouching](items=[_shown(one) for one in found], next=following)


def _shown(one: Touched) -> AreaFaultTouching:
    counted: dict[str, Any] = {
        name: value for name, value in asdict(one).items() if name != "fault"
    }
    return AreaFaultTouching(**AreaFaultRead.model_validate(one.fault).model_dump(), **counted)


@router.get(
    "/area-faults/{area_fault_id}",
    operation_id="area_fault_get",
    summary="One area fault with whom it touches, counted.",
    responses=problems(404),
)
async def area_fault_get(
    area_fault_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> AreaFaultTouching:
    fault = await queries.area_fault(reading.session, reading.scope, area_fault_id)
    found = await queries.touching(reading.session, reading.scope.region_id, [fault])
    return _shown(found[0])


@router.get(
    "/area-faults/{area_fault_id}/premises",
    operation_id="area_fault_premises",
    summary="The premises in the area of a fault.",
    responses=problems(404),
)
async def area_fault_premises(
    area_fault_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(Premises, "street", "postcode", "building")],
    sort: sort_by("street", "postcode") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[TouchedPremises]:
    fault = await queries.area_fault(reading.session, reading.scope, area_fault_id)
    statement = queries.premises_touched(reading.scope, fault)
    return await page(
        reading, only(statement), Premises.id, after, limit, TouchedPremises, sort, columns=True
    )


@router.get(
    "/area-faults/{area_fault_id}/held-work",
    operation_id="area_fault_held_work",
    summary="The repairs an area fault holds or held, with what became of them.",
    responses=problems(404),
)
async def area_fault_held(
    area_fault_id: UUID,
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(HeldWork, "centre_id", "customer_id", "held_at")],
    sort: sort_by("held_at", "window_start") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[HeldWorkRead]:
    fault = await queries.area_fault(reading.session, reading.scope, area_fault_id)
    statement = queries.held(reading.scope, fault.id)
    return await page(reading, only(statement), HeldWork.id, after, limit, HeldWorkRead, sort)


@router.get(
    "/hotline/area-fault",
    operation_id="hotline_area_fault",
    summary="What to tell a customer: the confirmed area fault of a service, null without one.",
    responses=problems(404),
)
async def hotline(
    reading: Annotated[Reading, reads(READ)],
    account: Annotated[Text | None, Query(max_length=64, description="Account number.")] = None,
    service_id: Annotated[UUID | None, Query(description="The service's id instead.")] = None,
) -> Answer:
    session, scope = reading.session, reading.scope
    if (account is None) == (service_id is None):
        raise ServiceNotNamed
    service = await queries.service(session, scope, service_id, account)
    if service is None:
        raise ServiceNotKnown
    places = await tracing.above_services(session, scope.region_id, [service.id])
    fault = await queries.confirmed_for(session, scope.region_id, places)
    if fault is None:
        return Answer(area_fault=None)
    return Answer(area_fault=_shown((await queries.touching(session, scope.region_id, [fault]))[0]))
