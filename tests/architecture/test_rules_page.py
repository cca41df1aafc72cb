"""docs/rules.md names for each rule a test file that names the rule."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "rules.md"
ROWS = [
    (rule, file)
    for rule, files in re.findall(
        r"^\| ([A-Z]{2,3}-\d\d) \|.*\| ((?:`[\w/.]+`(?:, )?)+) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for file in re.findall(r"`([\w/.]+)`", files)
]


def test_every_row_is_read() -> None:
    assert len(ROWS) == PAGE.read_text(encoding="utf-8").count(".py`")
    assert len(ROWS) > 40


@pytest.mark.parametrize(("rule", "file"), ROWS)
def test_the_named_test_file_names_the_rule(rule: str, file: str) -> None:
    text = (TESTS / file).read_text(encoding="utf-8").upper().replace("_", "-")
    assert rule in text


def test_a_rule_has_one_row_and_does_not_hold_while_it_is_yet_to_come() -> None:
    holding, later = PAGE.read_text(encoding="utf-8").split("## Not yet")
    rules = re.findall(r"^\| ([A-Z]{2,3}-\d\d) \|", holding, re.MULTILINE)
    assert sorted(rules) == sorted(set(rules))
    assert not {rule for rule in rules if rule in later}
