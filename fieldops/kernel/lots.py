"""Draws that anybody can repeat: same seed, same population, same part of it (QA-04, RE-06).

The lot of a record is the SHA-256 of the seed, a colon and its id. The lowest lots are drawn, so
the order in which a population is given does not matter, and one more in it moves no other's lot.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


def by_lot(population: Iterable[T], seed: str, id_of: Callable[[T], UUID]) -> list[T]:
    """Return a population in the order of its lots, which are compared as hex digits."""

    def lot(one: T) -> str:
        return hashlib.sha256(f"{seed}:{id_of(one)}".encode()).hexdigest()

    return sorted(population, key=lot)


def part(ordered: Sequence[T], percent: float) -> Sequence[T]:
    """Return the first so many percent of a sequence, rounded up to whole ones."""
    # Rounded first: 7 % of 100 must be 7 and not, by the binary fraction, 8.
    return ordered[: math.ceil(round(len(ordered) * percent / 100, 6))]
