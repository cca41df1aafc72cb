"""What happens to messages: `planning` with their cause, `delivery` later, `incoming` in answer.

`browsers` are those of technicians, who are woken by web push.
"""

from fieldops.notifications.commands import browsers, incoming

__all__ = ["browsers", "incoming"]
