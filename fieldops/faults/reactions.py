"""What orders and findings make of faults: a repair order is a report, so is a grave finding."""

from collections import defaultdict
from uuid import UUID

from fieldops.faults import queries, rules
from fieldops.faults.commands.matching import take_report
from fieldops.faults.errors import AreaFaultOpen
from fieldops.faults.rules import Channel
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.network import queries as network
from fieldops.network.events import FindingReported
from fieldops.network.rules import Severity
from fieldops.orders import queries as orders
from fieldops.orders.events import OrderReceived, WorkOrdersResumed
from fieldops.orders.models import ServiceOrder, WorkOrder
from fieldops.orders.rules import Kind


@on(OrderReceived)
async def take_repair_as_report(ctx: Context, event: OrderReceived) -> None:
    """Take a repair order as a fault report: it joins, or proposes, an area fault (FA-02).

    An order with repairs at several premises is a report of each.
    """
    order = await ctx.session.get(ServiceOrder, (ctx.region_id, event.order_id))
    work = await orders.lock_work_orders(ctx.session, ctx.region_id, event.work_order_ids)
    repairs: dict[UUID, list[WorkOrder]] = defaultdict(list)
    for row in sorted(work, key=lambda row: row.number):
        if row.kind == Kind.REPAIR and row.premises_id is not None:
            repairs[row.premises_id].append(row)
    if order is None:
        return
    for number, (premises_id, rows) in enumerate(repairs.items()):
        await take_report(
            ctx,
            centre_id=order.centre_id,
            channel=_channel(ctx),
            at=order.received_at,
            service_ids=await _services(ctx, premises_id, rows),
            order=order,
            premises_id=premises_id,
            symptom=next((row.symptom for row in rows if row.symptom), None),
            report_id=None if number else order.id,
        )


async def _services(ctx: Context, premises_id: UUID, repairs: list[WorkOrder]) -> list[UUID]:
    """Return the services that repairs at premises are about, by id."""
    known = {row.service_id for row in repairs if row.service_id is not None}
    for row in repairs:
        if row.service_id is None:  # the record says which services of that kind are there
            found = await network.services_of_premises(
                ctx.session, ctx.region_id, premises_id, row.service
            )
            known |= {service.id for service in found}
    return sorted(known)


def _channel(ctx: Context) -> Channel:
    """Return how a report came in: as the hotline said, or as an order from elsewhere."""
    if ctx.spec.name != "fault.report":
        return "order"
    given: Channel = ctx.envelope.args.get("channel", "phone")
    return given


@on(FindingReported)
async def take_grave_finding_as_report(ctx: Context, event: FindingReported) -> None:
    """Take a technician's grave finding at a box or cable as a report of it (FA-02, VI-06)."""
    if event.fixed or event.feature_id is None or event.severity != Severity.HIGH:
        return
    kinds = await network.kinds_of(ctx.session, ctx.region_id, [event.feature_id])
    if kinds.get(event.feature_id) not in rules.PLACES:
        return
    await take_report(
        ctx,
        centre_id=event.centre_id,
        channel="technician",
        at=ctx.now,
        feature_id=event.feature_id,
        report_id=event.finding_id,
    )


@on(WorkOrdersResumed)
async def refuse_to_resume_held_work(ctx: Context, event: WorkOrdersResumed) -> None:
    """Refuse to take up work by itself or by hand that waits for an area fault (FA-02).

    Raises AreaFaultOpen.
    """
    held = await queries.waiting(ctx.session, ctx.region_id, work_order_ids=event.work_order_ids)
    if held:
        raise AreaFaultOpen(next_steps=("area_fault.release",))
