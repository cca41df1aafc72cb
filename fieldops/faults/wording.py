"""What the hotline is told about a report: the facts that fill the advice of intake (FA-01)."""

from zoneinfo import ZoneInfo

from fieldops.faults.queries.intake import Picture
from fieldops.faults.rules import State


def facts(known: Picture, zone: ZoneInfo) -> dict[str, dict[str, str]]:
    """Return what applies of the advice, by its code, with what is filled into it."""
    found: dict[str, dict[str, str]] = {}
    fault = known.area_fault
    if fault is not None and fault.state == State.CONFIRMED and fault.expected_repair_at:
        expected = f"{fault.expected_repair_at.astimezone(zone):%Y-%m-%d %H:%M}"
        found["area_fault"] = {"cause": fault.cause or "-", "expected": expected}
    elif fault is not None:
        found["area_fault_proposed"] = {}
    if known.joins is not None:
        found["joined"] = {}
    if any(one.work.order_id != known.joins for one in known.open_work):
        found["open_work"] = {}
    if known.repeat_of is not None:
        found["repeat"] = {"date": f"{known.repeat_of.reported_at.astimezone(zone):%Y-%m-%d}"}
    if known.health is not None and known.health.flags:
        place = (known.health.likely_place or "-").replace("_", " ")
        flags = ", ".join(flag.replace("_", " ") for flag in known.health.flags)
        found["health"] = {"flags": flags, "place": place}
    return found
