"""How a played day is told: steps as they happen, a table of checks at the end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence about the day, whether it held, and what was seen when it did not."""

    sentence: str
    held: bool
    seen: str = ""


class Report(Protocol):
    """Who listens to the day."""

    def step(self, title: str) -> None: ...

    def note(self, sentence: str) -> None: ...

    def check(self, check: Check) -> None: ...


class OnTerminal:
    """Tells the day to a person at a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def step(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]", highlight=False)

    def note(self, sentence: str) -> None:
        self.console.print(f"  {sentence}", highlight=False)

    def check(self, check: Check) -> None:
        mark = "[green]✓[/green]" if check.held else "[red]✗[/red]"
        self.console.print(f"  {mark} {check.sentence}", highlight=False)
        if not check.held:
            self.console.print(f"    seen: {check.seen}", highlight=False, markup=False)


class Quietly:
    """Listens without a word; the checks are returned by the day itself."""

    def step(self, title: str) -> None: ...

    def note(self, sentence: str) -> None: ...

    def check(self, check: Check) -> None: ...


def shown(checks: Iterable[Check]) -> Table:
    """Return the table of checks for a terminal."""
    table = Table("", "What the played day shows", title_justify="left")
    for check in checks:
        table.add_row("[green]held[/green]" if check.held else "[red]no[/red]", check.sentence)
    return table
