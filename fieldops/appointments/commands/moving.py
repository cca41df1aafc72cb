"""Exchange promised windows for others: one, or those of an order together (AP-06)."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.appointments import queries, rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.agreeing import Window, agree, still_open
from fieldops.appointments.commands.booking import BOOK
from fieldops.appointments.commands.reserving import release
from fieldops.appointments.commands.tasks import withdraw_tasks
from fieldops.appointments.errors import (
    CauseDiffers,
    ContactFirst,
    CustomerNotAsked,
    LinkedVisits,
    NotLinked,
)
from fieldops.appointments.events import AppointmentMoved
from fieldops.appointments.models import Appointment
from fieldops.kernel.commands import Args, Context, Moment, Outcome, Text, command, shown
from fieldops.orders import queries as orders
from fieldops.visits import queries as visits
from fieldops.visits.commands import telling
from fieldops.visits.models import Visit
from fieldops.visits.rules import NoticeKind


class Why(Args):
    """Who made a change necessary, why, and what was said to the customer (AP-02, AP-06)."""

    cause: rules.Cause = Field(description="Who made the change necessary (AP-06).")
    reason: Text = Field(
        min_length=1, max_length=50, description="Code of a reason of the reschedule list."
    )
    channel: rules.Channel = Field(description="How the customer was spoken to.")
    customer_said: Text | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="The customer's say; needed where there is a customer.",
    )
    customer_contacted_at: Moment | None = Field(
        None, description="When the customer was told; needed when the operator is the cause."
    )


class Move(Window):
    """One promise and the window it gets instead."""

    appointment_id: UUID = Field(description="The appointment that is moved.")


class RescheduleAppointment(Move, Why):
    apart_reason: Text | None = Field(
        None,
        min_length=3,
        max_length=500,
        description="Why it moves without the other promised visits of its order.",
    )


@command("appointment.reschedule", permission=BOOK)
async def reschedule(ctx: Context, args: RescheduleAppointment) -> Outcome:
    """Exchange a promised window for another, with cause and reason (AP-06).

    The old time is free again in the same transaction. Where other visits of the order are
    promised too, it moves alone only with a reason, and their technicians are told. Raises
    NotFound, WindowInvalid, AppointmentClosed, LinkedVisits, UnknownReason, CauseDiffers,
    CustomerNotAsked, ContactFirst, SlotTaken, WindowOutOfReach, NotDisplaceable.
    """
    [(appointment, visit)] = await _locked(ctx, [args])
    staying = await queries.linked_visits(ctx.session, visit)
    if staying and args.apart_reason is None:
        raise LinkedVisits(next_steps=("appointment.reschedule_together",), count=len(staying))
    await _check(ctx, args, [appointment])
    ctx.reason = args.reason
    if staying:
        ctx.reason = f"{args.reason}, apart: {args.apart_reason}"
        for other in staying:
            await telling.tell_present(ctx, other, NoticeKind.LINKED_MOVED)
    await _move(ctx, appointment, visit, args, args)
    return [appointment, visit]


class RescheduleTogether(Why):
    model_config = shown(
        moves=[
            {
                "appointment_id": f"01938f5e-0000-7000-8000-00000000000{n}",
                "window_start": f"2026-11-24T{hour}:00:00+02:00",
                "window_end": f"2026-11-24T{hour + 2}:00:00+02:00",
                "technician_ids": ["01938f5e-0000-7000-8000-000000000009"],
            }
            for n, hour in ((1, 10), (2, 13))
        ],
        cause="customer",
        reason="customer_asked",
        channel="phone",
        customer_said="Wednesday instead, both of them",
    )
    moves: list[Move] = Field(
        min_length=2, max_length=8, description="The promises of one order, each with its window."
    )

    @model_validator(mode="after")
    def _each_once(self) -> "RescheduleTogether":
        if len({move.appointment_id for move in self.moves}) != len(self.moves):
            raise ValueError("an appointment is named twice")
        return self


@command("appointment.reschedule_together", permission=BOOK)
async def reschedule_together(ctx: Context, args: RescheduleTogether) -> Outcome:
    """Move the promised visits of one order together: all of them, or none (AP-06).

    They may exchange their times. Raises what a single reschedule raises; NotLinked when they
    are of several orders, LinkedVisits when a promised visit of the order is not among them.
    """
    pairs = await _locked(ctx, args.moves)
    if len({visit.order_id for _, visit in pairs}) > 1:
        raise NotLinked
    named = {visit.id for _, visit in pairs}
    others = await queries.linked_visits(ctx.session, pairs[0][1])
    missing = [visit for visit in others if visit.id not in named]
    if missing:
        raise LinkedVisits(next_steps=("appointment.reschedule_together",), count=len(missing))
    await _check(ctx, args, [appointment for appointment, _ in pairs])
    ctx.reason = args.reason
    for _, visit in pairs:  # first, so that they may take each other's times
        await release(ctx, visit.id)
    for (appointment, visit), move in zip(pairs, args.moves, strict=True):
        await _move(ctx, appointment, visit, move, args)
    return [row for pair in pairs for row in pair]


async def _locked(ctx: Context, moves: list[Move]) -> list[tuple[Appointment, Visit]]:
    """Return the open appointments of some moves and their visits, locked, in the moves' order."""
    scope = ctx.actor.scope(BOOK)
    visit_of: dict[UUID, UUID] = {}
    for move in moves:
        rules.check_window(move.window_start, move.window_end, ctx.now)
        known = await queries.appointment(ctx.session, scope, move.appointment_id)
        visit_of[move.appointment_id] = known.visit_id
    held = {
        id_: await visits.lock_visit(ctx.session, scope, id_) for id_ in sorted(visit_of.values())
    }
    pairs = []
    for move in moves:
        appointment = await queries.lock_appointment(ctx.session, scope, move.appointment_id)
        still_open(appointment)
        pairs.append((appointment, held[appointment.visit_id]))
    return pairs


async def _check(ctx: Context, why: Why, moving: list[Appointment]) -> None:
    listed = await orders.reason(ctx.session, "reschedule", why.reason)
    if listed.cause != why.cause:
        raise CauseDiffers(reason=why.reason, cause=listed.cause)
    if all(appointment.customer_id is None for appointment in moving):
        return
    if why.customer_said is None:
        raise CustomerNotAsked
    told = why.customer_contacted_at
    if why.cause == "operator" and (told is None or told > ctx.now):
        raise ContactFirst


async def _move(
    ctx: Context, appointment: Appointment, visit: Visit, window: Move, why: Why
) -> None:
    planned = await ladder.plan(ctx, visit.customer_id, window.window_start)
    old: tuple[datetime, datetime] = appointment.window_start, appointment.window_end
    _note(appointment, why)
    appointment.window_start, appointment.window_end = window.window_start, window.window_end
    ladder.begin(appointment, planned)
    await agree(ctx, visit, window)
    await withdraw_tasks(ctx, visit.id, None, "the appointment was moved")
    await ctx.emit(
        AppointmentMoved(
            appointment.id, visit.id, *old, window.window_start, window.window_end, why.cause
        )
    )


def _note(appointment: Appointment, why: Why) -> None:
    """Count the move; for the operator's, hold on to when the customer was told (AP-06)."""
    told = why.customer_contacted_at
    if why.cause == "operator":
        appointment.operator_reschedules += 1
    else:
        appointment.customer_reschedules += 1
    appointment.moved_cause, appointment.moved_reason = why.cause, why.reason
    appointment.customer_contacted_at = told
    appointment.contacted_in_time = told is not None and told < appointment.window_start
    appointment.channel, appointment.customer_said = why.channel, why.customer_said
