"""Cables and what is in them: copper pairs and fibres, some of them bad (RE-02)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fieldops.demo.features import Feature, Works
from fieldops.demo.ground import length_m

FEEDER_SIZES = {"copper": (50, 100, 150, 200, 300), "fibre": (12, 24, 48, 96, 144)}
DISTRIBUTION_SIZES = {"copper": (10, 20, 30, 50, 100), "fibre": (4, 8, 12, 24, 48)}
SPARE_SHARE = 0.25
"""Share of a cable kept spare when its size is chosen; at least SPARE_LEAST conductors."""
SPARE_LEAST = 3
BAD_SHARE = {"copper": 0.04, "fibre": 0.015}
BAD_SHARE_POOR = 0.2

BAD_REASONS = {
    "copper": (
        ("insulation resistance low: damp joint", "insulation_resistance", 180, "kohm"),
        ("one leg open", "loop_resistance", 99999, "ohm"),
        ("legs in contact", "loop_resistance", 12, "ohm"),
        ("crosstalk from the neighbouring pair", "noise_margin", 2, "dB"),
        ("noise from mains induction", "noise_margin", 3, "dB"),
    ),
    "fibre": (
        ("splice loss too high", "splice_loss", 4, "dB"),
        ("broken in the duct", "optical_power", -40, "dBm"),
        ("connector worn", "optical_power", -31, "dBm"),
    ),
}


def cable(
    works: Works,
    *,
    code: str,
    centre: str,
    parent: str,
    technology: str,
    role: str,
    need: int,
    line: Mapping[str, Any],
    bad_share: float,
) -> str:
    """A cable of the smallest usual size that leaves room to spare, with its pairs or fibres."""
    sizes = (FEEDER_SIZES if role == "feeder" else DISTRIBUTION_SIZES)[technology]
    wanted = max(need / (1 - SPARE_SHARE), need + SPARE_LEAST)
    size = next((size for size in sizes if size >= wanted), sizes[-1])
    if size < need + SPARE_LEAST:
        raise ValueError(f"{code} needs {need} conductors, more than the largest cable holds")
    key = works.plant.add(
        Feature(
            key=f"cable/{code}/{technology}",
            kind="cable",
            name=f"{role.capitalize()} cable {code} {technology}",
            centre=centre,
            parent_key=parent,
            geometry=line,
            attributes={
                "role": role,
                "technology": technology,
                "conductors": size,
                "length_m": round(length_m((p[0], p[1]) for p in line["coordinates"])),
            },
        ),
    )
    bad = min(round(size * bad_share + works.rng.random()), size - need - 2)
    broken = set(works.rng.sample(range(size), max(0, bad)))
    kind = "pair" if technology == "copper" else "fibre"
    works.plant.conductors[key] = [
        works.plant.add(_conductor(works, kind, code, centre, key, number, bad=number in broken))
        for number in range(size)
    ]
    return key


def _conductor(
    works: Works,
    kind: str,
    code: str,
    centre: str,
    cable: str,
    number: int,
    *,
    bad: bool,
) -> Feature:
    attributes: dict[str, Any] = {"number": number + 1}
    reason = None
    if bad:
        technology = "copper" if kind == "pair" else "fibre"
        reason, test, value, unit = works.rng.choice(BAD_REASONS[technology])
        since = works.start - timedelta(days=works.rng.randint(1, 180))
        attributes |= {
            "test": {"kind": test, "value": value, "unit": unit},
            "since": since.isoformat(),
        }
    return Feature(
        key=f"{kind}/{code}/{number + 1:03d}",
        kind=kind,
        name=f"{kind.capitalize()} {code}/{number + 1}",
        centre=centre,
        parent_key=cable,
        geometry=None,
        attributes=attributes,
        state="bad" if bad else "free",
        reason=reason,
    )
