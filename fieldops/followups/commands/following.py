"""A follow-up follows the clock: unanswered ones go to people, late ones to who is above."""

from fieldops.followups import queries, rules
from fieldops.followups.commands.planning import HANDLE, to_a_person
from fieldops.followups.models import CareTask, FollowUp
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Outcome, command


class FollowClock(Args):
    """Nothing to say: what is due follows from the time."""


@command("follow_up.follow_clock", permission=HANDLE)
async def follow_clock(ctx: Context, args: FollowClock) -> Outcome:  # noqa: ARG001 - none
    """Hand unanswered messages to the call list, and mark what is overdue (FO-01 to FO-03)."""
    wait = await configuration.duration(ctx.session, ctx.region_id, rules.WAIT)
    changed: dict[object, FollowUp | CareTask] = {}
    for row in await queries.lock_unanswered(ctx.session, ctx.region_id, ctx.now - wait):
        await to_a_person(ctx, row)
        changed[row.id] = row
    for model in (FollowUp, CareTask):
        for late in await queries.lock_overdue(ctx.session, ctx.region_id, model, ctx.now):
            late.escalated_at = ctx.now
            changed[late.id] = late
    return list(changed.values())
