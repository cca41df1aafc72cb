"""What is due when, and the draw of a spot check that anybody can repeat. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from fieldops.kernel.configuration import number
from fieldops.kernel.lots import by_lot, part

INSPECTION_EVERY = number(
    "building_inspection_every",
    "CH-04",
    "days",
    365,
    "The cabling of each building is inspected once in this time.",
    within=(30, 1095),
)

ROUND_LIMIT = number(
    "round_limit",
    "VI-06",
    "days",
    7,
    "A patrol or building inspection that was opened without a customer is done within this time.",
    within=(1, 90),
)

FRESH_FOR = number(
    "plant_fresh_for",
    "RE-06",
    "days",
    365,
    "A piece of plant that a person saw within this time counts as fresh.",
    within=(7, 1095),
)

MOST_STOPS = 200
MOST_DRAWN = 500


class RoundKind(StrEnum):
    INSPECTION = "inspection"
    PATROL = "patrol"


class Result(StrEnum):
    """What a spot check found of a piece of plant."""

    MATCHES = "matches"
    DIFFERS = "differs"
    NOT_THERE = "not_there"


def draw(population: Iterable[UUID], seed: str, share: float) -> list[UUID]:
    """Return the drawn part of a population: `share` percent by its lots, at most MOST_DRAWN."""
    return list(part(by_lot(population, seed, lambda one: one), share)[:MOST_DRAWN])


def percent(part: int, whole: int) -> float | None:
    """Return a part in percent with one decimal, None of nothing."""
    return None if whole == 0 else round(100 * part / whole, 1)
