"""How the demo city's lines do over three months: most as ever, some worse from week to week. Pure.

One copper box takes in water and one fibre box has a splice that comes loose: all lines on them get
worse together. A few lines get worse alone.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from fieldops.demo.circuits import Service
from fieldops.demo.city import City
from fieldops.health.rules import BROADBAND, Reading

BEGINS_BEFORE_DAYS = 75
"""So long before the present the lines of the bad boxes began to get worse."""
ALONE = 0.03
LEAST_ON_BOX, MOST_ON_BOX = 4, 12
DB_A_DAY = 0.13
"""Loss of light, or more attenuation, of a line that gets worse (dB a day)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A broadband line when it was well, and since when it gets worse; rates in Mbit/s."""

    down: float
    up: float
    latency: float
    loss_db: float
    fibre: bool
    worse_since: date | None

    def on(self, day: date, dice: random.Random) -> Reading:
        """Return what an instrument shows on a day."""
        days = (day - self.worse_since).days if self.worse_since else 0
        lost = max(0, days) * DB_A_DAY
        share = max(0.25, 1 - 0.055 * lost) * dice.uniform(0.975, 1.0)
        level = round(self.loss_db + (-lost if self.fibre else lost) + dice.gauss(0, 0.15), 1)
        return Reading(
            down_mbps=round(self.down * share, 1),
            up_mbps=round(self.up * share, 1),
            latency_ms=round(self.latency * dice.uniform(0.95, 1.15), 1),
            attenuation_db=None if self.fibre else level,
            optical_power_dbm=level if self.fibre else None,
        )


def box_of(service: Service) -> str | None:
    """Return the key of the distribution box a service comes by."""
    return next((key for key in service.path_keys if key.startswith("box/")), None)


def failing_boxes(city: City) -> tuple[str, ...]:
    """Return the two boxes whose lines get worse: one of copper, one of fibre."""
    lines: dict[tuple[str, str], int] = defaultdict(int)
    for service in _lines(city):
        box = box_of(service)
        if box:
            lines[box, service.technology] += 1
    found = []
    for technology in ("copper", "fibre"):
        fitting = sorted(
            box
            for (box, kind), count in lines.items()
            if kind == technology and LEAST_ON_BOX <= count <= MOST_ON_BOX and box not in found
        )
        if fitting:
            found.append(random.Random(f"{city.seed} {technology} box").choice(fitting))
    return tuple(found)


def suffering(city: City) -> frozenset[str]:
    """Return the services whose lines get worse: those of the bad boxes, and a few alone."""
    bad, dice = failing_boxes(city), random.Random(f"{city.seed} suffering")
    return frozenset(
        service.key for service in _lines(city) if box_of(service) in bad or dice.random() < ALONE
    )


def _lines(city: City) -> list[Service]:
    return [s for s in city.services if s.service == BROADBAND and s.status == "active"]


def lines_of(city: City, today: date) -> dict[str, Line]:
    """Return every broadband line in use by its service's key."""
    bad, begins = suffering(city), today - timedelta(days=BEGINS_BEFORE_DAYS)
    dice = random.Random(f"{city.seed} lines")
    found = {}
    for service in _lines(city):
        fibre = service.technology == "fibre"
        found[service.key] = Line(
            down=(service.down_mbit_s or 0) * dice.uniform(0.94, 1.0),
            up=(service.up_mbit_s or 0) * dice.uniform(0.94, 1.0),
            latency=dice.uniform(2, 5) if fibre else dice.uniform(8, 18),
            loss_db=dice.uniform(-21, -12) if fibre else dice.uniform(9, 24),
            fibre=fibre,
            worse_since=begins if service.key in bad else None,
        )
    return found
