"""The verbs of appointments: booking, answers of customers, calls, reserved time."""

from fieldops.appointments.commands import answers, booking, by_link, calls, holding, moving

__all__ = ["answers", "booking", "by_link", "calls", "holding", "moving"]
