"""The verbs of appointments: booking, answers of customers, calls, reserved time."""

from fieldops.appointments.commands import answers, booking, calls, holding

__all__ = ["answers", "booking", "calls", "holding"]
