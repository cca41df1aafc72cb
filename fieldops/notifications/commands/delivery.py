"""Send what is due, once: claim and commit, send, record and commit (AP-10)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import links
from fieldops.appointments import queries as appointments
from fieldops.appointments.links import Purpose
from fieldops.appointments.rules import LINK_KEPT
from fieldops.customers import pii
from fieldops.kernel import actor, commands, configuration
from fieldops.kernel.commands import Envelope
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.notifications import queries, rules
from fieldops.notifications.channels import Outgoing
from fieldops.notifications.commands import planning
from fieldops.notifications.models import DeliveryAttempt, Message
from fieldops.notifications.wording import Text, render


@dataclass(frozen=True, slots=True)
class Claim:
    """A message this worker is about to send, and by which channel."""

    channel: str
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class PutOff:
    """The next due message was not sent now: moved, expired or failed; look for another."""


async def claim(
    session: AsyncSession, settings: Settings, region_id: int, now: datetime
) -> Claim | PutOff | None:
    """Take the message that is due the longest; None when none is due.

    The caller commits before it sends: a worker that dies then leaves `sending` behind.
    """
    message = await queries.lock_due(session, region_id, now)
    if message is None:
        return None
    quiet = await appointments.quiet_hours(session, region_id)
    if quiet.covers(now) and not message.quiet_exempt:
        message.due_at = quiet.end_after(now)
    if now >= message.not_after or message.due_at >= message.not_after:
        _end(message, "expired", now, "too late to be of use")
        return PutOff()
    if message.due_at > now:
        return PutOff()
    occasion = await queries.occasion(session, region_id, message.visit_id)
    if message.dedupe_key not in planning.keys(occasion):
        # It was being sent while the visit changed, and comes back from a peer that was away.
        _end(message, "cancelled", now, "the visit has changed")
        return PutOff()
    way = await _way(session, settings, message)
    if way is None:
        _end(message, "failed", now, "no channel reaches the customer")
        await _ask_a_person(session, message, now)
        return PutOff()
    channel, address = way
    text = await _text(session, settings, message, quiet.zone)
    message.state, message.claimed_at, message.channel = "sending", now, channel
    message.attempts += 1
    session.add(
        DeliveryAttempt(
            region_id=region_id,
            message_id=message.id,
            centre_id=message.centre_id,
            number=message.attempts,
            channel=channel,
            started_at=now,
        )
    )
    return Claim(channel, Outgoing(message.id, address, text.subject, text.text, text.locale))


async def _way(
    session: AsyncSession, settings: Settings, message: Message
) -> tuple[str, str] | None:
    """Return the first configured channel that has an address and has not refused it."""
    contact = await pii.contact_for_message(session, message.region_id, message.customer_id)
    phone, email = (contact.phone, contact.email) if contact else (None, None)
    addresses = {"sms": phone, "email": email, "file": phone or email or "no address"}
    refused: set[str] = set()
    if message.attempts:
        refused = await queries.refused_channels(session, message.region_id, message.id)
    for channel in settings.message_channels:
        address = addresses.get(channel)
        if address and channel not in refused:
            return channel, address
    return None


async def _text(
    session: AsyncSession, settings: Settings, message: Message, zone: ZoneInfo
) -> Text:
    values = {
        "start": message.window_start,
        "end": message.window_end,
        "expected": message.expected_arrival,
        "technician": message.technician_name,
        "certificate": message.certificate_number,
    }
    if message.appointment_id is not None:
        window = message.window_start, message.window_end
        kept = await configuration.duration(session, message.region_id, LINK_KEPT)
        link = links.Link.made(
            Purpose.ANSWER, message.region_id, message.appointment_id, window, kept
        )
        token = links.sign(settings.secret.get_secret_value(), link)
        values["link"] = f"{settings.public_url}/a/{token}"
    locale = await queries.locale_of(session, message.region_id, message.customer_id)
    return render(message.kind, locale, values, zone)


async def record(
    session: AsyncSession,
    region_id: int,
    message_id: UUID,
    outcome: rules.AttemptOutcome,
    now: datetime,
    *,
    reference: str | None = None,
    reason: str | None = None,
) -> None:
    """Write what came of a try that this worker made.

    Certainly not sent: planned again, later, until the tries are used up or another channel is
    tried. Unknown: never sent again by itself, unless the channel may repeat.
    """
    message = await queries.lock_message(session, region_id, message_id)
    if message.state != "sending":  # another worker took it for left behind; its word stands
        return
    attempt = await queries.last_attempt(session, region_id, message_id)
    attempt.ended_at, attempt.outcome, attempt.reference = now, outcome, reference
    if outcome == "sent":
        _end(message, "sent", now, None)
    elif outcome == "unknown":
        await _doubt(session, message, now, reason or "no answer")
    else:
        await _try_later(session, message, now, reason, again_at_once=outcome == "refused")


async def _try_later(
    session: AsyncSession,
    message: Message,
    now: datetime,
    reason: str | None,
    *,
    again_at_once: bool,
) -> None:
    most = await configuration.value(session, message.region_id, rules.MOST_ATTEMPTS)
    if message.attempts >= most:
        _end(message, "failed", now, reason)
        await _ask_a_person(session, message, now)
        return
    message.state, message.ended_reason = "planned", reason
    message.due_at = now if again_at_once else rules.retry_at(now, message.attempts)


async def _doubt(session: AsyncSession, message: Message, now: datetime, reason: str) -> None:
    """Decide about a message that may or may not have gone out (docs/messages.md)."""
    if message.channel in rules.REPEATABLE_CHANNELS:
        message.state, message.due_at = "planned", now
        return
    _end(message, "uncertain", now, reason)
    await _ask_a_person(session, message, now)


def _end(message: Message, state: rules.State, now: datetime, reason: str | None) -> None:
    message.state, message.ended_at, message.ended_reason = state, now, reason


async def recover(session: AsyncSession, region_id: int, now: datetime) -> int:
    """Decide about messages whose worker died while sending; return how many there were."""
    lease = await configuration.duration(session, region_id, rules.SEND_LEASE)
    abandoned = await queries.lock_abandoned(session, region_id, now - lease)
    for message in abandoned:
        attempt = await queries.last_attempt(session, region_id, message.id)
        attempt.ended_at, attempt.outcome = now, "unknown"
        await _doubt(session, message, now, "the worker ended while sending")
    return len(abandoned)


async def _ask_a_person(session: AsyncSession, message: Message, now: datetime) -> None:
    """Open a call task: a person tells the customer what a message did not surely tell."""
    args = {
        "visit_id": str(message.visit_id),
        "kind": "message_uncertain",
        "due_at": now.isoformat(),
        "subject": f"{message.kind} {message.state}",
    }
    envelope = Envelope(new_id(), "call_task.open", args)
    await commands.run(session, actor.system(message.region_id), envelope, now)


async def note_receipt(
    session: AsyncSession, region_id: int, channel: str, reference: str, state: str
) -> bool:
    """Write a delivery receipt into the log; False when this region knows no such message."""
    attempt = await queries.attempt_by_reference(session, region_id, channel, reference)
    if attempt is None:
        return False
    attempt.receipt = state
    return True
