"""The timetable of the reports: rollups follow what changes."""

from datetime import timedelta

from fieldops.kernel import clock, jobs
from fieldops.reports import rollups, touched

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
