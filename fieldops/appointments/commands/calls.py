"""Calls a person has to make: opened by rules, completed by whoever called."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import TaskDone
from fieldops.appointments.models import CallTask
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits


class OpenCallTask(Args):
    visit_id: UUID = Field(description="The visit the call is about.")
    kind: rules.TaskKind = Field(description="Why somebody has to call.")
    due_at: Moment = Field(description="When; moved out of the quiet hours.")
    subject: Text | None = Field(None, max_length=500, description="What it is about.")


@command("call_task.open", permission=Permission.APPOINTMENT_BOOK)
async def open_call_task(ctx: Context, args: OpenCallTask) -> CallTask:
    """Have a person call the customer of a visit (AP-04).

    The open call of the same visit and kind is brought up to date instead of a second one.
    Raises NotFound outside the scope.
    """
    visit = await visits.lock_visit(
        ctx.session, ctx.actor.scope(Permission.APPOINTMENT_BOOK), args.visit_id
    )
    appointment = await queries.lock_open(ctx.session, ctx.region_id, args.visit_id)
    return await open_task(
        ctx, visit, args.kind, args.due_at, appointment=appointment, subject=args.subject
    )


class CompleteCallTask(Args):
    call_task_id: UUID = Field(description="The call that was made.")
    outcome: rules.Outcome = Field(
        description="The customer's answer about the appointment, or done for other calls."
    )
    note: Text | None = Field(None, max_length=500, description="What was said.")


@command("call_task.complete", permission=Permission.APPOINTMENT_RECONFIRM)
async def complete_call_task(ctx: Context, args: CompleteCallTask) -> Outcome:
    """Close a call with what came of it; an answer counts as given to a person (AP-04).

    Raises NotFound outside the scope, TaskDone.
    """
    scope = ctx.actor.scope(Permission.APPOINTMENT_RECONFIRM)
    known = await queries.call_task(ctx.session, scope, args.call_task_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    appointment = await queries.latest(ctx.session, ctx.region_id, known.visit_id)
    task = await queries.lock_call_task(ctx.session, scope, args.call_task_id)
    if task.done_at is not None:
        raise TaskDone
    task.done_at, task.done_by = ctx.now, ctx.actor.id
    task.outcome, task.note = args.outcome, args.note
    if args.outcome == "done" or appointment is None:
        return task
    answer = await ladder.take_answer(
        ctx,
        visit,
        appointment,
        args.outcome,
        "person",
        window_start=task.window_start,
        note=args.note,
    )
    return [task, answer]
