"""Kinds of materials and movements, and how many of one a visit may use (CH-03). Pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any


class Use(StrEnum):
    """What a material is for: the work, or a present to the customer."""

    GIFT = "gift"
    WORK = "work"


class MeasuredIn(StrEnum):
    """The unit a material is counted in."""

    METRE = "metre"
    PIECE = "piece"
    ROLL = "roll"
    SET = "set"


class Movement(StrEnum):
    """What happened to a technician's stock."""

    CORRECTION = "correction"
    COUNT = "count"
    HAND_BACK = "hand_back"
    ISSUE = "issue"
    USE = "use"


SIGN = {
    Movement.ISSUE: 1,
    Movement.USE: -1,
    Movement.HAND_BACK: -1,
    Movement.CORRECTION: -1,
}
"""How a movement changes the stock; a correction changes what was used, up or down."""

WHOLE = frozenset({MeasuredIn.PIECE, MeasuredIn.ROLL, MeasuredIn.SET})
"""What an office issues in whole numbers; what was found or used stays as it was reported."""
# What the lists ask for free materials, by the keys of the shipped templates (CH-03).
FREE_MATERIALS, FREE_MATERIALS_NUMBER = "free_materials", "free_materials_number"
NO_MATERIALS, ABOVE_RULES = "none", "above_rules"

DECIMALS = 3
MOST_LIMITS = 100
MOST_QUANTITY = 100_000
MOST_STAYING = 0.0005  # below the last decimal: two sums that are equal but for rounding


def moved(
    before: tuple[float, datetime | None],
    newest: datetime | None,
    movement: tuple[Movement, float, datetime],
) -> tuple[float, datetime | None] | None:
    """Return balance and last count of a stock after a movement (kind, quantity, when).

    None where only the sum of all movements says: after a count that others came after, or at the
    very moment of one. What happened before the last count is in it already.
    """
    balance, counted_at = before
    kind, quantity, at = movement
    if kind is Movement.COUNT:
        return (quantity, at) if newest is None or at > newest else None
    if counted_at is None or at > counted_at:
        return round(balance + SIGN[kind] * quantity, DECIMALS), counted_at
    return before if at < counted_at else None


def allowed(limits: Iterable[Mapping[str, Any]], kinds: Collection[str], tier: str) -> float | None:
    """Return how many a visit may use: None without a limit.

    Limits are {work_kind, tier, most}, null meaning any. For each kind of work of the visit the
    most specific one holds (the kind before the tier); of several kinds the greatest counts, and
    a kind without a limit sets none.
    """
    found = []
    for kind in kinds:
        fitting = [
            (one["work_kind"] is not None, one["tier"] is not None, float(one["most"]))
            for one in limits
            if one["work_kind"] in {None, kind} and one["tier"] in {None, tier}
        ]
        if not fitting:
            return None
        found.append(max(fitting)[2])
    return max(found, default=None)
