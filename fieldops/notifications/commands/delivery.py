"""Send what is due, once: claim and commit; then, with the visit held, send and record (AP-10)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.appointments import links
from fieldops.appointments import queries as appointments
from fieldops.appointments.links import Purpose
from fieldops.appointments.rules import LINK_KEPT, REPORT_LINK_KEPT
from fieldops.customers import pii
from fieldops.customers.rules import digits_of
from fieldops.followups import rules as followup_rules
from fieldops.kernel import actor, commands, configuration
from fieldops.kernel.commands import Envelope
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings
from fieldops.notifications import queries, rules
from fieldops.notifications.channels import Outgoing
from fieldops.notifications.commands import asking, planning
from fieldops.notifications.models import DeliveryAttempt, Message, Receipt
from fieldops.notifications.queries import Occasion
from fieldops.notifications.wording import AsksBy, Text, language_of, render
from fieldops.visits.queries.kinds import kinds_apart

LOOKED_AT = 20  # due messages looked at for one whose visit nobody works on
TASKS: dict[str, str] = {"reconfirmation": "reconfirm"}


@dataclass(frozen=True, slots=True)
class Claim:
    """A message this worker is about to send, and by which channel."""

    message_id: UUID
    visit_id: UUID
    channel: str


@dataclass(frozen=True, slots=True)
class PutOff:
    """The next due message was not sent now: moved, expired or failed; look for another."""


async def claim(
    session: AsyncSession, settings: Settings, region_id: int, now: datetime
) -> Claim | PutOff | None:
    """Take the message that is due the longest; None when none is due or all are worked on.

    The caller commits before it sends: a worker that dies then leaves `sending` behind.
    """
    message = await _next(session, region_id, now)
    if message is None:
        return None
    if not await _timely(session, message, now):
        return PutOff()
    occasion = await queries.occasion(session, region_id, message.visit_id)
    if not await _fits(session, message, occasion):
        # It was being sent while the visit changed, and comes back from a peer that was away.
        _end(message, "cancelled", now, "the visit has changed")
        return PutOff()
    way = await _way(session, settings, message)
    if way is None or way == "person":
        await _leave_to_a_person(session, message, now, by_ladder=way == "person")
        return PutOff()
    message.state, message.claimed_at, message.channel = "sending", now, way
    _log(session, message, way, now)
    return Claim(message.id, message.visit_id, way)


async def _fits(session: AsyncSession, message: Message, occasion: Occasion) -> bool:
    """Return whether a message is still right: for its visit, or for the follow-up it asks."""
    if message.kind == "follow_up":
        return await asking.lock_waiting(session, message) is not None
    return planning.fits(message, occasion)


async def _next(session: AsyncSession, region_id: int, now: datetime) -> Message | None:
    """Return the due message to look at, locked behind its visit, as every command locks them."""
    for message_id, visit_id in await queries.due(session, region_id, now, LOOKED_AT):
        if await queries.lock_visit(session, region_id, visit_id, wait=False):
            message = await queries.lock_message(session, region_id, message_id)
            if message.state == "planned" and message.due_at <= now:
                return message
    return None


async def _timely(session: AsyncSession, message: Message, now: datetime) -> bool:
    """Return whether a message may go out now: not in quiet hours (AP-09), and not too late."""
    quiet = await appointments.quiet_hours(session, message.region_id)
    if quiet.covers(now) and not message.quiet_exempt:
        message.due_at = quiet.end_after(now)
    if now >= message.not_after or message.due_at >= message.not_after:
        _end(message, "expired", now, "too late to be of use")
        return False
    return message.due_at <= now


async def _way(session: AsyncSession, settings: Settings, message: Message) -> str | None:
    """Return the step's first way that has an address and has not failed; None without one.

    Ways that the installation does not have are left out. Who is on the stop list is reached by
    a person.
    """
    contact = await _reachable(session, message)
    if contact is None:
        return None
    failed: set[str] = set()
    if message.attempts:
        most = await configuration.value(session, message.region_id, rules.MOST_ATTEMPTS)
        failed = await queries.failed_channels(session, message.region_id, message.id, round(most))
    for way in message.ways or settings.message_channels:
        if way == "person":
            return way
        if way in settings.message_channels and way not in failed and _address(contact, way):
            return way
    return None


async def _reachable(session: AsyncSession, message: Message) -> pii.Addresses | None:
    """Return where a customer may be written to by machine; None: not at all."""
    found = await pii.addresses_for_message(session, message.region_id, message.customer_id)
    return None if found.stopped else found


def _address(contact: pii.Addresses, way: str) -> str | None:
    phone, email = contact.phone, contact.email
    return {
        "sms": phone,
        "voice": phone,
        "email": email,
        "file": phone or email or "no address",
    }.get(way)


def _log(session: AsyncSession, message: Message, channel: str, now: datetime) -> DeliveryAttempt:
    message.attempts += 1
    attempt = DeliveryAttempt(
        region_id=message.region_id,
        message_id=message.id,
        centre_id=message.centre_id,
        number=message.attempts,
        channel=channel,
        started_at=now,
    )
    session.add(attempt)
    return attempt


async def hold(
    session: AsyncSession, settings: Settings, region_id: int, taken: Claim, now: datetime
) -> Outgoing | None:
    """Lock a claimed message's visit and return what goes out; None when it must not any more.

    Until this transaction ends nobody cancels or moves the visit: what is sent is right when it
    is sent. The address is read and the text written here, so that an erased customer counts.
    """
    await queries.lock_visit(session, region_id, taken.visit_id)
    message = await queries.lock_message(session, region_id, taken.message_id)
    if message.state != "sending":  # another worker took it for left behind
        return None
    attempt = await queries.last_attempt(session, region_id, message.id)
    occasion = await queries.occasion(session, region_id, message.visit_id)
    if not await _fits(session, message, occasion):
        attempt.ended_at, attempt.outcome = now, "not_sent"
        _end(message, "cancelled", now, "the visit has changed")
        return None
    contact = await _reachable(session, message)
    address = _address(contact, taken.channel) if contact else None
    if address is None or not await _timely(session, message, now):
        attempt.ended_at, attempt.outcome = now, "not_sent"
        if message.state == "sending":  # looked at again: by another way, or when it may
            message.state = "planned"
        return None
    asks_by = await _asks_by(session, settings, message, taken.channel, address, now)
    text = await _text(session, settings, message, occasion, asks_by)
    asks = message.kind in rules.QUESTIONS
    return Outgoing(message.id, address, text.subject, text.text, text.locale, asks=asks)


async def _text(
    session: AsyncSession,
    settings: Settings,
    message: Message,
    occasion: Occasion,
    asks_by: AsksBy | None,
) -> Text:
    quiet = await appointments.quiet_hours(session, message.region_id)
    values = {
        "start": message.window_start,
        "end": message.window_end,
        "expected": message.expected_arrival,
        "arrived": occasion.visit.arrived_at or occasion.visit.expected_arrival,
        "technician": message.technician_name,
        "certificate": message.certificate_number,
    }
    locale = await queries.locale_of(session, message.region_id, message.customer_id)
    if message.kind == "follow_up":
        values |= await _asked(session, settings, message, language_of(locale))
    if message.appointment_id is not None:
        window = message.window_start, message.window_end
        kept = await configuration.duration(session, message.region_id, LINK_KEPT)
        link = links.Link.made(
            Purpose.ANSWER, message.region_id, message.appointment_id, window, kept
        )
        token = links.sign(settings.secret.get_secret_value(), link)
        values["link"] = f"{settings.public_url}/a/{token}"
    if message.kind == "visit_report":
        values["link"] = await _report_link(session, settings, message)
    return render(
        message.kind,
        locale,
        values,
        quiet.zone,
        asks_by=asks_by,
        kinds=() if message.kind == "follow_up" else await kinds_apart(session, occasion.visit),
    )


async def _report_link(session: AsyncSession, settings: Settings, message: Message) -> str:
    """Return the address of a visit's report; the same however often the message is tried."""
    kept = await configuration.duration(session, message.region_id, REPORT_LINK_KEPT)
    since = message.window_end, message.window_end
    link = links.Link.made(Purpose.VISIT_REPORT, message.region_id, message.visit_id, since, kept)
    return f"{settings.public_url}/r/{links.sign(settings.secret.get_secret_value(), link)}"


