"""A waiting change drawn as SVG: where it lies, and what base, theirs and ours say of it (RE-05).

It is drawn on what lies around: streets, where they are known, and the plant of the record. Text
only, no scripts; sides differ by dashes and labels as well as by colour, all of them with a
contrast of 4.5:1 and more on white. Degrees are drawn on a plane that is true at the middle.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

from fieldops.network.rules import KM_PER_DEGREE, Box
from fieldops.network.schemas import GeoGeometry, SideFeature

WIDTH, HEIGHT, LEGEND = 520, 300, 96
AROUND = 0.2
"""Of what is drawn, so much is shown beyond it on each side."""
LEAST_M = 150.0
"""A single place is shown with its surroundings, so many metres across."""
SCALES_M = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
APART = 7.0
"""Pixels between the sides, which mostly lie at one place."""

_STYLES = {
    "base": ("#595959", "2 4"),
    "theirs": ("#00629b", ""),
    "ours": ("#a63c00", "9 4"),
}
_WORDS = {
    "en": {
        "title": "Waiting change: {name}", "base": "Seen by the phone", "theirs": "Record now",
        "ours": "Done on site", "unknown": "not known", "home": "home",
        "free": "free", "reserved": "reserved", "occupied": "occupied", "bad": "bad",
        "retired": "retired",
    },
    "zh_CN": {
        "title": "待处理变更：{name}", "base": "终端所见", "theirs": "当前记录",
        "ours": "现场操作", "unknown": "未知", "home": "用户",
        "free": "空闲", "reserved": "预占", "occupied": "占用", "bad": "故障",
        "retired": "停用",
    },
}  # fmt: skip

Language = Literal["en", "zh_CN"]
Xy = tuple[float, float]


@dataclass(frozen=True)
class Surroundings:
    """What lies around a change: pieces of streets with whom to credit, and plant."""

    streets: Sequence[Sequence[Xy]] = ()
    credit: str = ""
    plant: Sequence[GeoGeometry] = ()


def frame(features: Iterable[SideFeature]) -> Box | None:
    """Return what of the map is shown, in the picture's proportions; None without any place."""
    places = [xy for one in features for xy in _positions(one.geometry)]
    if not places:
        return None
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    narrow = math.cos(math.radians((south + north) / 2))
    least = LEAST_M / 1_000 / KM_PER_DEGREE
    wide = max((east - west) * narrow * (1 + 2 * AROUND), least)
    high = max((north - south) * (1 + 2 * AROUND), wide * HEIGHT / WIDTH)
    x, y = (west + east) / 2, (south + north) / 2
    half = high * WIDTH / HEIGHT / narrow / 2
    return Box(west=x - half, south=y - high / 2, east=x + half, north=y + high / 2)


def draw(
    name: str,
    features: Sequence[SideFeature],
    language: Language,
    around: Surroundings | None = None,
) -> str:
    """Return the drawing of a waiting change's sides on what lies around them."""
    words = _WORDS[language]
    title = words["title"].format(name=name)
    rows = [
        f"{words[side]}: {_state(features, side, words)}" for side in _STYLES
    ]  # the same words are the legend and the description
    shown = frame(features)
    parts = []
    if shown is not None:
        place = _projection(shown)
        under = _ground(around or Surroundings(), place)
        over = [_one(one, place, words) for one in features if one.geometry is not None]
        parts = [*under, *over, "</g>", *_scale(shown)]
    for number, (side, text) in enumerate(zip(_STYLES, rows, strict=True)):
        colour, dashes = _STYLES[side]
        y = HEIGHT + 20 + 24 * number
        parts.append(
            f'<path d="M16 {y}H64" stroke="{colour}" stroke-width="4" stroke-dasharray="{dashes}"/>'
            f'<text x="74" y="{y + 5}">{escape(text)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + LEGEND}"'
        f' role="img" font-family="sans-serif" font-size="14" fill="none">\n'
        f"<title>{escape(title)}</title>\n"
        f"<desc>{escape('; '.join(rows))}</desc>\n"
        f'<clipPath id="map"><rect width="{WIDTH}" height="{HEIGHT}"/></clipPath>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT + LEGEND}" fill="#ffffff"/>\n'
        f'<g fill="#1a1a1a"><text x="16" y="24" font-size="16">{escape(title)}</text></g>\n'
        + "\n".join(part.replace("<text ", '<text fill="#1a1a1a" ') for part in parts)
        + "\n</svg>\n"
    )


