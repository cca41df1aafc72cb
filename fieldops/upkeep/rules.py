"""What is due when, and the draw of a spot check that anybody can repeat. Pure."""

import hashlib
import math
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from fieldops.kernel.configuration import number

INSPECTION_EVERY = number(
    "building_inspection_every",
    "CH-04",
    "days",
    365,
    "The cabling of each building is inspected once in this time.",
    within=(30, 1095),
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


def lot(seed: str, feature_id: UUID) -> str:
    """Return a feature's lot: the SHA-256 of the seed, a colon and its id, as hex digits."""
    return hashlib.sha256(f"{seed}:{feature_id}".encode()).hexdigest()


def draw(population: Iterable[UUID], seed: str, share: float) -> list[UUID]:
    """Return the drawn part of a population: the lowest lots, `share` percent, rounded up.

    The order of the population does not matter, and one more in it moves no other's lot.
    """
    ordered = sorted(population, key=lambda one: lot(seed, one))
    # Rounded first: 7 % of 100 must be 7 and not, by the binary fraction, 8.
    return ordered[: min(MOST_DRAWN, math.ceil(round(len(ordered) * share / 100, 6)))]


def percent(part: int, whole: int) -> float | None:
    """Return a part in percent with one decimal, None of nothing."""
    return None if whole == 0 else round(100 * part / whole, 1)
