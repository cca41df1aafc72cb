"""What a customer says once an area fault is over: it works, or it still fails (FA-02)."""

from uuid import UUID

from pydantic import Field

from fieldops.faults import queries, rules
from fieldops.faults.errors import AreaFaultOpen, RepairUnderWay, ReportWithoutOrder
from fieldops.faults.models import AreaFault, FaultReport
from fieldops.faults.rules import State
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.orders import commands as orders
from fieldops.orders import queries as order_queries
from fieldops.orders.commands import Why
from fieldops.orders.commands.ranking import rank
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import OPEN, Cause, Kind
from fieldops.orders.rules import State as Work

REPORT = Permission.FAULT_REPORT


class SettleReport(Args):
    model_config = shown(
        report_id="01938f5e-0000-7000-8000-000000000001",
        works=True,
        note="Everything is back since two",
    )
    report_id: UUID = Field(description="The report.")
    works: bool = Field(description="Whether the service works again.")
    note: Text | None = Field(
        None, min_length=3, max_length=500, description="What else the customer said."
    )


@command("fault.settle", permission=REPORT, subject="report_id")
async def settle(ctx: Context, args: SettleReport) -> Outcome:
    """Note whether a reported service works again: its repair ends, or gets a visit (FA-02).

    What still fails after the area is repaired is as urgent as a major fault. Raises NotFound,
    ReportWithoutOrder, AreaFaultOpen while the area fault lasts, RepairUnderWay.
    """
    scope = ctx.actor.scope(REPORT)
    known = await queries.report(ctx.session, scope, args.report_id)
    if known.order_id is None:
        raise ReportWithoutOrder
    await order_queries.lock_orders(ctx.session, ctx.region_id, [known.order_id])
    report = await queries.lock_report(ctx.session, scope, args.report_id)
    work = await order_queries.work_orders(ctx.session, ctx.region_id, [known.order_id])
    here = {None, report.premises_id}  # another premises of the order has a report of its own
    repairs = [
        row
        for row in work
        if row.kind == Kind.REPAIR and row.state in OPEN and row.premises_id in here
    ]
    if any(row.state == Work.IN_PROGRESS for row in repairs):
        raise RepairUnderWay
    ctx.reason = args.note
    if args.works:
        await _end_repairs(ctx, report, repairs)
    else:
        await _press(ctx, report, known.order_id, repairs)
    report.service_works, report.settled_at = args.works, ctx.now
    report.settled_note = args.note
    return [report, *repairs]


async def _end_repairs(ctx: Context, report: FaultReport, repairs: list[WorkOrder]) -> None:
    """Cancel the repair of a service that works again; what held it lets it go."""
    ids = [row.id for row in repairs]
    for entry in await queries.waiting(ctx.session, ctx.region_id, work_order_ids=ids):
        entry.back_at, entry.back_reason = ctx.now, rules.SOLVED
    why = Why(rules.SOLVED, Cause.OPERATOR.value, report.settled_note)
    await orders.cancel_work(ctx, repairs, why)


async def _press(
    ctx: Context, report: FaultReport, order_id: UUID, repairs: list[WorkOrder]
) -> None:
    """Raise the repair of a service that still fails; it is in planning by now."""
    if report.area_fault_id is not None:
        # The plant may be another centre's than the customer's.
        fault = await ctx.session.get(AreaFault, (ctx.region_id, report.area_fault_id))
        if fault is not None and fault.state == State.CONFIRMED:
            raise AreaFaultOpen(next_steps=("area_fault.release",))
    order = await ctx.session.get(ServiceOrder, (ctx.region_id, order_id))
    if order is not None and order.urgency == "normal":
        order.urgency = "major_fault"
        await rank(ctx, order, repairs)
