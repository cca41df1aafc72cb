"""What customers do by the signed link of a message: confirm, take another window, cancel.

The entrance has checked the link; nobody signed in may use these verbs. Whatever the link was
sent for is judged against the present state, and the same again changes nothing.
"""

from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries, rules, situations
from fieldops.appointments.commands import ladder
from fieldops.appointments.errors import (
    AppointmentClosed,
    LinkedVisits,
    LinkInvalid,
    SlotTaken,
    TooLateByLink,
    WindowMoved,
    WindowOutOfReach,
)
from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.appointments.situations import Action, Situation
from fieldops.kernel import commands
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Envelope, Moment, Outcome, Text, command
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.ids import new_id
from fieldops.kernel.permissions import Permission
from fieldops.visits import queries as visits
from fieldops.visits.errors import NotQualified, OutsideCalendar, UnknownTechnicians
from fieldops.visits.models import Visit

RECONFIRM = Permission.APPOINTMENT_RECONFIRM
CUSTOMERS_REASON = "customer_asked"  # of the reschedule list


class ByLink(Args):
    appointment_id: UUID = Field(description="The appointment of the link.")
    window_start: Moment = Field(description="Start of the window the link was sent for.")
    note: Text | None = Field(None, max_length=500, description="What the customer wrote.")


class AnswerByLink(ByLink):
    answer: rules.LinkAnswer = Field(description="Confirmed, another time, or not at all.")


@command("appointment.answer_by_link", permission=RECONFIRM)
async def answer_by_link(ctx: Context, args: AnswerByLink) -> Outcome:
    """Take the answer a customer gave by the signed link of a message (AP-03, AP-04).

    A cancellation tells the technicians and frees their time at once, on the way or not; the
    order waits, and what becomes of it is a person's task. The same answer again changes
    nothing. Raises Forbidden, LinkInvalid, WindowMoved, AppointmentClosed, TooLateByLink.
    """
    visit, appointment = await _locked(ctx, args)
    if await _said_already(ctx, appointment, args):
        return appointment
    _allow(ctx, visit, appointment, args, situations.ACTION_OF[args.answer])
    ctx.reason = f"customer_{args.answer}: {args.note}" if args.note else f"customer_{args.answer}"
    return await ladder.take_answer(
        ctx, visit, appointment, args.answer, "text_link", note=args.note
    )


async def _said_already(ctx: Context, appointment: Appointment, args: AnswerByLink) -> bool:
    """Return whether this is the same answer again; another wish is another answer."""
    if appointment.state != args.answer or args.window_start != appointment.window_start:
        return False
    if args.answer != "change_wanted" or args.note is None:
        return True
    last = await queries.last_word(ctx.session, ctx.region_id, appointment.id)
    return last is not None and last.note == args.note


class MoveByLink(ByLink):
    new_start: Moment = Field(description="First moment of the window the customer chose.")
    new_end: Moment = Field(description="Its last moment.")


@command("appointment.move_by_link", permission=RECONFIRM)
async def move_by_link(ctx: Context, args: MoveByLink) -> Outcome:
    """Give a customer another window, chosen from those free at this moment (AP-01, AP-06).

    The new time is taken and the old one freed by the reschedule of the offices, in one
    transaction, with the customer as the cause. The same choice again changes nothing. Raises
    Forbidden, LinkInvalid, WindowMoved, AppointmentClosed, TooLateByLink, LinkedVisits where
    several visits move together, and SlotTaken when the window is not free any more; then
    everything is as it was.
    """
    visit, appointment = await _locked(ctx, args)
    chosen = args.new_start, args.new_end
    present = appointment.window_start, appointment.window_end
    if chosen == present and appointment.state in rules.OPEN_STATES:
        return appointment
    _allow(ctx, visit, appointment, args, Action.MOVE)
    choice = await queries.other_windows(ctx.session, visit, appointment, ctx.now)
    if choice.linked:
        raise LinkedVisits(count=1)
    offer = next((o for o in choice.offers if (o.start, o.end) == chosen), None)
    if offer is None:
        raise SlotTaken
    ctx.add(_wish(ctx, visit, appointment, args.note))
    try:
        await _reschedule(ctx, appointment.id, offer, args.note)
    except (NotQualified, OutsideCalendar, UnknownTechnicians, WindowOutOfReach) as refusal:
        raise SlotTaken from refusal  # a leave or a certificate was changed at this moment
    return [appointment, visit]


async def _locked(ctx: Context, args: ByLink) -> tuple[Visit, Appointment]:
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="appointment:link")
    known = await queries.by_link(ctx.session, ctx.region_id, args.appointment_id)
    if known is None:
        raise LinkInvalid
    scope = ctx.actor.scope(RECONFIRM)
    visit = await visits.lock_visit(ctx.session, scope, known.visit_id)
    return visit, await queries.lock_appointment(ctx.session, scope, args.appointment_id)


def _allow(
    ctx: Context, visit: Visit, appointment: Appointment, args: ByLink, action: Action
) -> None:
    present = situations.situation(
        appointment.state,
        visit.state,
        window_start=appointment.window_start,
        about=args.window_start,
        now=ctx.now,
    )
    if action in situations.actions(present):
        return
    if present is Situation.MOVED:
        raise WindowMoved
    if appointment.state not in rules.OPEN_STATES:
        raise AppointmentClosed(state=appointment.state)
    raise TooLateByLink(situation=present.value)


def _wish(ctx: Context, visit: Visit, appointment: Appointment, note: str | None) -> Reconfirmation:
    """Return the answer that the customer gave about the old window (AP-04)."""
    return Reconfirmation(
        region_id=ctx.region_id,
        appointment_id=appointment.id,
        visit_id=visit.id,
        centre_id=appointment.centre_id,
        window_start=appointment.window_start,
        answer="change_wanted",
        channel="text_link",
        note=note,
        by_id=None,
        answered_at=ctx.happened_at,
        received_at=ctx.now,
        counted_in=True,
    )


async def _reschedule(
    ctx: Context, appointment_id: UUID, offer: queries.Offer, note: str | None
) -> None:
    args = {
        "appointment_id": str(appointment_id),
        "window_start": offer.start.isoformat(),
        "window_end": offer.end.isoformat(),
        "arrival": offer.arrival.isoformat(),
        "technician_ids": [str(id_) for id_ in offer.technician_ids],
        "cause": "customer",
        "reason": CUSTOMERS_REASON,
        "channel": "web_link",
        "customer_said": note or ladder.WITHOUT_WORDS["text_link"],
    }
    envelope = Envelope(new_id(), "appointment.reschedule", args)
    await commands.run(ctx.session, ctx.actor, envelope, ctx.now)
