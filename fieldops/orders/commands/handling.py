"""Verbs that set an order's work aside, take it up again, or end it (WO-03)."""

from dataclasses import replace
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.orders import queries, rules
from fieldops.orders.commands import states
from fieldops.orders.commands.states import Why
from fieldops.orders.errors import (
    NotCableWork,
    NothingOpen,
    TransferAnswered,
    WorkOrdersElsewhere,
)
from fieldops.orders.events import WorkOrdersHandling
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Process, State

OrderDepartment = Literal["cable", "exchange", "construction", "business"]

_ALL_OPEN = "Its work orders this is about; without them all for which the step is possible."


class _OfOrder(Args):
    order_id: UUID = Field(description="The order.")
    work_order_ids: list[UUID] | None = Field(
        None, min_length=1, max_length=50, description=_ALL_OPEN
    )
    note: Text | None = Field(None, max_length=2000, description="What else is to be known.")


class _Aside(_OfOrder):
    reason: Text = Field(
        min_length=1, max_length=60, description="Code of a reason of the process's list."
    )


class _OnSite(_Aside):
    told_customer: Text | None = Field(
        None,
        min_length=3,
        max_length=1000,
        description="What the customer was told; needed when it ends a visit under way (VI-05).",
    )


class SuspendOrder(_OnSite):
    resume_on: date = Field(description="The local day from which the work can go on.")


class TransferOrder(_OnSite):
    department: OrderDepartment = Field(description="The department that takes the work.")
    untested: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="Why a repair goes to the cable department without a test; offices only.",
    )


class ReturnOrder(_Aside):
    pass


class CancelOrder(_Aside):
    pass


class ResumeOrder(_OfOrder):
    pass


class PostponeOrder(_Aside):
    resume_on: date = Field(description="The local day from which the work can go on now.")


class AcceptTransfer(_OfOrder):
    pass


class RefuseTransfer(_Aside):
    pass


class CompleteElsewhere(_OfOrder):
    pass


class CloseOrder(_OfOrder):
    pass


