"""The mutants are still aimed at the engine, and the page lists them all; see `make mutants`."""

import pytest

from tests.mutants import table
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_still_applies_and_names_tests_that_exist(mutant: Mutant) -> None:
    """A patch that does not fit any more would pass for a kill: aim it anew."""
    changed: dict[str, str] = {}
    for edit in mutant.edits:
        text = changed.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
        changed[edit.file] = edit.applied(text)
        assert changed[edit.file] != text
    for file, text in changed.items():
        compile(text, file, "exec")
    for test in mutant.tests:
        file, _, name = test.partition("[")[0].partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_lists_every_mutant_and_none_survives() -> None:
    assert table.listed() == table.names(MUTANTS)
    assert "survived" not in table.PAGE.read_text(encoding="utf-8")


def test_names_of_mutants_are_unique() -> None:
    assert len(set(table.names(MUTANTS))) == len(MUTANTS)
