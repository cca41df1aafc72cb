"""How work orders change their state: every change of every module goes through here (WO-03)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Context
from fieldops.kernel.gathering import gathered
from fieldops.kernel.permissions import Scope
from fieldops.network import queries as network
from fieldops.network.commands import set_life
from fieldops.network.rules import ServiceLife
from fieldops.orders import queries, rules
from fieldops.orders.errors import IllegalChange, NotSuspended, ResumeDateMissing
from fieldops.orders.events import (
    WorkOrderAside,
    WorkOrderCancelled,
    WorkOrderReturned,
    WorkOrdersResumed,
    WorkOrderSuspended,
    WorkOrderTransferred,
    WorkTransferring,
)
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Cause, Kind, State
from fieldops.organisation import queries as organisation

LONGEST_SUSPENSION = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Why:
    """Why work is set aside: a reason's code with its cause, words, what the customer was told."""

    code: str
    cause: str
    note: str | None = None
    told_customer: str | None = None


async def advance(
    ctx: Context, work_order_ids: Collection[UUID], state: State, reason: str | None = None
) -> list[WorkOrder]:
    """Bring work orders into a state of their life and let their orders follow (WO-03).

    The caller holds the lock of their order. Raises IllegalChange with the legal states named.
    """
    rows = await queries.lock_work_orders(ctx.session, ctx.region_id, work_order_ids)
    for row in rows:
        if row.state != state:
            change(ctx, row, state, reason)
    if state is State.COMPLETED:
        await serve(ctx, rows)
    await follow(ctx, rows)
    return rows


async def serve(ctx: Context, rows: Iterable[WorkOrder]) -> None:
    """Let the services follow the work done on them: what it reserved is occupied (RE-02)."""
    scope = Scope(ctx.region_id, whole_region=True)
    for row in sorted(rows, key=lambda r: str(r.service_id)):
        life = rules.SERVICE_AFTER.get(Kind(row.kind))
        if row.service_id is None or life is None:
            continue
        service = await network.service(ctx.session, scope, row.service_id)
        if service.state == ServiceLife.PLANNED or (
            life is ServiceLife.CEASED and service.state == ServiceLife.ACTIVE
        ):
            await set_life(ctx, scope, service.id, life, f"{row.kind} completed")


async def suspend_work(
    ctx: Context, rows: Collection[WorkOrder], why: Why, resume_on: date | None
) -> None:
    """Suspend work until a date; by customer cause its clock stops (WO-03, WO-04).

    Raises ResumeDateMissing when the date is missing or not ahead, IllegalChange.
    """
    await _check_resume_date(ctx, resume_on)
    for row in rows:
        _set_aside(ctx, row, State.SUSPENDED, why)
        row.resume_on = resume_on
        if why.cause == Cause.CUSTOMER:
            _stop_clock(ctx, row)
    await _tell(ctx, rows, why, WorkOrderSuspended)


async def _check_resume_date(ctx: Context, resume_on: date | None) -> None:
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    # A date that was ahead when the phone captured it is good, however late it arrives.
    today = local_day(ctx.happened_at, zone)
    if resume_on is None or not today < resume_on <= today + LONGEST_SUSPENSION:
        raise ResumeDateMissing(today=str(today))


async def postpone_work(
    ctx: Context, rows: Collection[WorkOrder], why: Why, resume_on: date
) -> None:
    """Move the resume date of suspended work; the new cause decides about its clock (WO-04).

    Raises NotSuspended, ResumeDateMissing.
    """
    await _check_resume_date(ctx, resume_on)
    for row in rows:
        if row.state != State.SUSPENDED:
            raise NotSuspended(next_steps=rules.NEXT_STEPS[State(row.state)], state=row.state)
        if why.cause != Cause.CUSTOMER:
            _start_clock(ctx, row)
        elif row.clock_stopped_at is None:
            row.clock_stopped_at = ctx.now
        row.resume_on, row.state_reason, row.state_note = resume_on, why.code, why.note


async def transfer_work(
    ctx: Context,
    rows: Collection[WorkOrder],
    why: Why,
    department: str,
    *,
    untested: str | None = None,
) -> None:
    """Transfer work to another department (WO-03, RE-03).

    Raises IllegalChange, and what the modules above miss for that department.
    """
    await ctx.emit(WorkTransferring(tuple(row.id for row in rows), department, untested))
    for row in rows:
        _set_aside(ctx, row, State.TRANSFERRED, why)
        row.transferred_to = department
    await _tell(ctx, rows, why, WorkOrderTransferred)


