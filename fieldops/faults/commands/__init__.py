"""The verbs of faults; importing this registers them all."""

from fieldops.faults.commands import analysing, deciding, holding, matching, reporting, settling

__all__ = ["analysing", "deciding", "holding", "matching", "reporting", "settling"]
