"""Routes on a map, before and after: a small SVG drawn without any library."""

import random
from itertools import pairwise
from math import cos, radians
from pathlib import Path

from bench import days
from fieldops.demo.ground import read_ground
from fieldops.dispatch.engine.packing import Day
from fieldops.dispatch.engine.plans import Decoded, Plan

PICTURE = Path(__file__).parents[1] / "docs" / "plans.svg"
WIDTH, TITLE, MARGIN = 620, 46, 12
COLOURS = (
    "#c0392b", "#2471a3", "#1e8449", "#b9770e", "#7d3c98", "#117a65",
    "#a04000", "#2e4053", "#d81b60", "#558b2f", "#0097a7", "#5d4037",
)  # fmt: skip

Place = tuple[float, float]


def day_in_town(
    technicians: int, visits: int, *, seed: int
) -> tuple[Day, list[Place], list[tuple[Place, Place]]]:
    """Return a day in the demo city, its places, and the streets, in kilometres from a corner."""
    ground = read_ground()
    west, south = ground.bounds.west, ground.bounds.south

    def flat(point: tuple[float, float]) -> Place:
        return (point[0] - west) * 111.32 * cos(radians(south)), (point[1] - south) * 110.57

    rng = random.Random(seed)
    at = [flat(place.point) for place in rng.sample(ground.places, technicians + visits)]
    points = [flat(point) for point in ground.streets.points]
    streets = [
        (points[edge.a], points[edge.b]) for edge in ground.streets.edges if edge.name is not None
    ]
    return days.generate(technicians, visits, seed=seed, at=at), at, streets


def draw(
    day: Day, at: list[Place], streets: list[tuple[Place, Place]], before: Plan, after: Plan
) -> None:
    """Write the picture: the same day twice, a line for each technician's route."""
    wide, high = max(x for x, _ in at) or 1.0, max(y for _, y in at) or 1.0
    scale = (WIDTH - 2 * MARGIN) / wide
    height = int(high * scale) + TITLE + 3 * MARGIN

    def spot(place: Place, shift: int) -> str:
        x, y = place
        return f"{shift + MARGIN + x * scale:.0f} {TITLE + MARGIN + (high - y) * scale:.0f}"

    town = "".join(sorted({f"M{spot(a, 0)}L{spot(b, 0)}" for a, b in streets}))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}">',
        "<style>text{font:14px sans-serif}</style>",
        "<title>Routes of one day, planned by a greedy dispatcher and by FieldOps</title>",
        f'<rect width="{2 * WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<defs><clipPath id="c"><rect width="{WIDTH}" height="{height}"/></clipPath>',
        f'<path id="s" d="{town}" stroke="#dddddd" fill="none" clip-path="url(#c)"/></defs>',
    ]
    for shift, name, plan in ((0, "A greedy dispatcher", before), (WIDTH, "FieldOps", after)):
        figures = Decoded(day, plan).figures()
        lines.append(f'<use href="#s" x="{shift}"/>')
        lines.append(
            f'<text x="{shift + MARGIN}" y="20" font-weight="bold">{name}</text>'
            f'<text x="{shift + MARGIN}" y="40">{len(plan.order)} of {len(day.jobs)} visits, '
            f"{figures.length:.0f} minutes on the road</text>"
        )
        lines += _routes(day, at, plan, lambda place, by=shift: spot(place, by))
        served = set(plan.order)
        lines += [
            f'<circle cx="{x}" cy="{y}" r="4" fill="#ffffff" stroke="#000000"/>'
            for number, job in enumerate(day.jobs)
            if number not in served
            for x, y in [spot(at[job.place], shift).split()]
        ]
    lines.append(
        f'<text x="{MARGIN}" y="{height - 4}">Streets: © OpenStreetMap contributors, ODbL</text>'
    )
    lines.append("</svg>")
    PICTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _routes(day: Day, at: list[Place], plan: Plan, spot) -> list[str]:  # noqa: ANN001
    drawn = []
    for number, route in enumerate(plan.routes):
        worker, colour = day.workers[number], COLOURS[number % len(COLOURS)]
        places = [worker.start, *(day.jobs[stop.job].place for stop in route), worker.end]
        path = "".join(
            f"M{spot(at[a])}L{spot(at[b])}"
            for a, b in pairwise(place for place in places if place is not None)
        )
        if route:
            drawn.append(f'<path d="{path}" stroke="{colour}" stroke-width="1.6" fill="none"/>')
        for stop in route:
            x, y = spot(at[day.jobs[stop.job].place]).split()
            drawn.append(f'<circle cx="{x}" cy="{y}" r="3.2" fill="{colour}"/>')
        x, y = (int(value) for value in spot(at[worker.start]).split())
        drawn.append(
            f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{colour}" stroke="#000000"/>'
        )
    return drawn
