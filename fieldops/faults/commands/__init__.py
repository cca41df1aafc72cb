"""The verbs of faults; importing this registers them all."""

from fieldops.faults.commands import deciding, holding, matching, reporting, settling

__all__ = ["deciding", "holding", "matching", "reporting", "settling"]