async def return_work(ctx: Context, rows: Collection[WorkOrder], why: Why) -> None:
    """Return work to where its order came from (WO-03). Raises IllegalChange."""
    for row in rows:
        _set_aside(ctx, row, State.RETURNED, why)
    await _tell(ctx, rows, why, WorkOrderReturned)


async def cancel_work(ctx: Context, rows: Collection[WorkOrder], why: Why) -> None:
    """Cancel work (WO-03). Raises IllegalChange."""
    for row in rows:
        _set_aside(ctx, row, State.CANCELLED, why)
    await _tell(ctx, rows, why, WorkOrderCancelled)


def _set_aside(ctx: Context, row: WorkOrder, state: State, why: Why) -> None:
    change(ctx, row, state, why.code)
    row.state_note = why.note


async def _tell(
    ctx: Context, rows: Collection[WorkOrder], why: Why, event: type[WorkOrderAside]
) -> None:
    """Let the orders follow work that was set aside, then the visits it was on."""
    await follow(ctx, rows)
    for row in rows:
        await ctx.emit(event(row.id, row.order_id, why.code, why.cause, why.told_customer))


async def resume_work(ctx: Context, rows: Collection[WorkOrder], reason: str | None = None) -> None:
    """Take work up again: it needs a visit (WO-02, WO-03). Raises IllegalChange."""
    for row in rows:
        if row.state in rules.FOR_A_VISIT:  # it has a visit and would get another
            raise illegal(row, State.RECEIVED, rules.LEGAL[State(row.state)] - {State.RECEIVED})
        change(ctx, row, State.RECEIVED, reason)
    await follow(ctx, rows)
    for order_id in sorted({row.order_id for row in rows}):
        ids = tuple(row.id for row in rows if row.order_id == order_id)
        await ctx.emit(WorkOrdersResumed(order_id, ids))


def change(
    ctx: Context,
    row: WorkOrder,
    wanted: State,
    reason: str | None = None,
    *,
    elsewhere: bool = False,
) -> None:
    """Change one work order's state; the audit keeps who, when and why (WO-03).

    Raises IllegalChange with the legal states and the commands that lead on.
    """
    state = State(row.state)
    legal = rules.legal_from(state, desk=ctx.accepted, elsewhere=elsewhere)
    if wanted not in legal:
        raise illegal(row, wanted, legal)
    _start_clock(ctx, row)
    row.state = wanted.value
    row.state_since = ctx.now
    row.state_reason = reason
    row.state_note = row.resume_on = row.transferred_to = None
    row.transfer_accepted_at = row.transfer_accepted_by = None


def illegal(row: WorkOrder, wanted: State, legal: Iterable[State]) -> IllegalChange:
    """Return the refusal of a change, with the legal ones and the commands that lead on."""
    return IllegalChange(
        next_steps=rules.NEXT_STEPS[State(row.state)],
        work_order_id=str(row.id),
        state=row.state,
        wanted=wanted.value,
        legal=", ".join(sorted(legal)) or "nothing",
    )


def _stop_clock(ctx: Context, row: WorkOrder) -> None:
    """Stop the clock when the customer made it necessary, not when the phone came back (WO-04)."""
    row.clock_stopped_at = min(ctx.now, max(ctx.happened_at, row.received_at))


def _start_clock(ctx: Context, row: WorkOrder) -> None:
    """Let a stopped clock run again: the due time moves by the time it stood still (WO-04)."""
    if row.clock_stopped_at is None:
        return
    row.suspended_seconds += max(0, int((ctx.now - row.clock_stopped_at).total_seconds()))
    row.due_at = rules.due_at(row.received_at, row.limit_seconds, row.suspended_seconds)
    row.clock_stopped_at = None


async def follow(ctx: Context, rows: Iterable[WorkOrder]) -> None:
    """Let the orders of changed work orders follow their states."""
    for order_id in sorted({row.order_id for row in rows}):
        held = gathered(ctx.session).held(ServiceOrder, order_id)
        order = held or await ctx.session.get(ServiceOrder, (ctx.region_id, order_id))
        if order is None:
            continue
        states = await queries.states_of_order(ctx.session, ctx.region_id, order_id)
        state = rules.state_of_order(states)
        if state != order.state:
            order.state = state.value
            order.closed_at = None if rules.is_open(state) else ctx.now
