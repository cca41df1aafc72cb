"""The best free pair, fibre or port in the place of another: near, and as it measured (RE-04).

Tests stand above this module, so they say here, at import, what they know of some plant:
`readers` hold functions from ids to the newest measurement of each. Free ones that measured well
come first, then those nobody measured, last those that measured badly; among equals one in the
same cable or shelf, then the better score, then the name.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.network.models import NetworkFeature
from fieldops.network.queries import choosing

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest line test of a piece of plant.

    `score` is 0 to 100, 50 where the worst value is at its limit; `poor` the values beyond theirs.
    """

    at: datetime
    values: dict[str, float]
    score: int
    poor: tuple[str, ...]


Reader = Callable[[AsyncSession, int, Collection[UUID]], Awaitable[dict[UUID, Measured]]]

readers: list[Reader] = []

GOOD, UNKNOWN, POOR = "measured_good", "not_measured", "measured_poor"
_GRADES = (GOOD, UNKNOWN, POOR)

_WORDS = {
    GOOD: ("It measured well", "测试结果良好"),
    UNKNOWN: ("Nobody has measured it", "尚未测试"),
    POOR: ("It measured badly", "测试结果不合格"),
    "same": ("it lies in the same cable or shelf", "位于同一电缆或同一机框"),
    "other": (
        "it ends at the same place in another cable or shelf",
        "经另一电缆或机框到达同一位置",
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A free one with why it stands where it does."""

    feature: NetworkFeature
    same_parent: bool
    measured: Measured | None = field(default=None)

    @property
    def grade(self) -> str:
        if self.measured is None:
            return UNKNOWN
        return POOR if self.measured.poor else GOOD

    @property
    def place(self) -> tuple[Any, ...]:
        """What it is ordered by, the best first."""
        score = self.measured.score if self.measured else 0
        return (
            _GRADES.index(self.grade), not self.same_parent, -score,
            self.feature.name, str(self.feature.id),
        )  # fmt: skip

    @property
    def why(self) -> dict[str, str]:
        """Return the reason as a sentence in each language."""
        grade, near = _WORDS[self.grade], _WORDS["same" if self.same_parent else "other"]
        return {"en": f"{grade[0]}; {near[0]}.", "zh_CN": f"{grade[1]}；{near[1]}。"}

    def shown(self) -> dict[str, Any]:
        """Return it as JSON."""
        measured = self.measured
        return {
            "feature_id": str(self.feature.id),
            "kind": self.feature.kind,
            "name": self.feature.name,
            "parent_id": str(self.feature.parent_id),
            "grade": self.grade,
            "score": measured.score if measured else None,
            "measured_at": measured.at.isoformat() if measured else None,
            "values": measured.values if measured else {},
            "poor": list(measured.poor) if measured else [],
            "why": self.why,
        }


async def best_free(
    session: AsyncSession, like: NetworkFeature, now: datetime, *, most: int = MOST_SHOWN
) -> list[Choice]:
    """Return what is free and ends where a pair, fibre or port ends, the best first."""
    free = await choosing.interchangeable(session, like, now)
    measured: dict[UUID, Measured] = {}
    for reader in readers:
        measured |= await reader(session, like.region_id, [row.id for row in free])
    choices = [
        Choice(row, row.parent_id == like.parent_id, measured.get(row.id))
        for row in free
        if row.id != like.id
    ]
    return sorted(choices, key=lambda choice: choice.place)[:most]
