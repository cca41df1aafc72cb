"""Plan, move and cancel the messages about a visit from its ladder and its present state."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from fieldops.appointments import queries as appointments
from fieldops.appointments import rules as appointment_rules
from fieldops.appointments.ladders import Step
from fieldops.kernel.commands import Context
from fieldops.notifications import queries, rules
from fieldops.notifications.models import Message
from fieldops.notifications.queries import Occasion
from fieldops.visits.rules import State as VisitState

OF_EVENTS: frozenset[rules.Kind] = frozenset({"nobody_home", "area_fault_over", "visit_report"})
"""What follows from an event and not from a state: it goes out unless the visit is cancelled."""
OF_HOLDS: frozenset[rules.Kind] = frozenset({"area_fault"})
"""What is told because the visit is off: who holds it takes it back (FA-02)."""
OF_FOLLOW_UPS: frozenset[rules.Kind] = frozenset({"follow_up"})
"""What is asked when the visit is over, as long as the follow-up waits for it (FO-02)."""
USEFUL_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message there should be."""

    kind: rules.Kind
    key: str
    step: Step
    due_at: datetime
    not_after: datetime
    quiet_exempt: bool = False


async def replan(ctx: Context, visit_id: UUID, why: str) -> None:
    """Bring the messages about a visit in line with its state (AP-03 to AP-10).

    A message that went out, or may have, is never planned again under the same key; a planned
    one that is no longer wanted is cancelled with the reason `why`.
    """
    occasion = await queries.occasion(ctx.session, ctx.region_id, visit_id)
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    wanted = {w.key: w for w in _wanted(occasion, ctx.now, quiet)}
    known = await queries.lock_known(ctx.session, ctx.region_id, visit_id, wanted)
    for message in known:
        want = wanted.pop(message.dedupe_key, None)
        if message.state not in rules.REPEATABLE_STATES or _goes_out(message, occasion):
            continue
        if want is None:
            message.state, message.ended_at, message.ended_reason = "cancelled", ctx.now, why
        elif message.state == "planned" and message.due_at <= ctx.now >= want.due_at:
            # What is due already stays due since then: a change does not put it off.
            _fill(message, replace(want, due_at=message.due_at), occasion)
        else:
            _fill(message, want, occasion)
    for want in wanted.values():
        _add(ctx, want, occasion)


async def tell_nobody_home(ctx: Context, visit_id: UUID, at: datetime) -> None:
    """Tell a customer who was not at home that somebody was there, and what follows (AP-08)."""
    occasion = await queries.occasion(ctx.session, ctx.region_id, visit_id)
    start = occasion.visit.window_start
    steps = await appointments.steps_for(ctx.session, ctx.region_id, occasion.visit.customer_id)
    step = next((s for _, s in steps if s.kind == "nobody_home"), None)
    if start is None or step is None:
        return
    key = rules.dedupe_key(visit_id, "nobody_home", start)
    known = await queries.lock_known(ctx.session, ctx.region_id, visit_id, [key])
    quiet = await appointments.quiet_hours(ctx.session, ctx.region_id)
    due = appointment_rules.speaking_time(
        at + step.offset, latest=ctx.now + USEFUL_AFTER, now=ctx.now, quiet=quiet
    )
    if due is not None and all(message.dedupe_key != key for message in known):
        _add(ctx, Wanted("nobody_home", key, step, due, ctx.now + USEFUL_AFTER), occasion)


