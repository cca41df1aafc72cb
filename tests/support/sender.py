"""A worker process of its own that sends what is due once: `python -m tests.support.sender`.

Settings come from the environment, as the real worker's do; a test kills it by its id.
"""

import asyncio

import fieldops.modules  # noqa: F401 - registers everything
from fieldops.kernel import clock, jobs, points
from fieldops.kernel.db import connect
from fieldops.kernel.settings import Settings
from fieldops.notifications.jobs import channels_of, send_due


async def main() -> None:
    settings = Settings()
    points.prepare(settings.environment)
    clock.follow_file(settings.clock_file)
    database = connect(settings)
    jobs.use(jobs.Machine(database, settings))
    await send_due()
    for channel in channels_of(settings).values():
        await channel.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
