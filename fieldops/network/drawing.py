"""A waiting change drawn as SVG: where it lies, and what base, theirs and ours say of it (RE-05).

Text only, no scripts; sides differ by dashes and labels as well as by colour, all of them with a
contrast of 4.5:1 and more on white. Degrees are drawn on a plane that is true at the middle.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal
from xml.sax.saxutils import escape

from fieldops.network.schemas import SideFeature

WIDTH, HEIGHT, EDGE, LEGEND = 520, 300, 40, 96
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


def draw(name: str, features: Sequence[SideFeature], language: Language) -> str:
    """Return the drawing of a waiting change's sides."""
    words = _WORDS[language]
    title = words["title"].format(name=name)
    rows = [
        f"{words[side]}: {_state(features, side, words)}" for side in _STYLES
    ]  # the same words are the legend and the description
    place = _projection([xy for one in features for xy in _positions(one)])
    parts = [_one(one, place, words) for one in features if one.geometry is not None]
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


def _positions(one: SideFeature) -> list[tuple[float, float]]:
    if one.geometry is None:
        return []
    found: Any = one.geometry.coordinates
    return [tuple(found)] if one.geometry.type == "Point" else [tuple(xy) for xy in found]


def _projection(positions: Sequence[tuple[float, float]]) -> Any:
    """Return a function from degrees to pixels; a single place is in the middle."""
    west = min((x for x, _ in positions), default=0.0)
    east = max((x for x, _ in positions), default=0.0)
    south = min((y for _, y in positions), default=0.0)
    north = max((y for _, y in positions), default=0.0)
    narrow = math.cos(math.radians((south + north) / 2))
    wide, high = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high)

    def place(x: float, y: float) -> tuple[float, float]:
        across = WIDTH / 2 + (x - (west + east) / 2) * narrow * scale
        return across, HEIGHT / 2 - (y - (south + north) / 2) * scale

    return place


def _one(one: SideFeature, place: Any, words: dict[str, str]) -> str:
    side = one.properties["side"]
    colour, dashes = _STYLES[side]
    off = APART * (list(_STYLES).index(side) - 1)
    points = [(round(x, 1), round(y + off, 1)) for x, y in (place(*p) for p in _positions(one))]
    if len(points) == 1:
        (x, y), home = points[0], one.properties["kind"] == "home"
        label = f'<text x="{x + 9}" y="{y + 5}">{escape(words["home"])}</text>' if home else ""
        return (
            f'<circle cx="{x}" cy="{y}" r="6" stroke="{colour}" stroke-width="3"'
            f' stroke-dasharray="{dashes}"/>{label}'
        )
    path = "L".join(f"{x} {y}" for x, y in points)
    return f'<path d="M{path}" stroke="{colour}" stroke-width="4" stroke-dasharray="{dashes}"/>'
