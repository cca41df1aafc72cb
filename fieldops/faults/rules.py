"""When reports make an area fault, what may become of it, what is advised at intake: pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import UUID

from fieldops.faults.errors import RepairTimePast
from fieldops.kernel.configuration import number

PLACES = frozenset({"distribution_box", "cable"})
"""The kinds of plant that an area fault is looked for on."""

AREA_FAULT = "area_fault"
"""The reason of the list for which work is held (suspended by operator cause)."""

SOLVED = "solved_remotely"
"""The reason of the list for which repair work ends when the service works again."""

LATEST_REPAIR = timedelta(days=90)
MOST_PREMISES = 200
DATA = Path(__file__).with_name("data")

Channel = Literal["phone", "web", "machine", "monitoring", "order", "technician"]


class State(StrEnum):
    """The life of an area fault."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    OVER = "over"


OPEN = (State.PROPOSED, State.CONFIRMED)


class AnalysisState(StrEnum):
    """The life of an analysis report (FA-03)."""

    OPEN = "open"
    HANDED_IN = "handed_in"
    RETURNED = "returned"
    ACCEPTED = "accepted"


UNWRITTEN = (AnalysisState.OPEN, AnalysisState.RETURNED)
Serious = Literal["many_customers", "long", "key_customers"]
KEY_TIERS = frozenset({"diamond", "1A", "1B"})
"""Customers for whom a fault is serious by itself (FA-03)."""

REPORTS = number(
    "area_fault_reports", "FA-02", "reports", 3,
    "How many reports on one box or cable propose an area fault; premises count once.",
    within=(2, 50),
)  # fmt: skip
WITHIN = number(
    "area_fault_within", "FA-02", "minutes", 60,
    "Within which time the reports on one box or cable have to come in.",
    within=(5, 1440),
)  # fmt: skip

REPEATED_WITHIN = number(
    "fault_repeated_within", "FA-01", "days", 30,
    "A fault of the same service this soon after its repair is a repeat.",
    within=(1, 365),
)  # fmt: skip

ANALYSIS_CUSTOMERS = number(
    "fault_analysis_customers", "FA-03", "premises", 50,
    "An area fault that touches so many premises needs an analysis report.",
    within=(2, 100000),
)  # fmt: skip
ANALYSIS_HOURS = number(
    "fault_analysis_hours", "FA-03", "hours", 12,
    "An area fault that lasts so long needs one.",
    within=(1, 720),
)  # fmt: skip
ANALYSIS_KEY = number(
    "fault_analysis_key_customers", "FA-03", "customers", 1,
    "An area fault that touches so many key customers (diamond, 1A, 1B) needs one.",
    within=(1, 1000),
)  # fmt: skip
ANALYSIS_KEY_HOURS = number(
    "fault_analysis_key_hours", "FA-03", "hours", 24,
    "A key customer's own fault that lasts so long needs one.",
    within=(1, 720),
)  # fmt: skip
ANALYSIS_WITHIN = number(
    "fault_analysis_within", "FA-03", "days", 5,
    "Within which time an analysis report is handed in, from the fault's end.",
    within=(1, 60),
)  # fmt: skip


def serious(
    *,
    customers: float,
    hours: float,
    key_customers: float,
    most_customers: float,
    most_hours: float,
    most_key: float,
) -> list[Serious]:
    """Return why an area fault needs an analysis report; nothing when it needs none (FA-03)."""
    found: list[Serious] = []
    if customers >= most_customers:
        found.append("many_customers")
    if hours >= most_hours:
        found.append("long")
    if key_customers >= most_key:
        found.append("key_customers")
    return found


def gathers(
    reports: Iterable[tuple[datetime, UUID]], newest: datetime, *, needed: float, within: timedelta
) -> bool:
    """Return whether enough reports lie in one stretch of time together with the newest one.

    `reports` are (when, of whom); whoever reports twice counts once. A stretch of `within` holds
    both its ends: the third report in the sixtieth minute counts, in the sixty-first not.
    """
    near = sorted(r for r in reports if abs(r[0] - newest) <= within)
    for start, _ in near:
        whom = {of for at, of in near if start <= at <= start + within}
        if start <= newest <= start + within and len(whom) >= needed:
            return True
    return False


def narrowest(candidates: Iterable[UUID], position: dict[UUID, int]) -> UUID | None:
    """Return what lies nearest to the customers of what all its reports have in common.

    A box before the cable that feeds it: the smallest thing that can be broken.
    """
    return max(candidates, key=lambda id_: (position.get(id_, 0), str(id_)), default=None)


def check_repair_time(expected: datetime, now: datetime) -> None:
    """Refuse an expected repair time that is past or too far; raises RepairTimePast."""
    if not now < expected <= now + LATEST_REPAIR:
        raise RepairTimePast(now=now.isoformat(), days=LATEST_REPAIR.days)


def reason_of_load(open_work_percent: int, area_faults: int) -> str:
    """Return why a trigger proposes or activates an emergency plan, for its owner to read."""
    return f"Open work is {open_work_percent} % of capacity, {area_faults} area faults are open."


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do with a report, in both languages."""

    code: str
    en: str
    zh_cn: str


@cache
def _advice() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((DATA / "advice.json").read_text("utf-8"))
    return found


def advice(facts: Mapping[str, Mapping[str, str]]) -> list[Advice]:
    """Return what is advised at intake, in the order of the data (FA-01).

    `facts` has for the code of an advice what is filled into it; what is missing does not apply.
    Nothing known is advised about as `test`.
    """
    known = facts or {"test": {}}
    return [
        Advice(code, texts["en"].format_map(known[code]), texts["zh_cn"].format_map(known[code]))
        for code, texts in _advice().items()
        if code in known
    ]
