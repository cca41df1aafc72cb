"""What customers say: to a person, by the link of a message, or by a reply to it (FO-03)."""

from uuid import UUID

from pydantic import Field

from fieldops.followups import queries, rules
from fieldops.followups.errors import (
    AlreadyAsked,
    NotYetByPerson,
    ReasonMissing,
    ReasonUnknown,
    TakenByOther,
)
from fieldops.followups.events import FollowUpAnswered
from fieldops.followups.models import CareTask, FollowUp
from fieldops.followups.rules import Satisfaction, State
from fieldops.kernel import configuration
from fieldops.kernel.commands import Args, Context, Outcome, Text, command, shown
from fieldops.kernel.permissions import Permission

HANDLE = Permission.FOLLOW_UP_HANDLE


async def _open(ctx: Context, follow_up_id: UUID) -> FollowUp:
    """Return a follow-up that a person asks now, locked; raises what keeps them from it."""
    row = await queries.lock_follow_up(ctx.session, ctx.actor.scope(HANDLE), follow_up_id)
    if row.state in {State.ANSWERED, State.UNREACHED}:
        raise AlreadyAsked
    if row.state == State.WAITING:
        raise NotYetByPerson
    return row


class TakeFollowUp(Args):
    follow_up_id: UUID = Field(description="The follow-up to be made.")
    instead: bool = Field(default=False, description="Take it over from whoever has it.")


@command("follow_up.take", permission=HANDLE, subject="follow_up_id")
async def take(ctx: Context, args: TakeFollowUp) -> FollowUp:
    """Take a call, so that no second person makes it (FO-04).

    Raises NotFound, AlreadyAsked, NotYetByPerson, TakenByOther.
    """
    row = await _open(ctx, args.follow_up_id)
    if row.taken_by not in {None, ctx.actor.id} and not args.instead:
        raise TakenByOther
    if row.taken_by != ctx.actor.id:
        row.taken_by, row.taken_at = ctx.actor.id, ctx.now
    return row


class NoteTry(Args):
    follow_up_id: UUID = Field(description="The follow-up that was tried.")


@command("follow_up.note_try", permission=HANDLE, subject="follow_up_id")
async def note_try(ctx: Context, args: NoteTry) -> FollowUp:
    """Note a call that reached nobody; after so many the customer counts as not reached (FO-02).

    Raises NotFound, AlreadyAsked, NotYetByPerson, TakenByOther.
    """
    row = await _open(ctx, args.follow_up_id)
    if row.taken_by not in {None, ctx.actor.id}:
        raise TakenByOther
    most = await configuration.value(ctx.session, ctx.region_id, rules.TRIES)
    row.tries += 1
    row.tried_at, row.taken_by, row.taken_at = ctx.now, None, None
    if row.tries >= most:
        row.state = State.UNREACHED.value
    return row


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

    Raises NotFound, AlreadyAsked, NotYetByPerson, TakenByOther, ReasonMissing, ReasonUnknown.
    """
    row = await _open(ctx, args.follow_up_id)
    if row.taken_by not in {None, ctx.actor.id}:
        raise TakenByOther
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
    """Take an answer that came by link or reply; dissatisfied goes to a person (FO-02, FO-03).

    The same answer again changes nothing. Raises NotFound, AlreadyAsked, ReasonUnknown.
    """
    row = await queries.lock_follow_up(ctx.session, ctx.actor.scope(HANDLE), args.follow_up_id)
    if row.state == State.ANSWERED:
        if row.satisfaction == args.satisfaction:
            return row
        raise AlreadyAsked
    return await take_answer(ctx, row, args.satisfaction, args.channel, args.reason, args.words)


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
    row.state, row.satisfaction = State.ANSWERED.value, said.value
    row.reason = reason if dissatisfied else None
    row.words = words
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
