"""What a complaint may become, and by when it is answered: pure (CO-01 to CO-04)."""

from datetime import timedelta
from enum import StrEnum

from fieldops.kernel.configuration import Number, number


class State(StrEnum):
    """Where a complaint stands."""

    WAITING = "waiting"  # it came from a machine; the first person to take it owns it
    HANDLED = "handled"
    OFFERED = "offered"  # still the handler's, until the other department accepts
    ANSWERED = "answered"  # back with who took it, who replies to the customer
    CLOSED = "closed"


class Grade(StrEnum):
    """The class of a complaint, which gives its total limit (CO-02)."""

    GENERAL = "general"
    SERIOUS = "serious"
    REGULATOR = "regulator"


class Topic(StrEnum):
    """The matter: two complaints of a customer about the same one are a repetition (CO-04)."""

    APPOINTMENT = "appointment"
    CONDUCT = "conduct"
    WORKMANSHIP = "workmanship"
    SPEED = "speed"
    FAULT = "fault"
    DAMAGE = "damage"
    BILLING = "billing"
    PRIVACY = "privacy"
    OTHER = "other"


class Channel(StrEnum):
    """How a complaint came in, or the customer was spoken to."""

    PHONE = "phone"
    COUNTER = "counter"
    LETTER = "letter"
    MESSAGE = "message"
    WEB = "web"
    PARTNER = "partner_api"
    REGULATOR = "regulator"


class Department(StrEnum):
    """Who can take a complaint, or be asked to answer it."""

    CARE = "care"
    FIELD = "field"
    CABLE = "cable"
    BILLING = "billing"
    SALES = "sales"


class EntryKind(StrEnum):
    """What was done about a complaint."""

    CONTACT = "contact"
    TAKEN_OVER = "taken_over"
    TRANSFER = "transfer"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ANSWER = "answer"
    REPLY = "reply"
    ESCALATION = "escalation"
    DECISION = "decision"


OPEN = (State.WAITING, State.HANDLED, State.OFFERED, State.ANSWERED)

NEXT_STEPS: dict[State, tuple[str, ...]] = {
    State.WAITING: ("complaint.take",),
    State.HANDLED: ("complaint.transfer", "complaint.answer", "complaint.reply"),
    State.OFFERED: ("complaint.accept", "complaint.refuse"),
    State.ANSWERED: ("complaint.reply",),
    State.CLOSED: (),
}
"""The commands that lead on from a state."""

EARLIEST_ARRIVAL = timedelta(days=90)
MOST_VISITS = 20
MOST_EVIDENCE = 200
"""How many tests, files or lists of one visit the evidence names, each."""

_HOURS = {Grade.GENERAL: 72, Grade.SERIOUS: 24, Grade.REGULATOR: 48}
LIMITS: dict[Grade, Number] = {
    grade: number(
        f"complaint_limit_{grade}", "CO-02", "hours", hours,
        f"Total time from the arrival of a complaint of the class {grade} to the reply.",
        within=(1, 2160),
    )
    for grade, hours in _HOURS.items()
}  # fmt: skip

REPEATED_WITHIN = number(
    "complaint_repeated_within", "CO-04", "days", 30,
    "A complaint of the same customer about the same matter within this time is a repetition.",
    within=(1, 365),
)  # fmt: skip

CONTACT_AT_MOST = number(
    "complaint_contact_within", "CO-01", "minutes", 120,
    "Longest time from a complaint's arrival to the first contact; a stricter standard wins.",
    within=(10, 1440),
)  # fmt: skip
