"""What a report belongs to: an area fault it joins, or one it is the last report of (FA-02)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from fieldops.faults import queries, rules
from fieldops.faults.commands.holding import hold
from fieldops.faults.errors import FaultOfArea, FaultRepeated
from fieldops.faults.models import AreaFault, FaultReport, ReportPlace
from fieldops.faults.queries import intake
from fieldops.faults.rules import Channel, State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.kernel.permissions import Scope
from fieldops.network import queries as network
from fieldops.orders.models import ServiceOrder


async def take_report(
    ctx: Context,
    *,
    centre_id: UUID,
    channel: Channel,
    at: datetime,
    service_ids: Collection[UUID] = (),
    feature_id: UUID | None = None,
    order: ServiceOrder | None = None,
    premises_id: UUID | None = None,
    symptom: str | None = None,
    report_id: UUID | None = None,
) -> FaultReport:
    """Write a report down and match it with the open area faults and the reports of the last hour.

    One transaction after the other looks at a box or cable: two reports at once make one
    proposal. Repairs of the order are held when the area fault is confirmed.
    """
    report = FaultReport(
        region_id=ctx.region_id,
        centre_id=centre_id,
        premises_id=premises_id,
        customer_id=order.customer_id if order else None,
        service_id=next(iter(service_ids), None),
        feature_id=feature_id,
        order_id=order.id if order else None,
        channel=channel,
        symptom=symptom,
        reporter_id=ctx.actor.id,
        reported_at=at,
    )
    if report_id is not None:
        report.id = report_id
    await _mark_repeat(ctx, report)
    ctx.add(report)
    ctx.also.append(report)
    await ctx.session.flush()
    places = await _places(ctx, service_ids, feature_id)
    if not places:
        return report
    await network.lock_places(ctx.session, ctx.region_id, places)
    ctx.add(*(_place(report, id_, position) for id_, position in places.items()))
    await ctx.session.flush()
    await _match(ctx, report, places)
    return report


async def _mark_repeat(ctx: Context, report: FaultReport) -> None:
    """Mark a report of what was repaired a short while ago (FA-01)."""
    within = await configuration.duration(ctx.session, ctx.region_id, rules.REPEATED_WITHIN)
    former = await intake.repeat_of(
        ctx.session,
        ctx.region_id,
        report.service_id,
        report.premises_id,
        report.reported_at - within,
    )
    if former is not None:
        report.repeat_of_id = former.id
        ctx.warn(FaultRepeated(days=within.days))


async def _places(
    ctx: Context, service_ids: Collection[UUID], feature_id: UUID | None
) -> dict[UUID, int]:
    """Return the boxes and cables of a report with their position on the way."""
    places: dict[UUID, int] = {}
    if service_ids:
        places = await network.way_of(ctx.session, ctx.region_id, service_ids, rules.PLACES)
    if feature_id is not None:
        places.setdefault(feature_id, 0)
    return places


def _place(report: FaultReport, feature_id: UUID, position: int) -> ReportPlace:
    return ReportPlace(
        region_id=report.region_id,
        report_id=report.id,
        feature_id=feature_id,
        centre_id=report.centre_id,
        of=report.premises_id or report.id,
        position=position,
        reported_at=report.reported_at,
    )


async def _match(ctx: Context, report: FaultReport, places: dict[UUID, int]) -> None:
    """Let the report join an open area fault, or propose one if it is the last that was missing."""
    known = await queries.lock_open_at(ctx.session, ctx.region_id, places)
    if known:
        report.area_fault_id = known[0].id
        await hold_of_report(ctx, known[0], report)
        return
    within = await configuration.duration(ctx.session, ctx.region_id, rules.WITHIN)
    needed = await configuration.value(ctx.session, ctx.region_id, rules.REPORTS)
    at = report.reported_at
    if at < ctx.now - within:  # an order that was taken in days ago says nothing of today's plant
        return
    near = await queries.unclaimed(
        ctx.session, ctx.region_id, list(places), at - within, at + within
    )
    candidates = [
        id_
        for id_, rows in near.items()
        if rules.gathers(((r.reported_at, r.of) for r in rows), at, needed=needed, within=within)
    ]
    feature_id = rules.narrowest(candidates, places)
    if feature_id is None:
        return
    feature = await network.feature(ctx.session, _everything(ctx), feature_id)
    fault = AreaFault(
        region_id=ctx.region_id,
        centre_id=feature.centre_id,
        feature_id=feature_id,
        state=State.PROPOSED.value,
        proposed_at=ctx.now,
    )
    ctx.add(fault)
    await ctx.session.flush()
    ctx.also.append(fault)
    await claim(ctx, fault, [row.report_id for row in near[feature_id]])


def _everything(ctx: Context) -> Scope:
    """Return the scope of the whole region: the plant of a way is found, not asked for."""
    return Scope(ctx.region_id, whole_region=True)


async def claim(ctx: Context, fault: AreaFault, report_ids: Collection[UUID]) -> None:
    """Let reports belong to an area fault."""
    for row in await queries.reports_by_id(ctx.session, ctx.region_id, report_ids):
        row.area_fault_id = fault.id


async def hold_of_report(ctx: Context, fault: AreaFault, report: FaultReport) -> None:
    """Hold the repairs of a report's order when the area fault it joined is confirmed."""
    if fault.state != State.CONFIRMED or report.order_id is None:
        return
    ctx.warn(FaultOfArea(expected=fault.expected_repair_at.isoformat()))  # type: ignore[union-attr]
    chosen = await queries.to_hold(ctx.session, ctx.region_id, fault.feature_id, [report.order_id])
    await hold(ctx, fault, chosen)
