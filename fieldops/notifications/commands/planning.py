"""Plan, move and cancel the messages about a visit from its present state."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.kernel import configuration
from fieldops.kernel.commands import Context
from fieldops.notifications import queries, rules
from fieldops.notifications.models import Message
from fieldops.notifications.queries import Occasion

NOTICE_STATES = frozenset({"scheduled", "dispatched", "accepted", "en_route"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message there should be."""

    kind: rules.Kind
    key: str
    due_at: datetime
    not_after: datetime
    quiet_exempt: bool = False
    technician_name: str | None = None
    certificate_number: str | None = None


async def replan(ctx: Context, visit_id: UUID, why: str) -> None:
    """Bring the messages about a visit in line with its state (AP-03, AP-05, AP-10).

    A message that went out, or may have, is never planned again under the same key; a planned
    one that is no longer wanted is cancelled with the reason `why`.
    """
    occasion = await queries.occasion(ctx.session, ctx.region_id, visit_id)
    found = (await _reconfirmation(occasion), await _notice(ctx, occasion))
    wanted = {w.key: w for w in found if w is not None}
    known = await queries.lock_known(ctx.session, ctx.region_id, visit_id, wanted)
    for message in known:
        want = wanted.pop(message.dedupe_key, None)
        if message.state not in rules.REPEATABLE_STATES:
            continue
        if want is None:
            message.state, message.ended_at, message.ended_reason = "cancelled", ctx.now, why
        else:
            _fill(message, want, occasion)
    for want in wanted.values():
        message = Message(
            region_id=ctx.region_id,
            visit_id=visit_id,
            customer_id=occasion.visit.customer_id,
            kind=want.kind,
            dedupe_key=want.key,
        )
        _fill(message, want, occasion)
        ctx.add(message)


def _fill(message: Message, want: Wanted, occasion: Occasion) -> None:
    visit, appointment = occasion.visit, occasion.appointment
    message.state, message.ended_at, message.ended_reason = "planned", None, None
    message.centre_id = visit.centre_id
    message.appointment_id = appointment.id if appointment else None
    # A message whose peer was away keeps to its next try.
    message.due_at = max(want.due_at, message.due_at) if message.attempts else want.due_at
    message.not_after = want.not_after
    message.quiet_exempt = want.quiet_exempt
    if visit.window_start is not None and visit.window_end is not None:
        message.window_start, message.window_end = visit.window_start, visit.window_end
    message.expected_arrival = visit.expected_arrival
    message.technician_name = want.technician_name
    message.certificate_number = want.certificate_number


def keys(occasion: Occasion) -> frozenset[str]:
    """Return the keys of the messages that fit a visit as it is, whatever the time."""
    found = (_reconfirmation_key(occasion), _notice_key(occasion))
    return frozenset(key for key in found if key is not None)


def _reconfirmation_key(occasion: Occasion) -> str | None:
    visit, appointment = occasion.visit, occasion.appointment
    if (
        appointment is None
        or appointment.needs_person
        or appointment.state not in appointment_rules.UNANSWERED_STATES
        or appointment.window_start != visit.window_start
    ):
        return None
    return rules.dedupe_key(visit.id, "reconfirmation", appointment.window_start)


def _notice_key(occasion: Occasion) -> str | None:
    visit, contact = occasion.visit, occasion.contact
    if (
        contact is None
        or occasion.declined
        or visit.window_start is None
        or visit.state not in NOTICE_STATES
    ):
        return None
    return rules.dedupe_key(visit.id, "half_hour_notice", visit.window_start, contact.id)


async def _reconfirmation(occasion: Occasion) -> Wanted | None:
    """Ask for the second confirmation, unless a person does or the answer has come (AP-03)."""
    key, appointment = _reconfirmation_key(occasion), occasion.appointment
    if key is None or appointment is None or appointment.reconfirm_at is None:
        return None
    return Wanted("reconfirmation", key, appointment.reconfirm_at, appointment.window_start)


async def _notice(ctx: Context, occasion: Occasion) -> Wanted | None:
    """Tell name, certificate number and time half an hour before the arrival (AP-05)."""
    visit, contact, appointment = occasion.visit, occasion.contact, occasion.appointment
    key = _notice_key(occasion)
    if key is None or contact is None or visit.expected_arrival is None:
        return None
    night = appointment is not None and appointment.night_visit_wanted
    before = await configuration.duration(
        ctx.session, ctx.region_id, appointment_rules.NOTICE_BEFORE
    )
    at = appointment_rules.notice_time(
        visit.expected_arrival,
        now=ctx.now,
        before=before,
        quiet=await appointments.quiet_hours(ctx.session, ctx.region_id),
        night_visit_wanted=night,
    )
    if at is None:
        return None
    return Wanted(
        "half_hour_notice",
        key,
        at,
        visit.expected_arrival,
        quiet_exempt=night,
        technician_name=contact.name,
        certificate_number=contact.certificate_number,
    )
