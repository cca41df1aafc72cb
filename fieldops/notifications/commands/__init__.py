"""What happens to messages: `planning` with their cause, `delivery` later, `incoming` in answer.

`browsers` are those of people, who are woken by web push; `limits` are the warnings they get.
"""

from fieldops.notifications.commands import browsers, incoming, limits, visit_reports

__all__ = ["browsers", "incoming", "limits", "visit_reports"]
