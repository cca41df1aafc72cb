"""What a mutant is: a named textual patch, why it is dangerous, the tests meant to kill it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; the old text must stand there exactly once."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """Return the patched text; raises ValueError when the patch does not fit any more."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.file}: found {found} times, not once: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Mutant:
    """A dangerous change of the engine."""

    name: str
    breaks: str  # what goes wrong for whom
    holds: str  # ids of the invariants it attacks
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]  # what pytest is to run, cheapest first

    def write(self, root: Path) -> None:
        """Patch the tree at a root; raises ValueError when a patch does not fit."""
        for edit in self.edits:
            path = root / edit.file
            path.write_text(edit.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
