"""Dispatch: the day as it stands, locks, proposals, publishing them."""

from dataclasses import asdict
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, calendar_day, page, reads, sort_by, verb
from fieldops.dispatch import line_wording, proposal
from fieldops.dispatch.commands import disturbances, locking, publishing
from fieldops.dispatch.commands import plans as planning
from fieldops.dispatch.day import Stop, is_fixed
from fieldops.dispatch.models import Disturbance, Lock, Plan, PlanLine
from fieldops.dispatch.queries import days, locks, plans
from fieldops.dispatch.rules import PlanKind
from fieldops.dispatch.schemas import (
    AffectedVisit,
    DayRead,
    DayVisit,
    DisturbanceRead,
    HourRead,
    LineRead,
    LockRead,
    PlanDetail,
    PlanRead,
)
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits

router = APIRouter(prefix="/v1", tags=["dispatch"])

READ = Permission.DISPATCH_READ

verb(router, "/visits/{visit_id}/lock", locking.lock)
verb(router, "/visits/{visit_id}/unlock", locking.unlock)
verb(router, "/dispatch/disturbances/{disturbance_id}/let-be", disturbances.let_be)
verb(router, "/dispatch/plans", planning.ask)
verb(router, "/dispatch/replans", planning.replan)
verb(router, "/dispatch/plans/{day_plan_id}/publish", publishing.publish)
verb(router, "/dispatch/plans/{day_plan_id}/discard", planning.discard)

Centre = Annotated[UUID, Query(description="The centre.")]
Day = Annotated[date, Query(description="The local day.")]


