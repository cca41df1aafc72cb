"""The plant of the demo city around one exchange, as docs/maps.md shows it: a small SVG.

`python -m bench.plant_picture` writes it anew, from the same seed as `make demo`.
"""

from datetime import date
from math import cos, radians
from pathlib import Path
from typing import Any

from fieldops.demo.city import City, build_city
from fieldops.demo.load import SEED

PICTURE = Path(__file__).parents[1] / "docs" / "plant.svg"
WIDTH, HEIGHT, LEGEND = 760, 460, 34
ACROSS_M = 560.0
STYLES: dict[str, tuple[str, str]] = {
    "duct": ("Duct", 'stroke="#9a8f7a" stroke-width="4" stroke-opacity=".55"'),
    "cable": ("Cable", 'stroke="#00629b" stroke-width="1.6"'),
    "drop": ("Drop", 'stroke="#00629b" stroke-width=".7" stroke-dasharray="3 2"'),
    "manhole": ("Manhole", 'r="2.5" fill="#ffffff" stroke="#6b6250"'),
    "distribution_box": ("Distribution box", 'r="3.2" fill="#a63c00"'),
    "cross_connect_cabinet": ("Cabinet", 'r="6" fill="#1e6b3c"'),
    "exchange": ("Exchange", 'r="9" fill="#1a1a1a"'),
}
"""From the ground up: what each kind is called and how it is drawn."""


def draw(city: City) -> str:
    """Return the picture."""
    exchange = next(piece for piece in city.features if piece.kind == "exchange")
    assert exchange.geometry is not None  # noqa: S101 - every exchange has a place
    x0, y0 = exchange.geometry["coordinates"]
    scale = WIDTH / ACROSS_M

    def spot(point: Any) -> tuple[float, float]:
        east = (point[0] - x0) * 111_320 * cos(radians(y0))
        return (
            round(WIDTH / 2 + east * scale, 1),
            round(HEIGHT / 2 - (point[1] - y0) * 110_570 * scale, 1),
        )

    def near(points: list[tuple[float, float]]) -> bool:
        return any(-40 < x < WIDTH + 40 and -40 < y < HEIGHT + 40 for x, y in points)

    def path(lines: list[list[tuple[float, float]]]) -> str:
        unique = sorted({"M" + "L".join(f"{x:g} {y:g}" for x, y in line) for line in lines})
        return "".join(unique)

    points = [spot(point) for point in city.ground.streets.points]
    streets = [[points[edge.a], points[edge.b]] for edge in city.ground.streets.edges]
    town = path([street for street in streets if near(street)])
    parts = [f'<path d="{town}" stroke="#ece8e0" stroke-width="7"/>']
    shown = 0
    for kind, (_name, style) in STYLES.items():
        shapes = [piece.geometry for piece in city.features if piece.kind == kind]
        lines = [
            [spot(p) for p in shape["coordinates"]]
            for shape in shapes
            if shape is not None and shape["type"] == "LineString"
        ]
        lines = [line for line in lines if near(line)]
        places = [
            spot(shape["coordinates"])
            for shape in shapes
            if shape is not None and shape["type"] == "Point"
        ]
        places = [place for place in places if near([place])]
        shown += len(lines) + len(places)
        if lines:
            parts.append(f'<path d="{path(lines)}" {style}/>')
        parts += [f'<circle cx="{x:g}" cy="{y:g}" {style}/>' for x, y in places]
    title = f"{shown} pieces of plant around the exchange {exchange.name} of the demo city"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + LEGEND}"',
            'role="img" font-family="sans-serif" font-size="12" fill="none">',
            f"<title>{title}</title>",
            f'<clipPath id="map"><rect width="{WIDTH}" height="{HEIGHT}"/></clipPath>',
            f'<rect width="{WIDTH}" height="{HEIGHT + LEGEND}" fill="#ffffff"/>',
            '<g clip-path="url(#map)" stroke-linecap="round">',
            *parts,
            "</g>",
            *_legend(),
            "</svg>\n",
        ]
    )


def _legend() -> list[str]:
    y, x = HEIGHT + 20, 12
    drawn = []
    for name, style in STYLES.values():
        line = style.startswith("stroke")
        sign = (
            f'<path d="M{x} {y}h18" {style}/>'
            if line
            else f'<circle cx="{x + 9}" cy="{y}" {style}/>'
        )
        drawn.append(f'{sign}<text x="{x + 24}" y="{y + 4}" fill="#1a1a1a">{name}</text>')
        x += 44 + 7 * len(name)
    drawn.append(
        f'<text x="{WIDTH - 6}" y="{HEIGHT - 6}" text-anchor="end" font-size="10" fill="#1a1a1a">'
        "Streets: © OpenStreetMap contributors, ODbL</text>"
    )
    return drawn


if __name__ == "__main__":
    PICTURE.write_text(draw(build_city(SEED, date(2026, 11, 23))), encoding="utf-8")
