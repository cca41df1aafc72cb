"""States of a training session, and when an exam is passed (ORG-04). Pure."""

from enum import StrEnum


class State(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


def is_passed(score: float, pass_mark: float) -> bool:
    """Return whether a score reaches the pass mark; both in the exam's own points."""
    return score >= pass_mark
