"""docs/operations.md has a sentence for every setting, the one that the code has."""

from pathlib import Path

import pytest

from fieldops.kernel.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_setting_stands_on_the_page_with_its_sentence(name: str) -> None:
    field = Settings.model_fields[name]
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `FIELDOPS_{name.upper()}` |")]
    assert len(rows) == 1
    assert field.description is not None
    assert rows[0].endswith(f"| {field.description} |")