async def _asked(
    session: AsyncSession, settings: Settings, message: Message, language: str
) -> dict[str, Any]:
    """Return what is said of a matter that is asked about, and the link for the answer."""
    row = await asking.lock_waiting(session, message)
    if row is None:  # the caller holds it
        raise RuntimeError(message.id)
    kept = await configuration.duration(session, message.region_id, LINK_KEPT)
    window = row.ask_at, row.latest_at
    link = links.Link.made(Purpose.FOLLOW_UP, message.region_id, row.id, window, kept)
    token = links.sign(settings.secret.get_secret_value(), link)
    name = followup_rules.names()[row.matter]
    return {
        "start": row.finished_at,
        "matter": name["zh_cn" if language == "zh_CN" else "en"],
        "link": f"{settings.public_url}/f/{token}",
    }


async def _asks_by(
    session: AsyncSession,
    settings: Settings,
    message: Message,
    channel: str,
    address: str,
    now: datetime,
) -> AsksBy | None:
    """Return how a question can be answered beside its link; a sender's name takes no reply.

    While the number has another question open the later one offers no digits: a 1 would answer
    both (docs/messages.md).
    """
    if message.kind not in rules.QUESTIONS:
        return None
    how = message.kind == "follow_up"
    if channel == "voice":
        return "follow_up_keys" if how else "keys"
    if channel != "sms" or not settings.smpp_source.isdigit():
        return None
    region_id = message.region_id
    number = digits_of(address) or address
    customers = await pii.customers_of_number(session, region_id, number)
    visits = await queries.open_questions(session, region_id, customers, now)
    asked = await queries.open_follow_ups(session, region_id, customers, now)
    others = [id_ for id_ in visits if how or id_ != message.visit_id]
    others += [o.id for o in asked if o.satisfaction is None and o.id != message.follow_up_id]
    if others:
        return None
    return "follow_up_reply" if how else "reply"


