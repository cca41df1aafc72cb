"""Routes of materials: catalogue, stocks, movements (CH-03)."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.kernel import clock
from fieldops.kernel.permissions import Permission
from fieldops.materials import commands, queries, rules
from fieldops.materials.models import Material, MaterialMovement, MaterialStock
from fieldops.materials.schemas import MaterialDifference, MaterialRead, MovementRead, StockRead
from fieldops.visits.models import Visit

DIFFERENCES_OF_DAYS = 31

router = APIRouter(prefix="/v1", tags=["materials"])

verb(router, "/materials", commands.define)
verb(router, "/materials/standard", commands.add_standard)
verb(router, "/materials/{material_id}/change", commands.change)
verb(router, "/materials/{material_id}/set-limits", commands.set_limits)
verb(router, "/materials/{material_id}/issue", commands.issue)
verb(router, "/materials/{material_id}/hand-back", commands.hand_back)
verb(router, "/materials/{material_id}/count", commands.count)
verb(router, "/visits/{visit_id}/materials", commands.use)
verb(router, "/visits/{visit_id}/sign-gifts", commands.sign_gifts)
verb(router, "/material-movements/{movement_id}/correct", commands.correct)
verb(router, "/material-movements/{movement_id}/decide", commands.decide)


def asked(
    technician_id: Annotated[UUID | None, Query(description="Only of this technician.")] = None,
    centre_id: Annotated[UUID | None, Query(description="Only of this centre.")] = None,
    firm_id: Annotated[UUID | None, Query(description="Only of this firm's people.")] = None,
    material_id: Annotated[UUID | None, Query(description="Only of this material.")] = None,
    use: Annotated[rules.Use | None, Query(description="Only for the work, or gifts.")] = None,
) -> queries.Asked:
    return queries.Asked(technician_id, centre_id, firm_id, material_id, use)


@router.get(
    "/materials",
    operation_id="material_list",
    summary="The catalogue of materials and gifts, with their limits (CH-03)",
    responses=problems(),
)
async def material_list(
    reading: Annotated[Reading, reads(Permission.MATERIAL_READ)],
    use: Annotated[rules.Use | None, Query(description="Only for the work, or gifts.")] = None,
    active: Annotated[bool | None, Query(description="False: only those out of use.")] = None,
    sort: sort_by("code", "name_en", "name_zh") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MaterialRead]:
    statement = queries.materials(reading.actor.region_id, use=use, active=active)
    return await page(reading, statement, Material.id, after, limit, MaterialRead, sort)


@router.get(
    "/material-stocks",
    operation_id="material_stock_list",
    summary="What technicians should have; below zero something is unexplained (CH-03)",
    responses=problems(),
)
async def stock_list(
    reading: Annotated[Reading, reads(Permission.MATERIAL_READ)],
    narrowed: Annotated[queries.Asked, Depends(asked)],
    negative: Annotated[bool | None, Query(description="True: only those below zero.")] = None,
    sort: sort_by("balance", "counted_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[StockRead]:
    statement = queries.stocks(reading.scope, narrowed, negative=negative)
    return await page(
        reading, statement, MaterialStock.id, after, limit, StockRead, sort, columns=True
    )


def which(
    visit_id: Annotated[UUID | None, Query(description="Only on this visit.")] = None,
    kind: Annotated[rules.Movement | None, Query(description="Only of this kind.")] = None,
    beyond: Annotated[bool | None, Query(description="True: only beyond a limit.")] = None,
    undecided: Annotated[
        bool | None, Query(description="True: only those that wait for a supervisor.")
    ] = None,
    unsigned: Annotated[
        bool | None, Query(description="True: only gifts without the customer's signature.")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this moment.")] = None,
) -> dict[str, Any]:
    return {
        "visit_id": visit_id,
        "kind": kind,
        "beyond": beyond,
        "undecided": undecided,
        "unsigned": unsigned,
        "since": since,
        "until": until,
    }


@router.get(
    "/material-movements",
    operation_id="material_movement_list",
    summary="Issued, used, handed back, counted: by technician, visit, material, time (CH-03)",
    responses=problems(),
)
async def movement_list(
    reading: Annotated[Reading, reads(Permission.MATERIAL_READ)],
    narrowed: Annotated[queries.Asked, Depends(asked)],
    conditions: Annotated[dict[str, Any], Depends(which)],
    sort: sort_by("estimated_at", "quantity") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MovementRead]:
    statement = queries.movements(reading.scope, narrowed, **conditions)
    return await page(
        reading, statement, MaterialMovement.id, after, limit, MovementRead, sort, columns=True
    )


@router.get(
    "/material-differences",
    operation_id="material_difference_list",
    summary="Visits whose lists say other free materials than were recorded (CH-03)",
    responses=problems(),
)
async def difference_list(
    reading: Annotated[Reading, reads(Permission.MATERIAL_READ)],
    only: Annotated[Narrowing, narrow_by(Visit, "centre_id")],
    since: Annotated[
        AwareDatetime | None,
        Query(description="Visits that ended at or after this; without it in the last 31 days."),
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="That ended before this.")] = None,
    sort: sort_by("ended_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[MaterialDifference]:
    begin = since or clock.now() - timedelta(days=DIFFERENCES_OF_DAYS)
    statement = only(queries.differences(reading.scope, begin, until))
    return await page(
        reading, statement, Visit.id, after, limit, MaterialDifference, sort, columns=True
    )
