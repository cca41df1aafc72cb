"""The verbs of relationship repair: open, take, close with what the customer said (CU-08)."""

from uuid import UUID

from pydantic import Field

from fieldops.customers import queries as customers
from fieldops.followups import queries as followups
from fieldops.followups.commands import caring
from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries as organisation
from fieldops.retention import queries, rules
from fieldops.retention.errors import NothingToRepair, NotYourRepairTask, RepairTaskClosed
from fieldops.retention.models import RepairTask

HANDLE = Permission.RETENTION_HANDLE


class OpenRepairTask(Args):
    customer_id: UUID = Field(description="The red or yellow customer.")


class _OfTask(Args):
    repair_task_id: UUID = Field(description="The task.")


class TakeRepairTask(_OfTask):
    reason: Text | None = Field(
        None, min_length=3, max_length=500, description="Why it changes hands."
    )


class CloseRepairTask(_OfTask):
    customer_said: Text = Field(
        min_length=3, max_length=2000, description="What the customer said in the end."
    )
    settled: bool = Field(description="Whether the customer is content again.")


@command("repair_task.open", permission=HANDLE, subject="customer_id")
async def open_task(ctx: Context, args: OpenRepairTask) -> list[Regional]:
    """Open the task for a red or yellow customer, with an owner and a due time (CU-08).

    Whoever cares for the dissatisfied customer owns both tasks (FO-03). The worker does it every
    ten minutes. Raises NotFound, NothingToRepair.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    customer = await customers.lock_customer(ctx.session, scope, args.customer_id)
    found = await queries.without_task(ctx.session, ctx.region_id, ctx.now, customer_id=customer.id)
    if not found:
        raise NothingToRepair
    _, centre_id, colour, sign, at = found[0]
    within = await configuration.duration(ctx.session, ctx.region_id, rules.REPAIR_WITHIN)
    cared = await followups.lock_open_tasks(ctx.session, ctx.region_id, customer.id)
    owner = next((task.taken_by for task in cared if task.taken_by is not None), None)
    owner = owner or await queries.owner_for(ctx.session, ctx.region_id, centre_id)
    row = RepairTask(
        region_id=ctx.region_id,
        customer_id=customer.id,
        centre_id=centre_id,
        colour=colour,
        sign=sign,
        sign_at=at,
        opened_at=ctx.now,
        due_at=ctx.now + within,
        owner_id=owner,
    )
    ctx.add(row)
    await ctx.session.flush()
    return [row, *(await caring.give(ctx, customer.id, owner) if owner else [])]


@command("repair_task.take", permission=HANDLE, subject="repair_task_id")
async def take(ctx: Context, args: TakeRepairTask) -> list[Regional]:
    """Become the owner of a task, and of the customer's care task.

    Raises NotFound, RepairTaskClosed.
    """
    row = await _open(ctx, args.repair_task_id)
    ctx.reason = args.reason
    row.owner_id = ctx.actor.id
    return [row, *await caring.give(ctx, row.customer_id, ctx.actor.id)]


@command("repair_task.close", permission=HANDLE, subject="repair_task_id")
async def close(ctx: Context, args: CloseRepairTask) -> RepairTask:
    """Close a task with the customer's say, content or not (CU-08).

    Raises NotFound, RepairTaskClosed, NotYourRepairTask.
    """
    row = await _open(ctx, args.repair_task_id)
    if row.owner_id != ctx.actor.id:
        known = await organisation.names(ctx.session, [row.owner_id] if row.owner_id else [])
        person = known.get(row.owner_id, "nobody") if row.owner_id else "nobody"
        raise NotYourRepairTask(next_steps=("repair_task.take",), person=person)
    row.closed_at, row.customer_said, row.settled = ctx.now, args.customer_said, args.settled
    return row


async def _open(ctx: Context, task_id: UUID) -> RepairTask:
    row = await queries.lock_task(ctx.session, ctx.actor.scope(ctx.spec.permission), task_id)
    if row.closed_at is not None:
        raise RepairTaskClosed(closed_on=row.closed_at.isoformat())
    return row
