"""The small map of a visit's report: door, arrival and the plant nearby, from the record. Pure.

Plain SVG on a plane around the door, north above; no tiles of anybody. Plant has numbers, which
the legend beside it explains, so that no font is needed for names.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fieldops.kernel.geo import EARTH_RADIUS_M, Position

WIDTH, HEIGHT, MARGIN = 480, 320, 24
LEAST_SPAN_M = 60.0
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_MOST_OF_WIDTH = 0.3
FURTHEST_M = 5_000.0
"""An arrival further off than this is not drawn but told: the map would show nothing else."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A piece of plant: GeoJSON shape and the number it has in the legend."""

    number: int
    shape: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Plane:
    """Degrees to points of the picture."""

    origin: Position
    scale: float  # points a metre
    middle: tuple[float, float]  # metres from the origin, in the picture's middle

    def at(self, position: Sequence[float]) -> tuple[float, float]:
        east, north = metres(self.origin, position)
        x = WIDTH / 2 + (east - self.middle[0]) * self.scale
        y = HEIGHT / 2 - (north - self.middle[1]) * self.scale
        return round(x, 1), round(y, 1)


def metres(origin: Position, position: Sequence[float]) -> tuple[float, float]:
    """Return how far a position lies east and north of the origin, on the plane around it."""
    per_degree = math.radians(1) * EARTH_RADIUS_M
    east = (position[0] - origin[0]) * per_degree * math.cos(math.radians(origin[1]))
    return east, (position[1] - origin[1]) * per_degree


def drawn(
    door: Position,
    arrivals: Sequence[Position],
    plant: Sequence[Drawn],
    *,
    title: str,
    description: str,
) -> str:
    """Return the map as SVG. Plant lies where it does: what is outside the picture is cut off."""
    shown = [place for place in arrivals if math.hypot(*metres(door, place)) <= FURTHEST_M]
    plane = _plane(door, [door, *shown, *(end for one in plant for end in _nearest(one.shape))])
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    font = 'font-family="Libertinus Serif, serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {font}>',
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f7f7f4" stroke="#8a8a8a"/>',
        *(_line(plane, one) for one in plant if one.shape["type"] == "LineString"),
        *(_point(plane, one) for one in plant if one.shape["type"] == "Point"),
        *(_arrival(plane, door, place) for place in shown),
        _door(plane, door),
        _scale(plane),
        "</svg>",
    ]
    return "".join(parts)


def _nearest(shape: dict[str, Any]) -> list[Position]:
    """Return what of a piece of plant has to fit into the picture: a point; a line may go on."""
    return [tuple(shape["coordinates"])] if shape["type"] == "Point" else []


def _plane(door: Position, places: Sequence[Position]) -> _Plane:
    spread = [metres(door, place) for place in places]
    east, north = zip(*spread, strict=True)
    wide = max(max(east) - min(east), LEAST_SPAN_M)
    high = max(max(north) - min(north), LEAST_SPAN_M * HEIGHT / WIDTH)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    middle = ((max(east) + min(east)) / 2, (max(north) + min(north)) / 2)
    return _Plane(door, scale, middle)


def _line(plane: _Plane, one: Drawn) -> str:
    points = [plane.at(position) for position in one.shape["coordinates"]]
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="#6b6b6b" stroke-width="1.5"/>'


def _point(plane: _Plane, one: Drawn) -> str:
    x, y = plane.at(one.shape["coordinates"])
    return (
        f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="#0b5cad"/>'
        f'<text x="{x + 6}" y="{y - 4}" fill="#123">{one.number}</text>'
    )


def _arrival(plane: _Plane, door: Position, place: Position) -> str:
    (x, y), (to_x, to_y) = plane.at(place), plane.at(door)
    return (
        f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="#1c6b34"'
        ' stroke-dasharray="4 3"/>'
        f'<circle cx="{x}" cy="{y}" r="6" fill="#1c6b34" stroke="#fff" stroke-width="1.5"/>'
    )


def _door(plane: _Plane, door: Position) -> str:
    x, y = plane.at(door)
    return (
        f'<path d="M{x} {y - 9}l9 8h-3v9h-12v-9h-3z" fill="#b3261e" stroke="#fff"'
        ' stroke-width="1"/>'
    )


def _scale(plane: _Plane) -> str:
    fitting = [step for step in _STEPS if step * plane.scale <= WIDTH * _MOST_OF_WIDTH]
    length = max(fitting, default=_STEPS[0])
    end = round(MARGIN + length * plane.scale, 1)
    base = HEIGHT - 12
    return (
        f'<path d="M{MARGIN} {base - 4}v4H{end}v-4" fill="none" stroke="#1b1b1b"/>'
        f'<text x="{end + 6}" y="{base}">{length} m</text>'
    )
