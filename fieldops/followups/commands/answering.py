"""What customers say: to a person, by the link of a message, or by a reply to it (FO-03)."""

from datetime import timedelta
from uuid import UUID

from pydantic import AwareDatetime, Field

from fieldops.appointments import queries as appointments
from fieldops.followups import queries, rules
from fieldops.followups.commands.planning import to_a_person
from fieldops.followups.errors import (
    AlreadyAsked,
    CallAgainPast,
    NotTaken,
    NotYetByPerson,
    OwnWork,
    ReasonMissing,
    ReasonUnknown,
    TakenByOther,
    WordsMissing,
)
from fieldops.followups.events import FollowUpAnswered
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.rules import Satisfaction, State
from fieldops.kernel import configuration
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.errors import Forbidden
from fieldops.kernel.gathering import row_of
from fieldops.kernel.permissions import Permission
from fieldops.organisation.models import Technician

HANDLE = Permission.FOLLOW_UP_HANDLE
A_DAY = timedelta(days=1)


async def _calls(ctx: Context, follow_up_id: UUID) -> list[FollowUp]:
    """Return all that is to be asked of a follow-up's customer, this one first, locked.

    They are locked in one order, whichever of them two people reach for. Raises NotFound,
    AlreadyAsked, NotYetByPerson.
    """
    scope = ctx.actor.scope(HANDLE)
    known = await queries.follow_up(ctx.session, scope, follow_up_id)
    calls = await queries.lock_of_customer(ctx.session, ctx.region_id, known.customer_id)
    if all(one.id != known.id for one in calls):
        if known.state == State.WAITING:
            raise NotYetByPerson
        raise AlreadyAsked
    return sorted(calls, key=lambda one: one.id != known.id)


def _mine(ctx: Context, row: FollowUp) -> None:
    """Raise NotTaken or TakenByOther unless the actor has taken a call."""
    if row.taken_by is None:
        raise NotTaken
    if row.taken_by != ctx.actor.id:
        raise TakenByOther


class TakeFollowUp(Args):
    follow_up_id: UUID = Field(description="The follow-up to be made.")
    instead: bool = Field(default=False, description="Take it over from whoever has it.")


@command("follow_up.take", permission=HANDLE, subject="follow_up_id")
async def take(ctx: Context, args: TakeFollowUp) -> FollowUp:
    """Take the call of a customer: all that is to be asked of them, so that one person calls.

    FO-04, ORG-06: nobody else takes it for so long (`follow_up_claim`) or answers for it; who
    works for a contractor, or did the work, asks nobody. Raises NotFound, AlreadyAsked,
    NotYetByPerson, TakenByOther, OwnWork.
    """
    calls = await _calls(ctx, args.follow_up_id)
    await _operators_own(ctx, calls)
    held = await configuration.duration(ctx.session, ctx.region_id, rules.CLAIM)
    others = [
        one
        for one in calls
        if one.taken_by not in {None, ctx.actor.id}
        and one.taken_at is not None
        and ctx.now < one.taken_at + held
    ]
    if others and not args.instead:
        raise TakenByOther
    for one in calls:
        one.taken_by, one.taken_at = ctx.actor.id, ctx.now
    return calls[0]


async def _operators_own(ctx: Context, calls: list[FollowUp]) -> None:
    caller = await row_of(ctx.session, Technician, ctx.region_id, ctx.actor.id)
    did_it = any(one.technician_id == ctx.actor.id for one in calls)
    if did_it or (caller is not None and caller.firm_id is not None):
        raise OwnWork


class NoteTry(Args):
    follow_up_id: UUID = Field(description="The follow-up that was tried.")
    again_at: AwareDatetime | None = Field(
        None, description="When the customer, who was reached, wants to be called."
    )


@command("follow_up.note_try", permission=HANDLE, subject="follow_up_id")
async def note_try(ctx: Context, args: NoteTry) -> FollowUp:
    """Note a call that brought no answer, and when the next one is made (FO-02).

    Nobody was reached: `follow_up_again` later, and after so many calls the customer counts as not
    reached. The customer named a time: then, and the call does not count. Never in quiet hours
    (AP-09). Raises NotFound, AlreadyAsked, NotYetByPerson, NotTaken, TakenByOther, CallAgainPast.
    """
    calls = await _calls(ctx, args.follow_up_id)
    _mine(ctx, calls[0])
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    most = await configuration.value(ctx.session, ctx.region_id, rules.TRIES)
    again = args.again_at
    if again is None:
        again = ctx.now + await configuration.duration(ctx.session, ctx.region_id, rules.AGAIN)
    elif not ctx.now <= again <= max(calls[0].latest_at, ctx.now + A_DAY):
        raise CallAgainPast(latest=calls[0].latest_at.isoformat())
    for row in calls:
        if row.taken_by != ctx.actor.id:
            continue
        row.tried_at, row.taken_by, row.taken_at = ctx.now, None, None
        row.call_at = quiet.end_after(again) if quiet.covers(again) else again
        row.tries += args.again_at is None
        if row.tries >= most:
            row.state = State.UNREACHED.value
    return calls[0]


