"""Rows of a list as a table that an office opens: CSV (RFC 4180) and Excel workbooks.

A text that begins like a formula is written as a text: whoever wrote it must not run anything on
the machine of whoever opens the file.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 60  # characters of a column in a workbook
_LONGEST = 32_767  # characters that a cell of a workbook holds


class Format(StrEnum):
    """What kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Row = Mapping[str, Any]


def flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with inner objects as columns `outer.inner`, and lists as one text."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": v for inner, v in flat(value).items()}
        elif isinstance(value, list):
            found[name] = _joined(value)
        else:
            found[name] = value
    return found


def _joined(values: list[Any]) -> str:
    if any(isinstance(value, Mapping | list) for value in values):
        return json.dumps(values, ensure_ascii=False)
    return "; ".join("" if value is None else str(value) for value in values)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Return the columns of flat rows in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def harmless(value: Any) -> Any:
    """Return a cell's value, a text that a spreadsheet would run made one that it shows."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def to_csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """Return a table as CSV in UTF-8 with a byte order mark, by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([harmless(name) for name in columns])
    for row in rows:
        writer.writerow([harmless(row.get(name)) for name in columns])
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(
    columns: Sequence[str], rows: Iterable[Row], about: Sequence[tuple[str, str]], zone: ZoneInfo
) -> bytes:
    """Return a table as a workbook: the rows on the first sheet, `about` on the second.

    Moments become dates of the calendar in `zone`, which a cell cannot name. No cell is a formula.
    """
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet("rows")
        sheet.freeze_panes(1, 0)
        widths = [len(name) for name in columns]
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name, bold)
        last = 0
        for last, row in enumerate(rows, start=1):
            for place, name in enumerate(columns):
                shown = _write(sheet, last, place, row.get(name), moment, zone)
                widths[place] = max(widths[place], shown)
        if columns:
            sheet.autofilter(0, 0, last, len(columns) - 1)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, min(width, _WIDEST) + 1)
        notes = book.add_worksheet("about")
        notes.set_column(0, 1, _WIDEST)
        for number, (name, said) in enumerate(about):
            notes.write_string(number, 0, name, bold)
            notes.write_string(number, 1, said[:_LONGEST])
    return out.getvalue()


def _write(sheet: Any, row: int, place: int, value: Any, moment: Any, zone: ZoneInfo) -> int:
    """Write a cell as what it is; return how wide it shows."""
    if value is None:
        return 0
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
        return 5
    if isinstance(value, int | float):
        sheet.write_number(row, place, value)
        return len(str(value))
    at = _moment(value) if isinstance(value, str) else None
    if at is not None:
        sheet.write_datetime(row, place, at.astimezone(zone).replace(tzinfo=None), moment)
        return 19
    sheet.write_string(row, place, str(value)[:_LONGEST])
    return len(str(value))


def _moment(text: str) -> datetime | None:
    """Return the moment that a text of an answer is, None when it is another text."""
    if not (len(text) >= len("2026-11-23T08:00Z") and text[:4].isdigit() and text[10] == "T"):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
