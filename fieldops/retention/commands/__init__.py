"""The verbs of retention; importing this registers them all."""

from fieldops.retention.commands import churning, repairing, revisiting

__all__ = ["churning", "repairing", "revisiting"]
