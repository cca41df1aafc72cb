"""The timetable of complaints: who is warned that a limit is near or past."""

from fieldops.complaints import queries
from fieldops.complaints.models import ComplaintWarning
from fieldops.complaints.rules import Clock
from fieldops.kernel import clock, configuration, jobs
from fieldops.orders import rules as order_rules

AUDIENCES = (
    ("handler", order_rules.WARN_DISPATCHER),
    ("supervisor", order_rules.WARN_SUPERVISOR),
    ("unit_above", order_rules.WARN_UNIT_ABOVE),
)
"""Who is warned at which share of a limit: the same shares as for late work (WO-04)."""


@jobs.every("* * * * *", "complaints.warn_of_late_complaints")
async def warn_of_late_complaints() -> None:
    """Warn of complaints that near or passed a limit, each audience once (CO-01, CO-02)."""
    database = jobs.machine().database
    async with database.transaction() as session:
        regions = await jobs.regions(session)
    for region_id in regions:
        async with database.transaction() as session:
            now = clock.now()
            for which in Clock:
                for audience, number in AUDIENCES:
                    percent = await configuration.value(session, region_id, number)
                    late = await queries.late(
                        session, region_id, which, audience, percent / 100, now
                    )
                    session.add_all(
                        ComplaintWarning(
                            region_id=region_id,
                            complaint_id=row.id,
                            centre_id=row.centre_id,
                            clock=which.value,
                            audience=audience,
                            percent=int(percent),
                            due_at=row.contact_due_at if which is Clock.CONTACT else row.due_at,
                            warned_at=now,
                        )
                        for row in late
                    )
