"""Ask for a day plan or a replan, and discard one; the worker looks for it (jobs.py)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.dispatch import rules
from fieldops.dispatch.errors import DayPast, DayTooFar, PlanNotReady
from fieldops.dispatch.models import Plan
from fieldops.dispatch.queries import days, plans
from fieldops.dispatch.rules import Cause, PlanKind, PlanState
from fieldops.kernel import jobs
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Args, Context, command, shown
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits

COMPUTE = "dispatch.compute_plan"
PLAN = Permission.DISPATCH_PLAN


class AskPlan(Args):
    model_config = shown(centre_id="01938f5e-0000-7000-8000-000000000001", day="2026-11-24")
    centre_id: UUID = Field(description="The centre whose day is planned.")
    day: date = Field(description="The local day, today or ahead.")
    seconds: float | None = Field(
        None,
        ge=0.1,
        le=rules.LONGEST_SEARCH,
        description="CPU seconds the search may take; empty: the region's own number.",
    )


@command("plan.ask", permission=PLAN)
async def ask(ctx: Context, args: AskPlan) -> Plan:
    """Have a day of a centre planned: a proposal that a person publishes or not (VI-01, WO-06).

    Raises NotFound, DayPast, DayTooFar, PlanRunning.
    """
    return await _ask(ctx, args, PlanKind.DAY, Cause.PLANNING, ())


class Replan(AskPlan):
    model_config = shown(
        centre_id="01938f5e-0000-7000-8000-000000000001", day="2026-11-23", cause="absence"
    )
    cause: Cause = Field(description="What happened; the reason of windows that cannot be kept.")
    urgent_visit_ids: list[UUID] = Field(
        [],
        max_length=rules.MOST_URGENT,
        description="Urgent visits; they may displace promised ones of a lower class (WO-06).",
    )


@command("plan.replan", permission=PLAN)
async def replan(ctx: Context, args: Replan) -> Plan:
    """Have a day planned anew within seconds after something happened, changing little (AP-07).

    Raises NotFound, DayPast, DayTooFar, PlanRunning.
    """
    scope = ctx.actor.scope(PLAN)
    for visit_id in args.urgent_visit_ids:
        urgent = await visits.visit(ctx.session, scope, visit_id)
        if urgent.centre_id != args.centre_id:
            raise NotFound(thing="visit")
    made = await _ask(ctx, args, PlanKind.REPLAN, args.cause, args.urgent_visit_ids)
    for row in await plans.disturbances_of(
        ctx.session, ctx.region_id, centre_id=args.centre_id, day=args.day
    ):
        if row.cause != Cause.URGENT or row.subject_id in args.urgent_visit_ids:
            row.plan_id = made.id
    return made


async def _ask(ctx: Context, args: AskPlan, kind: PlanKind, cause: Cause, urgent: Any) -> Plan:
    await plans.centre(ctx.session, ctx.actor.scope(PLAN), args.centre_id)
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    today = local_day(ctx.now, zone)
    if args.day < today:
        raise DayPast(day=str(args.day))
    latest = today + timedelta(days=rules.MOST_DAYS_AHEAD)
    if args.day > latest:
        raise DayTooFar(day=str(args.day), latest=str(latest))
    terms = await days.terms(ctx.session, ctx.region_id, kind, seconds=args.seconds)
    made = Plan(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        centre_id=args.centre_id,
        day=args.day,
        kind=kind.value,
        cause=cause.value,
        urgent_visit_ids=[str(id_) for id_ in urgent],
        seconds=terms.seconds,
        asked_by=ctx.actor.id,
        asked_at=ctx.now,
        state=PlanState.COMPUTING.value,
        progress=0,
        figures={},
        hours=[],
    )
    ctx.add(made)
    await ctx.session.flush()
    await _enqueue(ctx.session, made)
    return made


async def _enqueue(session: AsyncSession, made: Plan) -> None:
    """Put the search into the queue, in the transaction of who asked."""
    await jobs.enqueue(
        session, jobs.app.tasks[COMPUTE], region_id=made.region_id, plan_id=str(made.id)
    )


class DiscardPlan(Args):
    day_plan_id: UUID = Field(description="The plan nobody wants any more.")


@command("plan.discard", permission=PLAN, subject="day_plan_id")
async def discard(ctx: Context, args: DiscardPlan) -> Plan:
    """Take a proposal off the table; a search that still runs for it is ended (VI-01).

    Raises NotFound, PlanNotReady.
    """
    row = await plans.plan(ctx.session, ctx.actor.scope(PLAN), args.day_plan_id, lock=True)
    if PlanState(row.state) not in {PlanState.COMPUTING, PlanState.PROPOSED}:
        raise PlanNotReady(state=row.state)
    row.state = PlanState.SUPERSEDED.value
    return row
