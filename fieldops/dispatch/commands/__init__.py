"""The verbs of dispatch: locks, proposals, publishing them."""

from fieldops.dispatch.commands import locking, plans, publishing

__all__ = ["locking", "plans", "publishing"]
