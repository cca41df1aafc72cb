"""Where the trouble of a flagged line likely lies, by a table of conditions (HR-02). Pure.

The rules are data, places.json: each has an id, a place, conditions over named facts and a
sentence in both languages. The first whose conditions all hold names the place; the last has
none. A condition is (fact, test, limit); a limit is a number or the name of one of a region's
numbers. A fact that is not known fulfils no condition but `unknown`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fieldops.health.rules import Flag, Flagged, LikelyPlace, Limits, Reading, rise

LANGUAGES = ("en", "zh_CN")

WORSE = frozenset(
    {
        Flag.DOWN_BELOW_BASELINE.value,
        Flag.OPTICAL_TOO_LOW.value,
        Flag.UP_BELOW_BASELINE.value,
    }
)
"""The flags that say a line got worse; a rate set wrong at one line says nothing of others."""

MIDDLE = "cable"
"""The ring of a cable between the trunk and the box; its rule names the trunk, for that is plant
outside too, and says which."""

RINGS: tuple[str, ...] = (LikelyPlace.BOX, MIDDLE, LikelyPlace.TRUNK, LikelyPlace.EXCHANGE)
"""The rings of neighbours, from the premises outwards."""

Facts = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Ring:
    """Neighbouring lines read of late, and how many of them got worse."""

    lines: int
    worse: int

    @property
    def percent(self) -> float | None:
        """Return the share that got worse, None without lines."""
        return round(100 * self.worse / self.lines, 1) if self.lines else None


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one fact against a limit: a number, or the name of one in Limits."""

    fact: str
    test: str
    limit: float | str | None

    def against(self, limits: Limits) -> float | None:
        """Return the limit as a region has it."""
        if isinstance(self.limit, str):
            found: float = getattr(limits, self.limit)
            return found
        return self.limit

    def holds(self, facts: Facts, limits: Limits) -> bool:
        """Return whether the fact is known and passes (or is unknown, where that is asked)."""
        value, limit = facts[self.fact], self.against(limits)
        if value is None or limit is None:
            return self.test == "unknown" and value is None
        return {
            "above": value > limit,
            "at_least": value >= limit,
            "at_most": value <= limit,
            "below": value < limit,
        }[self.test]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    id: str
    place: LikelyPlace
    when: tuple[Condition, ...]
    text: Mapping[str, str]


@cache
def table() -> tuple[Rule, ...]:
    """Return the rules in the order they are tried."""
    rows = json.loads(Path(__file__).with_name("places.json").read_text(encoding="utf-8"))
    return tuple(
        Rule(
            id=row["id"],
            place=LikelyPlace(row["place"]),
            when=tuple(Condition(*condition) for condition in row["when"]),
            text={name: row[name] for name in LANGUAGES},
        )
        for row in rows
    )


def facts(
    reading: Reading,
    baseline: Reading | None,
    flags: Sequence[Flagged],
    rings: Mapping[str, Ring],
    *,
    joints: int | None,
) -> Facts:
    """Return what the conditions may ask about: dBm, dB, counts, percent; None where unknown.

    `slower_than_activation` counts the directions below the baseline's share.
    """
    base = baseline or Reading(None, None)
    slower = {Flag.DOWN_BELOW_BASELINE, Flag.UP_BELOW_BASELINE}
    found: dict[str, float | None] = {
        "optical_power_dbm": reading.optical_power_dbm,
        "power_fell_db": _rounded(rise(base.optical_power_dbm, reading.optical_power_dbm)),
        "attenuation_rose_db": _rounded(rise(reading.attenuation_db, base.attenuation_db)),
        "slower_than_activation": (
            None if baseline is None else sum(flagged.flag in slower for flagged in flags)
        ),
        "joints": joints,
    }
    for place in RINGS:
        ring = rings.get(place)
        found[f"{place}_lines"] = ring.lines if ring else None
        found[f"{place}_worse_percent"] = ring.percent if ring else None
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def first_that_fits(known: Facts, limits: Limits) -> Rule:
    """Return the rule that names the likely place of a flagged reading."""
    return next(
        rule for rule in table() if all(condition.holds(known, limits) for condition in rule.when)
    )


def conditions(rule: Rule, limits: Limits, known: Facts | None = None) -> list[dict[str, Any]]:
    """Return a rule's conditions with a region's limits and, if given, what was found."""
    return [
        {
            "fact": condition.fact,
            "value": None if known is None else known[condition.fact],
            "test": condition.test,
            "limit": condition.against(limits),
        }
        for condition in rule.when
    ]


def explanation(
    rule: Rule,
    known: Facts,
    flags: Sequence[Flagged],
    rings: Mapping[str, Ring],
    limits: Limits,
) -> dict[str, Any]:
    """Return why a place was named, to be kept with the reading: rule, values, neighbours."""
    return {
        "rule": rule.id,
        "text": dict(rule.text),
        "values": conditions(rule, limits, known),
        "flags": [
            {"flag": one.flag.value, "value": one.value, "limit": one.limit} for one in flags
        ],
        "neighbours": {
            str(place): {"lines": ring.lines, "worse": ring.worse} for place, ring in rings.items()
        },
    }