async def record(
    session: AsyncSession,
    region_id: int,
    message_id: UUID,
    outcome: rules.AttemptOutcome,
    now: datetime,
    *,
    references: tuple[str, ...] = (),
    reason: str | None = None,
) -> None:
    """Write what came of a try that this worker made, with the peer's names for its parts.

    Certainly not sent: planned again, later, until the tries are used up or another channel is
    tried. Unknown: never sent again by itself, unless the channel may repeat.
    """
    message = await _locked(session, region_id, message_id)
    if message is None or message.state != "sending":
        return  # another worker took it for left behind; its word stands
    attempt = await queries.last_attempt(session, region_id, message_id)
    attempt.ended_at, attempt.outcome = now, outcome
    attempt.reference = references[0] if references else None
    if outcome == "sent":
        _end(message, "sent", now, None)
        _await_receipts(session, message, attempt, references, now)
    elif outcome == "unknown":
        await _doubt(session, message, now, reason or "no answer")
    else:
        await _try_later(session, message, now, reason, again_at_once=outcome == "refused")


async def _locked(session: AsyncSession, region_id: int, message_id: UUID) -> Message | None:
    """Return a message locked behind its visit, None when there is no such message."""
    visit_id = await queries.visit_of(session, region_id, message_id)
    if visit_id is None:
        return None
    await queries.lock_visit(session, region_id, visit_id)
    return await queries.lock_message(session, region_id, message_id)


def _await_receipts(
    session: AsyncSession,
    message: Message,
    attempt: DeliveryAttempt,
    references: tuple[str, ...],
    now: datetime,
) -> None:
    if attempt.channel not in rules.WITH_RECEIPTS:
        return
    for reference in references:
        session.add(
            Receipt(
                region_id=message.region_id,
                attempt_id=attempt.id,
                centre_id=message.centre_id,
                channel=attempt.channel,
                reference=reference,
            )
        )
    if message.receipt_minutes is not None:
        message.receipt_due_at = now + timedelta(minutes=message.receipt_minutes)


async def _try_later(
    session: AsyncSession,
    message: Message,
    now: datetime,
    reason: str | None,
    *,
    again_at_once: bool,
) -> None:
    """Plan what certainly did not go out again: by the same channel later, or the next at once."""
    most = await configuration.value(session, message.region_id, rules.MOST_ATTEMPTS)
    tries = await queries.attempts(session, message.region_id, message.id)
    same = sum(a.channel == message.channel for a in tries)
    message.state, message.ended_reason = "planned", reason
    again_at_once = again_at_once or same >= most
    message.due_at = now if again_at_once else rules.retry_at(now, same)


async def _doubt(session: AsyncSession, message: Message, now: datetime, reason: str) -> None:
    """Decide about a message that may or may not have gone out (docs/messages.md)."""
    if message.channel in rules.REPEATABLE_CHANNELS:
        message.state, message.due_at = "planned", now
        return
    _end(message, "uncertain", now, reason)
    await _ask_a_person(session, message, now)


