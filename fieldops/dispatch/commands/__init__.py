"""The verbs of dispatch: locks, proposals, publishing them."""

from fieldops.dispatch.commands import disturbances, locking, plans, publishing

__all__ = ["disturbances", "locking", "plans", "publishing"]
