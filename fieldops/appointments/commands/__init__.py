"""The verbs of appointments: booking, answers of customers, the ladder, calls, reserved time."""

from fieldops.appointments.commands import (
    answers,
    booking,
    by_link,
    calls,
    danger,
    holding,
    moving,
    steps,
)

__all__ = [
    "answers",
    "booking",
    "by_link",
    "calls",
    "danger",
    "holding",
    "moving",
    "steps",
]
