"""`fieldops dispatch`: a centre's day as a file, to try the search on it."""

import asyncio
import json
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.cli.database import in_transaction

app = typer.Typer(help="Day plans.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Day plans."""


@app.command()
def day(
    centre: Annotated[UUID, typer.Option(help="The centre's id.")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The local day.")],
    region: Annotated[int, typer.Option(envvar="FIELDOPS_REGION", help="Number of the region.")],
) -> None:
    """Print a centre's day as the search gets it, for `bench/dispatch --instance FILE`.

    Nothing personal is in it: places are numbers, ways are minutes.
    """

    async def work(session: AsyncSession) -> dict[str, Any]:
        return await problem_of(session, region, centre, on.date())

    typer.echo(json.dumps(asyncio.run(in_transaction(work))))


async def problem_of(
    session: AsyncSession, region_id: int, centre_id: UUID, on: date
) -> dict[str, Any]:
    """Return the problem of a centre's day as plain values."""
    from fieldops.dispatch import problem  # noqa: PLC0415 - registers all modules
    from fieldops.dispatch.queries import days  # noqa: PLC0415 - see above
    from fieldops.kernel import clock  # noqa: PLC0415 - see above

    found = await days.read(session, region_id, centre_id, on, clock.now())
    return problem.build(found, await days.terms(session, region_id, "day")).raw
