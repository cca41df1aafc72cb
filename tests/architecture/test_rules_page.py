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


def test_no_rule_is_missing_between_the_first_and_the_last_of_its_kind() -> None:
    known = set(re.findall(r"\b([A-Z]{2,3})-(\d\d)\b", PAGE.read_text(encoding="utf-8")))
    kinds = {kind for kind, _ in known}
    last = {kind: max(int(number) for of, number in known if of == kind) for kind in kinds}
    assert known == {(kind, f"{n:02}") for kind in kinds for n in range(1, last[kind] + 1)}
    rows = {rule for rule, _ in ROWS}
    later = PAGE.read_text(encoding="utf-8").split("## Not yet")[1]
    assert {rule for kind, n in known if (rule := f"{kind}-{n}") not in rows} <= set(
        re.findall(r"[A-Z]{2,3}-\d\d", later)
    )
