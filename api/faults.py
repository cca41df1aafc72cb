"""Faults that are reported, area faults, and what the hotline says about them (FA-02)."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, part, reads, sort_by, verb
from fieldops.customers.models import Premises
from fieldops.faults import queries, rules, wording
from fieldops.faults.commands import analysing, deciding, reporting, settling
from fieldops.faults.errors import ServiceNotKnown, ServiceNotNamed
from fieldops.faults.models import AreaFault, FaultAnalysis, FaultReport, HeldWork
from fieldops.faults.queries import Touched, analyses, intake
from fieldops.faults.schemas import (
    AdviceRead,
    AnalysisRead,
    AnalysisWhole,
    Answer,
    AreaFaultRead,
    AreaFaultTouching,
    FaultReportRead,
    HeldWorkRead,
    IntakePicture,
    LineHealth,
    MomentRead,
    OpenWorkRead,
    TouchedPremises,
)
from fieldops.kernel import configuration
from fieldops.kernel.commands import Text
from fieldops.kernel.permissions import Permission
from fieldops.network.queries import tracing
from fieldops.organisation import queries as organisation

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
verb(router, "/fault-analyses/{analysis_id}/take", analysing.take)
verb(router, "/fault-analyses/{analysis_id}/hand-in", analysing.hand_in)
verb(router, "/fault-analyses/{analysis_id}/accept", analysing.accept)
verb(router, "/fault-analyses/{analysis_id}/give-back", analysing.give_back)


@router.get(
    "/fault-reports",
    operation_id="fault_report_list",
    summary="List the faults that were reported.",
    responses=problems(),
)
async def report_list(
    reading: Annotated[Reading, reads(READ)],
    area_fault_id: Annotated[UUID | None, Query(description="Only of this area fault.")] = None,
    repeated: Annotated[bool | None, Query(description="Only what was repaired of late.")] = None,
    service_id: Annotated[UUID | None, Query(description="Only of this service.")] = None,
    sort: sort_by("reported_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[FaultReportRead]:
    statement = queries.reports(reading.scope, area_fault_id=area_fault_id)
    if repeated is not None:
        back = FaultReport.repeat_of_id.is_not(None)
        statement = statement.where(back if repeated else ~back)
    if service_id is not None:
        statement = statement.where(FaultReport.service_id == service_id)
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
    "/fault-analyses",
    operation_id="fault_analysis_list",
    summary="List the analysis reports of serious faults, with their due time (FA-03).",
    responses=problems(),
)
async def fault_analysis_list(
    reading: Annotated[Reading, reads(READ)],
    state: Annotated[
        list[rules.AnalysisState], Query(max_length=4, description="Only these; empty: all.")
    ] = [],  # noqa: B006 - FastAPI copies it
    overdue: Annotated[bool | None, Query(description="Past the due time, not handed in.")] = None,
    mine: Annotated[bool, Query(description="Only those I write.")] = False,  # noqa: FBT002
    sort: sort_by("due_at", "opened_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[AnalysisRead]:
    statement = analyses.analyses(
        reading.scope,
        states=state,
        overdue=overdue,
        mine=reading.actor.id if mine else None,
        now=reading.now,
    )
    return await page(reading, statement, FaultAnalysis.id, after, limit, AnalysisRead, sort)


@router.get(
    "/fault-analyses/{analysis_id}",
    operation_id="fault_analysis_get",
    summary="One analysis report, with what the record knows of the fault.",
    responses=problems(404),
)
async def fault_analysis_get(
    analysis_id: UUID, reading: Annotated[Reading, reads(READ)]
) -> AnalysisWhole:
    row = await analyses.analysis(reading.session, reading.scope, analysis_id)
    record = await analyses.timeline(reading.session, row)
    return AnalysisWhole(
        **AnalysisRead.model_validate(row).model_dump(),
        timeline=None if row.timeline is None else [MomentRead(**one) for one in row.timeline],
        record=[MomentRead.model_validate(one) for one in record],
    )


@router.get(
    "/fault-intake",
    operation_id="fault_intake",
    summary="What a service that somebody reports is matched with, and what to do (FA-01).",
    responses=problems(404, 422),
)
async def fault_intake(
    reading: Annotated[Reading, reads(READ)],
    service_id: Annotated[UUID | None, Query(description="The service.")] = None,
    account: Annotated[Text | None, Query(max_length=64, description="Or its account.")] = None,
) -> IntakePicture:
    if (service_id is None) == (account is None):
        raise ServiceNotNamed
    session, scope = reading.session, reading.scope
    service = await queries.service(session, scope, service_id, account)
    if service is None:
        raise ServiceNotKnown
    within = await configuration.duration(session, scope.region_id, rules.REPEATED_WITHIN)
    known = await intake.picture(session, scope.region_id, service, reading.now - within)
    zone = await organisation.zone_of(session, scope.region_id)
    return _picture(known, rules.advice(wording.facts(known, zone)))


def _picture(known: intake.Picture, advice: list[rules.Advice]) -> IntakePicture:
    return IntakePicture(
        service_id=known.service.id,
        premises_id=known.service.premises_id,
        advice=[AdviceRead.model_validate(one) for one in advice],
        health=LineHealth.model_validate(known.health) if known.health else None,
        earlier=[FaultReportRead.model_validate(one) for one in known.earlier],
        repeat_of_id=known.repeat_of.id if known.repeat_of else None,
        joins_order_id=known.joins,
        area_fault=AreaFaultRead.model_validate(known.area_fault) if known.area_fault else None,
        open_work=[
            OpenWorkRead(
                work_order_id=one.work.id,
                order_id=one.work.order_id,
                kind=one.work.kind,
                service=one.work.service,
                state=one.work.state,
                due_at=one.work.due_at,
                visit_id=one.visit.id if one.visit else None,
                window_start=one.visit.window_start if one.visit else None,
                window_end=one.visit.window_end if one.visit else None,
            )
            for one in known.open_work
        ],
    )


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
