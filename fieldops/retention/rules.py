"""What makes a customer red or yellow: pure (CU-08)."""

from collections.abc import Iterable
from enum import StrEnum

from fieldops.kernel.configuration import number


class Colour(StrEnum):
    """How it stands between a customer and us."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class Sign(StrEnum):
    """What happened to a customer."""

    DISSATISFIED = "dissatisfied"
    JUSTIFIED_COMPLAINT = "justified_complaint"
    MISSED_APPOINTMENT = "missed_appointment"
    REPEATED_FAULT = "repeated_fault"
    SECOND_RESCHEDULE = "second_reschedule"


RED_SIGNS = frozenset({Sign.DISSATISFIED, Sign.JUSTIFIED_COMPLAINT})

COLOURED_FOR = number(
    "colour_within", "CU-08", "days", 90,
    "How long what happened to a customer makes them red or yellow.",
    within=(7, 730),
)  # fmt: skip
FAULT_REPEATED_WITHIN = number(
    "colour_fault_repeated_within", "CU-08", "days", 30,
    "A fault of a customer this soon after one before is a repeated fault.",
    within=(1, 365),
)  # fmt: skip
REPAIR_WITHIN = number(
    "repair_task_within", "CU-08", "days", 3,
    "By when a relationship-repair task is closed with the customer.",
    within=(1, 60),
)  # fmt: skip

RESCHEDULES = 2
MOST_OPENED = 500
"""How many tasks one run of the job opens in a region."""


def colour(signs: Iterable[str]) -> Colour:
    """Return the colour that signs give: red before yellow, green without any."""
    found = set(signs)
    if found & RED_SIGNS:
        return Colour.RED
    return Colour.YELLOW if found else Colour.GREEN
