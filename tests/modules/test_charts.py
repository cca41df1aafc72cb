"""Charts: what is drawn is what was measured, and readers without eyes hear it too."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldops.kernel import charts
from fieldops.kernel.charts import Level, Series

SVG = "{http://www.w3.org/2000/svg}"
DAY = datetime(2026, 11, 1, tzinfo=UTC)


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own picture


def heard(svg: str) -> str:
    found = drawn(svg).find(f"{SVG}desc")
    assert found is not None
    assert found.text
    return found.text


def of_days(*values: float | None) -> list[tuple[datetime, float | None]]:
    return [(DAY + timedelta(days=n), value) for n, value in enumerate(values)]


@given(
    st.floats(-1e6, 1e6, allow_nan=False),
    st.floats(0, 1e6, allow_nan=False),
)
def test_ticks_are_round_enclose_the_values_and_are_few(low: float, spread: float) -> None:
    marks = charts.ticks(low, low + spread)
    slack = 1e-6 * max(1.0, abs(low), spread)
    assert marks[0] <= low + slack
    assert marks[-1] >= low + spread - slack
    assert 2 <= len(marks) <= charts.MOST_TICKS + 3


def test_higher_values_stand_higher_and_a_missing_one_is_a_gap() -> None:
    svg = charts.lines("Down", [Series("down", of_days(10, 90, None, 40, 30))], unit="Mbit/s")
    root = drawn(svg)
    heights = [float(dot.get("cy", "")) for dot in root.iter(f"{SVG}circle")]
    assert heights[1] < heights[2] < heights[3] < heights[0]
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert heard(svg) == ("down: 10 on 2026-11-01, 30 on 2026-11-05, least 10, most 90. In Mbit/s.")


def test_a_threshold_is_drawn_where_its_value_is() -> None:
    up, level = of_days(80, 100), Level(80, "sold rate")
    root = drawn(charts.lines("Down", [Series("down", up)], unit="", levels=[level]))
    first = next(root.iter(f"{SVG}circle")).get("cy")
    (across,) = [r for r in root.iter(f"{SVG}line") if r.get("stroke") == charts.TARGET]
    assert across.get("y1") == across.get("y2") == first


def test_bars_are_as_high_as_their_values() -> None:
    root = drawn(charts.bars("Kept", [("North", 50), ("South", 100), ("?", None)], unit="%"))
    heights = [float(r.get("height", "")) for r in root.iter(f"{SVG}rect")][1:]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.3)
    assert len(heights) == 2


def test_a_pareto_table_falls_and_its_line_ends_at_everything() -> None:
    svg = charts.pareto("Reasons", [("late", 3), ("rude", 1), ("again", 6)])
    assert heard(svg) == (
        "again: 6, cumulative 60%. late: 3, cumulative 90%. rude: 1, cumulative 100%."
    )
    line = next(drawn(svg).iter(f"{SVG}polyline")).get("points", "")
    assert float(line.split(",")[-1]) == charts.TOP


@pytest.mark.parametrize(
    "svg",
    [
        charts.lines("A <b> & c", [Series("<x>", [])], unit="<u>"),
        charts.bars("A <b> & c", [], unit="<u>"),
        charts.pareto("A <b> & c", []),
        charts.bars("long", [("a name longer than any other name", 1)] * 12, unit=""),
    ],
)
def test_nothing_to_show_and_any_words_still_make_a_picture(svg: str) -> None:
    assert drawn(svg).find(f"{SVG}title") is not None
    assert "script" not in svg


def test_every_colour_is_told_from_white() -> None:
    def bright(colour: str) -> float:
        parts = [int(n, 16) / 255 for n in re.findall("..", colour[1:])]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in (*charts.COLOURS, charts.INK, charts.TARGET):
        assert 1.05 / (bright(colour) + 0.05) >= 4.5
