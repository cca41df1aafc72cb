"""A follow-up follows the clock: unanswered ones go to people, late ones to who is above."""

from typing import get_args

from fieldops.followups import queries, rules
from fieldops.followups.commands.planning import HANDLE, to_a_person
from fieldops.followups.models import CareTask, FollowUp, FollowUpWarning
from fieldops.followups.rules import Audience
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Outcome, command


class FollowClock(Args):
    """Nothing to say: what is due follows from the time."""


@command("follow_up.follow_clock", permission=HANDLE)
async def follow_clock(ctx: Context, args: FollowClock) -> Outcome:  # noqa: ARG001 - none
    """Hand unanswered messages to the call list, and warn of what is late (FO-01 to FO-03)."""
    wait = await configuration.duration(ctx.session, ctx.region_id, rules.WAIT)
    changed: dict[object, FollowUp | CareTask] = {}
    for row in await queries.lock_unanswered(ctx.session, ctx.region_id, ctx.now - wait):
        await to_a_person(ctx, row)
        changed[row.id] = row
    for audience in get_args(rules.Audience):
        for late in await queries.late(ctx.session, ctx.region_id, audience, ctx.now):
            _warn(ctx, late, audience)
            changed[late.id] = late
        if audience == "handler":
            continue  # who has a care task knows its time; above them its owner answers for it
        for task in await queries.late_tasks(ctx.session, ctx.region_id, audience, ctx.now):
            _warn(ctx, task, audience)
            changed[task.id] = task
    return list(changed.values())


def _warn(ctx: Context, row: FollowUp | CareTask, audience: Audience) -> None:
    """Write down that an audience is warned; with the supervisor it counts as escalated."""
    if audience == "supervisor":
        row.escalated_at = ctx.now
    care = isinstance(row, CareTask)
    ctx.add(
        FollowUpWarning(
            region_id=ctx.region_id,
            follow_up_id=row.follow_up_id if isinstance(row, CareTask) else row.id,
            care_task_id=row.id if care else None,
            centre_id=row.centre_id,
            subject="care" if care else "follow_up",
            audience=audience,
            due_at=row.due_at,
            warned_at=ctx.now,
        )
    )
