"""The verbs of follow-ups; importing this registers them."""

from fieldops.followups.commands import answering, caring, following, planning

__all__ = ["answering", "caring", "following", "planning"]
