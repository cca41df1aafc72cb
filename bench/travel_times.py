"""The error of travel times against the road graph, between addresses of the demo city."""

import argparse
import time
from pathlib import Path

import numpy as np

from fieldops.demo.ground import EXTRACT, read_ground
from fieldops.kernel.geo import Position
from fieldops.travel import extract, rules
from fieldops.travel.roads import Roads
from fieldops.travel.rules import Reals, Zones

SAMPLE = 300
SHORTEST_S = 60.0  # of the formula: nearer neighbours are walked to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extract", type=Path, default=EXTRACT, help=".osm.pbf with addresses")
    given = parser.parse_args()
    before = time.process_time()
    roads = extract.read(given.extract)
    cpu = time.process_time() - before
    print(f"{len(roads.nodes)} nodes, {len(roads.tails)} arcs, read in {cpu:.2f} s of CPU")
    addresses = [place.point for place in read_ground(given.extract).places]
    drawn = np.random.default_rng(1).choice(len(addresses), min(SAMPLE, len(addresses)), False)
    sample = [addresses[i] for i in drawn]
    before = time.process_time()
    true = roads.matrix(sample, sample)
    cpu = time.process_time() - before
    print(f"{len(sample)} x {len(sample)} ways in {cpu:.3f} s of CPU")
    print("| estimate | road/estimate p10 | median | p90 | error median s | p90 s | CPU ms |")
    print("|---|---|---|---|---|---|---|")
    formula = rules.great_circle_seconds(sample, sample)
    far = (formula > SHORTEST_S) & np.isfinite(true)
    show("great circle x 1.35", true[far], formula[far], 0.0)
    for metres in (1000, 500, 250):
        zones = zones_of(roads, addresses, metres)
        before = time.process_time()
        estimate = rules.great_circle_seconds(sample, sample) * zones.factor(sample, sample)
        cpu = time.process_time() - before
        show(f"{len(zones.cells)} zones of {metres} m", true[far], estimate[far], cpu)


def zones_of(roads: Roads, addresses: list[Position], metres: float) -> Zones:
    """Return the table that `fieldops travel refresh` would make for these addresses."""
    latitude = float(np.mean([y for _, y in addresses]))
    cells, member = np.unique(
        rules.cell_of(addresses, metres, latitude), axis=0, return_inverse=True
    )
    flat = np.asarray(addresses)
    middles = [tuple(flat[member.ravel() == k].mean(axis=0).tolist()) for k in range(len(cells))]
    factors = rules.factors_of(roads.matrix(middles, middles), middles)
    return Zones(metres, latitude, cells, factors)


def show(name: str, true: Reals, estimate: Reals, cpu: float) -> None:
    low, middle, high = np.percentile(true / estimate, (10, 50, 90))
    half, most = np.percentile(np.abs(true - estimate), (50, 90))
    print(
        f"| {name} | {low:.2f} | {middle:.2f} | {high:.2f} | {half:.0f} | {most:.0f} "
        f"| {cpu * 1000:.1f} |"
    )


if __name__ == "__main__":
    main()
