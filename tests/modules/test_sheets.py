"""Tables for spreadsheets: nothing in them runs, and what was written comes back."""

import csv
import io
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldops.kernel import sheets

HELSINKI = ZoneInfo("Europe/Helsinki")
CELLS = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text(max_size=20))


def part(workbook: bytes, name: str) -> str:
    with ZipFile(io.BytesIO(workbook)) as archive:
        return archive.read(name).decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_begins_like_a_formula_is_shown_and_not_run(text: str) -> None:
    written = sheets.to_csv(["note"], [{"note": text}]).decode("utf-8-sig")
    (_head, (cell,)) = csv.reader(io.StringIO(written, newline=""))
    assert cell == "'" + text
    book = sheets.to_xlsx(["note"], [{"note": text}], [("list", text)], HELSINKI)
    for sheet in ("sheet1", "sheet2"):
        assert "<f>" not in part(book, f"xl/worksheets/{sheet}.xml")


def test_a_negative_number_stays_a_number() -> None:
    assert sheets.to_csv(["level"], [{"level": -21.5}]).decode("utf-8-sig") == "level\r\n-21.5\r\n"
    book = sheets.to_xlsx(["level"], [{"level": -21.5}], [], HELSINKI)
    assert "<v>-21.5</v>" in part(book, "xl/worksheets/sheet1.xml")


@given(st.lists(st.dictionaries(st.sampled_from("abc"), CELLS), max_size=5))
def test_every_cell_of_every_row_is_in_the_file(rows: list[dict[str, object]]) -> None:
    columns = sheets.columns_of(rows)
    text = sheets.to_csv(columns, rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    if not columns:
        return
    for row, cells in zip(rows, read, strict=True):
        for name, cell in zip(columns, cells, strict=True):
            value = row.get(name)
            wanted = "" if value is None else str(value)
            assert cell.removeprefix("'") == wanted.removeprefix("'")


def test_moments_are_dates_of_the_region_in_a_workbook_and_iso_in_csv() -> None:
    row = {"at": "2026-11-23T06:00:00Z"}
    book = sheets.to_xlsx(["at"], [row], [], HELSINKI)
    assert "<v>46349.33333333" in part(book, "xl/worksheets/sheet1.xml")  # 08:00 local
    assert b"2026-11-23T06:00:00Z" in sheets.to_csv(["at"], [row])


def test_inner_objects_are_columns_and_lists_are_texts() -> None:
    point = {"lat": 1.5, "in": {"x": None}}
    assert sheets.flat({"id": 1, "point": point, "tags": ["a", 2], "parts": [{"n": 1}]}) == {
        "id": 1,
        "point.lat": 1.5,
        "point.in.x": None,
        "tags": "a; 2",
        "parts": '[{"n": 1}]',
    }
