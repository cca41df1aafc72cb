"""What happens to messages: `planning` with their cause, `delivery` later, `incoming` in answer."""

from fieldops.notifications.commands import incoming

__all__ = ["incoming"]
