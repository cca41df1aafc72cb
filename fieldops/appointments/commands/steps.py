"""Publish a ladder, and let the visits ahead follow what changed in it (AP-03 to AP-09)."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import ladders, queries
from fieldops.appointments.commands import ladder
from fieldops.appointments.events import LadderFollowed
from fieldops.appointments.models import Ladder
from fieldops.kernel import jobs
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Outcome, Text, command
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits

FOLLOW = "appointments.follow_ladder"


class PublishLadder(Args):
    steps: list[ladders.Step] = Field(
        min_length=1, max_length=ladders.MOST_STEPS, description="The whole ladder."
    )
    reason: Text = Field(min_length=3, max_length=500, description="Why it is changed.")


@command("ladder.publish", permission=Permission.RULE_EDIT)
async def publish(ctx: Context, args: PublishLadder) -> Ladder:
    """Publish a region's ladder of steps; the visits ahead follow it soon after (AP-03 to AP-09).

    Raises LadderInvalid when some customer would not get what the rules promise.
    """
    ladders.check(args.steps)
    last = await queries.newest(ctx.session, ctx.region_id)
    ctx.reason = args.reason
    row = Ladder(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        number=last.number + 1 if last else 1,
        steps=ladders.write(args.steps),
        reason=args.reason,
        published_at=ctx.now,
        published_by=ctx.actor.id,
    )
    ctx.add(row)
    await follow_soon(ctx)
    return row


async def follow_soon(ctx: Context) -> None:
    """Have the worker set the steps of all visits ahead anew, after the commit."""
    await jobs.enqueue(ctx.session, jobs.app.tasks[FOLLOW], region_id=ctx.region_id)


class FollowLadder(Args):
    visit_ids: list[UUID] = Field(max_length=500)


@command("ladder.follow", permission=Permission.APPOINTMENT_BOOK)
async def follow(ctx: Context, args: FollowLadder) -> Outcome:
    """Set the steps of visits anew by the ladder as it is now (AP-03, AP-09); the worker does it.

    Visits that are gone meanwhile are left out.
    """
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="ladder:follow")
    for visit_id in sorted(args.visit_ids):
        await follow_visit(ctx, visit_id)
    return None


async def follow_visit(ctx: Context, visit_id: UUID) -> None:
    """Set one visit's steps anew, and let its messages follow."""
    try:
        await visits.lock_visit(ctx.session, ctx.actor.scope(Permission.APPOINTMENT_BOOK), visit_id)
    except NotFound:
        return
    appointment = await queries.lock_open(ctx.session, ctx.region_id, visit_id)
    if appointment is not None:
        planned = await ladder.plan(ctx, appointment.customer_id, appointment.window_start)
        ladder.follow(appointment, planned, ctx.now)
    await ctx.emit(LadderFollowed(visit_id))
