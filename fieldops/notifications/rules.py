"""Rules of messages: kinds, states, how often and how long a message is tried. Pure."""

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


REPEATABLE_STATES: tuple[State, ...] = ("planned", "cancelled", "expired")
"""States in which a message has certainly not gone out: it may be planned anew."""


REPEATABLE_CHANNELS = frozenset[ChannelName]({"file"})
"""Channels by which the same message may go again: there a repeat changes nothing."""


def dedupe_key(
    visit_id: UUID, kind: Kind, window_start: datetime, technician_id: UUID | None = None
) -> str:
    """Return what makes a message the same reminder: nobody gets one twice (AP-10).

    A notice that names another technician is another message: the customer must know whom to
    let in.
    """
    whom = f":{technician_id}" if technician_id else ""
    return f"{visit_id}:{kind}:{window_start.isoformat()}{whom}"


def retry_at(now: datetime, attempts: int) -> datetime:
    """Return when to try again after so many attempts that certainly did not go out."""
    return now + timedelta(seconds=15 * 2 ** min(attempts, 6))
