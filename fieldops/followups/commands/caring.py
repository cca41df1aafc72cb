"""A dissatisfied customer's task is taken by somebody and closed with the customer (FO-03)."""

from uuid import UUID

from pydantic import Field

from fieldops.followups import queries, rules
from fieldops.followups.errors import (
    CareTaskClosed,
    CustomerNotContent,
    ReasonMissing,
    ReasonUnknown,
    TakenByOther,
)
from fieldops.followups.events import CareTaskTaken
from fieldops.followups.models import CareTask
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission

HANDLE = Permission.FOLLOW_UP_HANDLE


async def _open(ctx: Context, care_task_id: UUID) -> CareTask:
    task = await queries.lock_task(ctx.session, ctx.actor.scope(HANDLE), care_task_id)
    if task.closed_at is not None:
        raise CareTaskClosed
    return task


class TakeCareTask(Args):
    care_task_id: UUID = Field(description="The task.")
    instead: bool = Field(default=False, description="Take it over from whoever has it.")


@command("care_task.take", permission=HANDLE, subject="care_task_id")
async def take(ctx: Context, args: TakeCareTask) -> CareTask:
    """Become the owner of a dissatisfied customer's task (FO-03).

    Raises NotFound, CareTaskClosed, TakenByOther.
    """
    task = await _open(ctx, args.care_task_id)
    if task.taken_by not in {None, ctx.actor.id} and not args.instead:
        raise TakenByOther
    if task.taken_by != ctx.actor.id:
        task.taken_by, task.taken_at = ctx.actor.id, ctx.now
        await ctx.emit(CareTaskTaken(task.id, task.customer_id, ctx.actor.id))
    return task


async def give(ctx: Context, customer_id: UUID, person_id: UUID) -> list[CareTask]:
    """Give a customer's open care tasks to who owns another matter with them; returns those."""
    tasks = await queries.lock_open_tasks(ctx.session, ctx.region_id, customer_id)
    given = [task for task in tasks if task.taken_by != person_id]
    for task in given:
        task.taken_by, task.taken_at = person_id, ctx.now
    return given


class CloseCareTask(Args):
    model_config = shown(
        care_task_id="01938f5e-0000-7000-8000-000000000001",
        outcome="The router was moved to the living room",
        spoken_by="phone",
        said="I measured 480 Mbit/s with you on the phone, that is fine",
        customer_agreed=True,
    )
    care_task_id: UUID = Field(description="The task.")
    outcome: Text = Field(min_length=10, max_length=1000, description="What was done.")
    spoken_by: rules.SpokenBy = Field(description="How the customer was spoken to.")
    said: Text = Field(min_length=2, max_length=1000, description="What the customer said of it.")
    customer_agreed: bool = Field(description="Whether the customer calls it settled.")
    reason: Text | None = Field(
        None, max_length=64, description="Of the list; needed when the customer named none before."
    )


@command("care_task.close", permission=HANDLE, subject="care_task_id")
async def close(ctx: Context, args: CloseCareTask) -> Outcome:
    """Close a task with the customer's say; the concrete reason is known by then (FO-03).

    A customer who does not call it settled keeps it open; only a supervisor may close it then.
    Raises NotFound, CareTaskClosed, TakenByOther, CustomerNotContent, ReasonMissing,
    ReasonUnknown.
    """
    scope = ctx.actor.scope(HANDLE)
    task = await _open(ctx, args.care_task_id)
    if task.taken_by not in {None, ctx.actor.id}:
        raise TakenByOther
    if not args.customer_agreed and not ctx.actor.allows(Permission.COMPLAINT_DECIDE):
        raise CustomerNotContent
    asked = await queries.lock_follow_up(ctx.session, scope, task.follow_up_id)
    if args.reason is not None and args.reason not in rules.reasons():
        raise ReasonUnknown(reason=args.reason)
    reason = asked.reason or args.reason
    if reason is None:
        raise ReasonMissing
    asked.reason = reason
    task.closed_at, task.closed_by = ctx.now, ctx.actor.id
    task.outcome, task.spoken_by, task.said = args.outcome, args.spoken_by, args.said
    task.customer_agreed = args.customer_agreed
    return [task, asked]
