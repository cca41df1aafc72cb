"""The timetable of the reports: rollups follow what changes, months are closed."""

from datetime import timedelta

from fieldops.kernel import clock, jobs
from fieldops.reports import closing, rollups, touched

LONGEST_RUN = timedelta(seconds=50)


@jobs.every("* * * * *", "reports.keep_rollups")
async def keep_rollups() -> None:
    """Mark the days that changes touched, and roll up what is new, stale or not yet counted.

    Each step is a transaction of its own and begins after the marks are committed, so that it
    sees every change that was marked. What a minute does not suffice for, the next run goes on
    with.
    """
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    until = clock.now() + LONGEST_RUN
    for region_id in regions:
        async with database.transaction() as session:
            await touched.follow(session, region_id, clock.now())
        more = True
        while more and clock.now() < until:
            async with database.transaction() as session:
                more = await rollups.catch_up(session, region_id, clock.now())


@jobs.every("40 * * * *", "reports.close_months")
async def close_months() -> None:
    """Close the last month once its days for late news are over, when all of it is counted."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            now = clock.now()
            month = await closing.due(session, region_id, now)
            if month is not None:
                session.add(await closing.close(session, region_id, month, None, now))
