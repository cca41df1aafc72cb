"""The verbs of quality; importing this registers them all."""

from fieldops.quality.commands import (
    cases,
    evidence,
    filling,
    learning,
    planning,
    reporting,
    sampling,
)

__all__ = ["cases", "evidence", "filling", "learning", "planning", "reporting", "sampling"]
