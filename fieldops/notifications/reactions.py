"""What appointments and visits make of messages: after each event they are planned anew."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments.events import (
    AppointmentAnswered,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentEndangered,
    AppointmentMoved,
    LadderFollowed,
)
from fieldops.checklists.events import CorrectedTooLate
from fieldops.complaints import queries as complaints
from fieldops.complaints.events import ComplaintOffered
from fieldops.faults.events import WorkBack, WorkHeld
from fieldops.followups.events import FollowUpPlanned
from fieldops.kernel import erasure
from fieldops.kernel.commands import Context
from fieldops.kernel.events import Event, on
from fieldops.kernel.settings import Settings
from fieldops.notifications.channels.outbox import OutboxChannel
from fieldops.notifications.commands import (
    area_faults,
    asking,
    browsers,
    planning,
    visit_reports,
)
from fieldops.notifications.models import Message
from fieldops.orders.events import MatterOffered
from fieldops.orders.models import WorkOrder
from fieldops.orders.queries import cable
from fieldops.visits.events import (
    NobodyHome,
    ReportWanted,
    TechnicianArrived,
    TechnicianDeparted,
    TechniciansTold,
    VisitAssigned,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitRetimed,
    VisitRevived,
    VisitStarted,
    WindowChanged,
)

OUTBOX = "outbox"

WHY: dict[type[Event], str] = {
    AppointmentAnswered: "the customer answered",
    AppointmentBooked: "a window was booked",
    AppointmentCancelled: "the appointment was cancelled",
    AppointmentEndangered: "the window cannot be kept",
    AppointmentMoved: "the appointment was moved",
    LadderFollowed: "the ladder changed",
    TechnicianArrived: "the technician is there",
    TechnicianDeparted: "the technician has left",
    VisitAssigned: "other technicians come",
    VisitCancelled: "the visit was cancelled",
    VisitCompleted: "the visit is over",
    VisitFailed: "the visit is over",
    VisitRetimed: "the expected time changed",
    VisitRevived: "the visit takes place after all",
    VisitStarted: "the technician is there",
    WindowChanged: "the window changed",
}


@on(*WHY)
async def plan_anew(ctx: Context, event: Any) -> None:
    """Bring the visit's messages in line, in the transaction of what happened (AP-03, AP-05)."""
    await planning.replan(ctx, event.visit_id, WHY[type(event)])


@on(NobodyHome)
async def tell_nobody_home(ctx: Context, event: NobodyHome) -> None:
    """Tell the customer that somebody was at the door (AP-08)."""
    await planning.tell_nobody_home(ctx, event.visit_id, event.at)


@on(ReportWanted, VisitCompleted, VisitFailed)
async def send_the_report(ctx: Context, event: Any) -> None:
    """Send the customer the report of a visit that has ended, where it is wanted."""
    await visit_reports.plan_report(ctx, event.visit_id)


@on(WorkHeld)
async def tell_of_an_area_fault(ctx: Context, event: WorkHeld) -> None:
    """Tell the customer of a held repair when the area is expected to be repaired (FA-02)."""
    await area_faults.tell_held(ctx, event)


@on(WorkBack)
async def tell_that_a_repair_is_back(ctx: Context, event: WorkBack) -> None:
    """Tell the customer of a held repair that the area fault is over, if it is (FA-02)."""
    await area_faults.tell_back(ctx, event)


@on(FollowUpPlanned)
async def ask_how_it_went(ctx: Context, event: FollowUpPlanned) -> None:
    """Ask a customer by message how it went, where no person does (FO-02)."""
    asking.plan(ctx, event)


@on(TechniciansTold)
async def wake_browsers(ctx: Context, event: TechniciansTold) -> None:
    """Wake the browsers of technicians whose visits were gained, moved or lost."""
    await browsers.wake(ctx.session, ctx.region_id, event.technician_ids, event.kind)


@on(MatterOffered)
async def tell_who_is_offered_a_matter(ctx: Context, event: MatterOffered) -> None:
    """Wake the browsers of the person who is asked to take a customer's matter (WO-05)."""
    await browsers.wake_office(ctx, [event.offered_to], "matter_offered", "matters")


@on(ComplaintOffered)
async def tell_who_may_accept_a_complaint(ctx: Context, event: ComplaintOffered) -> None:
    """Wake the browsers of those who may accept an offered complaint (CO-02)."""
    people = await complaints.handlers_of(ctx.session, ctx.region_id, event.centre_id)
    await browsers.wake_office(ctx, people, "complaint_offered", "complaints")


@on(CorrectedTooLate)
async def tell_that_work_was_reported_in_error(ctx: Context, event: CorrectedTooLate) -> None:
    """Wake the cable department: the answer that called for work it has at hand was wrong."""
    work = await ctx.session.get_one(WorkOrder, (ctx.region_id, event.work_order_id))
    people = await cable.people_of_department(ctx.session, ctx.region_id, work.centre_id)
    if work.transfer_accepted_by is not None:
        people.append(work.transfer_accepted_by)
    await browsers.wake_office(ctx, people, "reported_in_error", "cable_work")


@erasure.on_erasure
async def forget_sent_messages(_session: AsyncSession, reach: erasure.Reach) -> None:
    """Let the files go that hold what an erased customer was sent (CU-07)."""
    messages = reach.of(Message)
    if messages:
        reach.leaving[OUTBOX] += [str(id_) for id_ in messages]


@erasure.removes(OUTBOX)
async def remove_from_outbox(settings: Settings, _region_id: int, names: list[str]) -> None:
    """Remove messages from the outbox folder."""
    OutboxChannel(settings.outbox_path).forget(names)