def _add(ctx: Context, want: Wanted, occasion: Occasion) -> None:
    assert occasion.visit.customer_id is not None  # noqa: S101 - without one there are no steps
    message = Message(
        region_id=ctx.region_id,
        visit_id=occasion.visit.id,
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
    message.step = want.step.key
    message.ways = list(want.step.ways) or None
    message.receipt_minutes = want.step.receipt_minutes
    if visit.window_start is not None and visit.window_end is not None:
        message.window_start, message.window_end = visit.window_start, visit.window_end
    message.expected_arrival = visit.expected_arrival
    contact = occasion.contact if want.kind == "half_hour_notice" else None
    message.technician_name = contact.name if contact else None
    message.certificate_number = contact.certificate_number if contact else None


def fits(message: Message, occasion: Occasion) -> bool:
    """Return whether a planned message is still right for its visit, whatever the time."""
    if message.kind in OF_EVENTS | OF_HOLDS | OF_FOLLOW_UPS:
        return _goes_out(message, occasion)
    return any(key == message.dedupe_key for key, _, _ in _fitting(occasion))


def _goes_out(message: Message, occasion: Occasion) -> bool:
    """Return whether a message follows from an event that no later state takes back."""
    if message.kind in OF_HOLDS | OF_FOLLOW_UPS:
        return True
    return message.kind in OF_EVENTS and occasion.visit.state != VisitState.CANCELLED


def _fitting(occasion: Occasion) -> list[tuple[str, rules.Kind, Step]]:
    """Return the steps that a visit as it is has messages of, each with the message's key."""
    found: list[tuple[str, rules.Kind, Step]] = []
    for name, step in occasion.steps:
        if step.kind in {"call", "nobody_home"}:
            continue  # calls are opened by the clock, the other by its event
        kind: rules.Kind = step.kind  # type: ignore[assignment]
        if kind == "half_hour_notice":
            key = _notice_key(occasion, step)
        else:
            key = _promise_key(occasion, name, step)
        if key is not None:
            found.append((key, kind, step))
    return found


def _promise_key(occasion: Occasion, name: str, step: Step) -> str | None:
    """Return the key of a message about an open promise of the visit's present window."""
    visit, appointment = occasion.visit, occasion.appointment
    if (
        appointment is None
        or appointment.window_start != visit.window_start
        or not step.counts_in(appointment.state)
        or (step.kind == "reconfirmation" and step.by_person)
        or (step.kind == "cannot_keep") != (appointment.endangered_at is not None)
    ):
        return None
    return rules.dedupe_key(visit.id, name, appointment.window_start)


def _notice_key(occasion: Occasion, step: Step) -> str | None:
    visit, contact, appointment = occasion.visit, occasion.contact, occasion.appointment
    if (
        contact is None
        or occasion.declined
        or visit.window_start is None
        or (appointment is not None and not step.counts_in(appointment.state))
    ):
        return None
    return rules.dedupe_key(visit.id, "half_hour_notice", visit.window_start, contact.id)


def _wanted(occasion: Occasion, now: datetime, quiet: appointment_rules.QuietHours) -> list[Wanted]:
    found = []
    for key, kind, step in _fitting(occasion):
        latest = _latest(occasion, kind, step)
        if latest is None:
            continue
        night = _night(occasion, kind)
        due = _due(occasion, step, latest, now, quiet, night=night)
        if due is not None:
            found.append(Wanted(kind, key, step, due, latest, quiet_exempt=night))
    return found


def _night(occasion: Occasion, kind: rules.Kind) -> bool:
    """Return whether a message may go out in the quiet hours (AP-09)."""
    promise = occasion.appointment
    return kind == "half_hour_notice" and promise is not None and promise.night_visit_wanted


def _latest(occasion: Occasion, kind: rules.Kind, step: Step) -> datetime | None:
    """Return when a message is of no use any more."""
    visit = occasion.visit
    if step.anchor == "arrival":
        return visit.expected_arrival
    return visit.window_end if kind == "cannot_keep" else visit.window_start


def _due(
    occasion: Occasion,
    step: Step,
    latest: datetime,
    now: datetime,
    quiet: appointment_rules.QuietHours,
    *,
    night: bool,
) -> datetime | None:
    """Return when a step is taken; None when there is no moment left for it."""
    visit, appointment = occasion.visit, occasion.appointment
    if step.anchor == "arrival":
        return appointment_rules.notice_time(
            latest, now=now, before=step.offset, quiet=quiet, night_visit_wanted=night
        )
    if appointment is None or visit.window_start is None:
        return None
    if step.anchor == "window":
        wanted = visit.window_start - step.offset
    elif step.anchor == "booking":
        wanted = appointment.booked_at + step.offset
    else:
        wanted = (appointment.endangered_at or now) + step.offset
    return appointment_rules.speaking_time(wanted, latest=latest, now=now, quiet=quiet)
