"""Ask customers by message how it went, and take what they answer (FO-02, FO-03)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.followups import queries as followups
from fieldops.followups.commands import answering
from fieldops.followups.events import FollowUpPlanned
from fieldops.followups.models import FollowUp
from fieldops.followups.rules import OVER, AnswerChannel, Satisfaction
from fieldops.kernel import actor, commands
from fieldops.kernel.commands import Context, Envelope
from fieldops.kernel.ids import new_id
from fieldops.notifications.models import Message

SHOWN = 1000  # characters of a reply that a follow-up keeps


def plan(ctx: Context, event: FollowUpPlanned) -> None:
    """Plan the question about a finished matter: once, by its key (AP-10)."""
    if not event.by_message or event.visit_id is None:
        return
    ctx.add(
        Message(
            region_id=ctx.region_id,
            visit_id=event.visit_id,
            follow_up_id=event.follow_up_id,
            customer_id=event.customer_id,
            centre_id=event.centre_id,
            kind="follow_up",
            dedupe_key=f"follow_up:{event.follow_up_id}",
            state="planned",
            due_at=event.ask_at,
            not_after=event.until,
            quiet_exempt=False,
            window_start=event.ask_at,
            window_end=event.until,
            attempts=0,
        )
    )


async def lock_waiting(session: AsyncSession, message: Message) -> FollowUp | None:
    """Return the follow-up of a question, held until the caller's transaction ends.

    None when nobody waits for the answer any more: a person asks, or the customer has answered.
    """
    if message.follow_up_id is None:
        return None
    return await followups.lock_waiting(session, message.region_id, message.follow_up_id)


async def hand_over(
    session: AsyncSession, region_id: int, follow_up_id: UUID, now: datetime
) -> None:
    """Have a person ask whom no message reaches."""
    envelope = Envelope(new_id(), "follow_up.hand_over", {"follow_up_id": str(follow_up_id)})
    await commands.run(session, actor.system(region_id), envelope, now)


async def take(ctx: Context, follow_up_id: UUID, said: str, channel: AnswerChannel) -> bool:
    """Take a customer's answer; False when another one was taken before."""
    row = await followups.lock_for_answer(ctx.session, ctx.region_id, follow_up_id)
    if row.state in OVER:
        return row.satisfaction == said
    await answering.take_answer(ctx, row, Satisfaction(said), channel, None, None)
    return True


async def take_words(ctx: Context, follow_up_id: UUID, words: str) -> None:
    """Have a person ask whose reply is not plain, with what they wrote at hand."""
    row = await followups.lock_for_answer(ctx.session, ctx.region_id, follow_up_id)
    if row.state not in OVER:
        await answering.hand_over_with(ctx, row, words[:SHOWN])
