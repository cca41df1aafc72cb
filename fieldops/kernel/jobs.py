"""Jobs: rows in the queue, written in the caller's transaction; a rollback leaves no job.

`@job` makes a coroutine a job, `@every` runs one by the timetable. A job opens its own
transaction and runs commands or the module's own functions.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import procrastinate
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.kernel import actor, clock, commands
from fieldops.kernel.db import Database
from fieldops.kernel.errors import Coded
from fieldops.kernel.ids import new_id
from fieldops.kernel.settings import Settings

app = procrastinate.App(connector=procrastinate.PsycopgConnector())

log = structlog.get_logger()

STALLED_AFTER_SECONDS = 120
KEEP_FINISHED_HOURS = 72


@dataclass(slots=True)
class Machine:
    """What jobs run with in this process; the worker (or a test) sets it."""

    database: Database
    settings: Settings


_machine: list[Machine] = []


def use(machine: Machine) -> None:
    """Give this process's jobs their database and settings."""
    _machine[:] = [machine]


def machine() -> Machine:
    """Return what this process's jobs run with."""
    return _machine[0]


Job = Callable[..., Awaitable[None]]


def job(name: str, *, retries: int = 5) -> Callable[[Job], Any]:
    """Register a coroutine `async (**args) -> None` as a job with exponential retries."""

    def register(function: Job) -> Any:
        strategy = procrastinate.RetryStrategy(max_attempts=retries, exponential_wait=2)
        return app.task(name=name, retry=strategy)(function)

    return register


def every(cron: str, name: str) -> Callable[[Callable[[], Awaitable[None]]], Any]:
    """Run a coroutine without arguments by a cron line (a sixth field, the last, gives seconds).

    One at a time: a run that is still waiting is not queued again.
    """

    def register(function: Callable[[], Awaitable[None]]) -> Any:
        async def run(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands it in
            await function()

        task = app.task(name=name, queueing_lock=name, lock=name, pass_context=False)(run)
        app.periodic(cron=cron)(task)
        return function

    return register


Regions = Callable[[AsyncSession], Awaitable[list[int]]]

_regions: list[Regions] = []


def regions_by(function: Regions) -> Regions:
    """Register the read that says which regions there are (the organisation's)."""
    _regions[:] = [function]
    return function


async def regions(session: AsyncSession) -> list[int]:
    """Return the numbers of the active regions, for jobs of modules that know no units."""
    return await _regions[0](session)


async def in_each_region(handler: commands.Handler) -> None:
    """Run a command without arguments in each region, as the system and in its own transaction.

    Where it is refused, for instance because an office does the same at this moment, the other
    regions go on.
    """
    name = commands.spec_of(handler).name
    async with machine().database.transaction() as session:
        numbers = await regions(session)
    for region_id in numbers:
        try:
            async with machine().database.transaction() as session:
                envelope = commands.Envelope(new_id(), name, {})
                await commands.run(session, actor.system(region_id), envelope, clock.now())
        except Coded as refusal:
            log.warning("not run", command=name, region_id=region_id, code=refusal.code)


async def enqueue(session: AsyncSession, task: Any, **args: Any) -> None:
    """Put a job into the queue on the caller's own connection and transaction."""
    connection = await session.connection()
    raw = (await connection.get_raw_connection()).driver_connection
    await task.configure(connection=raw).defer_async(**args)


@every("*/1 * * * *", "kernel.retry_stalled_jobs")
async def retry_stalled_jobs() -> None:
    """Put jobs of workers that died back into the queue."""
    for stalled in await app.job_manager.get_stalled_jobs(
        seconds_since_heartbeat=STALLED_AFTER_SECONDS
    ):
        await app.job_manager.retry_job(stalled)


@every("17 * * * *", "kernel.remove_old_jobs")
async def remove_old_jobs() -> None:
    """Delete jobs that finished more than three days ago."""
    await app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FINISHED_HOURS, include_failed=False, include_cancelled=True
    )
