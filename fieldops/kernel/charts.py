"""Charts as SVG: lines over time, bars, Pareto. Text only, no scripts, legible in black and white.

Every chart carries its title and a description for whoever hears it instead of seeing it. Series
differ by dashes and marks as well as by colour; all colours have a contrast of 3:1 and more on
white (WCAG 2.2, 1.4.11). A value that is None is a gap, never a zero.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 56, 44, 76
COLOURS = ("#00629b", "#b84a00", "#00734f", "#8a3a7c", "#5c5c00", "#404040")
DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 5", "1 4")
INK, GRID, TARGET = "#1a1a1a", "#d0d0d0", "#a30000"
MOST_TICKS = 6
LONGEST_LABEL = 18


@dataclass(frozen=True, slots=True)
class Series:
    """A named line: moments with values, in the order of time."""

    name: str
    points: Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class Level:
    """A value to compare with, drawn across: a threshold, a target, a baseline."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places on the paper, with round ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def ticks(low: float, high: float, most: int = MOST_TICKS) -> tuple[float, ...]:
    """Return round values in equal steps from at most `low` to at least `high`."""
    least = 1e-9 * max(1.0, abs(low), abs(high))
    if high - low < least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(n * step, 10) for n in range(first, last + 1))


def _upright(values: Iterable[float], *, from_zero: bool) -> _Scale:
    known = [*values, *([0.0] if from_zero else [])] or [0.0, 1.0]
    marks = ticks(min(known), max(known))
    return _Scale(marks[0], marks[-1], HEIGHT - BOTTOM, TOP, marks)


def _number(value: float) -> str:
    return f"{value:,.10g}" if value == int(value) else f"{value:,.4g}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"{more}/>'


def _short(words: str) -> str:
    return words if len(words) <= LONGEST_LABEL else words[: LONGEST_LABEL - 1] + "…"


