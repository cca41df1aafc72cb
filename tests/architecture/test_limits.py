"""docs/limits.md says what the code enforces."""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
ROWS = re.findall(r"\| (\d+) \| `([\w.]+):(\w+)` \|", PAGE.read_text(encoding="utf-8"))


def test_the_page_lists_limits() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize(("number", "module", "constant"), ROWS, ids=lambda value: value)
def test_the_page_and_the_code_name_the_same_number(
    number: str, module: str, constant: str
) -> None:
    assert getattr(import_module(module), constant) == int(number)