class AnswerFollowUp(Args):
    model_config = shown(
        follow_up_id="01938f5e-0000-7000-8000-000000000001",
        satisfaction="dissatisfied",
        reason="not_solved",
        words="It works in the kitchen only",
    )
    follow_up_id: UUID = Field(description="The follow-up that was made.")
    satisfaction: Satisfaction = Field(description="What the customer said.")
    reason: Text | None = Field(
        None, max_length=64, description="Of the list; needed with dissatisfied."
    )
    words: Text | None = Field(None, max_length=1000, description="The customer's own words.")


@command("follow_up.answer", permission=HANDLE, subject="follow_up_id")
async def answer(ctx: Context, args: AnswerFollowUp) -> Outcome:
    """Write down what a customer said to a person; dissatisfied opens a care task (FO-03).

    Raises NotFound, AlreadyAsked, NotYetByPerson, NotTaken, TakenByOther, ReasonMissing,
    ReasonUnknown, WordsMissing.
    """
    row = (await _calls(ctx, args.follow_up_id))[0]
    _mine(ctx, row)
    if args.satisfaction is Satisfaction.DISSATISFIED and args.reason is None:
        raise ReasonMissing
    row.answered_by = ctx.actor.id
    return await take_answer(ctx, row, args.satisfaction, "person", args.reason, args.words)


class AnswerAutomatic(Args):
    follow_up_id: UUID = Field(description="The follow-up that the message was about.")
    satisfaction: Satisfaction = Field(description="What the customer chose.")
    channel: rules.AnswerChannel = Field(description="By which way it came back.")
    reason: Text | None = Field(None, max_length=64, description="Of the list, if chosen.")
    words: Text | None = Field(None, max_length=1000, description="What the customer wrote.")


@command("follow_up.answer_automatic", permission=HANDLE, subject="follow_up_id")
async def answer_automatic(ctx: Context, args: AnswerAutomatic) -> Outcome:
    """Take an answer that came by link, reply or key; dissatisfied goes to a person (FO-02, FO-03).

    The customer's own ways run it alone. The same answer again changes nothing. Raises NotFound,
    Forbidden, AlreadyAsked, ReasonUnknown, WordsMissing.
    """
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="follow_up:answer_automatic")
    row = await queries.lock_follow_up(ctx.session, ctx.actor.scope(HANDLE), args.follow_up_id)
    if row.state == State.ANSWERED:
        if row.satisfaction == args.satisfaction:
            return row
        raise AlreadyAsked
    if row.state in rules.OVER:
        raise AlreadyAsked
    return await take_answer(ctx, row, args.satisfaction, args.channel, args.reason, args.words)


class HandOver(Args):
    follow_up_id: UUID = Field(description="The follow-up that no message can make.")
    words: Text | None = Field(None, max_length=1000, description="What the customer wrote.")


@command("follow_up.hand_over", permission=HANDLE, subject="follow_up_id")
async def hand_over(ctx: Context, args: HandOver) -> Outcome:
    """Hand a follow-up to a person: no message reaches the customer, or their words are not plain.

    FO-02: the messages alone run it; one that is over stays as it is. Raises NotFound,
    Forbidden.
    """
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="follow_up:hand_over")
    row = await queries.lock_follow_up(ctx.session, ctx.actor.scope(HANDLE), args.follow_up_id)
    if row.state in rules.OVER:
        return []
    await hand_over_with(ctx, row, args.words)
    return row


async def hand_over_with(ctx: Context, row: FollowUp, words: str | None) -> None:
    """Let a person ask, with what the customer wrote, if anything; the caller holds the row."""
    row.words = words or row.words
    if row.state != State.TO_CALL:
        await to_a_person(ctx, row)


async def take_answer(
    ctx: Context,
    row: FollowUp,
    said: Satisfaction,
    channel: rules.AnswerChannel,
    reason: str | None,
    words: str | None,
) -> Outcome:
    """Write an answer into a locked follow-up, and open the care of a dissatisfied customer."""
    dissatisfied = said is Satisfaction.DISSATISFIED
    if reason is not None and reason not in rules.reasons():
        raise ReasonUnknown(reason=reason)
    if dissatisfied and reason == rules.OTHER and not words:
        raise WordsMissing
    row.state, row.satisfaction = State.ANSWERED.value, said.value
    row.reason = reason if dissatisfied else None
    row.words = words or row.words
    row.answered_at, row.answer_channel = ctx.now, channel
    rows: list[FollowUp | CareTask] = [row]
    if dissatisfied:
        within = await configuration.duration(ctx.session, ctx.region_id, rules.CARE_DUE)
        task = CareTask(
            region_id=ctx.region_id,
            follow_up_id=row.id,
            customer_id=row.customer_id,
            centre_id=row.centre_id,
            opened_at=ctx.now,
            due_at=ctx.now + within,
        )
        ctx.add(task)
        rows.append(task)
    await ctx.emit(
        FollowUpAnswered(
            row.id,
            row.customer_id,
            row.order_id,
            row.visit_id,
            said.value,
            row.reason,
            row.centre_id,
        )
    )
    return rows
