"""The verbs of dispatch: locks, and (in their own files) proposals and their publishing."""

from fieldops.dispatch.commands import locking

__all__ = ["locking"]