def _state(features: Sequence[SideFeature], side: str, words: dict[str, str]) -> str:
    said = []
    for one in features:
        if one.properties["side"] == side and one.properties["kind"] != "home":
            state = one.properties["state"] or "unknown"
            said.append(f"{one.properties['name']} {words.get(state, state)}")
    return ", ".join(said) or words["unknown"]


def _positions(geometry: GeoGeometry | None) -> list[Xy]:
    if geometry is None:
        return []
    found: Any = geometry.coordinates
    return [tuple(found)] if geometry.type == "Point" else [tuple(xy) for xy in found]


def _projection(shown: Box) -> Any:
    """Return a function from degrees to pixels."""
    across, down = WIDTH / (shown.east - shown.west), HEIGHT / (shown.north - shown.south)

    def place(x: float, y: float) -> Xy:
        return round((x - shown.west) * across, 1), round((shown.north - y) * down, 1)

    return place


def _ground(around: Surroundings, place: Any) -> list[str]:
    """Return the streets and the plant around, in greys that keep behind the sides."""

    def path(lines: Iterable[Sequence[Xy]]) -> str:
        return "".join("M" + "L".join("{} {}".format(*place(*xy)) for xy in one) for one in lines)

    lines = [_positions(one) for one in around.plant if one.type == "LineString"]
    points = [place(*_positions(one)[0]) for one in around.plant if one.type == "Point"]
    drawn = ['<g clip-path="url(#map)" stroke-linecap="round">']
    if around.streets:
        drawn.append(f'<path d="{path(around.streets)}" stroke="#e4e0d8" stroke-width="9"/>')
        drawn.append(
            f'<text x="{WIDTH - 6}" y="{HEIGHT - 6}" text-anchor="end" font-size="10">'
            f"{escape(around.credit)}</text>"
        )
    if lines:
        drawn.append(f'<path d="{path(lines)}" stroke="#9a9a9a" stroke-width="1.5"/>')
    drawn += [
        f'<rect x="{x - 2.5:.1f}" y="{y - 2.5:.1f}" width="5" height="5" fill="#9a9a9a"/>'
        for x, y in points
    ]
    return drawn


def _scale(shown: Box) -> list[str]:
    metre = HEIGHT / ((shown.north - shown.south) * KM_PER_DEGREE * 1_000)
    length = max((m for m in SCALES_M if m * metre <= WIDTH / 4), default=SCALES_M[0])
    y, end = HEIGHT - 26, round(16 + length * metre, 1)
    label = f"{length} m" if length < 1_000 else f"{length // 1_000} km"  # noqa: PLR2004 - metres
    return [
        f'<path d="M16 {y - 4}V{y}H{end}V{y - 4}" stroke="#1a1a1a"/>',
        f'<text x="{end + 6}" y="{y}" font-size="11">{label}</text>',
    ]


def _one(one: SideFeature, place: Any, words: dict[str, str]) -> str:
    side = one.properties["side"]
    colour, dashes = _STYLES[side]
    off = APART * (list(_STYLES).index(side) - 1)
    places = [place(*xy) for xy in _positions(one.geometry)]
    points = [(x, round(y + off, 1)) for x, y in places]
    if len(points) == 1:
        (x, y), home = points[0], one.properties["kind"] == "home"
        label = f'<text x="{x + 9}" y="{y + 5}">{escape(words["home"])}</text>' if home else ""
        return (
            f'<circle cx="{x}" cy="{y}" r="6" stroke="{colour}" stroke-width="3"'
            f' stroke-dasharray="{dashes}"/>{label}'
        )
    path = "L".join(f"{x} {y}" for x, y in points)
    return f'<path d="M{path}" stroke="{colour}" stroke-width="4" stroke-dasharray="{dashes}"/>'