async def _leave_to_a_person(
    session: AsyncSession, message: Message, now: datetime, *, by_ladder: bool
) -> None:
    """Hand a step to a person: the ladder says so, or no machine may or can reach the customer."""
    found = await pii.addresses_for_message(session, message.region_id, message.customer_id)
    if found.stopped and message.kind not in rules.SERVICE_CRITICAL:
        _end(message, "cancelled", now, "the customer wants no messages")
        return
    if not by_ladder and not found.stopped:
        _end(message, "failed", now, "no channel reaches the customer")
        await _ask_a_person(session, message, now)
        return
    attempt = _log(session, message, "person", now)
    attempt.ended_at, attempt.outcome = now, "sent"
    message.channel = "person"
    why = "the customer wants no messages" if found.stopped else None
    _end(message, "by_person", now, why)
    await _ask_a_person(session, message, now, kind=TASKS.get(message.kind, "tell"))


def _end(message: Message, state: rules.State, now: datetime, reason: str | None) -> None:
    message.state, message.ended_at, message.ended_reason = state, now, reason
    message.receipt_due_at = None


async def recover(session: AsyncSession, region_id: int, now: datetime) -> int:
    """Decide about messages whose worker died while sending; return how many there were."""
    lease = await configuration.duration(session, region_id, rules.SEND_LEASE)
    done = 0
    for message_id, visit_id in await queries.abandoned(session, region_id, now - lease):
        if not await queries.lock_visit(session, region_id, visit_id, wait=False):
            continue  # it is being sent at this very moment, or somebody works on its visit
        message = await queries.lock_message(session, region_id, message_id)
        if message.state != "sending":
            continue
        attempt = await queries.last_attempt(session, region_id, message.id)
        attempt.ended_at, attempt.outcome = now, "unknown"
        await _doubt(session, message, now, "the worker ended while sending")
        done += 1
    return done


async def miss_receipts(session: AsyncSession, region_id: int, now: datetime) -> None:
    """Have a person ask after messages whose receipt should have come and did not."""
    for message_id, visit_id in await queries.overdue_receipts(session, region_id, now):
        if await queries.lock_visit(session, region_id, visit_id, wait=False):
            message = await queries.lock_message(session, region_id, message_id)
            if message.receipt_due_at is not None and message.receipt_due_at <= now:
                await _doubt(session, message, now, "no receipt came in time")


async def _ask_a_person(
    session: AsyncSession, message: Message, now: datetime, kind: str = "message_uncertain"
) -> None:
    """Open a call task: a person tells the customer what a message did not surely tell.

    Whom no message asked how it went is called; who may have been asked has time to answer.
    """
    if message.kind == "follow_up":
        if message.follow_up_id is not None and message.state != "uncertain":
            await asking.hand_over(session, message.region_id, message.follow_up_id, now)
        return
    args = {
        "visit_id": str(message.visit_id),
        "kind": kind,
        "due_at": now.isoformat(),
        "subject": f"{message.kind} {message.state}",
    }
    envelope = Envelope(new_id(), "call_task.open", args)
    await commands.run(session, actor.system(message.region_id), envelope, now)


async def note_receipt(
    session: AsyncSession, region_id: int, channel: str, reference: str, state: str, now: datetime
) -> bool:
    """Write a delivery receipt into the log, and act on it; False: not a message of this region.

    When no part arrived the next channel is tried; when only some did, or the peer does not
    know, a person asks. The same receipt again changes nothing.
    """
    known = await queries.receipt_by_reference(session, region_id, channel, reference)
    if known is None:
        return False
    part, message_id, visit_id = known
    await queries.lock_visit(session, region_id, visit_id)
    message = await queries.lock_message(session, region_id, message_id)
    if part.state == state:
        return True
    part.state, part.at = state, now
    await session.flush()
    attempt = await queries.last_attempt(session, region_id, message_id)
    states = [r.state for r in await queries.receipts_of(session, region_id, part.attempt_id)]
    if attempt.id == part.attempt_id:
        attempt.receipt = state if set(states) == {state} else "PARTLY"
        await _judge(session, message, rules.verdict(states), now, state)
    return True


async def _judge(
    session: AsyncSession, message: Message, verdict: str, now: datetime, said: str
) -> None:
    if message.state != "sent":
        return
    if verdict == "delivered":
        message.receipt_due_at = None
    elif verdict == "failed":
        message.receipt_due_at = None
        message.state, message.due_at, message.ended_at = "planned", now, None
        message.ended_reason = f"not delivered by {message.channel}: {said}"
    elif verdict == "doubt":
        await _doubt(session, message, now, f"the peer said {said}")
