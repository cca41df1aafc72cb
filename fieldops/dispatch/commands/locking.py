"""Lock a visit: it stays with its technicians at its time, whatever is planned around it."""

from uuid import UUID

from pydantic import Field

from fieldops.dispatch.errors import VisitLocked, VisitNotLocked, VisitOver
from fieldops.dispatch.models import Lock
from fieldops.dispatch.queries import locks
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits
from fieldops.visits.rules import ENDED, State


class LockVisit(Args):
    visit_id: UUID = Field(description="The visit that stays as it is.")
    reason: Text = Field(
        min_length=3, max_length=500, description="Why it may not be planned anew."
    )


@command("visit.lock", permission=Permission.DISPATCH_PLAN, subject="visit_id")
async def lock(ctx: Context, args: LockVisit) -> Lock:
    """Keep a visit with its technicians at its time; plans and rankings leave it alone (VI-01).

    Raises NotFound, VisitOver, VisitLocked.
    """
    visit = await visits.lock_visit(
        ctx.session, ctx.actor.scope(Permission.DISPATCH_PLAN), args.visit_id
    )
    if State(visit.state) in ENDED:
        raise VisitOver(state=visit.state)
    if await locks.lock_of(ctx.session, ctx.region_id, visit.id) is not None:
        raise VisitLocked
    ctx.reason = args.reason
    row = Lock(
        region_id=ctx.region_id,
        visit_id=visit.id,
        centre_id=visit.centre_id,
        reason=args.reason,
        locked_by=ctx.actor.id,
        locked_at=ctx.now,
    )
    ctx.add(row)
    return row


class UnlockVisit(Args):
    visit_id: UUID = Field(description="The visit that may be planned again.")
    reason: Text = Field(min_length=3, max_length=500, description="Why it is free again.")


@command("visit.unlock", permission=Permission.DISPATCH_PLAN, subject="visit_id")
async def unlock(ctx: Context, args: UnlockVisit) -> Lock:
    """Let a visit be planned again (VI-01).

    Raises NotFound, VisitNotLocked.
    """
    scope = ctx.actor.scope(Permission.DISPATCH_PLAN)
    visit = await visits.lock_visit(ctx.session, scope, args.visit_id)
    row = await locks.lock_of(ctx.session, ctx.region_id, visit.id)
    if row is None:
        raise VisitNotLocked
    ctx.reason = args.reason
    row.unlocked_by, row.unlocked_at = ctx.actor.id, ctx.now
    return row
