"""The verb by which the hotline, a machine or an agent reports a fault (FA-01, FA-02)."""

from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.faults import queries
from fieldops.faults.commands.matching import take_report
from fieldops.faults.errors import FaultJoined, NotBoxOrCable, ServiceNotKnown
from fieldops.faults.queries import intake
from fieldops.faults.rules import PLACES
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import queries as network
from fieldops.network.models import NetworkService
from fieldops.orders import queries as orders
from fieldops.orders.commands import matters, receiving
from fieldops.orders.rules import Kind

REPORT = Permission.FAULT_REPORT
URGED_BY = {
    "phone": "phone",
    "web": "web_link",
    "machine": "partner_api",
    "monitoring": "partner_api",
}


class ReportFault(Args):
    model_config = shown(
        account="A100042", symptom="No synchronisation since eleven", channel="phone"
    )
    id: UUID | None = Field(
        None, description="The report's id, and the order's; the command's id without it."
    )
    service_id: UUID | None = Field(None, description="The service that fails.")
    account: Text | None = Field(
        None, min_length=1, max_length=64, description="Its account number instead."
    )
    feature_id: UUID | None = Field(
        None, description="Or the box or cable that fails, when nobody's service is named."
    )
    symptom: Text = Field(min_length=3, max_length=500, description="What is reported.")
    channel: Literal["phone", "web", "machine", "monitoring"] = Field(
        "phone", description="How it came in."
    )

    @model_validator(mode="after")
    def _one(self) -> "ReportFault":
        if sum(x is not None for x in (self.service_id, self.account, self.feature_id)) != 1:
            raise ValueError("name the service by id or account, or the box or cable")
        return self


@command("fault.report", permission=REPORT)
async def report(ctx: Context, args: ReportFault) -> Outcome:
    """Take in a fault of a service, with its repair order, or of a box or cable (FA-01, FA-02).

    While a repair of the service is open the report joins it, as an urge. In a confirmed area
    fault the repair is held at once: the customer is told the expected time and not offered a
    window. Raises NotFound, ServiceNotKnown, NotBoxOrCable.
    """
    scope = ctx.actor.scope(REPORT)
    if args.feature_id is not None:
        feature = await network.feature(ctx.session, scope, args.feature_id)
        if feature.kind not in PLACES:
            raise NotBoxOrCable(kind=feature.kind.replace("_", " "))
        return await take_report(
            ctx,
            centre_id=feature.centre_id,
            channel=args.channel,
            at=ctx.now,
            feature_id=feature.id,
            symptom=args.symptom,
            report_id=args.id or ctx.envelope.id,
        )
    service = await queries.service(ctx.session, scope, args.service_id, args.account)
    if service is None:
        raise ServiceNotKnown
    open_order = await intake.open_repair(ctx.session, ctx.region_id, service)
    if open_order is not None:
        return await _join(ctx, args, service, open_order)
    order_id = args.id or ctx.envelope.id
    item = receiving.OrderItem(
        kind=Kind.REPAIR,
        service="broadband" if service.kind == "broadband" else "fixed_line",
        service_id=service.id,
        symptom=args.symptom,
    )
    order = receiving.ReceiveOrder(
        id=order_id,
        external_ref=f"FAULT-{order_id}",
        customer=receiving.GivenCustomer(id=service.customer_id),
        premises=receiving.GivenPremises(id=service.premises_id),
        items=[item],
    )
    # The order's own reaction writes the report down: every repair order is one.
    return await receiving.receive(ctx, order)


async def _join(
    ctx: Context, args: ReportFault, service: NetworkService, order_id: UUID
) -> Outcome:
    """Let a report belong to the repair that is open: nobody visits twice for one fault (FA-01)."""
    whole = Scope(ctx.region_id, whole_region=True)  # its service was read in the actor's
    order = await orders.lock_order(ctx.session, whole, order_id)
    report = await take_report(
        ctx,
        centre_id=order.centre_id,
        channel=args.channel,
        at=ctx.now,
        service_ids=[service.id],
        order=order,
        premises_id=service.premises_id,
        symptom=args.symptom,
        report_id=args.id or ctx.envelope.id,
    )
    report.joined = True
    ctx.warn(FaultJoined())
    changed = await matters.press(ctx, order, "customer", URGED_BY[args.channel], args.symptom)
    return [report, *changed]
