"""The worker: runs the queue's jobs and the timetable of one installation."""

import asyncio

import procrastinate
from sqlalchemy.engine import make_url

import fieldops.modules  # noqa: F401 - importing it registers every job
from fieldops.kernel import clock, jobs, logs, points
from fieldops.kernel.announcing import Announcer
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import close_channels, listen_on

CONCURRENCY = 4
GRACE_SECONDS = 10


def conninfo(settings: Settings) -> str:
    """Return the libpq URL of the database, as the queue's own connections take it."""
    url = make_url(settings.database_url).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


async def run(settings: Settings, *, until_idle: bool = False) -> None:
    logs.configure(settings)
    points.prepare(settings.environment)
    if settings.environment != "production":
        clock.follow_file(settings.clock_file)
    database = connect(settings)
    jobs.use(jobs.Machine(database, settings))
    announcer = Announcer(database)
    announcer.start()
    listening = asyncio.create_task(listen_on(database, settings))
    connector = procrastinate.PsycopgConnector(conninfo=conninfo(settings), min_size=1, max_size=4)
    with jobs.app.replace_connector(connector) as app:
        async with app.open_async():
            try:
                await app.run_worker_async(
                    concurrency=CONCURRENCY,
                    wait=not until_idle,
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    delete_jobs="successful",
                )
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                await close_channels()
                await announcer.stop()
                await database.close()


def main(settings: Settings) -> None:
    """Run the worker in this process."""
    asyncio.run(run(settings))