async def _chosen(ctx: Context, args: _OfOrder, wanted: State) -> list[WorkOrder]:
    """Lock the order and return the work orders the step is about, locked.

    Raises NotFound, WorkOrdersElsewhere, NothingOpen.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    await queries.lock_order(ctx.session, scope, args.order_id, ever=ctx.from_device)
    rows = await queries.work_orders(ctx.session, ctx.region_id, [args.order_id])
    if args.work_order_ids is None:
        rows = [row for row in rows if wanted in rules.LEGAL[State(row.state)]]
        if not rows:
            raise NothingOpen
        return rows
    chosen = [row for row in rows if row.id in set(args.work_order_ids)]
    if len(chosen) != len(set(args.work_order_ids)):
        raise WorkOrdersElsewhere
    return chosen


async def _why(ctx: Context, args: _Aside, process: Process) -> Why:
    reason = await queries.reason(ctx.session, process, args.reason)
    ctx.reason = f"{args.reason}: {args.note}" if args.note else args.reason
    told = args.told_customer if isinstance(args, _OnSite) else None
    return Why(reason.code, reason.cause, args.note, told)


@command(
    "order.suspend",
    permission=Permission.ORDER_HANDLE,
    nature=Nature.DECISION,
    offline=True,
    subject="order_id",
)
async def suspend(ctx: Context, args: SuspendOrder) -> list[WorkOrder]:
    """Suspend work with a reason and a resume date; by customer cause its clock stops (WO-03).

    Raises NotFound, UnknownReason, ResumeDateMissing, IllegalChange, and what visits refuse.
    """
    rows = await _chosen(ctx, args, State.SUSPENDED)
    await ctx.emit(WorkOrdersHandling(args.order_id, tuple(row.id for row in rows)))
    why = await _why(ctx, args, Process.SUSPEND)
    await states.suspend_work(ctx, rows, why, args.resume_on)
    return rows


@command(
    "order.transfer",
    permission=Permission.ORDER_HANDLE,
    nature=Nature.DECISION,
    offline=True,
    subject="order_id",
)
async def transfer(ctx: Context, args: TransferOrder) -> list[WorkOrder]:
    """Transfer work to another department with a reason (WO-03, RE-03).

    A repair goes to the cable department with its line tests. Raises NotFound, UnknownReason,
    IllegalChange, what visits refuse, and what the measurements miss.
    """
    rows = await _chosen(ctx, args, State.TRANSFERRED)
    await ctx.emit(WorkOrdersHandling(args.order_id, tuple(row.id for row in rows)))
    why = await _why(ctx, args, Process.TRANSFER)
    if args.untested is not None:
        ctx.reason = f"{ctx.reason}; untested: {args.untested}"
        said = (why.note, f"Untested: {args.untested}")
        why = replace(why, note=" ".join(part for part in said if part))
    await states.transfer_work(ctx, rows, why, args.department, untested=args.untested)
    return rows


@command("order.return", permission=Permission.ORDER_WRITE, subject="order_id")
async def return_(ctx: Context, args: ReturnOrder) -> list[WorkOrder]:
    """Return work to where the order came from, with a reason of the list (WO-03).

    Raises NotFound, UnknownReason, IllegalChange.
    """
    rows = await _chosen(ctx, args, State.RETURNED)
    await states.return_work(ctx, rows, await _why(ctx, args, Process.RETURN))
    return rows


@command("order.cancel", permission=Permission.ORDER_WRITE, subject="order_id")
async def cancel(ctx: Context, args: CancelOrder) -> list[WorkOrder]:
    """Cancel work with a reason; its visit goes with it (WO-03).

    Raises NotFound, UnknownReason, IllegalChange.
    """
    rows = await _chosen(ctx, args, State.CANCELLED)
    await states.cancel_work(ctx, rows, await _why(ctx, args, Process.CANCEL))
    return rows


@command("order.resume", permission=Permission.ORDER_WRITE, subject="order_id")
async def resume(ctx: Context, args: ResumeOrder) -> list[WorkOrder]:
    """Take suspended, returned or transferred work up again; it gets a visit (WO-03).

    Raises NotFound, NothingOpen, IllegalChange.
    """
    rows = await _chosen(ctx, args, State.RECEIVED)
    if args.work_order_ids is None:
        # Work that is on a visit already is not taken up by this.
        rows = [row for row in rows if row.state not in rules.FOR_A_VISIT]
        if not rows:
            raise NothingOpen
    ctx.reason = args.note
    await states.resume_work(ctx, rows)
    return rows


@command("order.postpone", permission=Permission.ORDER_WRITE, subject="order_id")
async def postpone(ctx: Context, args: PostponeOrder) -> list[WorkOrder]:
    """Move the resume date of suspended work, with a reason; its cause decides the clock (WO-03).

    Raises NotFound, NothingOpen, NotSuspended, UnknownReason, ResumeDateMissing.
    """
    rows = await _in_state(ctx, args, State.SUSPENDED)
    await states.postpone_work(ctx, rows, await _why(ctx, args, Process.SUSPEND), args.resume_on)
    return rows


@command("order.accept_transfer", permission=Permission.ORDER_WRITE, subject="order_id")
async def accept_transfer(ctx: Context, args: AcceptTransfer) -> list[WorkOrder]:
    """Record that the department takes transferred work; the total limit stays (WO-03).

    Raises NotFound, NothingOpen, IllegalChange, TransferAnswered.
    """
    rows = await _waiting(ctx, args)
    ctx.reason = args.note
    for row in rows:
        row.transfer_accepted_at, row.transfer_accepted_by = ctx.now, ctx.actor.id
    return rows


@command("order.refuse_transfer", permission=Permission.ORDER_WRITE, subject="order_id")
async def refuse_transfer(ctx: Context, args: RefuseTransfer) -> list[WorkOrder]:
    """Refuse transferred work with a reason; it goes back to the field and gets a visit (WO-03).

    Raises NotFound, NothingOpen, UnknownReason, IllegalChange, TransferAnswered.
    """
    rows = await _waiting(ctx, args)
    why = await _why(ctx, args, Process.REFUSE)
    await states.resume_work(ctx, rows, why.code)
    for row in rows:
        row.state_note = why.note
    return rows


async def _in_state(ctx: Context, args: _OfOrder, state: State) -> list[WorkOrder]:
    """Return the work orders named, or without names those in a state; raises NothingOpen."""
    rows = await _chosen(ctx, args, State.RETURNED)
    if args.work_order_ids is None:
        rows = [row for row in rows if row.state == state]
        if not rows:
            raise NothingOpen
    return rows


async def _waiting(ctx: Context, args: _OfOrder) -> list[WorkOrder]:
    """Return the transferred work orders that no department has answered for."""
    rows = await _in_state(ctx, args, State.TRANSFERRED)
    for row in rows:
        if row.state != State.TRANSFERRED:
            raise states.illegal(row, State.TRANSFERRED, rules.LEGAL[State(row.state)])
        if row.transfer_accepted_at is not None:
            raise TransferAnswered(
                next_steps=("order.complete", "order.resume"), department=row.transferred_to
            )
    return rows


@command("order.complete", permission=Permission.ORDER_WRITE, subject="order_id")
async def complete(ctx: Context, args: CompleteElsewhere) -> list[WorkOrder]:
    """Record that another department has done its work, without a visit (WO-03, RE-03).

    Raises NotFound, NotCableWork for work that belongs on a visit, IllegalChange.
    """
    rows = await _chosen(ctx, args, State.RETURNED)
    theirs = [row for row in rows if _is_elsewhere(row)]
    if not theirs or (args.work_order_ids is not None and len(theirs) < len(rows)):
        raise NotCableWork(next_steps=("visit.complete",))
    ctx.reason = args.note
    for row in theirs:
        states.change(ctx, row, State.COMPLETED, elsewhere=True)
    await states.serve(ctx, theirs)
    await states.follow(ctx, theirs)
    return theirs


def _is_elsewhere(row: WorkOrder) -> bool:
    return row.department != rules.Department.FIELD or row.state == State.TRANSFERRED


@command("order.close", permission=Permission.ORDER_WRITE, subject="order_id")
async def close(ctx: Context, args: CloseOrder) -> list[WorkOrder]:
    """Close completed work (WO-03). Raises NotFound, NothingOpen, IllegalChange."""
    rows = await _chosen(ctx, args, State.CLOSED)
    ctx.reason = args.note
    await states.advance(ctx, [row.id for row in rows], State.CLOSED)
    return rows
