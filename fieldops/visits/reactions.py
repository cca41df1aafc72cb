"""What visits do when orders, files or the network record change."""

from collections.abc import Collection
from typing import cast

from fieldops.files.events import FileLinked
from fieldops.kernel.commands import Context, Nature
from fieldops.kernel.events import Event, on
from fieldops.kernel.permissions import Scope
from fieldops.network.events import (
    FindingReported,
    PairMarkedBad,
    PairSwapped,
    PortChanged,
    ResourceClaimed,
)
from fieldops.orders import queries as orders
from fieldops.orders.commands import Why
from fieldops.orders.events import (
    OrderReceived,
    WorkAdded,
    WorkOpened,
    WorkOrderAside,
    WorkOrderCancelled,
    WorkOrderReturned,
    WorkOrdersHandling,
    WorkOrdersResumed,
    WorkOrderSuspended,
    WorkOrderTransferred,
)
from fieldops.organisation import queries as organisation
from fieldops.organisation.events import CalendarChanged, RightsLost, TechnicianAway
from fieldops.visits import queries
from fieldops.visits.commands import planning, telling
from fieldops.visits.commands.ending import take_off
from fieldops.visits.commands.judging import visit_for_decision, visit_for_fact
from fieldops.visits.errors import (
    ResourceElsewhere,
    VisitsDuringAbsence,
    VisitsOffCalendar,
    VisitsWithoutTechnician,
    WorkNotOnVisit,
)
from fieldops.visits.models import Visit
from fieldops.visits.queries.calendar import off_calendar
from fieldops.visits.rules import FURTHEST_AHEAD, MOST_WARNED, NextStep

_ASIDE: dict[type[WorkOrderAside], tuple[str, NextStep]] = {
    WorkOrderSuspended: ("suspended", NextStep.SUSPEND),
    WorkOrderTransferred: ("transferred", NextStep.TRANSFER),
    WorkOrderReturned: ("returned", NextStep.WORK_ENDED),
    WorkOrderCancelled: ("cancelled", NextStep.WORK_ENDED),
}

Moved = PairSwapped | PortChanged | ResourceClaimed
Evidence = FileLinked | PairMarkedBad | FindingReported | Moved


@on(OrderReceived, WorkAdded, WorkOrdersResumed)
async def put_work_on_a_visit(ctx: Context, event: WorkOpened) -> None:
    """Put open field work on its order's one visit at each premises (WO-02)."""
    order = await queries.order_of(ctx.session, ctx.region_id, event.order_id)
    work = await orders.lock_work_orders(ctx.session, ctx.region_id, event.work_order_ids)
    await planning.plan(ctx, order, work)


@on(WorkOrdersHandling)
async def judge_handling(ctx: Context, event: WorkOrdersHandling) -> None:
    """Judge whether a technician may set this work aside: it is on a visit of theirs (SYNC 2).

    Raises WorkNotOnVisit, and what judging refuses or holds.
    """
    if ctx.actor.scope(ctx.spec.permission).office:
        return
    visit_ids = await queries.last_visits_of_technician(
        ctx.session, ctx.region_id, ctx.actor.id, event.work_order_ids
    )
    if len(visit_ids) != len(event.work_order_ids):
        raise WorkNotOnVisit
    for visit_id in sorted(set(visit_ids)):
        await visit_for_decision(ctx, visit_id)
    entries = await queries.visits_of_work(ctx.session, ctx.region_id, event.work_order_ids)
    if {entry.visit_id for entry in entries} - set(visit_ids):
        raise WorkNotOnVisit(next_steps=("note.add",))


@on(WorkOrderSuspended, WorkOrderTransferred, WorkOrderReturned, WorkOrderCancelled)
async def take_work_off(ctx: Context, event: WorkOrderAside) -> None:
    """Take work that was set aside off its visit; without work the visit ends (VI-05)."""
    outcome, next_step = _ASIDE[type(event)]
    why = Why(event.reason, event.cause, told_customer=event.told_customer)
    await take_off(ctx, event.work_order_id, outcome, next_step, why)


@on(FileLinked, PairSwapped, PairMarkedBad, PortChanged, ResourceClaimed, FindingReported)
async def judge_evidence(ctx: Context, event: Event) -> None:
    """Judge what another module records for a visit: facts are kept, decisions are judged.

    A technician moves only services at the visit's premises, and marks only plant of the
    visit's centre. Raises ResourceElsewhere, and what judging refuses or holds.
    """
    visit_id = cast("Evidence", event).visit_id
    if visit_id is None:
        return
    if ctx.spec.nature is Nature.FACT:
        known = await visit_for_fact(ctx, visit_id)
        if isinstance(event, PairMarkedBad) and event.centre_id != known.visit.centre_id:
            raise ResourceElsewhere(next_steps=("network.report_finding",))
        return
    judged = await visit_for_decision(ctx, visit_id)
    if not isinstance(event, Moved):
        return
    if judged.mine and event.premises_id != judged.visit.premises_id:
        raise ResourceElsewhere(next_steps=("network.report_finding",))


@on(TechnicianAway)
async def warn_of_booked_visits(ctx: Context, event: TechnicianAway) -> None:
    """Warn of the visits that are booked while a technician is away (ORG-07)."""
    booked = await queries.visits_ahead(
        ctx.session, ctx.region_id, event.technician_id, event.starts_at, event.ends_at
    )
    if booked:
        technician = await organisation.technician(ctx.session, ctx.region_id, event.technician_id)
        ctx.warn(
            VisitsDuringAbsence(
                technician=technician.name, count=len(booked), visits=_named(booked)
            )
        )


@on(CalendarChanged)
async def warn_of_visits_off_calendar(ctx: Context, event: CalendarChanged) -> None:
    """Warn of the visits that lie outside the calendar after it changed (ORG-07).

    Those that a dispatcher has booked outside it with a reason are not named again.
    """
    found = await off_calendar(
        ctx.session,
        Scope(ctx.region_id, whole_region=True),
        event.first,
        event.last or event.first + FURTHEST_AHEAD,
        await organisation.zone_of(ctx.session, ctx.region_id),
        centre_id=event.centre_id,
        technician_ids=event.technician_ids,
    )
    undecided = {row.visit_id: row for row in found if row.override_reason is None}
    if undecided:
        named = [
            {"id": row.visit_id, "window_start": row.window_start, "window_end": row.window_end}
            for row in list(undecided.values())[:MOST_WARNED]
        ]
        ctx.warn(VisitsOffCalendar(count=len(undecided), visits=named))


@on(RightsLost)
async def warn_of_left_visits(ctx: Context, event: RightsLost) -> None:
    """Tell a technician who lost the role, and warn of the visits nobody makes any more."""
    known = await organisation.technicians(ctx.session, ctx.region_id, [event.person_id])
    if not known:
        return
    technician = known[event.person_id]
    telling.tell_role_lost(ctx, technician)
    left = await queries.visits_ahead(ctx.session, ctx.region_id, technician.id, ctx.now)
    if left:
        ctx.warn(
            VisitsWithoutTechnician(
                technician=technician.name, count=len(left), visits=_named(left)
            )
        )


def _named(rows: Collection[Visit]) -> list[dict[str, object]]:
    return [
        {"id": row.id, "window_start": row.window_start, "window_end": row.window_end}
        for row in rows
    ]
