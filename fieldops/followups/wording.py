"""What a caller says: the script's lines filled with what is known of a matter, both languages."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fieldops.complaints.models import Complaint
from fieldops.followups import rules
from fieldops.followups.models import FollowUp
from fieldops.followups.queries import Known
from fieldops.followups.rules import Line

LOW = 0.9  # of the sold rate, as HR-02 flags it


def script(row: FollowUp, known: Known, zone: ZoneInfo) -> list[Line]:
    """Return the lines to say to this customer, in order (FO-02)."""
    facts: dict[str, dict[str, Any]] = {
        "matter": {**_named("matter", row.matter), "finished": _day(row.finished_at, zone)}
    }
    if row.matter != "complaint":
        facts |= _promise(known, zone)
    facts |= _said_before(known, zone)
    if row.words and row.satisfaction is None:
        facts["written"] = {}
    known_rates = [(down, sold) for down, sold in known.measured if sold is not None]
    if known_rates and row.matter != "complaint":
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


def _said_before(known: Known, zone: ZoneInfo) -> dict[str, dict[str, Any]]:
    """Return what the customer complained of and said, and what is still being settled."""
    facts: dict[str, dict[str, Any]] = {}
    if known.complaint is not None and known.complaint.closed_at is not None:
        closed = _day(known.complaint.closed_at, zone)
        facts["complained"] = {**_complaint(known.complaint, zone), "closed": closed}
    if known.complaint_open is not None:
        due = f"{known.complaint_open.due_at.astimezone(zone):%Y-%m-%d %H:%M}"
        facts["complaint_open"] = {**_complaint(known.complaint_open, zone), "due": due}
    if known.before is not None and known.before.answered_at is not None:
        facts["asked_before"] = {
            **_named("matter", known.before.matter),
            **_named("answer", str(known.before.satisfaction)),
            "day": _day(known.before.answered_at, zone),
        }
    if known.care_since is not None:
        facts["care_open"] = {"day": _day(known.care_since, zone)}
    return facts


def _complaint(complaint: Complaint, zone: ZoneInfo) -> dict[str, str]:
    return {**_named("topic", complaint.topic), "day": _day(complaint.arrived_at, zone)}


def _named(blank: str, code: str) -> dict[str, str]:
    """Return a code's names as they fill the blanks of both languages."""
    name = rules.names()[code]
    return {blank: name["en"], f"{blank}_zh": name["zh_cn"]}


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"
