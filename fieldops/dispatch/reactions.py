"""What upsets a day is offered for a replan by itself: absences, area faults, urgent faults."""

from datetime import date, datetime, timedelta

from fieldops.appointments import queries as appointments
from fieldops.customers.models import Customer
from fieldops.dispatch import rules
from fieldops.dispatch.commands.disturbances import note
from fieldops.dispatch.errors import (
    ReplanForFreeTime,
    ReplanForHeldWork,
    ReplanForUrgent,
    ReplanOffered,
)
from fieldops.dispatch.models import Disturbance
from fieldops.dispatch.queries import disturbances
from fieldops.dispatch.rules import Cause
from fieldops.faults.events import WorkBack, WorkHeld
from fieldops.faults.models import AreaFault
from fieldops.faults.rules import State as FaultState
from fieldops.kernel.clock import local_day, start_of_day
from fieldops.kernel.commands import Context
from fieldops.kernel.events import on
from fieldops.orders import queries as orders
from fieldops.orders.events import OrderReceived
from fieldops.organisation import queries as organisation
from fieldops.organisation.events import TechnicianAway
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit

REPLAN = "plan.replan"
A_DAY = timedelta(days=1)


@on(TechnicianAway)
async def offer_a_replan(ctx: Context, event: TechnicianAway) -> None:
    """Note each day on which somebody away has visits, and offer a replan of it (ORG-07)."""
    booked = await visits.visits_ahead(
        ctx.session, ctx.region_id, event.technician_id, event.starts_at, event.ends_at
    )
    if not booked:
        return
    technician = await organisation.technician(ctx.session, ctx.region_id, event.technician_id)
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    days: dict[date, list[Visit]] = {}
    for visit in booked:
        if visit.window_start is not None:
            days.setdefault(local_day(visit.window_start, zone), []).append(visit)
    for day, upset in sorted(days.items()):
        ctx.add(
            Disturbance(
                region_id=ctx.region_id,
                centre_id=upset[0].centre_id,
                day=day,
                cause=Cause.ABSENCE.value,
                technician_id=technician.id,
                visit_ids=sorted(str(visit.id) for visit in upset),
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                noticed_at=ctx.now,
            )
        )
    ctx.warn(
        ReplanOffered(
            technician=technician.name,
            count=len(booked),
            days=[str(day) for day in sorted(days)],
            centre_id=str(booked[0].centre_id),
            command=REPLAN,
        )
    )


@on(WorkHeld)
async def offer_the_time_of_held_work(ctx: Context, event: WorkHeld) -> None:
    """Offer a replan of each day on which an area fault leaves technicians without work (FA-02)."""
    visit = await ctx.session.get(Visit, (ctx.region_id, event.visit_id))
    if visit is None or event.window_start is None:
        return
    length = timedelta(minutes=visit.duration_minutes)
    ends = max(visit.window_end or event.window_start, event.window_start + length)
    if ends <= ctx.now:
        return
    day = local_day(event.window_start, await organisation.zone_of(ctx.session, ctx.region_id))
    row = await note(
        ctx,
        Cause.AREA_FAULT,
        event.area_fault_id,
        centre_id=event.centre_id,
        day=day,
        visit_ids=[event.visit_id],
        starts_at=event.window_start,
        ends_at=ends,
    )
    if row is not None:
        _count(ctx, ReplanForFreeTime, row)


@on(WorkBack)
async def offer_to_plan_held_work(ctx: Context, event: WorkBack) -> None:
    """Offer a replan when an area fault is over and its repairs are all in planning (FA-02).

    Of the first day on which somebody of the centre works. One repair that is released while the
    fault lasts upsets no day.
    """
    fault = await ctx.session.get(AreaFault, (ctx.region_id, event.area_fault_id))
    if fault is None or fault.state != FaultState.OVER:
        return
    day = next(
        (
            date.fromisoformat(said.details["days"][0])
            for said in ctx.warnings
            if isinstance(said, ReplanForHeldWork)
            and said.details["centre_id"] == str(event.centre_id)
        ),
        None,
    )
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    if day is None:
        opens = await disturbances.works_next(ctx.session, ctx.region_id, event.centre_id, ctx.now)
        day = local_day(opens, zone)
    row = await note(
        ctx,
        Cause.AREA_FAULT,
        event.area_fault_id,
        centre_id=event.centre_id,
        day=day,
        visit_ids=[event.visit_id],
        starts_at=ctx.now,
        ends_at=start_of_day(day + A_DAY, zone),
    )
    if row is not None:
        _count(ctx, ReplanForHeldWork, row)


def _count(
    ctx: Context, caution: type[ReplanForFreeTime | ReplanForHeldWork], row: Disturbance
) -> None:
    """Say it once for each centre, however many visits it is about."""
    centre_id, day = str(row.centre_id), str(row.day)
    for said in ctx.warnings:
        if isinstance(said, caution) and said.details["centre_id"] == centre_id:
            said.details["count"] += 1
            said.details["days"] = sorted({*said.details["days"], day})
            return
    ctx.warn(caution(count=1, days=[day], centre_id=centre_id, command=REPLAN))


@on(OrderReceived)
async def offer_a_place_for_urgent_work(ctx: Context, event: OrderReceived) -> None:
    """Offer a replan when an urgent order comes in and no free time is soon enough (WO-06)."""
    if event.customer_id is None:
        return
    customer = await ctx.session.get(Customer, (ctx.region_id, event.customer_id))
    work = await orders.work_orders(ctx.session, ctx.region_id, [event.order_id])
    tier = "" if customer is None else customer.tier
    if not any(rules.is_urgent(row.priority, tier) for row in work):
        return
    planned = await visits.visits_of_work(ctx.session, ctx.region_id, event.work_order_ids)
    due = min((row.due_at for row in work if row.due_at is not None), default=None)
    for visit_id in sorted({row.visit_id for row in planned}):
        visit = await ctx.session.get(Visit, (ctx.region_id, visit_id))
        if visit is not None and visit.window_start is None and visit.ended_at is None:
            await _offer_a_place(ctx, visit, due)


async def _offer_a_place(ctx: Context, visit: Visit, due: datetime | None) -> None:
    zone = await organisation.zone_of(ctx.session, ctx.region_id)
    opens = await disturbances.works_next(ctx.session, ctx.region_id, visit.centre_id, ctx.now)
    day = local_day(opens, zone)
    free = await appointments.free_windows(ctx.session, visit, ctx.now, limit=1)
    in_time = due is not None and opens < due  # somebody works before it is due
    for offer in free:
        if offer.within_limit or (not in_time and local_day(offer.start, zone) <= day):
            return
    row = await note(
        ctx,
        Cause.URGENT,
        visit.id,
        centre_id=visit.centre_id,
        day=day,
        visit_ids=[visit.id],
        starts_at=ctx.now,
        ends_at=max(due or ctx.now, start_of_day(day + A_DAY, zone)),
    )
    if row is not None:
        ctx.warn(
            ReplanForUrgent(
                day=str(day),
                visit_id=str(visit.id),
                centre_id=str(visit.centre_id),
                command=REPLAN,
            )
        )
