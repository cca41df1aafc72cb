"""The table of mutants in docs/sync-proof.md: written here, read by the test that checks it."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from tests.mutants.mutant import ROOT, Mutant
from tests.mutants.runner import Outcome

PAGE = ROOT / "docs" / "sync-proof.md"
BEGIN, END = "<!-- mutants: written by make mutants -->", "<!-- end of mutants -->"
_ROW = re.compile(r"^\| ([^|]+?) \|", re.MULTILINE)


def rows(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the table's lines."""
    lines = ["| mutant | what it breaks | attacks | killed by |", "|---|---|---|---|"]
    for outcome in outcomes:
        trouble = " ".join(outcome.trouble.split())[:200]  # a cell is one line
        mutant, killer = outcome.mutant, outcome.killer or f"**{trouble}**"
        killer = killer.removeprefix("tests/").replace("::", " · ").replace("|", "/")
        lines.append(f"| {mutant.name} | {mutant.breaks} | {mutant.holds} | {killer} |")
    return lines


def write(outcomes: Sequence[Outcome], on: date, minutes: float, at_once: int) -> None:
    """Put the table of a full run into the page, and how long it took."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    killed = sum(outcome.killer is not None for outcome in outcomes)
    longest = max(outcomes, key=lambda outcome: outcome.seconds)
    said = (
        f"{on}: {killed} of {len(outcomes)} killed in one go, in {minutes:.0f} minutes, {at_once}"
        f" at a time; the longest took {longest.seconds:.0f} s ({longest.mutant.name})."
    )
    body = "\n".join(rows(outcomes))
    PAGE.write_text(f"{head}{BEGIN}\n{said}\n\n{body}\n{END}{tail}", encoding="utf-8")


def listed() -> list[str]:
    """Return the names of the mutants the page lists."""
    body = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return [name for name in _ROW.findall(body) if name not in {"mutant", "---"}]


def names(mutants: Iterable[Mutant]) -> list[str]:
    """Return the names of mutants."""
    return [mutant.name for mutant in mutants]
