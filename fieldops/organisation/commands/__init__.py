"""The verbs of the organisation: units and accounts, staff and calendars, tools, signing in."""

from fieldops.organisation.commands import accounts, calendars, map_tokens, sign_in, staff, tools

__all__ = ["accounts", "calendars", "map_tokens", "sign_in", "staff", "tools"]
