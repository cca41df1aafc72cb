"""The verbs of complaints; importing this registers them all."""

from fieldops.complaints.commands import deciding, handling, taking

__all__ = ["deciding", "handling", "taking"]
