"""Rules of messages: kinds, states, how often and how long a message is tried. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from fieldops.kernel.configuration import number

Kind = Literal[
    "booking_confirmation",
    "reconfirmation",
    "reminder",
    "half_hour_notice",
    "cannot_keep",
    "nobody_home",
    "area_fault",
    "area_fault_over",
    "visit_report",
    "follow_up",
]
State = Literal[
    "planned", "sending", "sent", "failed", "uncertain", "expired", "cancelled", "by_person"
]
ChannelName = Literal["sms", "email", "voice", "file", "person"]
AttemptOutcome = Literal["sent", "not_sent", "refused", "unknown"]

SEND_LEASE = number(
    "message_send_lease",
    "AP-10",
    "seconds",
    120,
    "After how long a message still being sent belongs to a worker that died.",
    within=(60, 3600),
)
MOST_ATTEMPTS = number(
    "message_most_attempts",
    "AP-10",
    "times",
    5,
    "How often a message that certainly did not go out is tried.",
    within=(1, 20),
)


REPLY_REPEATED = number(
    "reply_repeated_within",
    "AP-10",
    "minutes",
    10,
    "The same text of the same number within this time is the same reply, brought again.",
    within=(1, 120),
)

OWNER_REMINDED_AFTER = number(
    "emergency_reminded_after", "EM-01", "minutes", 30,
    "The owner of a proposed emergency plan is told again when nobody has decided so long.",
    within=(5, 1440),
)  # fmt: skip
REPORT_AGAIN_AFTER = number(
    "report_again_after", "AP-10", "minutes", 60,
    "How long after a link to a visit's report the desk may send a new one.",
    within=(5, 1440),
)  # fmt: skip
REPORTS_MOST = number(
    "reports_most", "AP-10", "times", 4,
    "How often a customer is sent the link to one visit's report.",
    within=(1, 20),
)  # fmt: skip
OFFICE_QUIET_FROM = number(
    "office_quiet_from", "EM-01", "hour", 22,
    "Local hour from which no browser of the office is woken and no owner reminded.",
    within=(0, 24),
)  # fmt: skip
OFFICE_QUIET_UNTIL = number(
    "office_quiet_until", "EM-01", "hour", 7,
    "Local hour from which browsers of the office are woken again.",
    within=(0, 24),
)  # fmt: skip
WARNED_AGAIN_AFTER = number(
    "warnings_gathered_for", "WO-04", "minutes", 10,
    "Who was just told that limits near or passed is told of further ones after this time.",
    within=(1, 240),
)  # fmt: skip
TO_AN_ACCOUNT = frozenset[ChannelName]({"email", "file"})
"""Channels by which people of the office are written to, at the address they sign in with."""

DELIVERED = frozenset({"DELIVRD", "ANSWERED"})
NOT_DELIVERED = frozenset(
    {"UNDELIV", "EXPIRED", "DELETED", "REJECTD", "NO_ANSWER", "BUSY", "FAILED"}
)
"""What a peer says in the end of a message (SMPP 3.4, appendix B; the voice platform's words)."""
UNDERWAY = frozenset({"ENROUTE", "ACCEPTD"})
WITH_RECEIPTS = frozenset[ChannelName]({"sms", "voice"})
QUESTIONS = frozenset[Kind]({"reconfirmation", "follow_up"})
"""What a customer is asked, and may answer by a text message or a key."""
SERVICE_CRITICAL = frozenset[Kind](
    {
        "reconfirmation",
        "half_hour_notice",
        "cannot_keep",
        "nobody_home",
        "area_fault",
        "area_fault_over",
        "follow_up",
    }
)
"""What a customer has to learn, or is asked all the same: on the stop list by a person."""


def verdict(states: Collection[str | None]) -> Literal["open", "delivered", "failed", "doubt"]:
    """Return what the receipts of all parts of a message say together.

    Only when no part arrived has the message certainly not reached the customer.
    """
    if any(state is None or state in UNDERWAY for state in states):
        return "open"
    if all(state in DELIVERED for state in states):
        return "delivered"
    return "failed" if all(state in NOT_DELIVERED for state in states) else "doubt"


REPEATABLE_STATES: tuple[State, ...] = ("planned", "cancelled", "expired")
"""States in which a message has certainly not gone out: it may be planned anew."""


GONE_OUT: tuple[State, ...] = ("sending", "sent", "uncertain")
"""States in which the customer may have the message."""

REPEATABLE_CHANNELS = frozenset[ChannelName]({"file"})
"""Channels by which the same message may go again: there a repeat changes nothing."""


def dedupe_key(
    visit_id: UUID, name: str, window_start: datetime, technician_id: UUID | None = None
) -> str:
    """Return what makes a message the same reminder: nobody gets one twice (AP-10).

    `name` is the step's kind, numbered from the second of a kind on (`ladders.named`).
    A notice that names another technician is another message: the customer must know whom to
    let in.
    """
    whom = f":{technician_id}" if technician_id else ""
    return f"{visit_id}:{name}:{window_start.isoformat()}{whom}"


def retry_at(now: datetime, attempts: int) -> datetime:
    """Return when to try again after so many attempts that certainly did not go out."""
    return now + timedelta(seconds=15 * 2 ** min(attempts, 6))
