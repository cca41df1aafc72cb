"""Set an appointment's steps of the second confirmation, and take answers; no verbs of its own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.appointments import queries, rules, situations
from fieldops.appointments.commands.tasks import open_task, withdraw_tasks
from fieldops.appointments.events import AppointmentAnswered, AppointmentCancelled
from fieldops.appointments.models import Appointment, Reconfirmation
from fieldops.kernel.commands import Context
from fieldops.visits.commands import assigning
from fieldops.visits.models import Visit

CALLS_OF_THE_LADDER: tuple[rules.TaskKind, ...] = ("reconfirm", "unconfirmed")
WITHOUT_WORDS: dict[rules.AnswerChannel, str] = {
    "text_link": "By the link, without a word.",
    "text_reply": "By a text message of one word.",
    "voice": "By a key in an automatic call.",
    "person": "By word to a person.",
    "technician": "By word to the technician.",
}
"""What a customer said who gave no reason, by the way the answer came (AP-02)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of the second confirmation for one window of one customer.

    `fixed_at`: since when the window stands because nobody has to confirm it.
    """

    needs_person: bool
    steps: rules.Ladder
    fixed_at: datetime | None = None


async def plan(ctx: Context, customer_id: UUID | None, window_start: datetime) -> Plan:
    """Return the ladder for a window agreed now (AP-03, AP-04), none without a customer."""
    if customer_id is None:
        return Plan(needs_person=False, steps=rules.Ladder(None, None), fixed_at=ctx.now)
    mine = [step for _, step in await queries.steps_for(ctx.session, ctx.region_id, customer_id)]
    asked = max((s for s in mine if s.kind == "reconfirmation"), key=lambda s: s.offset_minutes)
    called = next(step for step in mine if step.kind == "call")
    steps = rules.ladder(
        window_start,
        now=ctx.now,
        reconfirm_before=asked.offset,
        call_before=called.offset,
        quiet=await queries.quiet_hours(ctx.session, ctx.region_id),
    )
    return Plan(asked.by_person, steps)


def begin(appointment: Appointment, planned: Plan) -> None:
    """Set an appointment to the foot of its ladder."""
    appointment.needs_person = planned.needs_person
    appointment.reconfirm_at = planned.steps.reconfirm_at
    appointment.call_at = planned.steps.call_at
    appointment.state = "booked" if planned.fixed_at is None else "confirmed"
    appointment.confirmed_at = planned.fixed_at
    appointment.endangered_at, appointment.endangered_reason = None, None


def follow(appointment: Appointment, planned: Plan, now: datetime) -> None:
    """Let an appointment's steps follow a ladder that changed; what is past stays as it was."""
    appointment.needs_person = planned.needs_person
    steps = planned.steps
    appointment.reconfirm_at = _later(appointment.reconfirm_at, steps.reconfirm_at, now)
    appointment.call_at = _later(appointment.call_at, steps.call_at, now)


def _later(before: datetime | None, planned: datetime | None, now: datetime) -> datetime | None:
    past = before is not None and before <= now and (planned is None or planned <= now)
    return before if past else planned


async def take_answer(
    ctx: Context,
    visit: Visit,
    appointment: Appointment,
    answer: rules.Answer,
    channel: rules.AnswerChannel,
    *,
    window_start: datetime | None = None,
    note: str | None = None,
) -> Reconfirmation:
    """Keep an answer of the customer, and let the locked appointment follow it (AP-04).

    An answer about a window that has moved, or a promise that has ended, is kept and changes
    nothing. "Unreachable" does not take a confirmation back. A cancellation tells the technicians
    and frees their time at once, whichever way it came; from the opening of the window, and once
    somebody is there, it is kept and left to a person, for then it may be the operator who is
    late. What becomes of the order is a person's task in both cases.
    """
    about = window_start or appointment.window_start
    counts = appointment.state in rules.OPEN_STATES and about == appointment.window_start
    too_late = counts and answer == "cancelled" and not _may_cancel(ctx, visit, appointment)
    row = Reconfirmation(
        region_id=ctx.region_id,
        appointment_id=appointment.id,
        visit_id=visit.id,
        centre_id=appointment.centre_id,
        window_start=about,
        answer=answer,
        channel=channel,
        note=note,
        by_id=None if channel in rules.OWN_CHANNELS else ctx.actor.id,
        answered_at=ctx.happened_at,
        received_at=ctx.now,
        counted_in=counts and not too_late,
    )
    ctx.add(row)
    if too_late:
        await open_task(ctx, visit, "withdrawn", ctx.now, appointment=appointment, subject=note)
    elif counts:
        ctx.also.append(appointment)
        await _follow(ctx, visit, appointment, row)
    return row


def _may_cancel(ctx: Context, visit: Visit, appointment: Appointment) -> bool:
    present = situations.situation(
        appointment.state,
        visit.state,
        window_start=appointment.window_start,
        about=appointment.window_start,
        now=ctx.now,
    )
    return situations.Action.CANCEL in situations.actions(present)


async def _follow(
    ctx: Context, visit: Visit, appointment: Appointment, said: Reconfirmation
) -> None:
    answer: rules.Answer = said.answer  # type: ignore[assignment]
    if answer == "unreachable":
        if appointment.state == "booked":
            appointment.state = "unreachable"
    else:
        await withdraw_tasks(ctx, visit.id, CALLS_OF_THE_LADDER, "the customer answered")
        appointment.state = answer
    if answer == "confirmed":
        appointment.confirmed_at = ctx.happened_at
        await withdraw_tasks(ctx, visit.id, ["reschedule"], "the customer confirmed")
    elif answer == "change_wanted":
        await open_task(
            ctx, visit, "reschedule", ctx.now, appointment=appointment, subject=said.note
        )
    elif answer == "cancelled":
        await _withdraw(ctx, visit, appointment, said)
    await ctx.emit(AppointmentAnswered(appointment.id, visit.id, answer))


async def _withdraw(
    ctx: Context, visit: Visit, appointment: Appointment, said: Reconfirmation
) -> None:
    """Free the time of a promise the customer took back; its technicians are told (AP-04).

    Whether the visit and its order end too is a person's decision, with the customer.
    """
    way: rules.AnswerChannel = said.channel  # type: ignore[assignment]
    ctx.reason = ctx.reason or "customer_cancelled"
    appointment.channel = "web_link" if way == "text_link" else "phone"
    appointment.customer_said = said.note or WITHOUT_WORDS[way]
    await open_task(ctx, visit, "withdrawn", ctx.now, appointment=appointment, subject=said.note)
    await ctx.emit(AppointmentCancelled(appointment.id, visit.id))
    await assigning.set_window(ctx, visit, None, None, ())
    ctx.also.append(visit)
