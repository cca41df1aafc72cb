"""Calls a person has to make: opened by rules, completed by whoever called."""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.errors import (
    NobodyToCall,
    NotYourTask,
    TaskDone,
    TaskTaken,
    WindowInvalid,
)
from fieldops.appointments.models import CallTask
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command
from fieldops.kernel.errors import NotFound
from fieldops.kernel.permissions import Permission
from fieldops.kernel.visibility import Access, access
from fieldops.organisation import queries as organisation
from fieldops.visits import queries as visits

RECONFIRM = Permission.APPOINTMENT_RECONFIRM


class OpenCallTask(Args):
    visit_id: UUID = Field(description="The visit the call is about.")
    kind: rules.TaskKind = Field(description="Why somebody has to call.")
    due_at: Moment = Field(description="When; moved out of the quiet hours.")
    subject: Text | None = Field(None, max_length=500, description="What it is about.")


@command("call_task.open", permission=Permission.APPOINTMENT_BOOK)
async def open_call_task(ctx: Context, args: OpenCallTask) -> CallTask:
    """Have a person call the customer of a visit (AP-04).

    The open call of the same visit and kind is brought up to date instead of a second one.
    Raises NotFound outside the scope, and for a visit to plant.
    """
    visit = await visits.lock_visit(
        ctx.session, ctx.actor.scope(Permission.APPOINTMENT_BOOK), args.visit_id
    )
    appointment = await queries.lock_open(ctx.session, ctx.region_id, args.visit_id)
    task = await open_task(
        ctx, visit, args.kind, args.due_at, appointment=appointment, subject=args.subject
    )
    if task is None:
        raise NotFound(thing="customer")
    return task


class CompleteCallTask(Args):
    call_task_id: UUID = Field(description="The call that was made.")
    outcome: rules.Outcome = Field(
        description="The customer's answer about the appointment, or done for other calls."
    )
    note: Text | None = Field(None, max_length=500, description="What was said.")
    promise: rules.Promise | None = Field(None, description="What the customer promised.")


@command("call_task.complete", permission=RECONFIRM)
async def complete_call_task(ctx: Context, args: CompleteCallTask) -> Outcome:
    """Close a call with what came of it; an answer counts as given to a person (AP-04).

    That the customer cancels is known already where the call was about that. Raises NotFound
    outside the scope, TaskDone, TaskTaken when somebody else makes the call.
    """
    scope = ctx.actor.scope(RECONFIRM)
    known = await queries.call_task(ctx.session, scope, args.call_task_id)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    appointment = await queries.latest(ctx.session, ctx.region_id, known.visit_id)
    task = await _open(ctx, args.call_task_id)
    if task.taken_by not in {None, ctx.actor.id}:
        raise TaskTaken
    task.done_at, task.done_by = ctx.now, ctx.actor.id
    task.tries, task.tried_at = (task.tries or 0) + 1, ctx.now
    task.promise = args.promise
    task.outcome, task.note = args.outcome, args.note
    known_already = task.kind == "withdrawn" and args.outcome == "cancelled"
    if args.outcome == "done" or known_already or appointment is None:
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


async def _open(ctx: Context, call_task_id: UUID) -> CallTask:
    """Return an open call locked; raises NotFound outside the scope, TaskDone."""
    task = await queries.lock_call_task(ctx.session, ctx.actor.scope(RECONFIRM), call_task_id)
    if task.done_at is not None:
        raise TaskDone
    return task


class TakeCallTask(Args):
    call_task_id: UUID = Field(description="The call to be made.")
    instead: bool = Field(
        default=False, description="Take it over from whoever took it and cannot make it."
    )


@command("call_task.take", permission=RECONFIRM)
async def take_call_task(ctx: Context, args: TakeCallTask) -> CallTask:
    """Take a call, so that no second person makes it (AP-04, WO-05).

    Taken again by the same person it stays as it is. Raises NotFound, TaskDone, TaskTaken.
    """
    task = await _open(ctx, args.call_task_id)
    if task.taken_by == ctx.actor.id:
        return task
    if task.taken_by is not None and not args.instead:
        raise TaskTaken
    task.taken_by, task.taken_at = ctx.actor.id, ctx.now
    return task


class HandOverCallTask(Args):
    call_task_id: UUID = Field(description="The call you took.")
    to_id: UUID | None = Field(
        None, description="Who makes it now; empty: whoever takes it from the list."
    )
    note: Text | None = Field(None, max_length=500, description="What they should know.")


@command("call_task.hand_over", permission=RECONFIRM)
async def hand_over_call_task(ctx: Context, args: HandOverCallTask) -> CallTask:
    """Hand a call over to a colleague, or back to all (WO-05).

    Raises NotFound, TaskDone, NotYourTask, NobodyToCall when the colleague may not make it.
    """
    task = await _open(ctx, args.call_task_id)
    if task.taken_by not in {None, ctx.actor.id}:
        raise NotYourTask
    if args.to_id is not None:
        colleague = await organisation.load_actor(ctx.session, args.to_id, ctx.region_id, None)
        if (
            colleague is None
            or await access(ctx.session, colleague, CallTask, task.id, under=RECONFIRM)
            is not Access.SHOWN
        ):
            raise NobodyToCall
    task.taken_by, task.taken_at = args.to_id, ctx.now if args.to_id else None
    task.note = args.note or task.note
    return task


class PutOffCallTask(Args):
    call_task_id: UUID = Field(description="The call that came to nothing yet.")
    call_again_at: Moment = Field(description="When to call again; moved out of quiet hours.")
    promise: rules.Promise = Field("call_again", description="What was agreed.")
    note: Text | None = Field(None, max_length=500, description="What was said.")


@command("call_task.put_off", permission=RECONFIRM)
async def put_off_call_task(ctx: Context, args: PutOffCallTask) -> CallTask:
    """Count a call that came to nothing, and call again at another time (AP-04, AP-09).

    Raises NotFound, TaskDone, TaskTaken, WindowInvalid for a time that is past.
    """
    task = await _open(ctx, args.call_task_id)
    if task.taken_by not in {None, ctx.actor.id}:
        raise TaskTaken
    if args.call_again_at <= ctx.now:
        raise WindowInvalid(reason="it has begun already")
    quiet = await queries.quiet_hours(ctx.session, ctx.region_id)
    at = args.call_again_at
    task.due_at = quiet.end_after(at) if quiet.covers(at) else at
    task.tries, task.tried_at = (task.tries or 0) + 1, ctx.now
    task.promise, task.note = args.promise, args.note or task.note
    return task
