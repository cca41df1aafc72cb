"""Pure rules of the organisation: how units nest, where roles stand, how long refresh lasts."""

from datetime import time, timedelta
from enum import StrEnum
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

LONGEST_MAP_TOKEN_DAYS = 366
MOST_MAP_TOKENS = 20
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

CALIBRATION_NOTICE = number(
    "calibration_notice",
    "ORG-05",
    "days",
    30,
    "Instruments whose calibration ends within this time are listed.",
    within=(1, 365),
)


class ToolKind(StrEnum):
    """What a tool or instrument is."""

    CABLE_LOCATOR = "cable_locator"
    FUSION_SPLICER = "fusion_splicer"
    INSULATION_TESTER = "insulation_tester"
    LADDER = "ladder"
    LINE_TESTER = "line_tester"
    OPTICAL_POWER_METER = "optical_power_meter"
    OTDR = "otdr"
    OTHER = "other"
    SPEED_TESTER = "speed_tester"


class InstrumentState(StrEnum):
    """How an instrument stood on the day of a measurement (ORG-05)."""

    VALID = "valid"
    PAST_DUE = "past_due"
    UNKNOWN = "unknown"


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


_DAY, _WEEK = 24 * 60, 7 * 24 * 60


def _minute(at: time) -> float:
    return at.hour * 60 + at.minute + at.second / 60 + at.microsecond / 60_000_000


def lasts(starts: time, ends: time) -> float:
    """Return how many minutes of the clock a working time lasts; a night shift ends a day later."""
    return (_minute(ends) - _minute(starts)) % _DAY or _DAY


def lunch_inside(starts: time, ends: time, lunch_starts: time, lunch_ends: time) -> bool:
    """Return whether lunch lies inside a working time, after midnight too (ORG-07)."""
    begins = (_minute(lunch_starts) - _minute(starts)) % _DAY
    return begins + lasts(lunch_starts, lunch_ends) <= lasts(starts, ends)


def overlap(shifts: list[tuple[int, time, time]], *, around: bool = True) -> int | None:
    """Return the ISO weekday of a shift that runs into the next one, None when none does.

    `around`: a week, in which Sunday's night shift runs into Monday; else days that follow.
    """
    ordered = sorted(
        ((day - 1) * _DAY + _minute(starts), lasts(starts, ends), day)
        for day, starts, ends in shifts
    )
    for (start, minutes, day), (following, _, _) in pairwise(ordered):
        if start + minutes > following:
            return day
    if around and ordered:
        start, minutes, day = ordered[-1]
        if start + minutes > ordered[0][0] + _WEEK:
            return day
    return None
