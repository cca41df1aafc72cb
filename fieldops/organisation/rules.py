"""Pure rules of the organisation: how units nest, where roles stand, how long refresh lasts."""

from datetime import time, timedelta
from itertools import pairwise

from fieldops.kernel.configuration import number
from fieldops.kernel.permissions import Role

SKILLS = ("fixed_line", "copper_broadband", "fibre", "indoor_network", "enterprise")

PARENT_KIND = {
    "group": None,
    "province": "group",
    "region": "province",
    "centre": "region",
    "firm": "region",
}

LOGIN_WINDOW = timedelta(minutes=15)
REUSE_GRACE = timedelta(seconds=60)  # a refresh whose answer got lost may be sent once more

QUALIFICATION_NOTICE = number(
    "qualification_notice",
    "ORG-03",
    "days",
    30,
    "Qualifications that end within this time are listed.",
    within=(1, 365),
)


def parent_fits(kind: str, parent_kind: str | None) -> bool:
    """Return whether a unit of a kind may stand below a parent of a kind (ORG-01)."""
    return PARENT_KIND[kind] == parent_kind


def role_fits(role: Role, unit_kind: str) -> bool:
    """Return whether a role may be granted at a unit of a kind (ORG-02)."""
    if role is Role.CONTRACTOR_MANAGER:
        return unit_kind == "firm"
    if role is Role.TECHNICIAN:
        return unit_kind == "centre"
    return unit_kind != "firm"


def overlap(shifts: list[tuple[int, time, time]]) -> int | None:
    """Return the first ISO weekday on which two shifts overlap, None when none do."""
    ordered = sorted(shifts)
    for (day, _, ends), (next_day, starts, _) in pairwise(ordered):
        if day == next_day and starts < ends:
            return day
    return None
