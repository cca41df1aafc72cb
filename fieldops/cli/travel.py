"""Driving times: the table of a region worked out anew."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from fieldops.cli.database import installation
from fieldops.kernel.settings import get_settings

app = typer.Typer(help=__doc__, no_args_is_help=True)
console = Console()


@app.callback()
def main() -> None:
    """Driving times: see docs/dispatch.md."""


@app.command()
def refresh(
    region: Annotated[int, typer.Option(help="Number of the region.")],
) -> None:
    """Ask the routing server or the road graph for the ways between the region's zones."""
    from fieldops.travel import building  # noqa: PLC0415 - registers the modules below

    async def run() -> building.Report:
        async with installation() as database:
            return await building.refresh(database, get_settings(), region)

    with console.status("Working out ways …"):
        report = asyncio.run(run())
    for failure in report.failures:
        console.print(f"Not to be had: {failure}.")
    if report.source is None:
        console.print("No new table: what stood before, or the great circle x 1.35, holds.")
        raise typer.Exit(1)
    console.print(f"{report.zones:,} zones by {report.source}.")
