"""Take what customers send us: replies by text message, keys pressed in automatic calls (AP-04)."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import Field

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.commands import ladder
from fieldops.appointments.commands.tasks import open_task
from fieldops.appointments.rules import AnswerChannel
from fieldops.customers import pii
from fieldops.customers.rules import digits_of
from fieldops.kernel import configuration
from fieldops.kernel.actor import Kind
from fieldops.kernel.commands import Args, Context, Outcome, Text, command
from fieldops.kernel.errors import Forbidden, NotFound
from fieldops.kernel.permissions import Permission
from fieldops.notifications import queries, replies, rules
from fieldops.notifications.commands import asking, delivery
from fieldops.notifications.models import Message
from fieldops.visits import queries as visits
from fieldops.visits.models import Visit
from fieldops.visits.rules import UNDER_WAY
from fieldops.visits.rules import State as VisitState

SHOWN = 300  # characters of a reply that a call task repeats
RECONFIRM = Permission.APPOINTMENT_RECONFIRM


class TakeReply(Args):
    number: Text = Field(min_length=1, max_length=40)
    words: Text = Field(max_length=4000)
    joined_by: int | None = None
    part: int | None = Field(None, ge=1, le=255)
    parts: int | None = Field(None, ge=2, le=255)


@command("reply.take", permission=RECONFIRM)
async def take_reply(ctx: Context, args: TakeReply) -> Outcome:
    """Take a text message that came in; an answer to the open question counts (AP-03, AP-04).

    The text channel alone runs it. Words that are not plain, and answers to nothing or to
    several questions, go to a person; of unknown numbers they are listed. The same text again
    within the time in which centres repeat themselves changes nothing.
    """
    if ctx.actor.kind is not Kind.SYSTEM:
        raise Forbidden(permission="reply:take")
    number = digits_of(args.number) or args.number
    words = args.words
    if args.parts is not None:
        whole = await _join(ctx, number, args)
        if whole is None:
            return None
        words = whole
    return await _take(ctx, number, words)


async def _join(ctx: Context, number: str, args: TakeReply) -> str | None:
    """Keep a part of a long text; return the whole text when this was the last one missing."""
    joined_by, parts, part = args.joined_by or 0, args.parts or 1, args.part or 1
    known = await pii.parts_of(ctx.session, ctx.region_id, number, joined_by, parts)
    if all(row.part != part for row in known):
        row = _text_of(ctx, number, args.words, "part")
        row.joined_by, row.part, row.parts = joined_by, part, parts
        ctx.add(row)
        known.append(row)
    if len(known) < parts:
        return None
    known.sort(key=lambda row: row.part or 0)
    words = "".join(row.words for row in known)
    for row in known:
        if row in ctx.session.new:
            ctx.session.expunge(row)
        else:
            await ctx.session.delete(row)
    return words


def _text_of(ctx: Context, number: str, words: str, state: str) -> pii.IncomingText:
    return pii.IncomingText(
        region_id=ctx.region_id, number=number, words=words, received_at=ctx.now, state=state
    )


async def _take(ctx: Context, number: str, words: str) -> Outcome:
    row = _text_of(ctx, number, words, "unknown")
    within = await configuration.duration(ctx.session, ctx.region_id, rules.REPLY_REPEATED)
    last = await pii.last_incoming(ctx.session, ctx.region_id, number)
    ctx.add(row)
    if last is not None and last.words == words and ctx.now - last.received_at < within:
        row.state, row.customer_id, row.centre_id = "repeated", last.customer_id, last.centre_id
        row.visit_id, row.seen_at = last.visit_id, ctx.now
        return row
    customers = await pii.customers_of_number(ctx.session, ctx.region_id, number)
    asked = await queries.open_questions(ctx.session, ctx.region_id, customers, ctx.now)
    hows = await queries.open_follow_ups(ctx.session, ctx.region_id, customers, ctx.now)
    waiting = [how for how in hows if how.satisfaction is None]
    if len(customers) == 1:
        row.customer_id = customers[0]
    row.meaning, said = replies.meaning(words), replies.satisfaction(words)
    # What could answer a question about a visit and one about how it went answers neither.
    if row.meaning == "stop":
        await _stop(ctx, row, customers)
    elif row.meaning is not None and len(asked) == 1 and not (said and waiting):
        await _answer(ctx, row, asked[0], row.meaning)
    elif said is not None and len(waiting) == 1 and not (row.meaning and asked):
        row.meaning = said
        await _answered_how(ctx, row, waiting[0], said)
    elif waiting and not asked:
        row.meaning = None
        await _written_how(ctx, row, waiting)
    elif said is not None and not asked and any(how.satisfaction == said for how in hows):
        row.state, row.seen_at, row.visit_id = "repeated", ctx.now, hows[0].visit_id
    else:
        await _ask_a_person(ctx, row, customers, asked)
    return row


async def _answered_how(
    ctx: Context, row: pii.IncomingText, how: queries.AskedHow, said: str
) -> None:
    """Take a reply as the answer of how it went (FO-03)."""
    await _about(ctx, row, how)
    row.state = "answered"
    await asking.take(ctx, how.id, said, "reply")


async def _written_how(
    ctx: Context, row: pii.IncomingText, hows: Sequence[queries.AskedHow]
) -> None:
    """Have a person ask whose words are not plain, or who was asked about several matters."""
    await _about(ctx, row, hows[0])
    row.state = "unclear"
    for how in hows:
        await asking.take_words(ctx, how.id, row.words)


async def _about(ctx: Context, row: pii.IncomingText, how: queries.AskedHow) -> None:
    visit = await queries.visit_row(ctx.session, ctx.region_id, how.visit_id)
    row.customer_id, row.centre_id, row.visit_id = visit.customer_id, visit.centre_id, visit.id
    row.seen_at = ctx.now


async def _stop(ctx: Context, row: pii.IncomingText, customers: Sequence[UUID]) -> None:
    """Put the number on the stop list; what is critical reaches its owner by a person."""
    row.state, row.seen_at = "stopped", ctx.now
    visit = await _latest_visit(ctx, customers)
    row.centre_id = visit.centre_id if visit else None
    await pii.stop_number(ctx, row.number, row.customer_id, row.centre_id)


async def _answer(ctx: Context, row: pii.IncomingText, visit_id: UUID, said: str) -> None:
    visit = await visits.lock_visit(ctx.session, ctx.actor.scope(RECONFIRM), visit_id)
    row.customer_id, row.centre_id, row.visit_id = visit.customer_id, visit.centre_id, visit.id
    row.state, row.seen_at = "answered", ctx.now
    if not await answer(ctx, visit, said, "text_reply"):
        row.state = "unclear"
        await _call_about(ctx, visit, row.words)


async def answer(ctx: Context, visit: Visit, said: str, channel: AnswerChannel) -> bool:
    """Let the open promise of a locked visit follow an answer; the same again changes nothing.

    False: there is no open promise that could follow, or the technician is under way; then only
    a cancellation is taken, as by the link.
    """
    appointment = await appointments.lock_open(ctx.session, ctx.region_id, visit.id)
    under_way = VisitState(visit.state) in UNDER_WAY
    if appointment is None or (under_way and said != "cancelled"):
        return False
    if appointment.state != said:
        meant: appointment_rules.Answer = said  # type: ignore[assignment]
        await ladder.take_answer(ctx, visit, appointment, meant, channel)
    return True


async def _ask_a_person(
    ctx: Context, row: pii.IncomingText, customers: Sequence[UUID], asked: Sequence[UUID]
) -> None:
    """Have a person call about a reply; without any visit it is listed as unknown."""
    visit: Visit | None
    if asked:
        visit = await visits.lock_visit(ctx.session, ctx.actor.scope(RECONFIRM), asked[0])
    else:
        visit = await _latest_visit(ctx, customers)
    if visit is None:
        return
    row.state, row.visit_id, row.centre_id = "unclear", visit.id, visit.centre_id
    row.customer_id, row.seen_at = visit.customer_id, ctx.now
    await _call_about(ctx, visit, row.words)


async def _call_about(ctx: Context, visit: Visit, words: str) -> None:
    appointment = await appointments.lock_open(ctx.session, ctx.region_id, visit.id)
    await open_task(
        ctx, visit, "reply", ctx.now, appointment=appointment, subject=words[:SHOWN] or None
    )


async def _latest_visit(ctx: Context, customers: Sequence[UUID]) -> Visit | None:
    """Return the visit a customer most likely writes about, locked: the last one planned."""
    visit_id = await queries.latest_visit(ctx.session, ctx.region_id, customers)
    if visit_id is None:
        return None
    return await visits.lock_visit(ctx.session, ctx.actor.scope(RECONFIRM), visit_id)


VoiceOutcome = Literal["answered", "no_answer", "busy", "failed"]


class RecordVoiceResult(Args):
    message_id: UUID = Field(description="The `id` that the call was asked for with.")
    call: Text = Field(
        min_length=1, max_length=200, description="The platform's name for the call."
    )
    outcome: VoiceOutcome = Field(description="What came of the call.")
    key: Text | None = Field(
        None, pattern=r"^[0-9*#]$", description="The key that was pressed, if any."
    )


@command("message.record_voice_result", permission=Permission.NOTIFICATION_REPORT)
async def record_voice_result(ctx: Context, args: RecordVoiceResult) -> Outcome:
    """Take what came of an automatic call; an answer by key counts as the customer's (AP-04).

    A call that did not reach the customer makes the next channel be tried. The same result again
    changes nothing. Raises NotFound for a message that had no such call.
    """
    scope = ctx.actor.scope(Permission.NOTIFICATION_REPORT)
    known = await queries.message(ctx.session, scope, args.message_id)
    await queries.lock_visit(ctx.session, ctx.region_id, known.visit_id)  # it may be being sent
    state = args.outcome.upper()
    fresh = await queries.receipt_by_reference(ctx.session, ctx.region_id, "voice", args.call)
    if fresh is None or fresh[1] != known.id:
        raise NotFound(thing="call")
    if fresh[0].state is not None:
        return known
    await delivery.note_receipt(ctx.session, ctx.region_id, "voice", args.call, state, ctx.now)
    if args.outcome == "answered" and known.follow_up_id is not None:
        await _take_how(ctx, known.follow_up_id, args.key)
    elif args.outcome == "answered" and args.key is not None and known.kind == "reconfirmation":
        await _take_key(ctx, known, args.key)
    return known


async def _take_how(ctx: Context, follow_up_id: UUID, key: str | None) -> None:
    """Take a key as the answer of how it went; a call without one goes to a person (FO-02)."""
    said = replies.satisfaction_of_key(key)
    if said is not None:
        await asking.take(ctx, follow_up_id, said, "voice")
    else:
        await asking.hand_over(ctx.session, ctx.region_id, follow_up_id, ctx.now)


async def _take_key(ctx: Context, message: Message, key: str) -> None:
    visit = await queries.visit_row(ctx.session, ctx.region_id, message.visit_id)
    meaning = replies.meaning_of_key(key)
    present = meaning is not None and visit.window_start == message.window_start
    if not present or not await answer(ctx, visit, str(meaning), "voice"):
        await _call_about(ctx, visit, f"key {key}")
