"""The verbs of sync: devices, the late-work desk, and a phone's own about its queue."""

from fieldops.sync.commands import desk, devices, queue

__all__ = ["desk", "devices", "queue"]
