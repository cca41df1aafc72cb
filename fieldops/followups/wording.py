"""What a caller says: the script's lines filled with what is known of a matter, both languages."""

from typing import Any
from zoneinfo import ZoneInfo

from fieldops.followups import rules
from fieldops.followups.models import FollowUp
from fieldops.followups.queries import Known
from fieldops.followups.rules import Line

LOW = 0.9  # of the sold rate, as HR-02 flags it
MATTERS = {
    "install": ("installation", "装机"),
    "move": ("move", "移机"),
    "repair": ("repair", "修障"),
    "complaint": ("complaint", "投诉处理"),
}


def script(row: FollowUp, known: Known, zone: ZoneInfo) -> list[Line]:
    """Return the lines to say to this customer, in order (FO-02)."""
    en, zh = MATTERS[row.matter]
    finished = f"{row.finished_at.astimezone(zone):%Y-%m-%d}"
    facts: dict[str, dict[str, Any]] = {
        "matter": {"matter": en, "matter_zh": zh, "finished": finished}
    }
    facts |= _promise(known, zone)
    known_rates = [(down, sold) for down, sold in known.measured if sold is not None]
    if known_rates:
        down, sold = min(known_rates, key=lambda one: one[0] / one[1])
        key = "measured" if down >= LOW * sold else "measured_low"
        facts[key] = {"down": f"{down:g}", "sold": sold}
    if known.open_orders:
        facts["open"] = {"orders": ", ".join(known.open_orders)}
    return rules.said(facts)


def _promise(known: Known, zone: ZoneInfo) -> dict[str, dict[str, Any]]:
    promise = known.promise
    if promise is None:
        return {}
    arrived = known.visit.arrived_at if known.visit else None
    shown = {
        "start": f"{promise.window_start.astimezone(zone):%Y-%m-%d %H:%M}",
        "end": f"{promise.window_end.astimezone(zone):%H:%M}",
        "arrived": f"{arrived.astimezone(zone):%Y-%m-%d %H:%M}" if arrived else "-",
    }
    facts: dict[str, dict[str, Any]] = {"kept" if promise.state == "kept" else "not_kept": shown}
    if promise.operator_reschedules:
        facts["moved"] = {"times": promise.operator_reschedules}
    return facts