def _sheet(title: str, description: str, parts: Iterable[str]) -> str:
    """Return the whole picture with its frame, its title and what it says to a reader."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img"'
        f' font-family="sans-serif" font-size="12" fill="{INK}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        + _text(LEFT, 20, title, more=' font-size="15" font-weight="bold"')
        + f"\n{body}\n</svg>\n"
    )


def _frame(up: _Scale, unit: str) -> list[str]:
    parts = [_text(LEFT, TOP - 8, unit)] if unit else []
    for value in up.ticks:
        y = up(value)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y, INK if value == up.low else GRID))
        parts.append(_text(LEFT - 6, y + 4, _number(value), anchor="end"))
    return parts


def _levels(levels: Sequence[Level], up: _Scale) -> list[str]:
    parts = []
    for level in levels:
        y = up(level.value)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y, TARGET, ' stroke-dasharray="6 3"'))
        words = f"{level.name} {_number(level.value)}"
        parts.append(_text(WIDTH - RIGHT, y - 4, words, anchor="end", more=f' fill="{TARGET}"'))
    return parts


def lines(title: str, series: Sequence[Series], *, unit: str, levels: Sequence[Level] = ()) -> str:
    """Return values over time, a line for each series, as SVG."""
    known = [v for one in series for _at, v in one.points if v is not None]
    up = _upright([*known, *(level.value for level in levels)], from_zero=False)
    moments = sorted({at for one in series for at, _v in one.points})
    first, last = (moments[0].timestamp(), moments[-1].timestamp()) if moments else (0.0, 1.0)
    along = _Scale(first, last if last > first else first + 1, LEFT + 8, WIDTH - RIGHT - 8, ())
    parts = _frame(up, unit) + _levels(levels, up)
    for at in _spread(moments):
        shown = _text(
            along(at.timestamp()), HEIGHT - BOTTOM + 18, f"{at:%Y-%m-%d}", anchor="middle"
        )
        parts.append(shown)
    for number, one in enumerate(series):
        parts += _line(one, number, along, up)
    parts += _legend([one.name for one in series])
    return _sheet(title, _said(series, unit), parts)


def _spread(moments: Sequence[datetime]) -> list[datetime]:
    """Return at most six of the moments, first and last among them."""
    if len(moments) <= MOST_TICKS:
        return list(moments)
    step = (len(moments) - 1) / (MOST_TICKS - 1)
    return [moments[round(n * step)] for n in range(MOST_TICKS)]


def _line(one: Series, number: int, along: _Scale, up: _Scale) -> list[str]:
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    pieces: list[list[str]] = [[]]
    dots = []
    for at, value in one.points:
        if value is None:
            pieces.append([])
            continue
        x, y = along(at.timestamp()), up(value)
        pieces[-1].append(f"{x},{y}")
        dots.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
    drawn = [
        f'<polyline points="{" ".join(piece)}" fill="none" stroke="{colour}" stroke-width="2"'
        f' stroke-dasharray="{dash}"/>'
        for piece in pieces
        if len(piece) > 1
    ]
    return drawn + dots


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    room = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    for number, name in enumerate(names):
        x, y = round(LEFT + number * room, 1), HEIGHT - 18
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        more = f' stroke-width="3" stroke-dasharray="{dash}"'
        parts.append(_rule(x, y - 4, x + 24, y - 4, colour, more))
        parts.append(_text(x + 30, y, _short(name)))
    return parts


def _said(series: Sequence[Series], unit: str) -> str:
    words = []
    for one in series:
        known = [(at, v) for at, v in one.points if v is not None]
        if not known:
            words.append(f"{one.name}: no values.")
            continue
        ends = [f"{_number(v)} on {at:%Y-%m-%d}" for at, v in (known[0], known[-1])]
        least, most = (_number(pick(v for _, v in known)) for pick in (min, max))
        words.append(f"{one.name}: {ends[0]}, {ends[1]}, least {least}, most {most}.")
    return " ".join([*words, f"In {unit}." if unit else ""]).strip()


def bars(
    title: str,
    values: Sequence[tuple[str, float | None]],
    *,
    unit: str,
    levels: Sequence[Level] = (),
) -> str:
    """Return a bar for each name, with its value above it, as SVG."""
    known = [v for _name, v in values if v is not None]
    up = _upright([*known, *(level.value for level in levels)], from_zero=True)
    parts = _frame(up, unit) + _columns(values, up) + _levels(levels, up)
    said = [f"{name}: {'no value' if v is None else _number(v)}." for name, v in values]
    return _sheet(title, " ".join([*said, f"In {unit}." if unit else ""]).strip(), parts)


def _columns(values: Sequence[tuple[str, float | None]], up: _Scale) -> list[str]:
    room = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    wide = round(room * 0.7, 1)
    turned = max((len(name) for name, _v in values), default=0) * 7 > room
    parts = []
    for number, (name, value) in enumerate(values):
        x = round(LEFT + number * room + (room - wide) / 2, 1)
        middle = round(x + wide / 2, 1)
        if value is not None:
            top, foot = sorted((up(value), up(0.0)))
            parts.append(
                f'<rect x="{x}" y="{top}" width="{wide}" height="{round(foot - top, 1)}"'
                f' fill="{COLOURS[0]}"/>'
            )
            parts.append(_text(middle, top - 4, _number(value), anchor="middle"))
        y = HEIGHT - BOTTOM + 16
        if turned:
            more = f' transform="rotate(-28 {middle} {y})"'
            parts.append(_text(middle, y, _short(name), anchor="end", more=more))
        else:
            parts.append(_text(middle, y, name, anchor="middle"))
    return parts


def pareto(title: str, counts: Sequence[tuple[str, int]]) -> str:
    """Return causes with their counts, most first, and the cumulative share as a line (FO-05)."""
    falling = sorted(counts, key=lambda one: (-one[1], one[0]))
    total = sum(count for _name, count in falling)
    up = _upright([float(count) for _name, count in falling], from_zero=True)
    parts = _frame(up, "") + _columns([(name, float(count)) for name, count in falling], up)
    room = (WIDTH - LEFT - RIGHT) / max(len(falling), 1)
    share = _Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP, ())
    places, said, sum_ = [], [], 0
    for number, (name, count) in enumerate(falling):
        sum_ += count
        part = sum_ / total if total else 0.0
        places.append(f"{round(LEFT + (number + 0.5) * room, 1)},{share(part)}")
        said.append(f"{name}: {count}, cumulative {part:.0%}.")
    for part in (0.0, 0.5, 0.8, 1.0):
        parts.append(_text(WIDTH - RIGHT + 6, share(part) + 4, f"{part:.0%}"))
    if len(places) > 1:
        parts.append(
            f'<polyline points="{" ".join(places)}" fill="none" stroke="{COLOURS[1]}"'
            ' stroke-width="2"/>'
        )
    return _sheet(title, " ".join(said) or "No causes.", parts)
