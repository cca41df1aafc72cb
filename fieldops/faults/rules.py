"""When reports make an area fault, and what may become of it: pure (FA-02)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
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

Channel = Literal["phone", "web", "machine", "monitoring", "order", "technician"]


class State(StrEnum):
    """The life of an area fault."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    OVER = "over"


OPEN = (State.PROPOSED, State.CONFIRMED)

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
