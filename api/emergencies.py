"""Emergency plans: laying them down, proposing, putting in force, ending (EM-01)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.narrowing import Narrowing, narrow_by
from api.problems import problems
from api.routing import After, Limit, Page, Reading, page, reads, sort_by, verb
from fieldops.customers import queries as customers
from fieldops.emergencies import commands, queries
from fieldops.emergencies.models import Activation, EmergencyPlan
from fieldops.emergencies.rules import State
from fieldops.emergencies.schemas import (
    ActivationRead,
    InForce,
    InForceOrNone,
    PlanDetail,
    PlanRead,
)
from fieldops.kernel.permissions import Permission

router = APIRouter(prefix="/v1", tags=["emergencies"])

READ = Permission.EMERGENCY_READ

verb(router, "/emergency-plans", commands.create_plan)
verb(router, "/emergency-plans/{plan_id}/change", commands.change_plan)
verb(router, "/emergency-plans/{plan_id}/propose", commands.propose)
verb(router, "/emergency-plans/{plan_id}/activate", commands.activate)
verb(router, "/emergency-activations/{activation_id}/prolong", commands.prolong)
verb(router, "/emergency-activations/{activation_id}/dismiss", commands.dismiss)
verb(router, "/emergency-activations/{activation_id}/end", commands.end)


@router.get(
    "/emergency-plans",
    operation_id="emergency_plan_list",
    summary="List the emergency plans of one's centres and of the region (EM-01).",
    responses=problems(),
)
async def plan_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(EmergencyPlan, "centre_id", "owner_id", "kind")],
    *,
    retired: Annotated[bool, Query(description="Those out of use too.")] = False,
    sort: sort_by("name") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[PlanRead]:
    statement = queries.plans(reading.scope, retired=retired)
    return await page(reading, only(statement), EmergencyPlan.id, after, limit, PlanRead, sort)


@router.get(
    "/emergency-plans/{plan_id}",
    operation_id="emergency_plan_get",
    summary="One emergency plan with its reserve technicians.",
    responses=problems(404),
)
async def plan_get(plan_id: UUID, reading: Annotated[Reading, reads(READ)]) -> PlanDetail:
    found = await queries.plan(reading.session, reading.scope, plan_id)
    helpers = await queries.reserve_of(reading.session, reading.scope.region_id, plan_id)
    return PlanDetail(
        **PlanRead.model_validate(found).model_dump(),
        reserve_technician_ids=[row.technician_id for row in helpers],
    )


@router.get(
    "/emergency-activations",
    operation_id="emergency_activation_list",
    summary="List when plans were proposed and in force: who, why, since, until, ended by.",
    responses=problems(),
)
async def activation_list(
    reading: Annotated[Reading, reads(READ)],
    only: Annotated[Narrowing, narrow_by(Activation, "centre_id", "plan_id", "since")],
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    owner_id: Annotated[UUID | None, Query(description="Only of this person's plans.")] = None,
    sort: sort_by("since", "proposed_at") = None,  # type: ignore[valid-type]
    after: After = None,
    limit: Limit = 50,
) -> Page[ActivationRead]:
    statement = queries.activations(reading.scope, state=state, owner_id=owner_id)
    return await page(reading, only(statement), Activation.id, after, limit, ActivationRead, sort)


@router.get(
    "/emergencies",
    operation_id="emergency_in_force",
    summary="What the plans in force for a centre say together, with what customers are told.",
    responses=problems(404),
)
async def in_force(
    reading: Annotated[Reading, reads(READ)],
    centre_id: Annotated[UUID, Query(description="The centre.")],
) -> InForceOrNone:
    scope = reading.scope
    await customers.centre_in(reading.session, scope, centre_id)
    found = await queries.active(reading.session, scope.region_id, centre_id, reading.now)
    return InForceOrNone(plan=None if found is None else InForce.model_validate(found))