@router.get(
    "/dispatch/locks",
    operation_id="visit_lock_list",
    summary="List the visits that stay as they are, with the reasons.",
    responses=problems(),
)
async def lock_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(Lock, "centre_id", "locked_by", "locked_at")],
    visit_id: Annotated[UUID | None, Query(description="Only of this visit.")] = None,
    sort: sort_by("locked_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[LockRead]:
    statement = locks.locks(reading.scope, visit_id=visit_id)
    return await page(reading, only(statement), Lock.id, after, limit, LockRead, sort)


@router.get(
    "/dispatch/disturbances",
    operation_id="disturbance_list",
    summary="List what upsets days and is not mended yet, each of which a replan is offered for.",
    responses=problems(),
)
async def disturbance_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(Disturbance, "day", "technician_id", "noticed_at")],
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    sort: sort_by("day", "noticed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[DisturbanceRead]:
    statement = plans.disturbances(reading.scope, centre_id=centre_id)
    return await page(reading, only(statement), Disturbance.id, after, limit, DisturbanceRead, sort)


@router.get(
    "/dispatch/days",
    operation_id="dispatch_day",
    summary="A centre's day as it stands: visits with predicted starts, everybody's hours.",
    responses=problems(404),
)
async def day_read(
    reading: Annotated[Reading, reads(READ)], centre_id: Centre, day: Day
) -> DayRead:
    session, region_id = reading.session, reading.scope.region_id
    await plans.centre(session, reading.scope, centre_id)
    found = await days.read(session, region_id, centre_id, calendar_day(day), reading.now)
    terms = await days.terms(session, region_id, PlanKind.DAY)
    walked = proposal.as_it_stands(found, terms)

    def visit(stop: Stop) -> DayVisit:
        start = walked.starts.get(stop.id)
        window = stop.window or (None, None)
        late = 0.0 if start is None or window[1] is None else max(0.0, start - window[1])
        return DayVisit(
            visit_id=stop.id,
            order_ref=stop.number,
            state=stop.state,
            priority_class=stop.priority,
            window_start=found.moment_or_none(window[0]),
            window_end=found.moment_or_none(window[1]),
            expected_arrival=found.moment_or_none(stop.start),
            predicted_start=found.moment_or_none(start),
            late_minutes=round(late, 1),
            due_at=found.moment_or_none(stop.due),
            minutes=stop.minutes,
            technician_ids=list(stop.technicians),
            skills=sorted(stop.skills),
            locked=stop.locked,
            under_way=stop.under_way,
            fixed=is_fixed(found, stop, terms),
        )

    return DayRead(
        centre_id=centre_id,
        day=day,
        visits=[visit(stop) for stop in found.stops],
        hours=[
            HourRead(
                technician_id=hand.id,
                name=hand.name,
                **{k: round(v, 1) for k, v in asdict(walked.hours[hand.id]).items()},
            )
            for hand in found.hands
        ],
    )


@router.get(
    "/dispatch/affected",
    operation_id="dispatch_affected",
    summary="Whose visits are concerned when a technician is away or late in a time.",
    responses=problems(404),
)
async def affected(
    reading: Annotated[Reading, reads(READ)],
    technician_id: Annotated[UUID, Query(description="The technician.")],
    starts: Annotated[AwareDatetime, Query(description="From when.")],
    ends: Annotated[AwareDatetime, Query(description="Until when.")],
) -> list[AffectedVisit]:
    session, region_id = reading.session, reading.scope.region_id
    who = await organisation.technician_in(session, reading.scope, technician_id)
    found = await visits.visits_ahead(session, region_id, who.id, starts, ends)
    ids = [row.id for row in found]
    promised = await plans.promises(session, region_id, ids)
    crews = await plans.crews(session, region_id, ids)
    locked = await locks.locked(session, region_id, ids)
    return [
        AffectedVisit(
            visit_id=row.id,
            customer_id=row.customer_id,
            state=row.state,
            window_start=row.window_start,
            window_end=row.window_end,
            appointment=promised.get(row.id),
            other_technician_ids=[id_ for id_ in crews[row.id] if id_ != who.id],
            locked=row.id in locked,
        )
        for row in found
    ]


@router.get(
    "/dispatch/plans",
    operation_id="plan_list",
    summary="List proposals, the newest of a day last.",
    responses=problems(),
)
async def plan_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(Plan, "state", "kind", "asked_at")],
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    day: Annotated[date | None, Query(description="Only of this local day.")] = None,
    sort: sort_by("day", "asked_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[PlanRead]:
    statement = plans.plans(reading.scope, centre_id=centre_id, day=day)
    return await page(reading, only(statement), Plan.id, after, limit, PlanRead, sort)


@router.get(
    "/dispatch/plans/{day_plan_id}",
    operation_id="plan_get",
    summary="A proposal: its lines in words and numbers, everybody's hours before and after.",
    responses=problems(404),
)
async def plan_get(day_plan_id: UUID, reading: Annotated[Reading, reads(READ)]) -> PlanDetail:
    session, region_id = reading.session, reading.scope.region_id
    found = await plans.plan(session, reading.scope, day_plan_id)
    rows = await plans.lines(session, region_id, day_plan_id)
    refs = await plans.order_refs(session, region_id, [row.visit_id for row in rows])
    ids = {UUID(id_) for row in rows for id_ in (*row.technician_ids, *row.former_technician_ids)}
    names = {
        t.id: t.name for t in (await organisation.technicians(session, region_id, ids)).values()
    }
    zone = await organisation.zone_of(session, region_id)

    def line(row: PlanLine) -> LineRead:
        window = publishing.promised(row)
        words = line_wording.sentences(
            row.kind,
            refs[row.visit_id],
            names,
            breaks_promise=row.breaks_promise,
            technician_ids=[UUID(id_) for id_ in row.technician_ids],
            former_ids=[UUID(id_) for id_ in row.former_technician_ids],
            start=row.starts_at,
            former_start=row.former_start,
            promised=window,
            zone=zone,
        )
        values = {name: getattr(row, name) for name in LineRead.model_fields if hasattr(row, name)}
        return LineRead(**values, promised=window, order_ref=refs[row.visit_id], words=words)

    return PlanDetail(
        **PlanRead.model_validate(found).model_dump(),
        lines=[line(row) for row in rows],
        hours=found.hours,
    )
