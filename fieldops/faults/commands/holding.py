"""Work that waits for an area fault: held, released, back in planning (FA-02).

Held work is suspended work with the reason `area_fault`: its visit is called off, so that the
board, the free windows, the day plan and the phones see it without knowing area faults.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from uuid import UUID

from fieldops.appointments.commands.tasks import open_task
from fieldops.faults import queries, rules
from fieldops.faults.events import WorkBack, WorkHeld
from fieldops.faults.models import AreaFault, HeldWork
from fieldops.faults.queries import ToHold
from fieldops.faults.rules import State as AreaState
from fieldops.kernel.clock import local_day
from fieldops.kernel.commands import Context
from fieldops.orders import commands as orders
from fieldops.orders import queries as order_queries
from fieldops.orders.commands import Why
from fieldops.orders.models import WorkOrder
from fieldops.orders.rules import Cause, State
from fieldops.organisation import queries as organisation

A_DAY = timedelta(days=1)


async def hold(ctx: Context, fault: AreaFault, chosen: Collection[ToHold]) -> list[HeldWork]:
    """Hold repairs for a confirmed area fault; their customers are to be told when it is expected.

    The caller holds the locks of the orders, or has just made them.
    """
    if not chosen or fault.expected_repair_at is None:
        return []
    by_id = {one.work_order_id: one for one in chosen}
    ctx.reason = rules.AREA_FAULT
    rows = [
        row
        for row in await order_queries.lock_work_orders(ctx.session, ctx.region_id, by_id)
        if State(row.state) is not State.SUSPENDED
    ]
    held = [_note(ctx, fault, by_id[row.id]) for row in rows]
    ctx.add(*held)
    why = Why(rules.AREA_FAULT, Cause.OPERATOR.value, fault.cause)
    await orders.suspend_work(ctx, rows, why, await _resume_on(ctx, fault))
    for entry in held:
        await _tell(ctx, fault, entry)
    return held


async def _tell(ctx: Context, fault: AreaFault, entry: HeldWork) -> None:
    """Let the modules above tell a customer when the repair of the area is expected."""
    await ctx.emit(
        WorkHeld(
            fault.id,
            entry.visit_id,
            entry.customer_id,
            entry.centre_id,
            entry.window_start,
            fault.expected_repair_at or ctx.now,
        )
    )


def _note(ctx: Context, fault: AreaFault, one: ToHold) -> HeldWork:
    return HeldWork(
        region_id=ctx.region_id,
        area_fault_id=fault.id,
        order_id=one.order_id,
        work_order_id=one.work_order_id,
        customer_id=one.customer_id,
        centre_id=one.centre_id,
        visit_id=one.visit_id,
        window_start=one.window_start,
        window_end=one.window_end,
        held_at=ctx.now,
    )


async def _resume_on(ctx: Context, fault: AreaFault) -> date:
    """Return the day after the expected repair: suspended work needs a date (WO-03)."""
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    return local_day((fault.expected_repair_at or ctx.now) + A_DAY, zone)


async def put_off(ctx: Context, fault: AreaFault) -> None:
    """Let the work that is held wait for the new expected repair time, and tell its customers."""
    day = await _resume_on(ctx, fault)
    held = await queries.waiting(ctx.session, ctx.region_id, area_fault_id=fault.id)
    for row in await _locked(ctx, held):
        if _is_held(row):
            row.resume_on = day
    for entry in held:
        await _tell(ctx, fault, entry)


async def _locked(ctx: Context, held: Iterable[HeldWork]) -> list[WorkOrder]:
    entries = list(held)
    await order_queries.lock_orders(ctx.session, ctx.region_id, {e.order_id for e in entries})
    return await order_queries.lock_work_orders_anew(
        ctx.session, ctx.region_id, {e.work_order_id for e in entries}
    )


def _is_held(row: WorkOrder) -> bool:
    return row.state == State.SUSPENDED and row.state_reason == rules.AREA_FAULT


async def bring_back(
    ctx: Context, fault: AreaFault, held: Collection[HeldWork], reason: str
) -> None:
    """Take held work up again: each gets a visit in planning, and its customer a call.

    Work that ended otherwise meanwhile stays as it is. The hold is noted as over first: until
    then nobody can resume the work.
    """
    for entry in held:
        entry.back_at, entry.back_reason = ctx.now, reason
    await ctx.session.flush()
    rows = {row.id: row for row in await _locked(ctx, held)}
    for entry in held:
        row = rows.get(entry.work_order_id)
        if row is None or not _is_held(row):
            continue
        await orders.resume_work(ctx, [row])
        await _ask(ctx, fault, entry)


async def _ask(ctx: Context, fault: AreaFault, entry: HeldWork) -> None:
    """Have the customer asked whether the service works again, or when somebody may come."""
    visit = await queries.visit_now(ctx.session, ctx.region_id, entry.work_order_id)
    if visit is None:
        return
    entry.new_visit_id = visit.id
    await open_task(ctx, visit, "new_appointment", ctx.now, subject=rules.AREA_FAULT)
    await ctx.emit(
        WorkBack(
            fault.id,
            fault.state == AreaState.OVER,
            visit.id,
            entry.visit_id,
            entry.customer_id,
            entry.centre_id,
        )
    )


async def lock_touched(ctx: Context, feature_id: UUID) -> None:
    """Lock the orders of the repairs that a box or cable may hold (orders before plant)."""
    touched = await queries.to_hold(ctx.session, ctx.region_id, feature_id)
    await order_queries.lock_orders(ctx.session, ctx.region_id, {one.order_id for one in touched})
